/*
 * sys_message.c - send and receive in all forms: sendto, recvfrom, sendmsg, recvmsg and those for several messages.
 *
 * A message has up to three parts: the bytes, gathered from several places; the address; and *control messages*, each a header
 * and data, for what is not bytes: descriptors (SCM_RIGHTS) and who the sender is (SCM_CREDENTIALS).
 *
 *      control buffer:  | bytes, level, type | data ... pad | bytes, level, type | data ... pad |
 *
 * A descriptor number means nothing in another process, so the kernel turns numbers into open-file entries on the way in and
 * gives out new numbers on the way out. What finds no room in the receiver's control buffer is closed and the receiver told
 * (MSG_CTRUNC).
 */
#include "abi/socket_abi.h"
#include "abi/structs.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

enum { SOL_SOCKET = 1, SCM_RIGHTS = 1, SCM_CREDENTIALS = 2 };
#define CONTROL_MAX  10240u /* bytes of control messages of one send */
#define MESSAGES_MAX 1024u  /* of one sendmmsg or recvmmsg */
#define CMSG_ALIGN   8u

static void files_put(struct file **files, unsigned count)
{
    for (unsigned i = 0; i < count; i++) file_put(files[i]);
    kfree(files);
}

/* Sending */

/* Turns the descriptors of one control message into files behind those that are there already. */
static long take_rights(struct transfer *t, const int32_t *fd, size_t bytes)
{
    unsigned count = (unsigned)(bytes / sizeof *fd);
    if (!count) return 0;
    if (t->file_count + count > RIGHTS_MAX) return -EINVAL;
    struct file **files = krealloc(t->files, (t->file_count + count) * sizeof *files);
    if (!files) return -ENOMEM;
    t->files = files;
    for (unsigned i = 0; i < count; i++) {
        struct file *file = fd_get(fd[i]);
        if (!file) return -EBADF;
        files[t->file_count++] = file;
    }
    return 0;
}

/* Who may say who: oneself, under any of one's ids; root anything. */
static long take_credentials(struct transfer *t, const struct ucred *said)
{
    const struct cred *c = &current->cred;
    bool root = cred_is_root();
    if (said->pid != current->tgid && !root) return -EPERM;
    if (said->uid != c->uid && said->uid != c->euid && said->uid != c->suid && !root) return -EPERM;
    if (said->gid != c->gid && said->gid != c->egid && said->gid != c->sgid && !root) return -EPERM;
    if (said->pid != current->tgid) {
        struct task *task = task_find(said->pid);
        if (!task) return -ESRCH;
        task_put(task);
    }
    t->cred = *said;
    return 0;
}

static long parse_control(struct transfer *t, const char *control, size_t bytes)
{
    for (size_t at = 0; bytes - at >= sizeof(struct linux_cmsghdr);) {
        struct linux_cmsghdr header;
        memcpy(&header, control + at, sizeof header);
        if (header.bytes < sizeof header || header.bytes > bytes - at) return -EINVAL;
        const char *data = control + at + sizeof header;
        size_t data_bytes = header.bytes - sizeof header;
        long error = 0;
        if (header.level == SOL_SOCKET && header.type == SCM_RIGHTS)
            error = take_rights(t, (const int32_t *)data, data_bytes);
        else if (header.level == SOL_SOCKET && header.type == SCM_CREDENTIALS)
            error = data_bytes == sizeof(struct ucred) ? take_credentials(t, (const struct ucred *)data) : -EINVAL;
        else if (header.level == SOL_SOCKET)
            error = -EINVAL;
        if (error) return error;
        size_t step = ALIGN_UP(header.bytes, (uint64_t)CMSG_ALIGN);
        if (step >= bytes - at) break;
        at += step;
    }
    return 0;
}

static long control_from_user(struct transfer *t, const struct linux_msghdr *m)
{
    if (m->control_bytes > INT32_MAX) return -ENOBUFS;
    if (!m->control_bytes) return 0;
    if (m->control_bytes > CONTROL_MAX) return -ENOBUFS;
    char *control = kmalloc(m->control_bytes);
    if (!control) return -ENOMEM;
    long error = copy_from_user(control, m->control, m->control_bytes) ? -EFAULT : 0;
    if (!error) error = parse_control(t, control, m->control_bytes);
    kfree(control);
    return error;
}

/* The bytes or an error; the files in t are gone afterwards. */
static long send(struct file *file, struct socket *s, struct transfer *t)
{
    struct file **files = t->files;
    unsigned count = t->file_count;
    t->wait = !(file->flags & O_NONBLOCK) && !(t->flags & MSG_DONTWAIT);
    long n = socket_send(s, t);
    if (n < 0 || (!n && s->type == SOCK_STREAM)) files_put(files, count);
    return n;
}

