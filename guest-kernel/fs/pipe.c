/*
 * pipe.c - pipes: bytes from one process to another, through a ring of memory.
 *
 *        writer --> [ . . . head ####### tail . . . ] --> reader
 *
 * The reader sleeps while the ring is empty, the writer while it is full: the bounded buffer of the textbooks, and a pipe is
 * how a shell connects programs. When the last writer has closed, readers get the rest and then "end of file"; when
 * the last reader has, a writer is sent SIGPIPE. Writes of up to PIPE_BUF bytes are atomic: they appear in one piece.
 *
 * A named pipe (FIFO) is the same ring found through a name. Opening one waits for the other side.
 *
 * The ring is copied to and from user memory, so it is protected by a mutex; who sleeps hangs itself on the wait queue before it lets
 * the mutex go, so that no wake-up is lost.
 */
#include "base/string.h"
#include "fs/vfs_internal.h"
#include "kern/init.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

#define PIPE_BUF     4096u
#define PIPE_PAGES   16
#define PIPE_BYTES   (PIPE_PAGES * PAGE_SIZE)
#define FIONREAD     0x541b
#define PIPEFS_MAGIC 0x50495045

struct pipe {
    struct mutex lock;
    struct waitq readable, writable, opened;
    unsigned readers, writers, users; /* open ends; users: whoever holds the pipe */
    uint64_t reader_opens, writer_opens;
    uint64_t head, tail; /* bytes ever taken and put */
    struct page *page[PIPE_PAGES];
};

static struct pipe *pipe_new(void)
{
    struct pipe *pipe = kzalloc(sizeof *pipe);
    if (!pipe) return 0;
    mutex_init(&pipe->lock, "pipe");
    waitq_init(&pipe->readable);
    waitq_init(&pipe->writable);
    waitq_init(&pipe->opened);
    return pipe;
}

static void pipe_free(struct pipe *pipe)
{
    for (int i = 0; i < PIPE_PAGES; i++)
        if (pipe->page[i]) page_put(pipe->page[i]);
    kfree(pipe);
}

/* Sleeps on the queue; the mutex is given up meanwhile. 0 or -ERESTARTSYS. */
static int pipe_sleep(struct pipe *pipe, struct waitq *queue)
{
    struct waiter waiter, *one[] = {&waiter};
    waiter_add(&waiter, queue);
    mutex_unlock(&pipe->lock);
    int error = wait_any(one, 1, true, 0);
    waiter_remove(&waiter);
    mutex_lock(&pipe->lock);
    return error == -EINTR ? -ERESTARTSYS : 0;
}

/* The piece of the ring at position `at`: address and how far it goes. NULL: out of memory. */
static char *piece(struct pipe *pipe, uint64_t at, size_t *bytes)
{
    struct page **page = &pipe->page[at / PAGE_SIZE % PIPE_PAGES];
    if (!*page) *page = page_alloc(0, 0);
    if (!*page) return 0;
    *bytes = PAGE_SIZE - at % PAGE_SIZE;
    return (char *)page_va(*page) + at % PAGE_SIZE;
}

static ssize_t take(struct pipe *pipe, struct uio *uio)
{
    ssize_t done = 0;
    while (uio->left && pipe->head < pipe->tail) {
        size_t bytes;
        char *from = piece(pipe, pipe->head, &bytes);
        bytes = MIN(bytes, pipe->tail - pipe->head);
        ssize_t n = uio_put(uio, from, bytes);
        if (n < 0) return done ? done : n;
        pipe->head += (uint64_t)n;
        done += n;
        if ((size_t)n < bytes) break;
    }
    return done;
}

static ssize_t put(struct pipe *pipe, struct uio *uio)
{
    ssize_t done = 0;
    while (uio->left && pipe->tail - pipe->head < PIPE_BYTES) {
        size_t bytes;
        char *to = piece(pipe, pipe->tail, &bytes);
        if (!to) return done ? done : -ENOMEM;
        bytes = MIN(bytes, PIPE_BYTES - (pipe->tail - pipe->head));
        size_t wanted = MIN(uio->left, bytes);
        ssize_t n = uio_get(uio, to, wanted);
        if (n < 0) return done ? done : n;
        pipe->tail += (uint64_t)n;
        done += n;
        if ((size_t)n < wanted) break;
    }
    return done;
}

