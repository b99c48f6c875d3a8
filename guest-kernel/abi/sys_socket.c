/*
 * sys_socket.c - the socket calls but for those that carry messages (sys_message.c).
 *
 * Addresses travel as a structure and its length; a result is cut off at the length the caller gave, and the true length is
 * reported, so that a program can see that something is missing. There is one family, Unix; others are EAFNOSUPPORT.
 */
#include "abi/syscall.h"
#include "abi/socket_abi.h"
#include "fs/fdtable.h"
#include "kern/task.h"
#include "mm/usercopy.h"

#define SOCK_CLOEXEC  02000000u
#define SOCK_NONBLOCK 04000u
#define SOCK_KIND     0xfu
#define FAMILIES      46 /* of Linux */

struct file *socket_file(int fd, struct socket **socket)
{
    struct file *file = fd_get(fd);
    if (!file) return ERR_PTR(-EBADF);
    *socket = file->flags & O_PATH ? 0 : socket_of(file);
    if (*socket) return file;
    long error = file->flags & O_PATH ? -EBADF : -ENOTSOCK;
    file_put(file);
    return ERR_PTR(error);
}

long socket_name_from_user(uint64_t user, int bytes, struct unix_name *name)
{
    if (bytes < 0 || bytes > 128) return -EINVAL;
    *name = (struct unix_name){0};
    return copy_from_user(name, user, MIN((size_t)bytes, sizeof *name)) ? -EFAULT : 0;
}

long socket_name_to_user(const struct socket_address *address, uint64_t user, uint64_t length_at)
{
    static const struct unix_name unnamed = {.family = AF_UNIX};
    int32_t room, bytes = address ? (int32_t)address->bytes : 2;
    if (copy_from_user(&room, length_at, sizeof room)) return -EFAULT;
    if (room < 0) return -EINVAL;
    const void *from = address ? &address->name : &unnamed;
    if (copy_to_user(user, from, (size_t)MIN(room, bytes))) return -EFAULT;
    return copy_to_user(length_at, &bytes, sizeof bytes) ? -EFAULT : 0;
}

/* 0 and the type, or why there are no such sockets. */
static long check_kind(int family, int *type, int protocol)
{
    unsigned flags = (unsigned)*type & ~SOCK_KIND;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    *type &= (int)SOCK_KIND;
    if (family < 0 || family >= FAMILIES) return -EAFNOSUPPORT;
    if (*type >= 11) return -EINVAL;
    if (family != AF_UNIX) return -EAFNOSUPPORT;
    if (protocol && protocol != AF_UNIX) return -EPROTONOSUPPORT;
    if (*type == SOCK_RAW) *type = SOCK_DGRAM;
    return *type == SOCK_STREAM || *type == SOCK_DGRAM || *type == SOCK_SEQPACKET ? 0 : -ESOCKTNOSUPPORT;
}

/* Gives a socket a descriptor; it is gone if that fails. */
static long install(struct socket *s, unsigned flags)
{
    struct file *file = socket_open(s, flags);
    if (!file) return -ENOMEM;
    long fd = fd_install(file, flags & SOCK_CLOEXEC);
    if (fd < 0) file_put(file);
    return fd;
}

long sys_socket(K_INT family, K_INT type, K_INT protocol)
{
    unsigned flags = (unsigned)type;
    long error = check_kind(family, &type, protocol);
    if (error) return error;
    struct socket *s = socket_new(type);
    return s ? install(s, flags) : -ENOMEM;
}

