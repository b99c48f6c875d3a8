/*
 * syscall.h - the system-call table.
 *
 * abi/syscall.def is the one place where a call is declared: number, name, kinds of its arguments. From it come
 * the prototype of its handler (sys_NAME), the wrapper that turns registers into C arguments, the dispatch table, what
 * strace prints, and the documentation. Kinds are C types with a meaning:
 */
#ifndef KEPLER_ABI_SYSCALL_H
#define KEPLER_ABI_SYSCALL_H

#include "base/errno.h"
#include "base/types.h"

/*                        what strace prints */
typedef int K_FD;         /* descriptor; AT_FDCWD */
typedef int K_INT;        /* decimal */
typedef int K_PID;        /* process, thread or group */
typedef int K_SIG;        /* signal name */
typedef unsigned K_UINT;  /* decimal */
typedef unsigned K_FLAGS; /* hexadecimal */
typedef unsigned K_MODE;  /* octal */
typedef unsigned K_ID;    /* uid or gid */
typedef long K_LONG;      /* decimal */
typedef uint64_t K_SIZE;  /* decimal */
typedef uint64_t K_HEX;   /* hexadecimal */
typedef uint64_t K_PATH;  /* user address of a string */
typedef uint64_t K_STR;   /* likewise, not a file's name */
typedef uint64_t K_IN;    /* user address, read by the kernel */
typedef uint64_t K_OUT;   /* user address, written by the kernel */
typedef uint64_t K_PTR;   /* user address */

/* The same types with more meaning. Numbers: */
typedef int K_WHENCE, K_CLOCK, K_HOW, K_FUTEX, K_FCNTL, K_FAMILY, K_SOCKTYPE; /* names of constants */
typedef long K_TRACE;                                                         /* request of ptrace */
typedef unsigned K_RESOURCE, K_REQUEST, K_OFLAGS, K_FDFLAGS, K_ATFLAGS, K_WAITFLAGS, K_PROT, K_MAPFLAGS; /* likewise */
typedef uint64_t K_CLONEFLAGS;                                                                           /* likewise */
/* Addresses of what the kernel reads: */
typedef uint64_t K_BUF;   /* bytes; the next argument is their number */
typedef uint64_t K_IOV;   /* struct iovec; the next argument is their number */
typedef uint64_t K_POLL;  /* struct pollfd; the next argument is their number */
typedef uint64_t K_ARGV;  /* pointers to strings */
typedef uint64_t K_ADDR;  /* struct sockaddr; the next argument is its length */
typedef uint64_t K_SET;   /* set of signals */
typedef uint64_t K_ACT;   /* struct sigaction */
typedef uint64_t K_TIME;  /* struct timespec */
typedef uint64_t K_LIMIT; /* struct rlimit */
/* Addresses of what the kernel writes: */
typedef uint64_t K_DATA;                            /* bytes; the result is their number */
typedef uint64_t K_OSTR;                            /* a string */
typedef uint64_t K_FDS;                             /* two descriptors */
typedef uint64_t K_STATUS;                          /* status of wait */
typedef uint64_t K_STAT;                            /* struct stat */
typedef uint64_t K_OSET, K_OACT, K_OTIME, K_OLIMIT; /* as above */

/* Prototypes of all handlers. A handler returns the result or a negative error number. */
#define SYSCALL0(number, name)                   long sys_##name(void);
#define SYSCALL1(number, name, a)                long sys_##name(K_##a);
#define SYSCALL2(number, name, a, b)             long sys_##name(K_##a, K_##b);
#define SYSCALL3(number, name, a, b, c)          long sys_##name(K_##a, K_##b, K_##c);
#define SYSCALL4(number, name, a, b, c, d)       long sys_##name(K_##a, K_##b, K_##c, K_##d);
#define SYSCALL5(number, name, a, b, c, d, e)    long sys_##name(K_##a, K_##b, K_##c, K_##d, K_##e);
#define SYSCALL6(number, name, a, b, c, d, e, f) long sys_##name(K_##a, K_##b, K_##c, K_##d, K_##e, K_##f);
#include "abi/syscall.def"
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

struct trapframe;
void syscall_dispatch(struct trapframe *frame);
/* The table as text for /proc/syscalls: one line "number name kind kind ..." per call. Returns 0 behind the last. */
size_t syscall_describe(unsigned *number, char *to, size_t room);

#endif
