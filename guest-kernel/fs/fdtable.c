/*
 * fdtable.c - descriptor tables (fdtable.h).
 *
 * A table is an array of pointers that doubles when it is full; a bit per slot says close-on-exec. The lowest free slot is given
 * out, as POSIX wants. A reference is taken from the array under the table's lock, so that another thread's close() cannot
 * free a file that a system call is just about to use.
 */
#include "fs/fdtable.h"

#include "base/bitmap.h"
#include "base/string.h"
#include "fs/vfs_internal.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/slab.h"

#define SLOTS_FIRST 64
#define SLOTS_MAX   (1u << 20)

struct fdtable {
    struct refcount refs;
    struct spinlock lock;
    unsigned slots;
    struct file **file;
    uint64_t *cloexec;
    unsigned lowest; /* no slot below is free */
};

static struct fdtable *create(unsigned slots)
{
    struct fdtable *table = kzalloc(sizeof *table);
    if (!table) return 0;
    ref_init(&table->refs);
    spin_init(&table->lock, "descriptor table", RANK_FDTABLE);
    table->slots = slots;
    table->file = kzalloc(slots * sizeof *table->file);
    table->cloexec = kzalloc(BITMAP_WORDS(slots) * 8);
    if (table->file && table->cloexec) return table;
    kfree(table->file);
    kfree(table->cloexec);
    kfree(table);
    return 0;
}

struct fdtable *fdtable_create(void) { return create(SLOTS_FIRST); }

struct fdtable *fdtable_fork(struct fdtable *parent)
{
    for (;;) {
        struct fdtable *table = create(fdtable_size(parent));
        if (!table) return 0;
        spin_lock(&parent->lock);
        bool fits = parent->slots <= table->slots;
        for (unsigned fd = 0; fits && fd < parent->slots; fd++)
            if (parent->file[fd]) table->file[fd] = file_get(parent->file[fd]);
        if (fits) memcpy(table->cloexec, parent->cloexec, BITMAP_WORDS(parent->slots) * 8);
        spin_unlock(&parent->lock);
        if (fits) return table;
        fdtable_put(table); /* it has grown in the meantime */
    }
}

void fdtable_get(struct fdtable *table) { ref_get(&table->refs); }
bool fdtable_shared(struct fdtable *table) { return ref_count(&table->refs) > 1; }
unsigned fdtable_size(struct fdtable *table) { return atomic_load(&table->slots); }

static void close_file(struct fdtable *table, struct file *file)
{
    if (!file) return;
    if (file->inode) locks_release_owner(file->inode, table);
    if (file->ops->flush) file->ops->flush(file);
    file_put(file);
}

void fdtable_put(struct fdtable *table)
{
    if (!table || !ref_put(&table->refs)) return;
    for (unsigned fd = 0; fd < table->slots; fd++) close_file(table, table->file[fd]);
    kfree(table->file);
    kfree(table->cloexec);
    kfree(table);
}

void fdtable_exec(struct fdtable *table)
{
    for (unsigned fd = 0; fd < fdtable_size(table); fd++) {
        struct file *file = 0;
        spin_lock(&table->lock);
        if (bitmap_test(table->cloexec, fd)) {
            file = table->file[fd];
            table->file[fd] = 0;
            bitmap_clear(table->cloexec, fd);
            table->lowest = MIN(table->lowest, fd);
        }
        spin_unlock(&table->lock);
        close_file(table, file);
    }
}

/* Makes room for slot `fd`. Lock held; given up for a moment. */
static int grow(struct fdtable *table, unsigned fd)
{
    unsigned slots = table->slots;
    while (slots <= fd) slots *= 2;
    if (slots > SLOTS_MAX) return -EMFILE;
    spin_unlock(&table->lock);
    struct file **file = kzalloc(slots * sizeof *file);
    uint64_t *cloexec = kzalloc(BITMAP_WORDS(slots) * 8);
    spin_lock(&table->lock);
    bool needed = file && cloexec && table->slots < slots;
    if (needed) {
        memcpy(file, table->file, table->slots * sizeof *file);
        memcpy(cloexec, table->cloexec, BITMAP_WORDS(table->slots) * 8);
        struct file **old_file = table->file;
        uint64_t *old_cloexec = table->cloexec;
        table->file = file;
        table->cloexec = cloexec;
        atomic_store(&table->slots, slots);
        file = old_file;
        cloexec = old_cloexec;
    }
    kfree(file);
    kfree(cloexec);
    return fd < table->slots ? 0 : -ENOMEM;
}

static uint64_t descriptor_limit(void)
{
    uint64_t limit = current->process ? process_limit(RLIMIT_NOFILE) : SLOTS_MAX;
    return MIN(limit, (uint64_t)SLOTS_MAX);
}

static void set_cloexec(struct fdtable *table, unsigned fd, bool cloexec)
{
    if (cloexec)
        bitmap_set(table->cloexec, fd);
    else
        bitmap_clear(table->cloexec, fd);
}

int fd_install_from(struct file *file, int least, bool cloexec)
{
    struct fdtable *table = current->files;
    uint64_t limit = descriptor_limit();
    if (least < 0 || (uint64_t)least >= limit) return -EINVAL;
    spin_lock(&table->lock);
    unsigned fd = MAX((unsigned)least, table->lowest);
    int error = 0;
    for (;;) {
        while (fd < table->slots && table->file[fd]) fd++;
        if (fd >= limit) error = -EMFILE;
        if (error || fd < table->slots) break;
        error = grow(table, fd);
        if (error) break;
    }
    if (!error) {
        table->file[fd] = file;
        set_cloexec(table, fd, cloexec);
        if ((unsigned)least <= table->lowest) table->lowest = fd + 1;
    }
    spin_unlock(&table->lock);
    return error ? error : (int)fd;
}

