/*
 * file.c - the system-wide open-file table: one entry (struct file) for each open(), with the file pointer.
 *
 * Descriptors of several processes may point to one entry: after fork they share the position, which is what lets a shell and
 * the programs it starts write to one output one behind the other. Who moves the position holds position_lock, so
 * that two readers of one entry never get the same bytes. Entries without positions (pipes, terminals) do without.
 */
#include "base/format.h"
#include "base/string.h"
#include "fs/notify.h"
#include "fs/poll.h"
#include "fs/vfs_internal.h"
#include "kern/print.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/space.h"

static struct spinlock table_lock = SPINLOCK_INIT("open-file table", RANK_FILE);
static struct list table = LIST_INIT(table);
static unsigned table_count;

struct file *file_new(const struct file_ops *ops, struct inode *inode, unsigned flags)
{
    struct file *file = kzalloc(sizeof *file);
    if (!file) return 0;
    ref_init(&file->refs);
    file->ops = ops;
    file->inode = inode;
    file->flags = flags;
    spin_init(&file->lock, "file", RANK_FILE);
    mutex_init(&file->position_lock, "file position");
    list_init(&file->epolls);
    spin_lock(&table_lock);
    list_push_back(&table, &file->table_link);
    table_count++;
    spin_unlock(&table_lock);
    return file;
}

struct file *file_get(struct file *file)
{
    ref_get(&file->refs);
    return file;
}

unsigned file_count(void) { return table_count; }

void file_put(struct file *file)
{
    if (!file || !ref_put(&file->refs)) return;
    if (!list_empty(&file->epolls)) epoll_file_closes(file);
    notify_file(file, file_writable(file) ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    if (file->ops->release) file->ops->release(file);
    if (file->inode) {
        locks_release_file(file->inode, file);
        if (file_writable(file) && S_ISREG(file->inode->mode)) atomic_add(&file->inode->writers, -1);
    }
    spin_lock(&table_lock);
    list_remove(&file->table_link);
    table_count--;
    spin_unlock(&table_lock);
    if (file->inode) notify_gone(file->inode, 1);
    inode_put(file->inode);
    inode_put(file->parent);
    kfree(file->name);
    kfree(file);
}

/* Remembers by which name the file was opened; without memory it simply has none. */
void file_take_name(struct file *file, struct inode *parent, const struct name *name)
{
    char *copy = kmalloc(name->bytes + 1);
    if (!copy) return;
    memcpy(copy, name->text, name->bytes);
    copy[name->bytes] = 0;
    file->name = copy;
    file->parent = inode_ref(parent);
}

int file_path(struct file *file, char *to, size_t room)
{
    if (!file->parent) {
        if (file->inode && S_ISDIR(file->inode->mode)) return inode_path(file->inode, to, room);
        if (file->kind && !strncmp(file->kind, "anon_inode", 10)) return format(to, room, "%s", file->kind) + 1;
        return format(to, room, "%s:[%lu]", file->kind ? file->kind : "anon_inode",
                      file->inode ? file->inode->ino : (uint64_t)0) +
               1;
    }
    int bytes = inode_path(file->parent, to, room);
    if (bytes < 0) return bytes;
    size_t at = (size_t)bytes - 1, name = strlen(file->name);
    if (at == 1) at = 0; /* "/" */
    bool gone = file->inode && !file->inode->links;
    if (at + name + 12 > room) return -ENAMETOOLONG;
    to[at++] = '/';
    memcpy(to + at, file->name, name + 1);
    if (gone) memcpy(to + at + name, " (deleted)", 11);
    return (int)(at + name + (gone ? 11 : 1));
}

ssize_t file_read_at(struct file *file, struct uio *uio)
{
    if (!file_readable(file)) return -EBADF;
    if (file->inode && S_ISDIR(file->inode->mode)) return -EISDIR;
    if (!file->ops->read) return -EINVAL;
    if (uio->left > UIO_BYTES_MAX) uio->left = UIO_BYTES_MAX;
    ssize_t n = file->ops->read(file, uio);
    if (n > 0) notify_file(file, IN_ACCESS);
    return n;
}

ssize_t file_write_at(struct file *file, struct uio *uio)
{
    if (!file_writable(file)) return -EBADF;
    if (!file->ops->write) return -EINVAL;
    if (uio->left > UIO_BYTES_MAX) uio->left = UIO_BYTES_MAX;
    ssize_t n = file->ops->write(file, uio);
    if (n > 0) notify_file(file, IN_MODIFY);
    return n;
}

static ssize_t transfer(struct file *file, struct uio *uio, bool write)
{
    if (file->ops->flags & FOPS_STREAM) return write ? file_write_at(file, uio) : file_read_at(file, uio);
    mutex_lock(&file->position_lock);
    uio->offset = file->position;
    ssize_t n = write ? file_write_at(file, uio) : file_read_at(file, uio);
    if (n > 0) file->position = uio->offset; /* an appending write has moved to the end first */
    mutex_unlock(&file->position_lock);
    return n;
}

ssize_t file_read(struct file *file, struct uio *uio) { return transfer(file, uio, false); }
ssize_t file_write(struct file *file, struct uio *uio) { return transfer(file, uio, true); }

ssize_t file_pread_kernel(struct file *file, void *to, size_t n, uint64_t offset)
{
    struct uio uio;
    uio_init_kernel(&uio, to, n, offset);
    return file_read_at(file, &uio);
}

ssize_t file_write_kernel(struct file *file, const void *from, size_t n)
{
    struct uio uio;
    uio_init_kernel(&uio, from, n, 0);
    return file_write(file, &uio);
}

int64_t file_seek_generic(struct file *file, int64_t offset, int whence)
{
    int64_t base, size = file->inode ? (int64_t)file->inode->size : 0;
    enum { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE };
    switch (whence) {
    case SEEK_SET: base = 0; break;
    case SEEK_CUR: base = (int64_t)file->position; break;
    case SEEK_END: base = size; break;
    case SEEK_DATA: /* without knowledge of holes all is data, and the hole is at the end */
    case SEEK_HOLE:
        if (offset < 0 || offset >= size) return -ENXIO;
        base = whence == SEEK_HOLE ? size - offset : 0;
        break;
    default: return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &base) || base < 0) return -EINVAL;
    file->position = (uint64_t)base;
    return base;
}