long sys_sendto(K_FD fd, K_IN buffer, K_SIZE bytes, K_FLAGS flags, K_IN address, K_INT address_bytes)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    struct uio uio;
    uio_init(&uio, true, buffer, MIN(bytes, UIO_BYTES_MAX), 0);
    struct transfer t = {.uio = &uio, .flags = flags, .cred = cred_of_current(false)};
    long n = user_range_ok(buffer, uio.left) ? 0 : -EFAULT;
    if (!n && address) {
        n = socket_name_from_user(address, address_bytes, &t.name);
        t.name_bytes = (unsigned)address_bytes;
    }
    if (!n) n = send(file, s, &t);
    file_put(file);
    return n;
}

/* The vector of a message. `few`: room for small ones; *segments is to be freed if it is not that. */
static long message_vector(const struct linux_msghdr *m, struct uio *uio, struct uio_segment *few, unsigned room,
                           struct uio_segment **segments)
{
    *segments = few;
    if (m->segments > UIO_SEGMENTS_MAX) return -EMSGSIZE;
    if (m->segments > room) *segments = kmalloc(m->segments * sizeof **segments);
    if (!*segments) return -ENOMEM;
    return uio_init_vector(uio, *segments, m->vector, m->segments, 0);
}

static long send_one(struct file *file, struct socket *s, uint64_t user, unsigned flags)
{
    struct linux_msghdr m;
    struct uio uio;
    struct uio_segment few[8], *segments = few;
    if (copy_from_user(&m, user, sizeof m)) return -EFAULT;
    if (m.name_bytes < 0) return -EINVAL;
    struct transfer t = {.uio = &uio, .flags = flags, .cred = cred_of_current(false)};
    long n = 0;
    if (m.name && m.name_bytes) {
        n = socket_name_from_user(m.name, MIN(m.name_bytes, 128), &t.name);
        t.name_bytes = (unsigned)MIN(m.name_bytes, 128);
    }
    if (!n) n = message_vector(&m, &uio, few, ARRAY_SIZE(few), &segments);
    if (!n) n = control_from_user(&t, &m);
    if (n)
        files_put(t.files, t.file_count);
    else
        n = send(file, s, &t);
    if (segments != few) kfree(segments);
    return n;
}

long sys_sendmsg(K_FD fd, K_IN message, K_FLAGS flags)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    long n = send_one(file, s, message, flags);
    file_put(file);
    return n;
}

long sys_sendmmsg(K_FD fd, K_IN messages, K_UINT count, K_FLAGS flags)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    long n = 0;
    unsigned done = 0;
    for (; done < MIN(count, MESSAGES_MAX); done++) {
        uint64_t at = messages + done * sizeof(struct linux_mmsghdr);
        n = send_one(file, s, at, flags);
        if (n < 0) break;
        uint32_t bytes = (uint32_t)n;
        if (copy_to_user(at + offsetof(struct linux_mmsghdr, bytes), &bytes, sizeof bytes)) n = -EFAULT;
        if (n < 0 || signal_pending()) {
            done += n >= 0;
            break;
        }
    }
    file_put(file);
    return done ? (long)done : n;
}

/* Receiving */

/* One control message into the caller's buffer. False: no room for it, or only for a part. */
static bool put_control(struct linux_msghdr *m, int type, const void *data, size_t bytes, long *error)
{
    struct linux_cmsghdr header = {sizeof header + bytes, SOL_SOCKET, type};
    if (m->control_bytes < sizeof header) return false;
    bool whole = header.bytes <= m->control_bytes;
    if (!whole) header.bytes = m->control_bytes;
    if (copy_to_user(m->control, &header, sizeof header) ||
        copy_to_user(m->control + sizeof header, data, header.bytes - sizeof header))
        *error = -EFAULT;
    uint64_t step = MIN(ALIGN_UP(header.bytes, (uint64_t)CMSG_ALIGN), m->control_bytes);
    m->control += step;
    m->control_bytes -= step;
    return whole;
}

/* Gives the files descriptors, as many as the buffer takes, and lets go of the rest. */
static bool put_rights(struct linux_msghdr *m, struct transfer *t, bool cloexec, long *error)
{
    int32_t fd[RIGHTS_MAX];
    uint64_t header = sizeof(struct linux_cmsghdr);
    uint64_t room = m->control_bytes > header ? (m->control_bytes - header) / sizeof fd[0] : 0;
    unsigned count = 0;
    for (; count < t->file_count && count < room; count++) {
        long one = fd_install(t->files[count], cloexec);
        if (one < 0) break;
        fd[count] = (int32_t)one;
    }
    for (unsigned i = count; i < t->file_count; i++) file_put(t->files[i]);
    bool whole = count == t->file_count;
    if (count) put_control(m, SCM_RIGHTS, fd, count * sizeof fd[0], error);
    kfree(t->files);
    t->files = 0;
    t->file_count = 0;
    return whole;
}