int fd_install_at(struct file *file, int fd, bool cloexec)
{
    struct fdtable *table = current->files;
    if (fd < 0 || (uint64_t)fd >= descriptor_limit()) return -EBADF;
    spin_lock(&table->lock);
    int error = (unsigned)fd < table->slots ? 0 : grow(table, (unsigned)fd);
    struct file *old = 0;
    if (!error) {
        old = table->file[fd];
        table->file[fd] = file;
        set_cloexec(table, (unsigned)fd, cloexec);
    }
    spin_unlock(&table->lock);
    close_file(table, old);
    return error ? error : fd;
}

struct file *fd_get_of(struct fdtable *table, int fd)
{
    if (!table) return 0;
    spin_lock(&table->lock);
    struct file *file = fd >= 0 && (unsigned)fd < table->slots ? table->file[fd] : 0;
    if (file) file_get(file);
    spin_unlock(&table->lock);
    return file;
}

struct file *fd_get(int fd) { return fd_get_of(current->files, fd); }

int fd_close(int fd)
{
    struct fdtable *table = current->files;
    spin_lock(&table->lock);
    struct file *file = fd >= 0 && (unsigned)fd < table->slots ? table->file[fd] : 0;
    if (file) {
        table->file[fd] = 0;
        bitmap_clear(table->cloexec, (unsigned)fd);
        table->lowest = MIN(table->lowest, (unsigned)fd);
    }
    spin_unlock(&table->lock);
    if (!file) return -EBADF;
    int error =
        file->inode && file->inode->mapping.ops && file_writable(file) ? pagecache_error(&file->inode->mapping) : 0;
    close_file(table, file);
    return error;
}

int fd_close_range(unsigned first, unsigned last, bool only_mark)
{
    struct fdtable *table = current->files;
    if (first > last) return -EINVAL;
    for (unsigned fd = first; fd <= last && fd < fdtable_size(table); fd++) {
        if (only_mark)
            fd_set_flags((int)fd, true);
        else
            fd_close((int)fd);
    }
    return 0;
}

int fd_flags(int fd)
{
    struct fdtable *table = current->files;
    spin_lock(&table->lock);
    bool open = fd >= 0 && (unsigned)fd < table->slots && table->file[fd];
    int flags = open ? (int)bitmap_test(table->cloexec, (unsigned)fd) : -EBADF;
    spin_unlock(&table->lock);
    return flags;
}

int fd_set_flags(int fd, bool cloexec)
{
    struct fdtable *table = current->files;
    spin_lock(&table->lock);
    bool open = fd >= 0 && (unsigned)fd < table->slots && table->file[fd];
    if (open) set_cloexec(table, (unsigned)fd, cloexec);
    spin_unlock(&table->lock);
    return open ? 0 : -EBADF;
}

int fdtable_next(struct fdtable *table, int fd)
{
    spin_lock(&table->lock);
    unsigned at = fd < 0 ? 0 : (unsigned)fd;
    while (at < table->slots && !table->file[at]) at++;
    int found = at < table->slots ? (int)at : -1;
    spin_unlock(&table->lock);
    return found;
}

/* Working directory, root, umask. */

static struct list contexts = LIST_INIT(contexts);
static struct mutex contexts_lock = MUTEX_INIT(contexts_lock, "fs contexts");

static struct fs_context *context_new(void)
{
    struct fs_context *context = kzalloc(sizeof *context);
    if (!context) return 0;
    ref_init(&context->refs);
    spin_init(&context->lock, "fs context", RANK_FS_CONTEXT);
    return context;
}

struct fs_context *fs_context_create(void)
{
    struct fs_context *context = context_new();
    if (!context) return 0;
    mutex_lock(&contexts_lock);
    context->root = root_inode ? inode_ref(root_inode) : 0;
    context->cwd = root_inode ? inode_ref(root_inode) : 0;
    context->umask = 022;
    list_push_back(&contexts, &context->link);
    mutex_unlock(&contexts_lock);
    return context;
}

/* Copied and put on the list in one step, or a root that is exchanged in between (fs_contexts_move) would stay the copy's. */
struct fs_context *fs_context_fork(struct fs_context *context)
{
    struct fs_context *copy = context_new();
    if (!copy) return 0;
    mutex_lock(&contexts_lock);
    spin_lock(&context->lock);
    copy->root = context->root ? inode_ref(context->root) : 0;
    copy->cwd = context->cwd ? inode_ref(context->cwd) : 0;
    copy->umask = context->umask;
    spin_unlock(&context->lock);
    list_push_back(&contexts, &copy->link);
    mutex_unlock(&contexts_lock);
    return copy;
}

void fs_context_get(struct fs_context *context) { ref_get(&context->refs); }

void fs_context_put(struct fs_context *context)
{
    if (!context || !ref_put(&context->refs)) return;
    mutex_lock(&contexts_lock);
    list_remove(&context->link);
    mutex_unlock(&contexts_lock);
    inode_put(context->root);
    inode_put(context->cwd);
    kfree(context);
}

void fs_contexts_move(struct inode *from, struct inode *to)
{
    struct fs_context *context;
    mutex_lock(&contexts_lock);
    list_for_each(context, &contexts, link)
    {
        spin_lock(&context->lock);
        bool root = context->root == from, cwd = context->cwd == from;
        if (root) context->root = inode_ref(to);
        if (cwd) context->cwd = inode_ref(to);
        spin_unlock(&context->lock);
        if (root) inode_put(from);
        if (cwd) inode_put(from);
    }
    mutex_unlock(&contexts_lock);
}
