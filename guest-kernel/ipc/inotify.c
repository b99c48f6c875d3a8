/*
 * inotify.c - watching files: a program is told what others do with a file or in a directory, instead of looking again and again.
 *
 *      inotify file          watches                         inodes
 *      +---------------+     +---------------------+
 *      | events, queue | --> | 1: MODIFY           | ----> file
 *      |               |     | 2: CREATE, DELETE   | ----> directory
 *      +---------------+     +---------------------+
 *
 * A watch hangs between one inotify file and one inode, on a list of each; its number is what events carry, together with the name in the
 * directory if it is one that is watched. The VFS reports through fs/notify.h. An event that equals the last one in the queue
 * is not queued again, and a queue that is full says so once (IN_Q_OVERFLOW): who watches must be able to start over by looking.
 *
 * An inode with watches has one reference for them all, so that it stays in the active-file table. It goes when the file's last name and
 * last user have gone (IN_DELETE_SELF), or its file system (IN_UNMOUNT); either way the watch has ended (IN_IGNORED).
 *
 * One spinlock protects all of it. What a change makes superfluous is gathered on a list and freed after the lock: letting go of an inode
 * may sleep.
 */
#include "abi/file_abi.h"
#include "abi/syscall.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/notify.h"
#include "ipc/epoll.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

/* Flags of inotify_add_watch besides the events. */
#define ONLYDIR     0x01000000u
#define DONT_FOLLOW 0x02000000u
#define EXCL_UNLINK 0x04000000u
#define MASK_CREATE 0x10000000u
#define MASK_ADD    0x20000000u
#define ONESHOT     0x80000000u
#define EVENTS      0xfffu
#define ALWAYS      (IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED)
#define KNOWN       (EVENTS | ALWAYS | ONLYDIR | DONT_FOLLOW | EXCL_UNLINK | MASK_CREATE | MASK_ADD | IN_ISDIR | ONESHOT)

#define EVENTS_MOST  16384u /* in one queue */
#define WATCHES_MOST 8192u  /* of one file */
#define FIONREAD     0x541bu

struct user_event {
    int32_t wd;
    uint32_t mask, cookie, bytes; /* of the name, with the zeros behind it */
};

struct event {
    struct list link;
    struct user_event user;
    char name[];
};

struct watch {
    struct list inode_link, own_link; /* own_link: also of the list of what is to be freed */
    struct inotify *owner;
    struct inode *inode;
    int number;
    unsigned mask;
    bool last; /* freed as the inode's last: its reference is to be put */
};

struct inotify {
    struct list link, watches, events;
    unsigned count, watch_count, bytes;
    int next_number;
    bool overflowed;
    struct waitq arrived;
};

static struct spinlock lock = SPINLOCK_INIT("inotify", RANK_IPC);
static struct list instances = LIST_INIT(instances);
unsigned notify_watches;

unsigned notify_cookie(void)
{
    static unsigned last;
    unsigned cookie = atomic_add(&last, 1u);
    return cookie ? cookie : atomic_add(&last, 1u);
}

/* --- under the lock */

static bool equals_last(struct inotify *in, const struct user_event *user, const char *name)
{
    if (list_empty(&in->events)) return false;
    struct event *last = list_entry(in->events.prev, struct event, link);
    return last->user.wd == user->wd && last->user.mask == user->mask && last->user.bytes == user->bytes &&
           !memcmp(last->name, name, user->bytes);
}

