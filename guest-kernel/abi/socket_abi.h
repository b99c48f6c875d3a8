/*
 * socket_abi.h - structures of the message calls, as Linux lays them out on riscv64, and helpers of abi/sys_socket.c.
 */
#ifndef KEPLER_ABI_SOCKET_ABI_H
#define KEPLER_ABI_SOCKET_ABI_H

#include "ipc/socket.h"

struct linux_msghdr {
    uint64_t name;
    int32_t name_bytes, padding;
    uint64_t vector, segments;
    uint64_t control, control_bytes;
    uint32_t flags, more_padding;
};
_Static_assert(sizeof(struct linux_msghdr) == 56, "struct msghdr");

struct linux_mmsghdr {
    struct linux_msghdr header;
    uint32_t bytes, padding;
};

struct linux_cmsghdr { /* data follow; the next one is aligned to 8 */
    uint64_t bytes;    /* with this header */
    int32_t level, type;
};
_Static_assert(sizeof(struct linux_cmsghdr) == 16, "struct cmsghdr");

/* The file with a reference and its socket; or -EBADF, -ENOTSOCK as an error pointer. */
struct file *socket_file(int fd, struct socket **socket);
/* 0, -EINVAL (length), -EFAULT. What is longer than a Unix name is cut off; its length tells. */
long socket_name_from_user(uint64_t user, int bytes, struct unix_name *name);
/* address NULL: no name, only the family. The length at length_at is how much fits, and becomes how long the name is. */
long socket_name_to_user(const struct socket_address *address, uint64_t user, uint64_t length_at);

#endif