/* What a received message brought besides bytes. */
static void deliver_extras(struct socket *s, struct linux_msghdr *m, struct transfer *t, unsigned flags)
{
    long error = 0; /* of control messages that cannot be written: lost, as in Linux */
    uint64_t start = m->control;
    if (s->pass_cred && t->with_cred && !put_control(m, SCM_CREDENTIALS, &t->cred, sizeof t->cred, &error))
        t->flags |= MSG_CTRUNC;
    if (t->file_count && !put_rights(m, t, flags & MSG_CMSG_CLOEXEC, &error)) t->flags |= MSG_CTRUNC;
    m->control_bytes = m->control - start;
    m->flags = t->flags | (flags & MSG_CMSG_CLOEXEC);
}

static long receive(struct file *file, struct socket *s, struct transfer *t, unsigned flags)
{
    t->flags = flags;
    t->wait = !(file->flags & O_NONBLOCK) && !(flags & MSG_DONTWAIT);
    return socket_receive(s, t);
}

long sys_recvfrom(K_FD fd, K_OUT buffer, K_SIZE bytes, K_FLAGS flags, K_OUT address, K_OUT length_at)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    struct uio uio;
    uio_init(&uio, true, buffer, MIN(bytes, UIO_BYTES_MAX), 0);
    struct transfer t = {.uio = &uio};
    long n = user_range_ok(buffer, uio.left) ? receive(file, s, &t, flags) : -EFAULT;
    if (n >= 0 && address) {
        int32_t none = 0;
        long error = 0;
        if (t.from)
            error = socket_name_to_user(t.from, address, length_at);
        else if (copy_to_user(length_at, &none, sizeof none))
            error = -EFAULT;
        if (error) n = error;
    }
    address_put(t.from);
    file_put(file);
    return n;
}

/* The header goes back to the caller with what was received. */
static long finish_receive(struct socket *s, uint64_t user, struct linux_msghdr *m, struct transfer *t, unsigned flags)
{
    long error = 0;
    if (m->name) {
        int32_t bytes = t->from ? (int32_t)t->from->bytes : 0;
        if (t->from && copy_to_user(m->name, &t->from->name, (size_t)MIN(bytes, m->name_bytes))) error = -EFAULT;
        m->name_bytes = bytes;
    }
    uint64_t control = m->control;
    deliver_extras(s, m, t, flags);
    m->control = control;
    if (copy_to_user(user + offsetof(struct linux_msghdr, name_bytes), &m->name_bytes, sizeof m->name_bytes) ||
        copy_to_user(user + offsetof(struct linux_msghdr, control_bytes), &m->control_bytes, 8) ||
        copy_to_user(user + offsetof(struct linux_msghdr, flags), &m->flags, 4))
        error = -EFAULT;
    return error;
}

static long receive_one(struct file *file, struct socket *s, uint64_t user, unsigned flags)
{
    struct linux_msghdr m;
    struct uio uio;
    struct uio_segment few[8], *segments = few;
    if (copy_from_user(&m, user, sizeof m)) return -EFAULT;
    if (m.name && m.name_bytes < 0) return -EINVAL;
    struct transfer t = {.uio = &uio, .wants_files = true};
    long n = message_vector(&m, &uio, few, ARRAY_SIZE(few), &segments);
    if (!n) n = receive(file, s, &t, flags);
    if (n >= 0) {
        long error = finish_receive(s, user, &m, &t, flags);
        if (error) n = error;
    }
    files_put(t.files, t.file_count);
    address_put(t.from);
    if (segments != few) kfree(segments);
    return n;
}

long sys_recvmsg(K_FD fd, K_OUT message, K_FLAGS flags)
{
    struct socket *s;
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    long n = receive_one(file, s, message, flags);
    file_put(file);
    return n;
}

long sys_recvmmsg(K_FD fd, K_OUT messages, K_UINT count, K_FLAGS flags, K_IN timeout)
{
    struct socket *s;
    uint64_t ns = 0;
    if (timeout) {
        long error = timespec_from_user(timeout, &ns);
        if (error) return error;
    }
    struct file *file = socket_file(fd, &s);
    if (IS_ERR(file)) return PTR_ERR(file);
    uint64_t deadline = time_ns() + ns;
    long n = 0;
    unsigned done = 0;
    while (done < MIN(count, MESSAGES_MAX)) {
        uint64_t at = messages + done * sizeof(struct linux_mmsghdr);
        n = receive_one(file, s, at, flags & ~MSG_WAITFORONE);
        if (n < 0) break;
        uint32_t bytes = (uint32_t)n;
        if (copy_to_user(at + offsetof(struct linux_mmsghdr, bytes), &bytes, sizeof bytes)) n = -EFAULT;
        if (n < 0) break;
        done++;
        if (flags & MSG_WAITFORONE) flags |= MSG_DONTWAIT;
        if (timeout && time_ns() >= deadline) break; /* looked at between messages only, as in Linux */
    }
    file_put(file);
    return done ? (long)done : n;
}
