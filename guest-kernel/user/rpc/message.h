/* message.h - Kepler's message passing for C programs (the kernel's ipc/message.c explains it). -1 and errno on errors. */
#ifndef KEPLER_USER_MESSAGE_H
#define KEPLER_USER_MESSAGE_H

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define MESSAGE_NOWAIT 1
#define MESSAGE_MAX    65536

/* To process `to`. Waits until it has been received; with MESSAGE_NOWAIT only until it is in the queue (EAGAIN: no room). */
static inline int message_send(pid_t to, const void *bytes, size_t count, int flags)
{
    return (int)syscall(500, to, bytes, count, flags);
}
/* From process `from`, or with 0 from any; *sender (may be NULL) is told. The length; EMSGSIZE: longer than `room`, it stays. */
static inline ssize_t message_receive(pid_t from, void *buffer, size_t room, pid_t *sender, int flags)
{
    return syscall(501, from, buffer, room, sender, flags);
}

#endif