static void put_event(struct inotify *in, int number, unsigned mask, unsigned cookie, const struct name *name)
{
    char text[NAME_MAX + sizeof(struct user_event) + 1] = {0};
    struct user_event user = {.wd = number, .mask = mask, .cookie = cookie};
    if (name) {
        memcpy(text, name->text, name->bytes);
        user.bytes = (uint32_t)ALIGN_UP(name->bytes + 1, sizeof user);
    }
    if (equals_last(in, &user, text)) return;
    struct event *event = in->count < EVENTS_MOST ? kmalloc(sizeof *event + user.bytes) : NULL;
    if (!event && in->overflowed) return;
    if (!event) { /* the last of them; without memory even that is lost */
        user = (struct user_event){.wd = -1, .mask = IN_Q_OVERFLOW};
        if (!(event = kmalloc(sizeof *event))) return;
        in->overflowed = true;
    }
    event->user = user;
    memcpy(event->name, text, user.bytes);
    list_push_back(&in->events, &event->link);
    in->count++;
    in->bytes += (unsigned)sizeof user + user.bytes;
    wake_all(&in->arrived);
}

/* Takes the watch off both lists and puts it on `dead`. */
static void end_watch(struct watch *w, struct list *dead)
{
    put_event(w->owner, w->number, IN_IGNORED, 0, NULL);
    w->owner->watch_count--;
    list_remove(&w->inode_link);
    list_remove(&w->own_link);
    w->last = list_empty(&w->inode->watches);
    list_push_back(dead, &w->own_link);
    atomic_add(&notify_watches, -1u);
}

static void tell(struct inode *inode, unsigned events, unsigned cookie, const struct name *name, struct list *dead)
{
    struct watch *w, *after;
    list_for_each_safe(w, after, &inode->watches, inode_link)
    {
        if (!(w->mask & events & (EVENTS | ALWAYS))) continue;
        put_event(w->owner, w->number, events, cookie, name);
        if (w->mask & ONESHOT) end_watch(w, dead);
    }
}

static void free_dead(struct list *dead)
{
    while (!list_empty(dead)) {
        struct watch *w = list_first(dead, struct watch, own_link);
        list_remove(&w->own_link);
        if (w->last) inode_put(w->inode);
        kfree(w);
    }
}

/* --- for the VFS */

void notify_send_inode(struct inode *inode, unsigned events)
{
    struct list dead = LIST_INIT(dead);
    if (S_ISDIR(inode->mode) && !(events & (IN_DELETE_SELF | IN_MOVE_SELF))) events |= IN_ISDIR;
    spin_lock(&lock);
    tell(inode, events, 0, NULL, &dead);
    spin_unlock(&lock);
    free_dead(&dead);
}

void notify_send_name(struct inode *directory, const struct name *name, unsigned events, unsigned cookie)
{
    struct list dead = LIST_INIT(dead);
    spin_lock(&lock);
    tell(directory, events, cookie, name, &dead);
    spin_unlock(&lock);
    free_dead(&dead);
}

void notify_file(struct file *file, unsigned events)
{
    if (!atomic_load(&notify_watches) || !file->notifies) return;
    if (file->parent && file->name) {
        struct name name = {file->name, strlen(file->name)};
        notify_send_name(file->parent, &name, events | (S_ISDIR(file->inode->mode) ? IN_ISDIR : 0), 0);
    }
    notify_send_inode(file->inode, events);
}

/* Ends all watches of the inode. */
static void end_all(struct inode *inode, unsigned why, struct list *dead)
{
    tell(inode, why, 0, NULL, dead);
    struct watch *w, *after;
    list_for_each_safe(w, after, &inode->watches, inode_link) end_watch(w, dead);
}

void notify_send_gone(struct inode *inode, int others)
{
    struct list dead = LIST_INIT(dead);
    spin_lock(&lock);
    if (!inode->links && !list_empty(&inode->watches) && atomic_load(&inode->refs.value) == others + 1)
        end_all(inode, IN_DELETE_SELF, &dead);
    spin_unlock(&lock);
    free_dead(&dead);
}

