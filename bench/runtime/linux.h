/* The Linux system calls that the programs need, straight from the riscv64 ABI: no C library takes part. */
#ifndef LINUX_H
#define LINUX_H

#include <stddef.h>
#include <stdint.h>

enum linux_call {
    LINUX_CLOSE = 57,
    LINUX_PIPE2 = 59,
    LINUX_READ = 63,
    LINUX_WRITE = 64,
    LINUX_EXIT_GROUP = 94,
    LINUX_NANOSLEEP = 101,
    LINUX_REBOOT = 142,
    LINUX_GETPPID = 173,
    LINUX_MUNMAP = 215,
    LINUX_CLONE = 220,
    LINUX_EXECVE = 221,
    LINUX_MMAP = 222,
    LINUX_MADVISE = 233,
    LINUX_WAIT4 = 260,
};

#define LINUX_SIGCHLD 17

/* Returns the kernel's answer: a negative errno on failure. */
static inline long linux_call6(enum linux_call number, long a, long b, long c, long d, long e, long f)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
    return a0;
}

static inline long linux_call3(enum linux_call number, long a, long b, long c)
{
    return linux_call6(number, a, b, c, 0, 0, 0);
}

/* The arguments of this process. */
extern char **linux_argv;

/* Returns 0 in the child, its process number in the parent. */
static inline long linux_fork(void) { return linux_call6(LINUX_CLONE, LINUX_SIGCHLD, 0, 0, 0, 0, 0); }

/* Waits for a child and returns its raw wait status, or a negative errno. */
static inline long linux_wait(long child)
{
    int status = 0;
    long got = linux_call6(LINUX_WAIT4, child, (long)&status, 0, 0, 0, 0);
    return got < 0 ? got : status;
}

static inline long linux_exec(const char *path, const char *const *argv)
{
    static const char *const no_environment[] = {NULL};
    return linux_call3(LINUX_EXECVE, (long)path, (long)argv, (long)no_environment);
}

#endif
