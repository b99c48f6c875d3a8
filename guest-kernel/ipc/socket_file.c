/*
 * socket_file.c - sockets as files, and their options.
 *
 * "Everything is a file": read and write on a socket are receive and send without extras; poll tells when they would not
 * wait. What is special to sockets goes through getsockopt and setsockopt; most options concern networks, and a Unix socket only
 * remembers them.
 */
#include "arch/time.h"
#include "ipc/socket.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

#define POLLWRBAND 0x0200u
enum { FIONREAD = 0x541b, TIOCOUTQ = 0x5411 };

static ssize_t socket_read(struct file *file, struct uio *uio)
{
    struct transfer t = {.uio = uio, .wait = !(file->flags & O_NONBLOCK)};
    ssize_t n = socket_receive(file->private, &t);
    address_put(t.from);
    return n;
}

static ssize_t socket_write(struct file *file, struct uio *uio)
{
    struct transfer t = {.uio = uio, .wait = !(file->flags & O_NONBLOCK), .cred = cred_of_current(false)};
    return socket_send(file->private, &t);
}

/* unix_lock is held. A quarter of the limit in flight still counts as writable, as in Linux. */
static bool writable(struct socket *s)
{
    if (s->state == SOCKET_LISTENING || s->sent_bytes * 4 > s->send_limit) return false;
    struct socket *to = s->peer;
    return s->type != SOCK_DGRAM || !to || to->dead || to->peer == s || to->message_count <= DATAGRAMS_MAX;
}

static unsigned socket_poll(struct file *file, struct poll_table *table)
{
    struct socket *s = file->private;
    unsigned events = 0;
    poll_wait(table, &s->changed);
    spin_lock(&unix_lock);
    if (s->error) events |= POLLERR;
    if (s->shut == SHUT_BOTH) events |= POLLHUP;
    if (s->shut & SHUT_RECEIVE) events |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (!list_empty(&s->messages) || !list_empty(&s->pending)) events |= POLLIN | POLLRDNORM;
    if (socket_is_connected_kind(s) && s->state == SOCKET_OPEN) events |= POLLHUP;
    if (writable(s)) events |= POLLOUT | POLLWRNORM | POLLWRBAND;
    spin_unlock(&unix_lock);
    return events;
}

static long socket_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    struct socket *s = file->private;
    long bytes;
    if (request != FIONREAD && request != TIOCOUTQ) return -ENOTTY;
    spin_lock(&unix_lock);
    if (request == TIOCOUTQ)
        bytes = (long)s->sent_bytes;
    else if (s->state == SOCKET_LISTENING)
        bytes = -EINVAL;
    else if (s->type == SOCK_DGRAM)
        bytes = list_empty(&s->messages) ? 0 : (long)list_first(&s->messages, struct message, link)->bytes;
    else
        bytes = (long)s->queued_bytes;
    spin_unlock(&unix_lock);
    int value = (int)bytes;
    return bytes < 0 ? bytes : copy_to_user(argument, &value, sizeof value);
}

const struct file_ops socket_ops = {
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .ioctl = socket_ioctl,
    .release = socket_release,
    .flags = FOPS_STREAM,
};

/* Options, numbered as on riscv64. */
#define SOL_SOCKET 1
enum {
    SO_DEBUG = 1,
    SO_REUSEADDR,
    SO_TYPE,
    SO_ERROR,
    SO_DONTROUTE,
    SO_BROADCAST,
    SO_SNDBUF,
    SO_RCVBUF,
    SO_KEEPALIVE,
    SO_OOBINLINE,
    SO_PRIORITY = 12,
    SO_LINGER,
    SO_REUSEPORT = 15,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_RCVLOWAT,
    SO_SNDLOWAT,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SO_ACCEPTCONN = 30,
    SO_SNDBUFFORCE = 32,
    SO_RCVBUFFORCE,
    SO_PROTOCOL = 38,
    SO_DOMAIN,
};
#define REMEMBERED                                                                                                     \
    (1u << SO_DEBUG | 1u << SO_REUSEADDR | 1u << SO_DONTROUTE | 1u << SO_BROADCAST | 1u << SO_KEEPALIVE |              \
     1u << SO_OOBINLINE)
#define BUFFER_MAX    212992 /* net.core.wmem_max; Linux doubles what is asked for */
#define SEND_LEAST    4608
#define RECEIVE_LEAST 2304

struct user_timeval_pair {
    int64_t s, us;
};

static struct user_timeval_pair timeval_pair(uint64_t ns)
{
    return (struct user_timeval_pair){(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / 1000)};
}

static int take_error(struct socket *s)
{
    spin_lock(&unix_lock);
    int error = s->error;
    s->error = 0;
    spin_unlock(&unix_lock);
    return error;
}