void notify_unmounted(struct superblock *sb)
{
    struct list dead = LIST_INIT(dead);
    struct inotify *in;
    struct watch *w, *after;
    spin_lock(&lock);
    list_for_each(in, &instances, link) list_for_each_safe(w, after, &in->watches, own_link)
    {
        if (w->inode->sb != sb) continue;
        put_event(in, w->number, IN_UNMOUNT, 0, NULL);
        end_watch(w, &dead);
    }
    spin_unlock(&lock);
    free_dead(&dead);
}

/* --- the file */

/* Takes the next event that fits. NULL: there is none; *small: there is one, but it does not fit. */
static struct event *take(struct inotify *in, uint64_t room, bool *small)
{
    *small = false;
    if (list_empty(&in->events)) return NULL;
    struct event *event = list_first(&in->events, struct event, link);
    size_t bytes = sizeof event->user + event->user.bytes;
    if ((*small = bytes > room)) return NULL;
    list_remove(&event->link);
    in->count--;
    in->bytes -= (unsigned)bytes;
    if (event->user.mask & IN_Q_OVERFLOW) in->overflowed = false;
    return event;
}

static ssize_t inotify_read(struct file *file, struct uio *uio)
{
    struct inotify *in = file->private;
    ssize_t done = 0;
    int error = 0;
    while (!error) {
        bool small;
        spin_lock(&lock);
        struct event *event;
        while (!(event = take(in, uio->left, &small)) && !small && !done && !error)
            error = file->flags & O_NONBLOCK ? -EAGAIN : wait_on(&in->arrived, &lock, true, 0);
        spin_unlock(&lock);
        if (small && !done) error = -EINVAL;
        if (!event) break;
        size_t bytes = sizeof event->user + event->user.bytes;
        bool good = uio_put(uio, &event->user, sizeof event->user) == sizeof event->user &&
                    (!event->user.bytes || uio_put(uio, event->name, event->user.bytes) == (ssize_t)event->user.bytes);
        kfree(event);
        if (!good) return done ? done : -EFAULT;
        done += (ssize_t)bytes;
    }
    return done ? done : error == -EINTR ? -ERESTARTSYS : error;
}

static unsigned inotify_poll(struct file *file, struct poll_table *table)
{
    struct inotify *in = file->private;
    poll_wait(table, &in->arrived);
    spin_lock(&lock);
    unsigned events = list_empty(&in->events) ? 0 : POLLIN | POLLRDNORM;
    spin_unlock(&lock);
    return events;
}

static long inotify_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    if (request != FIONREAD) return -ENOTTY;
    int32_t bytes = (int32_t)((struct inotify *)file->private)->bytes;
    return copy_to_user(argument, &bytes, sizeof bytes) ? -EFAULT : 0;
}

static void inotify_release(struct file *file)
{
    struct inotify *in = file->private;
    struct list dead = LIST_INIT(dead);
    struct watch *w, *after;
    spin_lock(&lock);
    list_for_each_safe(w, after, &in->watches, own_link) end_watch(w, &dead);
    list_remove(&in->link);
    spin_unlock(&lock);
    free_dead(&dead);
    while (!list_empty(&in->events)) {
        struct event *event = list_first(&in->events, struct event, link);
        list_remove(&event->link);
        kfree(event);
    }
    kfree(in);
}

static const struct file_ops inotify_ops = {.read = inotify_read,
                                            .poll = inotify_poll,
                                            .ioctl = inotify_ioctl,
                                            .seek = event_seek,
                                            .release = inotify_release,
                                            .flags = FOPS_STREAM};

/* --- calls */

long sys_inotify_init1(K_FDFLAGS flags)
{
    if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK)) return -EINVAL;
    struct inotify *in = kzalloc(sizeof *in);
    if (!in) return -ENOMEM;
    list_init(&in->watches);
    list_init(&in->events);
    waitq_init(&in->arrived);
    in->next_number = 1;
    struct file *file = event_file(&inotify_ops, "anon_inode:inotify", O_RDONLY | (flags & O_NONBLOCK), in);
    if (!file) {
        kfree(in);
        return -ENOMEM;
    }
    spin_lock(&lock);
    list_push_back(&instances, &in->link);
    spin_unlock(&lock);
    int fd = fd_install(file, flags & O_CLOEXEC);
    if (fd < 0) file_put(file);
    return fd;
}