static ssize_t pipe_read(struct file *file, struct uio *uio)
{
    struct pipe *pipe = file->private;
    ssize_t n = 0;
    if (!uio->left) return 0;
    mutex_lock(&pipe->lock);
    while (pipe->head == pipe->tail && pipe->writers && !n) {
        n = file->flags & O_NONBLOCK ? -EAGAIN : pipe_sleep(pipe, &pipe->readable);
    }
    if (!n) n = take(pipe, uio);
    mutex_unlock(&pipe->lock);
    if (n > 0) wake_all(&pipe->writable);
    return n;
}

/* Waits until something (an atomic write: all of it) fits. */
static int await_room(struct pipe *pipe, struct file *file, uint64_t left, bool atomic)
{
    uint64_t need = atomic ? left : 1;
    for (;;) {
        if (!pipe->readers) return -EPIPE;
        if (PIPE_BYTES - (pipe->tail - pipe->head) >= need) return 0;
        if (file->flags & O_NONBLOCK) return -EAGAIN;
        int error = pipe_sleep(pipe, &pipe->writable);
        if (error) return error;
    }
}

static ssize_t pipe_write(struct file *file, struct uio *uio)
{
    struct pipe *pipe = file->private;
    bool atomic = uio->left <= PIPE_BUF;
    ssize_t done = 0, n = 0;
    if (!uio->left) return 0;
    mutex_lock(&pipe->lock);
    while (uio->left) {
        n = await_room(pipe, file, uio->left, atomic);
        if (!n) n = put(pipe, uio);
        if (n < 0) break;
        done += n;
        wake_all(&pipe->readable);
        if (!n) break;
    }
    mutex_unlock(&pipe->lock);
    if (n == -EPIPE) signal_send_task(current, SIGPIPE, 0);
    return done ? done : n;
}

static unsigned pipe_poll(struct file *file, struct poll_table *table)
{
    struct pipe *pipe = file->private;
    unsigned events = 0;
    if (file_readable(file)) poll_wait(table, &pipe->readable);
    if (file_writable(file)) poll_wait(table, &pipe->writable);
    mutex_lock(&pipe->lock);
    if (file_readable(file)) {
        if (pipe->head != pipe->tail) events |= POLLIN | POLLRDNORM;
        if (!pipe->writers && pipe->writer_opens) events |= POLLHUP;
    }
    if (file_writable(file)) {
        if (PIPE_BYTES - (pipe->tail - pipe->head) >= PIPE_BUF) events |= POLLOUT | POLLWRNORM;
        if (!pipe->readers) events |= POLLERR;
    }
    mutex_unlock(&pipe->lock);
    return events;
}

static long pipe_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    struct pipe *pipe = file->private;
    if (request != FIONREAD) return -ENOTTY;
    mutex_lock(&pipe->lock);
    int waiting = (int)(pipe->tail - pipe->head);
    mutex_unlock(&pipe->lock);
    return copy_to_user(argument, &waiting, sizeof waiting);
}

/* The pipe hangs on the inode; inode->lock protects inode->fifo and users. */
static void pipe_release(struct file *file)
{
    struct inode *inode = file->inode;
    struct pipe *pipe = file->private;
    mutex_lock(&pipe->lock);
    if (file_readable(file)) pipe->readers--;
    if (file_writable(file)) pipe->writers--;
    wake_all(&pipe->readable);
    wake_all(&pipe->writable);
    mutex_unlock(&pipe->lock);
    mutex_lock(&inode->lock);
    bool last = --pipe->users == 0;
    if (last) inode->fifo = 0;
    mutex_unlock(&inode->lock);
    if (last) pipe_free(pipe);
}

/* Waits for the other side of a FIFO. */
static int await_partner(struct pipe *pipe, struct file *file)
{
    bool reader = (file->flags & O_ACCMODE) == O_RDONLY, writer = (file->flags & O_ACCMODE) == O_WRONLY;
    if (writer && !pipe->readers && (file->flags & O_NONBLOCK)) return -ENXIO;
    if (file->flags & O_NONBLOCK) return 0;
    uint64_t seen = reader ? pipe->writer_opens : pipe->reader_opens;
    while ((reader && !pipe->writers && pipe->writer_opens == seen) ||
           (writer && !pipe->readers && pipe->reader_opens == seen)) {
        int error = pipe_sleep(pipe, &pipe->opened);
        if (error) return error;
    }
    return 0;
}