long sys_socketpair(K_INT family, K_INT type, K_INT protocol, K_OUT to)
{
    unsigned flags = (unsigned)type;
    long error = check_kind(family, &type, protocol);
    if (error) return error;
    struct socket *a = socket_new(type), *b = socket_new(type);
    if (!a || !b) {
        socket_put(a);
        socket_put(b);
        return -ENOMEM;
    }
    socket_pair(a, b);
    int fd[2];
    fd[0] = (int)install(a, flags);
    fd[1] = (int)install(b, flags);
    error = fd[0] < 0 ? fd[0] : fd[1] < 0 ? fd[1] : 0;
    if (!error && copy_to_user(to, fd, sizeof fd)) error = -EFAULT;
    if (error && fd[0] >= 0) fd_close(fd[0]);
    if (error && fd[1] >= 0) fd_close(fd[1]);
    return error;
}

/* Gives the file back after the work; without one, says why there was none. */
static long finish(struct file *file, long result)
{
    if (IS_ERR(file)) return PTR_ERR(file);
    file_put(file);
    return result;
}

long sys_bind(K_FD fd, K_IN address, K_INT bytes)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    struct unix_name name;
    long error = socket_name_from_user(address, bytes, &name);
    if (!error) error = socket_bind(s, &name, (unsigned)bytes);
    file_put(file);
    return error;
}

long sys_connect(K_FD fd, K_IN address, K_INT bytes)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    struct unix_name name;
    long error = socket_name_from_user(address, bytes, &name);
    if (!error && bytes < 2) error = -EINVAL;
    if (!error) error = socket_connect(s, &name, (unsigned)bytes, !(file->flags & O_NONBLOCK));
    file_put(file);
    return error;
}

long sys_listen(K_FD fd, K_INT backlog)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    return finish(file, IS_ERR(file) ? 0 : socket_listen(s, backlog));
}

static long accept(struct file *file, struct socket *s, uint64_t address, uint64_t length_at, unsigned flags)
{
    struct socket *accepted;
    long error = socket_accept(s, !(file->flags & O_NONBLOCK), &accepted);
    if (error) return error;
    struct file *made = socket_open(accepted, flags);
    if (!made) return -ENOMEM;
    if (address) {
        spin_lock(&unix_lock);
        struct socket_address *a = accepted->peer ? address_get(accepted->peer->address) : 0;
        spin_unlock(&unix_lock);
        error = socket_name_to_user(a, address, length_at);
        address_put(a);
    }
    long fd = error ? error : fd_install(made, flags & SOCK_CLOEXEC);
    if (fd < 0) file_put(made);
    return fd;
}

long sys_accept4(K_FD fd, K_OUT address, K_OUT length_at, K_FLAGS flags)
{
    struct socket *s;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    long result = accept(file, s, address, length_at, flags);
    file_put(file);
    return result;
}

long sys_accept(K_FD fd, K_OUT address, K_OUT length_at) { return sys_accept4(fd, address, length_at, 0); }

static long name_of(int fd, uint64_t to, uint64_t length_at, bool peer)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    spin_lock(&unix_lock);
    long error = peer && !s->peer ? -ENOTCONN : 0;
    struct socket_address *a = error ? 0 : address_get(peer ? s->peer->address : s->address);
    spin_unlock(&unix_lock);
    if (!error) error = socket_name_to_user(a, to, length_at);
    address_put(a);
    file_put(file);
    return error;
}

long sys_getsockname(K_FD fd, K_OUT to, K_OUT length_at) { return name_of(fd, to, length_at, false); }
long sys_getpeername(K_FD fd, K_OUT to, K_OUT length_at) { return name_of(fd, to, length_at, true); }

long sys_shutdown(K_FD fd, K_INT how)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    return finish(file, IS_ERR(file) ? 0 : socket_shutdown(s, how));
}

long sys_getsockopt(K_FD fd, K_INT level, K_INT option, K_OUT value, K_OUT length_at)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    return finish(file, IS_ERR(file) ? 0 : socket_get_option(s, level, option, value, length_at));
}

long sys_setsockopt(K_FD fd, K_INT level, K_INT option, K_IN value, K_INT length)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    return finish(file, IS_ERR(file) ? 0 : socket_set_option(s, level, option, value, length));
}
