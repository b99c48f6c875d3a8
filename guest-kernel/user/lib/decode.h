/*
 * decode.h - system calls as text, for strace. What a call's arguments are comes from the kernel's own table (abi/syscall.def).
 */
#ifndef USER_DECODE_H
#define USER_DECODE_H

#include "lib/util.h"

struct call {
    pid_t pid; /* whose memory the addresses are of */
    unsigned long number;
    uint64_t argument[6];
    unsigned printed; /* arguments that are in the text already */
};

const char *decode_name(unsigned long number); /* NULL: not in the table */
const char *decode_signal(int number);         /* "SIGINT"; of real-time signals "SIGRT_3" */
const char *decode_errno(int number);          /* "ENOENT"; NULL: unknown */
/* "open(..., " - all that is known when the call begins. */
void decode_begin(struct text *to, struct call *call);
/* The rest: what the kernel has written, and the result. */
void decode_end(struct text *to, struct call *call, int64_t result, bool is_error);

/* decode_names.c: numbers that are names. */
struct number_name {
    unsigned long value;
    const char *name;
};
struct name_table {
    const char *kind;
    const struct number_name *names;
    bool flags; /* to be combined with | */
};
const struct name_table *decode_names(const char *kind); /* NULL: none for this kind */
void decode_flags(struct text *to, const struct number_name *names, unsigned long value);

#endif
