/* What a guest may ask of the machine as a whole. */
#ifndef ORRERY_DEVICES_POWER_H
#define ORRERY_DEVICES_POWER_H

enum power_request {
    POWER_OFF,   /* code 0 */
    POWER_FAIL,  /* power off with a failure; code is the guest's, not 0 */
    POWER_RESET, /* start again */
};

struct power_port {
    void (*request)(void *machine, enum power_request what, unsigned code);
    void *machine;
};

#endif
