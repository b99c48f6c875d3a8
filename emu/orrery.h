/* liborrery: a RISC-V computer as a library. Stable C interface; everything else in this project is internal.
 *
 * A machine is described with the words of the command line, then started and run. Nothing is global: several machines may live in
 * one process, each used by one thread at a time. All functions with `struct orrery *` accept only what orrery_create returned. */
#ifndef ORRERY_H
#define ORRERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORRERY_API_VERSION 1 /* grows when something is added; never changes meaning */

const char *orrery_version(void); /* "0.1.0" */
int orrery_api_version(void);

struct orrery;

enum orrery_state {
    ORRERY_RUNNING, /* orrery_run came back at its limit: call it again */
    ORRERY_ENDED,   /* powered off or left; orrery_exit_code says how */
    ORRERY_DEAD,    /* every hart waits and nothing can wake one */
    ORRERY_STOPPED, /* a breakpoint, or stopped by the monitor */
};

/* arguments: as for the command `orrery`, without its name; the strings must live as long as the machine. The serial port goes where they
 * say; "-serial", "null" keeps the library silent. On failure returns NULL and, if message is not NULL, writes one line of text without
 * newline, truncated to room bytes. */
struct orrery *orrery_create(int count, char **arguments, char *message, size_t room);
void orrery_destroy(struct orrery *o); /* NULL is fine */

/* Runs at least max_insns instructions of hart 0 (rounded up to the machine's turn of 5000), 0: until it ends. */
enum orrery_state orrery_run(struct orrery *o, uint64_t max_insns);
int orrery_exit_code(const struct orrery *o);

/* Observation, between runs. */
unsigned orrery_harts(const struct orrery *o);
uint64_t orrery_instructions(const struct orrery *o, unsigned hart);
uint64_t orrery_time_ps(const struct orrery *o); /* guest time since power-on */
/* number: 0 … 31 x registers, 32 the pc, 33 … 64 f registers. false: no such register or hart. */
bool orrery_register(const struct orrery *o, unsigned hart, unsigned number, uint64_t *value);
/* Physical memory, RAM only; false if any byte is outside. */
bool orrery_memory_read(struct orrery *o, uint64_t address, void *to, size_t length);
bool orrery_memory_write(struct orrery *o, uint64_t address, const void *from, size_t length);

#ifdef __cplusplus
}
#endif
#endif