static struct superblock pipefs;

/* A named pipe is opened; or a nameless one once more, through /proc/PID/fd: that waits for nobody, the other end has been there. */
static int fifo_open(struct file *file)
{
    struct inode *inode = file->inode;
    mutex_lock(&inode->lock);
    if (!inode->fifo) inode->fifo = pipe_new();
    struct pipe *pipe = inode->fifo;
    if (pipe) pipe->users++;
    mutex_unlock(&inode->lock);
    if (!pipe) return -ENOMEM;
    file->private = pipe;
    mutex_lock(&pipe->lock);
    if (file_readable(file)) pipe->readers++, pipe->reader_opens++;
    if (file_writable(file)) pipe->writers++, pipe->writer_opens++;
    wake_all(&pipe->opened);
    wake_all(&pipe->readable);
    wake_all(&pipe->writable);
    int error = inode->sb == &pipefs ? 0 : await_partner(pipe, file);
    mutex_unlock(&pipe->lock);
    if (error) pipe_release(file); /* open fails: nobody else will */
    return error;
}

const struct file_ops fifo_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
    .open = fifo_open,
    .flags = FOPS_STREAM,
};

/* Nameless pipes have inodes of a file system without names. */

static struct inode *pipefs_alloc(struct superblock *sb)
{
    (void)sb;
    return kzalloc(sizeof(struct inode));
}
static void pipefs_free(struct inode *inode) { kfree(inode); }
static int pipefs_setattr(struct inode *inode, const struct attr *attr)
{
    inode_apply(inode, attr);
    return 0;
}
static int pipefs_statfs(struct superblock *sb, struct statfs_info *info)
{
    (void)sb;
    *info = (struct statfs_info){.type = PIPEFS_MAGIC, .block_bytes = PAGE_SIZE, .name_max = NAME_MAX};
    return 0;
}
static const struct inode_ops pipefs_inode_ops = {.setattr = pipefs_setattr};
static const struct sb_ops pipefs_sb_ops = {.alloc = pipefs_alloc, .free = pipefs_free, .statfs = pipefs_statfs};
static struct fs_type pipefs_type = {.name = "pipefs"};
static struct superblock pipefs = {.type = &pipefs_type, .ops = &pipefs_sb_ops, .dev = DEV_MAKE(0, 0xffff)};
static uint64_t pipefs_next = 1;

struct inode *anonymous_inode(unsigned mode)
{
    struct inode *inode = inode_new(&pipefs, __atomic_fetch_add(&pipefs_next, 1, __ATOMIC_RELAXED));
    if (IS_ERR(inode)) return inode;
    inode->mode = mode;
    inode->uid = current->cred.fsuid;
    inode->gid = current->cred.fsgid;
    inode->ops = &pipefs_inode_ops;
    return inode;
}

/* One end; the inode's pipe exists. */
static struct file *end_new(struct inode *inode, unsigned flags)
{
    struct file *file = file_new(&fifo_ops, inode_ref(inode), flags);
    if (!file) {
        inode_put(inode);
        return 0;
    }
    file->kind = "pipe";
    file->private = inode->fifo;
    inode->fifo->users++;
    if (file_readable(file))
        inode->fifo->readers++, inode->fifo->reader_opens++;
    else
        inode->fifo->writers++, inode->fifo->writer_opens++;
    return file;
}

int pipe_create(struct file *ends[2], unsigned flags)
{
    struct inode *inode = anonymous_inode(S_IFIFO | 0600);
    if (IS_ERR(inode)) return (int)PTR_ERR(inode);
    inode->fifo = pipe_new();
    ends[0] = inode->fifo ? end_new(inode, O_RDONLY | (flags & O_NONBLOCK)) : 0;
    ends[1] = ends[0] ? end_new(inode, O_WRONLY | (flags & O_NONBLOCK)) : 0;
    if (!ends[0] && inode->fifo) pipe_free(inode->fifo);
    if (ends[0] && !ends[1]) file_put(ends[0]);
    inode_put(inode);
    return ends[0] && ends[1] ? 0 : -ENOMEM;
}

static void pipe_init(void) { list_init(&pipefs.inodes); }
INIT(INIT_KERNEL, pipe_init);