/* Changes the watch that is there, or adds `fresh`, which is then taken (set to NULL). */
static long set_watch(struct inotify *in, struct inode *inode, unsigned mask, struct watch **fresh)
{
    struct watch *w;
    list_for_each(w, &inode->watches, inode_link)
    {
        if (w->owner != in) continue;
        if (mask & MASK_CREATE) return -EEXIST;
        w->mask = mask & MASK_ADD ? w->mask | mask : mask;
        return w->number;
    }
    if (in->watch_count >= WATCHES_MOST) return -ENOSPC;
    w = *fresh;
    *fresh = NULL;
    *w = (struct watch){.owner = in, .inode = inode, .number = in->next_number, .mask = mask | ALWAYS};
    in->next_number = in->next_number == INT32_MAX ? 1 : in->next_number + 1;
    in->watch_count++;
    if (list_empty(&inode->watches)) inode_ref(inode);
    list_push_back(&inode->watches, &w->inode_link);
    list_push_back(&in->watches, &w->own_link);
    atomic_add(&notify_watches, 1u);
    return w->number;
}

static long add_watch(struct inotify *in, const char *path, unsigned mask)
{
    unsigned how = (mask & DONT_FOLLOW ? 0 : WALK_FOLLOW) | (mask & ONLYDIR ? WALK_DIRECTORY : 0);
    struct inode *inode = walk(AT_FDCWD, path, how);
    if (IS_ERR(inode)) return PTR_ERR(inode);
    long result = inode_permission(inode, 4);
    struct watch *fresh = result ? NULL : kmalloc(sizeof *fresh);
    if (!result && !fresh) result = -ENOMEM;
    if (!result) {
        spin_lock(&lock);
        result = set_watch(in, inode, mask, &fresh);
        spin_unlock(&lock);
    }
    kfree(fresh);
    inode_put(inode);
    return result;
}

/* The file behind the descriptor, with a reference; an error pointer if it is none of ours. */
static struct file *file_from(int fd)
{
    struct file *file = fd_get(fd);
    if (file && file->ops == &inotify_ops) return file;
    if (file) file_put(file);
    return ERR_PTR(file ? -EINVAL : -EBADF);
}

long sys_inotify_add_watch(K_FD fd, K_PATH path_at, K_HEX wide)
{
    unsigned mask = (unsigned)wide;
    if (mask & ~KNOWN || !(mask & (EVENTS | ALWAYS | ONESHOT | ONLYDIR | DONT_FOLLOW))) return -EINVAL;
    struct file *file = file_from(fd);
    if (IS_ERR(file) && PTR_ERR(file) == -EBADF) return -EBADF;
    if ((mask & MASK_ADD && mask & MASK_CREATE) || IS_ERR(file)) {
        if (!IS_ERR(file)) file_put(file);
        return -EINVAL;
    }
    char *path = path_from_user(path_at);
    long result = IS_ERR(path) ? PTR_ERR(path) : add_watch(file->private, path, mask);
    if (!IS_ERR(path)) kfree(path);
    file_put(file);
    return result;
}

long sys_inotify_rm_watch(K_FD fd, K_INT number)
{
    struct list dead = LIST_INIT(dead);
    struct file *file = file_from(fd);
    if (IS_ERR(file)) return PTR_ERR(file);
    struct inotify *in = file->private;
    struct watch *w, *found = NULL;
    spin_lock(&lock);
    list_for_each(w, &in->watches, own_link) if (w->number == number) found = w;
    if (found) end_watch(found, &dead);
    spin_unlock(&lock);
    free_dead(&dead);
    file_put(file);
    return found ? 0 : -EINVAL;
}