/* An option that is one number. -ENOPROTOOPT if it is not. */
static long option_number(struct socket *s, int option)
{
    if (option > 0 && option < 32 && (REMEMBERED >> option & 1)) return s->options >> option & 1;
    switch (option) {
    case SO_TYPE: return s->type;
    case SO_ERROR: return take_error(s);
    case SO_SNDBUF: return s->send_limit;
    case SO_RCVBUF: return s->receive_limit;
    case SO_PRIORITY: return s->priority;
    case SO_REUSEPORT: return 0;
    case SO_PASSCRED: return s->pass_cred;
    case SO_RCVLOWAT: return s->receive_least;
    case SO_SNDLOWAT: return 1;
    case SO_ACCEPTCONN: return s->state == SOCKET_LISTENING;
    case SO_PROTOCOL: return 0;
    case SO_DOMAIN: return AF_UNIX;
    default: return -ENOPROTOOPT;
    }
}

long socket_get_option(struct socket *s, int level, int option, uint64_t value, uint64_t length_at)
{
    int32_t room, number;
    struct user_timeval_pair time;
    const void *from = &number;
    size_t bytes = sizeof number;
    if (copy_from_user(&room, length_at, sizeof room)) return -EFAULT;
    if (room < 0) return -EINVAL;
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (option == SO_PEERCRED) {
        from = &s->peer_cred;
        bytes = sizeof s->peer_cred;
    } else if (option == SO_LINGER) {
        from = &s->linger;
        bytes = sizeof s->linger;
    } else if (option == SO_RCVTIMEO || option == SO_SNDTIMEO) {
        time = timeval_pair(option == SO_RCVTIMEO ? s->receive_timeout_ns : s->send_timeout_ns);
        from = &time;
        bytes = sizeof time;
    } else {
        long result = option_number(s, option);
        if (result < 0) return result;
        number = (int32_t)result;
    }
    bytes = MIN((size_t)room, bytes);
    room = (int32_t)bytes;
    return copy_to_user(value, from, bytes) || copy_to_user(length_at, &room, sizeof room) ? -EFAULT : 0;
}

static long set_timeout(uint64_t value, int length, uint64_t *timeout_ns)
{
    struct user_timeval_pair time;
    if (length < (int)sizeof time) return -EINVAL;
    if (copy_from_user(&time, value, sizeof time)) return -EFAULT;
    if (time.us < 0 || time.us >= 1000000) return -EDOM;
    uint64_t seconds = time.s < 0 ? 0 : MIN((uint64_t)time.s, (uint64_t)1 << 32);
    *timeout_ns = time.s < 0 ? 1 : seconds * NS_PER_S + (uint64_t)time.us * 1000;
    return 0;
}

static uint32_t buffer_limit(int32_t wanted, int32_t least)
{
    int64_t twice = 2 * (int64_t)MIN((uint32_t)wanted, (uint32_t)BUFFER_MAX);
    return (uint32_t)MAX(twice, (int64_t)least);
}

static long set_number(struct socket *s, int option, int32_t number)
{
    if (option > 0 && option < 32 && (REMEMBERED >> option & 1)) {
        s->options = (s->options & ~(1u << option)) | (number ? 1u << option : 0);
        return 0;
    }
    switch (option) {
    case SO_TYPE:
    case SO_ERROR:
    case SO_PROTOCOL:
    case SO_DOMAIN:
    case SO_SNDLOWAT:
    case SO_ACCEPTCONN: return -ENOPROTOOPT;
    case SO_SNDBUFFORCE:
    case SO_SNDBUF: s->send_limit = buffer_limit(number, SEND_LEAST); return 0;
    case SO_RCVBUFFORCE:
    case SO_RCVBUF: s->receive_limit = buffer_limit(number, RECEIVE_LEAST); return 0;
    case SO_PRIORITY: s->priority = number; return 0;
    case SO_REUSEPORT: return number ? -EOPNOTSUPP : 0;
    case SO_PASSCRED: s->pass_cred = number; return 0;
    case SO_RCVLOWAT: s->receive_least = number < 0 ? INT32_MAX : MAX(number, 1); return 0;
    default: return -ENOPROTOOPT;
    }
}

long socket_set_option(struct socket *s, int level, int option, uint64_t value, int length)
{
    int32_t number;
    if (length < 0) return -EINVAL;
    if (level != SOL_SOCKET) return -EOPNOTSUPP;
    if (length < (int)sizeof number) return -EINVAL;
    if (copy_from_user(&number, value, sizeof number)) return -EFAULT;
    if (option == SO_RCVTIMEO) return set_timeout(value, length, &s->receive_timeout_ns);
    if (option == SO_SNDTIMEO) return set_timeout(value, length, &s->send_timeout_ns);
    if (option != SO_LINGER) return set_number(s, option, number);
    if (length < (int)sizeof s->linger) return -EINVAL;
    return copy_from_user(&s->linger, value, sizeof s->linger) ? -EFAULT : 0;
}
