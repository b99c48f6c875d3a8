/* Breakpoints and watchpoints, and the observers that look them up. */
#ifndef ORRERY_EMU_GDB_POINTS_H
#define ORRERY_EMU_GDB_POINTS_H

#include "cpu/observe.h"

#define POINTS_MAX 256

/* GDB's Z packet types. */
enum point_kind { POINT_SOFTWARE, POINT_HARDWARE, POINT_WRITE, POINT_READ, POINT_ACCESS };

struct point {
    enum point_kind kind;
    gva_t at;
    uint64_t length; /* bytes watched; unused for breakpoints */
};

struct points {
    struct point point[POINTS_MAX];
    unsigned count;
    bool hit; /* a watchpoint was touched since points_clear_hit */
    struct point hit_point;
    gva_t hit_address;
};

/* An observer that looks the points up; attach one of its own to each hart while count != 0. */
struct observer points_observer(struct points *p);
bool points_insert(struct points *p, enum point_kind kind, gva_t at, uint64_t length); /* false: table full */
void points_remove(struct points *p, enum point_kind kind, gva_t at, uint64_t length);
bool points_break_at(const struct points *p, gva_t pc);          /* of either kind */
bool points_software_break_at(const struct points *p, gva_t pc); /* one of Z0 */

#endif
