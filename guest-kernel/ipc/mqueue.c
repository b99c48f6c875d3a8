/*
 * mqueue.c - POSIX message queues: mailboxes with a name, read through descriptors.
 *
 * The third form of message passing here, and the most regular. ipc/message.c sends to a process; System V's queues
 * (sysv_msg.c) have numbers of their own and are removed by hand. A POSIX queue has a name like a file and is opened like one, so that
 * permissions, poll, dup and the end of a process need no rules of their own. Each message has a priority; the receiver
 * gets the oldest of the highest. Queue and messages have a size fixed at the start, so a sender knows when it may have to wait.
 *
 * Whoever does not want to wait can be told by a signal when a message comes to the empty queue (mq_notify). One process at a time may ask,
 * and for one message; nobody is told while somebody waits in receive, who gets the message instead.
 *
 * One spinlock protects all queues; message bytes are copied without it. A queue stays while it has its name or is open.
 */
#include "abi/structs.h"
#include "abi/syscall.h"
#include "arch/time.h"
#include "base/format.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "ipc/epoll.h"
#include "kern/process.h"
#include "kern/signal.h"
#include "kern/wait.h"
#include "mm/slab.h"

/* Limits of Linux: for everybody, and for root. */
enum { COUNT_DEFAULT = 10, BYTES_DEFAULT = 8192, COUNT_MOST = 65536, BYTES_MOST = 16 << 20, QUEUES_MOST = 256 };
enum { PRIORITIES = 32768 };
enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD };
#define SI_MESGQ (-3)

struct user_mq_attr {
    int64_t flags, count_most, bytes_most, count, reserved[4];
};
_Static_assert(sizeof(struct user_mq_attr) == 64, "Linux's size");

struct user_sigevent {
    uint64_t value;
    int32_t signal, notify, room[12];
};
_Static_assert(sizeof(struct user_sigevent) == 64, "Linux's size");

struct text {
    struct list link;
    unsigned priority;
    size_t bytes;
    char data[];
};

struct mqueue {
    struct list link;  /* in queues, while it has its name */
    struct list texts; /* the highest priority first, of one priority the oldest */
    unsigned opens;
    bool named;
    uint32_t mode, uid, gid;
    int64_t count_most, bytes_most, count;
    uint64_t bytes;
    unsigned receivers; /* that wait */
    struct waitq readable, writable;
    struct process *notified; /* who wants to be told, with a reference; NULL: nobody */
    int notify_signal;        /* 0: none is sent (SIGEV_NONE) */
    uint64_t notify_value;
    char name[NAME_MAX + 1];
};

static struct spinlock lock = SPINLOCK_INIT("POSIX queues", RANK_IPC);
static struct list queues = LIST_INIT(queues);

static struct mqueue *find(const char *name)
{
    struct mqueue *q;
    list_for_each(q, &queues, link) if (!strcmp(q->name, name)) return q;
    return NULL;
}

static void free_queue(struct mqueue *q)
{
    while (!list_empty(&q->texts)) {
        struct text *t = list_first(&q->texts, struct text, link);
        list_remove(&t->link);
        kfree(t);
    }
    kfree(q);
}

/* --- the file */

/* The process wants to hear of nothing any more. Under the lock; the reference is the caller's to put, or NULL. */
static struct process *forget_notified(struct mqueue *q)
{
    struct process *p = q->notified;
    q->notified = NULL;
    return p;
}

/* A process has closed a descriptor: its wish to be told ends, whatever other descriptors it has. */
static void mqueue_flush(struct file *file)
{
    struct mqueue *q = file->private;
    spin_lock(&lock);
    struct process *gone = q->notified == current->process ? forget_notified(q) : NULL;
    spin_unlock(&lock);
    if (gone) process_put(gone);
}

static void mqueue_release(struct file *file)
{
    struct mqueue *q = file->private;
    spin_lock(&lock);
    struct process *gone = NULL;
    bool last = !--q->opens;
    if (last) gone = forget_notified(q);
    last = last && !q->named;
    spin_unlock(&lock);
    if (gone) process_put(gone);
    if (last) free_queue(q);
}

static unsigned mqueue_poll(struct file *file, struct poll_table *table)
{
    struct mqueue *q = file->private;
    poll_wait(table, &q->readable);
    poll_wait(table, &q->writable);
    spin_lock(&lock);
    unsigned events = (q->count ? POLLIN | POLLRDNORM : 0) | (q->count < q->count_most ? POLLOUT | POLLWRNORM : 0);
    spin_unlock(&lock);
    return events;
}

