/*
 * conformance.h - what the conformance programs share.
 *
 * Each family of system calls has one file with one function. It makes calls and prints one line for each: "@ CALL case = result", where the
 * result is a number or -1 and the name of the error. Lines hold nothing that may differ from run to run: no addresses, pids or
 * times. The same program runs on Linux (record) and on Kepler (check), and the lines are compared.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

void show(const char *call, const char *what, long result);
void show_ok(const char *call, const char *what, long result); /* "ok" for any success */
void show_text(const char *call, const char *what, const char *text);
/* Runs f in a child and prints how it ended: "exit N" or "signal N". */
void show_child(const char *call, const char *what, void (*f)(void));
long make_file(const char *path, const char *text); /* an open descriptor, O_RDWR, at position 0 */

/* Makes the call and prints the result: the number, only whether it worked, or the value of an expression. */
#define E(name, what, ...)   show(#name, what, syscall(SYS_##name, ##__VA_ARGS__))
#define K(name, what, ...)   show_ok(#name, what, syscall(SYS_##name, ##__VA_ARGS__))
#define V(name, what, value) show(#name, what, (long)(value))
#define Q(name, ...)         syscall(SYS_##name, ##__VA_ARGS__) /* makes the call, prints nothing */

/* Pointers that cannot be used: not mapped, the kernel's, a page that can only be read, and the last 8 bytes before a hole. */
#define BAD    ((void *)8)
#define KERNEL ((void *)0xffffffff80200000)
extern char *read_only, *edge;
#define EDGE_ROOM 8

void family_fd(void);
void family_path(void);
void family_stat(void);
void family_mem(void);
void family_proc(void);
void family_ids(void);
void family_signal(void);
void family_time(void);
void family_sched(void);
void family_socket(void);
void family_event(void);
void family_ipc(void);
void family_mqueue(void);
void family_misc(void);
void family_inotify(void);
void family_trace(void);
void family_tty(void);
void family_procfs(void);
void family_more(void);

#endif