int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    if (file->flags & O_PATH) return -EBADF;
    if (file->ops->flags & FOPS_STREAM) return file->ops->seek ? file->ops->seek(file, offset, whence) : -ESPIPE;
    mutex_lock(&file->position_lock);
    int64_t (*seek)(struct file *, int64_t, int) = file->ops->seek ? file->ops->seek : file_seek_generic;
    int64_t result = seek(file, offset, whence);
    mutex_unlock(&file->position_lock);
    return result;
}

int file_truncate(struct file *file, uint64_t size)
{
    if (!file->inode || !file_writable(file) || !S_ISREG(file->inode->mode)) return -EINVAL;
    int error = vfs_truncate(file->inode, size);
    if (!error) notify_file(file, IN_MODIFY);
    return error;
}

int file_sync(struct file *file, bool data_only)
{
    if (file->flags & O_PATH) return -EBADF;
    return file->ops->fsync ? file->ops->fsync(file, data_only) : -EINVAL;
}

unsigned file_poll(struct file *file, struct poll_table *poll)
{
    if (!file->ops->poll) return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    return file->ops->poll(file, poll);
}

int file_map(struct file *file, int prot, int flags, struct mapping **mapping)
{
    if (file->flags & O_PATH) return -EBADF;
    if (!file_readable(file)) return -EACCES;
    if ((flags & MAP_SHARED) && (prot & PROT_WRITE) && !file_writable(file)) return -EACCES;
    if (!file->ops->map) return -ENODEV;
    if ((prot & PROT_EXEC) && file->inode && (file->inode->sb->flags & MS_NOEXEC)) return -EPERM;
    return file->ops->map(file, mapping);
}

int file_deny_write(struct file *file)
{
    int writers = atomic_load(&file->inode->writers);
    while (writers <= 0)
        if (atomic_cas(&file->inode->writers, &writers, writers - 1)) return 0;
    return -ETXTBSY;
}

void file_allow_write(struct file *file) { atomic_add(&file->inode->writers, 1); }