/* The state as text, as Linux gives it. */
static ssize_t mqueue_read(struct file *file, struct uio *uio)
{
    struct mqueue *q = file->private;
    char line[96];
    spin_lock(&lock);
    int bytes = format(line, sizeof line, "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", q->bytes,
                       q->notified && !q->notify_signal ? SIGEV_NONE : 0, q->notified ? q->notify_signal : 0,
                       q->notified ? q->notified->pid : 0);
    spin_unlock(&lock);
    if (uio->offset >= (uint64_t)bytes) return 0;
    return uio_put(uio, line + uio->offset, (size_t)bytes - uio->offset);
}

static const struct file_ops mqueue_ops = {
    .read = mqueue_read, .poll = mqueue_poll, .flush = mqueue_flush, .release = mqueue_release};

static struct mqueue *mqueue_of(struct file *file) { return file && file->ops == &mqueue_ops ? file->private : NULL; }

/* --- open, unlink */

/* The name without its slash, in memory of its own. */
static char *name_from_user(uint64_t user)
{
    char *name = kmalloc(PATH_MAX);
    if (!name) return ERR_PTR(-ENOMEM);
    long error = copy_string_from_user(name, user, PATH_MAX);
    if (error >= 0)
        error = !name[0]                                                         ? -ENOENT
                : strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ? -EACCES
                : strlen(name) > NAME_MAX                                        ? -ENAMETOOLONG
                                                                                 : 0;
    if (!error) return name;
    kfree(name);
    return ERR_PTR(error);
}

static int check_attr(const struct user_mq_attr *attr)
{
    bool root = cred_is_root();
    if (attr->count_most <= 0 || attr->bytes_most <= 0) return -EINVAL;
    if (attr->count_most > (root ? COUNT_MOST : COUNT_DEFAULT)) return -EINVAL;
    return attr->bytes_most > (root ? BYTES_MOST : BYTES_DEFAULT) ? -EINVAL : 0;
}

static uint64_t cost(const struct mqueue *q)
{
    return (uint64_t)q->count_most * ((uint64_t)q->bytes_most + sizeof(struct text));
}

/* Under the lock: may one more queue be made for this user? */
static int check_room(const struct mqueue *made)
{
    unsigned count = 0;
    uint64_t bytes = cost(made);
    struct mqueue *q;
    list_for_each(q, &queues, link)
    {
        count++;
        if (q->uid == made->uid) bytes += cost(q);
    }
    if (count >= QUEUES_MOST && !cred_is_root()) return -ENOSPC;
    return bytes > process_limit(RLIMIT_MSGQUEUE) ? -EMFILE : 0;
}

static struct mqueue *make(const char *name, unsigned mode, const struct user_mq_attr *attr)
{
    struct mqueue *q = kzalloc(sizeof *q);
    if (!q) return NULL;
    list_init(&q->texts);
    waitq_init(&q->readable);
    waitq_init(&q->writable);
    text_copy(q->name, name, sizeof q->name);
    q->mode = mode & 0777 & ~(current->fs ? current->fs->umask : 022);
    q->uid = current->cred.fsuid;
    q->gid = current->cred.fsgid;
    q->count_most = attr->count_most;
    q->bytes_most = attr->bytes_most;
    return q;
}

static bool allowed(const struct mqueue *q, unsigned wanted)
{
    const struct cred *c = &current->cred;
    if (!c->fsuid) return true;
    unsigned shift = c->fsuid == q->uid ? 6 : cred_in_group(q->gid) ? 3 : 0;
    return (q->mode >> shift & wanted) == wanted;
}

/* Finds the queue, or puts `made` in (then *added); counts as opened. */
static struct mqueue *take(const char *name, unsigned flags, struct mqueue *made, bool *added)
{
    static const unsigned wants[] = {[O_RDONLY] = 4, [O_WRONLY] = 2, [O_RDWR] = 6};
    struct mqueue *q = find(name);
    int error = 0;
    if (q && flags & O_CREAT && flags & O_EXCL)
        error = -EEXIST;
    else if (q)
        error = (flags & O_ACCMODE) == 3 ? -EINVAL : allowed(q, wants[flags & O_ACCMODE]) ? 0 : -EACCES;
    else
        error = flags & O_CREAT ? check_room(made) : -ENOENT;
    if (error) return ERR_PTR(error);
    if (!q) {
        q = made;
        q->named = *added = true;
        list_push_back(&queues, &q->link);
    }
    q->opens++;
    return q;
}

static long open_queue(const char *name, unsigned flags, unsigned mode, const struct user_mq_attr *attr)
{
    struct mqueue *made = NULL;
    bool added = false;
    int error = flags & O_CREAT ? check_attr(attr) : 0;
    /* Wrong numbers are no error if the queue is there and they are not used. */
    if (!error && flags & O_CREAT && !(made = make(name, mode, attr))) return -ENOMEM;
    spin_lock(&lock);
    struct mqueue *q = error && !find(name) ? ERR_PTR(error) : take(name, flags, made, &added);
    spin_unlock(&lock);
    if (made && !added) kfree(made);
    if (IS_ERR(q)) return PTR_ERR(q);
    struct file *file = event_file(&mqueue_ops, "/", (flags & O_ACCMODE) | (flags & O_NONBLOCK), q);
    if (!file) {
        mqueue_release(&(struct file){.private = q});
        return -ENOMEM;
    }
    int fd = fd_install(file, true);
    if (fd < 0) file_put(file);
    return fd;
}

long sys_mq_open(K_PATH name_at, K_OFLAGS flags, K_MODE mode, K_IN attr_at)
{
    struct user_mq_attr attr = {.count_most = COUNT_DEFAULT, .bytes_most = BYTES_DEFAULT};
    if (attr_at && copy_from_user(&attr, attr_at, sizeof attr)) return -EFAULT;
    char *name = name_from_user(name_at);
    if (IS_ERR(name)) return PTR_ERR(name);
    long fd = open_queue(name, flags, mode, &attr);
    kfree(name);
    return fd;
}

long sys_mq_unlink(K_PATH name_at)
{
    char *name = name_from_user(name_at);
    if (IS_ERR(name)) return PTR_ERR(name);
    spin_lock(&lock);
    struct mqueue *q = find(name);
    uint32_t uid = current->cred.fsuid;
    long error = !q ? -ENOENT : uid && uid != q->uid ? -EPERM : 0;
    bool gone = false;
    if (!error) {
        list_remove(&q->link);
        q->named = false;
        gone = !q->opens;
    }
    spin_unlock(&lock);
    kfree(name);
    if (gone) free_queue(q);
    return error;
}

/* --- send, receive */

/* A time of day as a deadline of wait_on. 0: none. */
static int deadline_from_user(uint64_t at, uint64_t *deadline_ns)
{
    *deadline_ns = 0;
    if (!at) return 0;
    int error = timespec_from_user(at, deadline_ns);
    *deadline_ns |= WAIT_DATE;
    return error;
}

/* The queue behind a descriptor that was opened for this; or an error pointer. The file has a reference then. */
static struct mqueue *queue_from(int fd, bool write, struct file **file)
{
    *file = fd_get(fd);
    struct mqueue *q = mqueue_of(*file);
    if (q && (write ? file_writable(*file) : file_readable(*file))) return q;
    if (*file) file_put(*file);
    return ERR_PTR(-EBADF);
}

static int wait_result(int error) { return error == -EINTR ? -ERESTARTSYS : error; }

/* Under the lock: somebody is to be told of the first message. *who: with a reference, to be sent the signal. */
static void notify(struct mqueue *q, struct process **who, struct siginfo *info)
{
    *who = NULL;
    if (q->count != 1 || q->receivers || !q->notified) return;
    *info = (struct siginfo){.signo = q->notify_signal, .code = SI_MESGQ};
    info->pid = current->tgid;
    info->uid = current->cred.uid;
    info->value = q->notify_value;
    *who = forget_notified(q);
}

static void insert(struct mqueue *q, struct text *text)
{
    struct list *at = q->texts.prev; /* behind all of the same priority */
    while (at != &q->texts && list_entry(at, struct text, link)->priority < text->priority) at = at->prev;
    list_push_front(at, &text->link);
    q->count++;
    q->bytes += text->bytes;
}

static int send(struct file *file, struct text *text, uint64_t deadline_ns)
{
    struct mqueue *q = file->private;
    struct process *who = NULL;
    struct siginfo info;
    int error = 0;
    spin_lock(&lock);
    while (q->count >= q->count_most && !error)
        error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(&q->writable, &lock, true, deadline_ns);
    if (!error) {
        insert(q, text);
        notify(q, &who, &info);
        wake_all(&q->readable);
    }
    spin_unlock(&lock);
    if (who && info.signo) signal_send_process(who, info.signo, &info);
    if (who) process_put(who);
    return wait_result(error);
}

long sys_mq_timedsend(K_FD fd, K_BUF from, K_SIZE bytes, K_UINT priority, K_TIME timeout)
{
    uint64_t deadline_ns;
    int error = priority >= PRIORITIES ? -EINVAL : deadline_from_user(timeout, &deadline_ns);
    if (error) return error;
    struct file *file;
    struct mqueue *q = queue_from(fd, true, &file);
    if (IS_ERR(q)) return PTR_ERR(q);
    struct text *text = NULL;
    if (bytes > (uint64_t)q->bytes_most)
        error = -EMSGSIZE;
    else if (!(text = kmalloc(sizeof *text + bytes)))
        error = -ENOMEM;
    else if (copy_from_user(text->data, from, bytes))
        error = -EFAULT;
    if (!error) {
        text->priority = priority;
        text->bytes = bytes;
        error = send(file, text, deadline_ns);
    }
    if (error) kfree(text);
    file_put(file);
    return error;
}

static struct text *receive(struct file *file, uint64_t deadline_ns)
{
    struct mqueue *q = file->private;
    struct text *text = NULL;
    int error = 0;
    spin_lock(&lock);
    q->receivers++;
    while (!q->count && !error)
        error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(&q->readable, &lock, true, deadline_ns);
    q->receivers--;
    if (!error) {
        text = list_first(&q->texts, struct text, link);
        list_remove(&text->link);
        q->count--;
        q->bytes -= text->bytes;
        wake_all(&q->writable);
    }
    spin_unlock(&lock);
    return error ? ERR_PTR(wait_result(error)) : text;
}

long sys_mq_timedreceive(K_FD fd, K_DATA to, K_SIZE room, K_OUT priority_at, K_TIME timeout)
{
    uint64_t deadline_ns;
    int error = deadline_from_user(timeout, &deadline_ns);
    if (error) return error;
    struct file *file;
    struct mqueue *q = queue_from(fd, false, &file);
    if (IS_ERR(q)) return PTR_ERR(q);
    struct text *text = room < (uint64_t)q->bytes_most ? ERR_PTR(-EMSGSIZE) : receive(file, deadline_ns);
    file_put(file);
    if (IS_ERR(text)) return PTR_ERR(text);
    uint32_t priority = text->priority;
    long result = (long)text->bytes;
    if ((priority_at && copy_to_user(priority_at, &priority, sizeof priority)) ||
        copy_to_user(to, text->data, text->bytes))
        result = -EFAULT; /* the message is lost, as on Linux */
    kfree(text);
    return result;
}

/* --- notification, attributes */

static int check_event(const struct user_sigevent *event)
{
    if (event->notify == SIGEV_NONE) return 0;
    if (event->notify == SIGEV_THREAD)
        return -EBADF; /* the C library's thread would listen on a socket of the kernel's */
    return event->notify == SIGEV_SIGNAL && event->signal > 0 && event->signal <= SIGNAL_MAX ? 0 : -EINVAL;
}

long sys_mq_notify(K_FD fd, K_IN event_at)
{
    struct user_sigevent event = {.notify = SIGEV_NONE};
    if (event_at && copy_from_user(&event, event_at, sizeof event)) return -EFAULT;
    int error = check_event(&event);
    if (error) return error;
    struct file *file = fd_get(fd);
    struct mqueue *q = mqueue_of(file);
    struct process *gone = NULL;
    error = q ? 0 : -EBADF;
    spin_lock(&lock);
    if (q && !event_at) {
        if (q->notified == current->process) gone = forget_notified(q);
    } else if (q && q->notified) {
        error = -EBUSY;
    } else if (q) {
        q->notified = process_get(current->process);
        q->notify_signal = event.notify == SIGEV_SIGNAL ? event.signal : 0;
        q->notify_value = event.value;
    }
    spin_unlock(&lock);
    if (gone) process_put(gone);
    if (file) file_put(file);
    return error;
}

long sys_mq_getsetattr(K_FD fd, K_IN new_at, K_OUT old_at)
{
    struct user_mq_attr new = {0}, old = {0};
    if (new_at && copy_from_user(&new, new_at, sizeof new)) return -EFAULT;
    if (new.flags & ~(int64_t)O_NONBLOCK) return -EINVAL;
    struct file *file = fd_get(fd);
    struct mqueue *q = mqueue_of(file);
    if (!q) {
        if (file) file_put(file);
        return -EBADF;
    }
    spin_lock(&lock);
    old = (struct user_mq_attr){file->flags & O_NONBLOCK, q->count_most, q->bytes_most, q->count, {0}};
    spin_unlock(&lock);
    if (new_at) {
        spin_lock(&file->lock);
        file->flags = (file->flags & ~(unsigned)O_NONBLOCK) | (unsigned)new.flags;
        spin_unlock(&file->lock);
    }
    file_put(file);
    return old_at && copy_to_user(old_at, &old, sizeof old) ? -EFAULT : 0;
}
