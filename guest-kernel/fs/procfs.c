/*
 * procfs.c - /proc: the kernel's state as files.
 *
 * Nothing of it is stored. A file is a function that prints; it is called when the file is opened and its text is kept with the
 * open-file entry, so that one reader sees one consistent state; reading from the start prints anew. Some files can be
 * written: the teaching controls under /proc/policy are switched with echo.
 *
 * There are files that are always there (proc_add) and, for every process, a directory with the files of proc_pid.c. An inode's
 * number says what it is, so that inodes are made when somebody looks and forgotten when nobody does:
 *
 *      bits 63..32: pid (0: one of the fixed files)   31..28: kind   27..0: number of file or descriptor
 */
#include "fs/procfs.h"

#include "base/format.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs_internal.h"
#include "kern/init.h"
#include "kern/process.h"
#include "kern/ptrace.h"
#include "kern/task.h"
#include "mm/slab.h"

struct proc_node {
    struct proc_node *parent, *child, *next;
    unsigned mode, number;
    void (*show)(struct proc_text *text, void *argument);
    int (*store)(const char *text, void *argument);
    void *argument;
    char name[];
};

enum kind { K_NODE, K_PID, K_PID_FILE, K_FD_DIRECTORY, K_FD, K_SELF, K_TASKS, K_TASK, K_FDINFO_DIRECTORY, K_FDINFO };
#define INO(pid, kind, number) ((uint64_t)(unsigned)(pid) << 32 | (uint64_t)(kind) << 28 | (number))
#define INO_PID(ino)           ((int)((ino) >> 32))
#define INO_KIND(ino)          ((enum kind)((ino) >> 28 & 15))
#define INO_NUMBER(ino)        ((unsigned)((ino)&0xfffffff))

static struct mutex tree_lock = MUTEX_INIT(tree_lock, "proc tree");
static struct proc_node *top;
static unsigned next_number = 1;
static const struct inode_ops proc_inode_ops;
static const struct file_ops proc_text_ops, proc_directory_ops;

/* The tree of fixed files. tree_lock held. */

static struct proc_node *child_find(struct proc_node *directory, const struct name *name)
{
    struct proc_node *node = directory->child;
    while (node && !name_is(name, node->name)) node = node->next;
    return node;
}

static struct proc_node *child_new(struct proc_node *directory, const struct name *name, unsigned mode)
{
    struct proc_node *node = kzalloc(sizeof *node + name->bytes + 1);
    if (!node) return 0;
    memcpy(node->name, name->text, name->bytes);
    node->mode = mode;
    node->number = next_number++;
    node->parent = directory;
    if (!directory) return node;
    struct proc_node **end = &directory->child;
    while (*end) end = &(*end)->next;
    *end = node;
    return node;
}

static bool have_top(void)
{
    if (!top) top = child_new(0, &(struct name){"", 0}, S_IFDIR | 0555);
    return top;
}

int proc_add(const char *path, unsigned mode, void (*show)(struct proc_text *text, void *argument),
             int (*store)(const char *text, void *argument), void *argument)
{
    int error = 0;
    mutex_lock(&tree_lock);
    struct proc_node *at = have_top() ? top : 0;
    while (at && !error) {
        const char *slash = strchr(path, '/');
        struct name name = {path, slash ? (size_t)(slash - path) : strlen(path)};
        struct proc_node *node = child_find(at, &name);
        if (!slash) {
            if (node) error = -EEXIST;
            node = error ? 0 : child_new(at, &name, S_IFREG | mode);
            if (node) node->show = show, node->store = store, node->argument = argument;
            at = node;
            break;
        }
        at = node ? node : child_new(at, &name, S_IFDIR | 0555);
        path = slash + 1;
    }
    if (!at && !error) error = -ENOMEM;
    mutex_unlock(&tree_lock);
    return error;
}

static struct proc_node *node_numbered(struct proc_node *node, unsigned number)
{
    if (!node || node->number == number) return node;
    for (struct proc_node *child = node->child; child; child = child->next) {
        struct proc_node *found = node_numbered(child, number);
        if (found) return found;
    }
    return 0;
}

/* Nodes are never removed, so a pointer found under the lock stays good. */
static struct proc_node *node_of(struct inode *inode) { return inode->private; }

static int load(struct inode *inode)
{
    int pid = INO_PID(inode->ino);
    unsigned number = INO_NUMBER(inode->ino);
    inode->ops = &proc_inode_ops;
    inode->fops = &proc_directory_ops;
    inode->mode = S_IFDIR | 0555;
    inode->links = 1;
    if (pid) {
        struct task *task = task_find(pid);
        if (!task) return -ENOENT;
        inode->uid = task->cred.euid;
        inode->gid = task->cred.egid;
        task_put(task);
    }
    switch (INO_KIND(inode->ino)) {
    case K_NODE:
        mutex_lock(&tree_lock);
        inode->private = node_numbered(top, number);
        mutex_unlock(&tree_lock);
        inode->mode = node_of(inode)->mode;
        if (S_ISREG(inode->mode)) inode->fops = &proc_text_ops;
        return 0;
    case K_PID_FILE:
        inode->mode = proc_pid_files[number].mode;
        if (S_ISREG(inode->mode)) inode->fops = &proc_text_ops;
        return 0;
    case K_FD_DIRECTORY: inode->mode = S_IFDIR | 0500; return 0;
    case K_FD: inode->mode = S_IFLNK | 0700; return 0;
    case K_FDINFO_DIRECTORY: inode->mode = S_IFDIR | 0500; return 0;
    case K_FDINFO:
        inode->mode = S_IFREG | 0400;
        inode->fops = &proc_text_ops;
        return 0;
    case K_SELF: inode->mode = S_IFLNK | 0777; return 0;
    default: return 0;
    }
}

/* Names. */

static int number_of(const struct name *name)
{
    int value = 0;
    if (!name->bytes || name->bytes > 9 || (name->text[0] == '0' && name->bytes > 1)) return -1;
    for (size_t i = 0; i < name->bytes; i++) {
        if (name->text[i] < '0' || name->text[i] > '9') return -1;
        value = value * 10 + (name->text[i] - '0');
    }
    return value;
}

static int give(struct superblock *sb, uint64_t ino, struct inode **found)
{
    struct inode *inode = inode_get(sb, ino);
    if (IS_ERR(inode)) return (int)PTR_ERR(inode);
    *found = inode;
    return 0;
}

/* The process that a thread is of, 0 if there is no such thread. */
static int process_of(int tid)
{
    struct task *task = task_find(tid);
    int pid = task ? task->tgid : 0;
    if (task) task_put(task);
    return pid;
}

static int lookup_node(struct inode *directory, const struct name *name, struct inode **found)
{
    struct proc_node *node = node_of(directory);
    if (name_is(name, ".."))
        return give(directory->sb, INO(0, K_NODE, (node->parent ? node->parent : node)->number), found);
    if (node == top && (name_is(name, "self") || name_is(name, "thread-self")))
        return give(directory->sb, INO(0, K_SELF, name->bytes > 4), found);
    int pid = node == top ? number_of(name) : -1;
    if (pid > 0) return process_of(pid) == pid ? give(directory->sb, INO(pid, K_PID, 0), found) : -ENOENT;
    mutex_lock(&tree_lock);
    node = child_find(node, name);
    mutex_unlock(&tree_lock);
    return node ? give(directory->sb, INO(0, K_NODE, node->number), found) : -ENOENT;
}

/* In the directory of a process, or of one thread, which has no directory of threads. */
static int lookup_pid(struct inode *directory, const struct name *name, struct inode **found)
{
    int pid = INO_PID(directory->ino);
    bool thread = INO_KIND(directory->ino) == K_TASK;
    if (name_is(name, "..")) {
        int process = process_of(pid);
        if (thread && !process) return -ENOENT;
        return give(directory->sb, thread ? INO(process, K_TASKS, 0) : INO(0, K_NODE, top->number), found);
    }
    if (name_is(name, "fd")) return give(directory->sb, INO(pid, K_FD_DIRECTORY, 0), found);
    if (name_is(name, "fdinfo")) return give(directory->sb, INO(pid, K_FDINFO_DIRECTORY, 0), found);
    if (!thread && name_is(name, "task")) return give(directory->sb, INO(pid, K_TASKS, 0), found);
    for (unsigned i = 0; i < proc_pid_file_count; i++)
        if (name_is(name, proc_pid_files[i].name)) return give(directory->sb, INO(pid, K_PID_FILE, i), found);
    return -ENOENT;
}

/* The descriptor table of a process, with a reference; NULL: it has none any more. */
static struct fdtable *table_of(int pid)
{
    struct task *task = task_find(pid);
    if (!task) return 0;
    spin_lock(&process_lock);
    struct fdtable *table = task->files;
    if (table) fdtable_get(table);
    spin_unlock(&process_lock);
    task_put(task);
    return table;
}

static struct file *file_of(int pid, int fd)
{
    struct fdtable *table = table_of(pid);
    struct file *file = fd_get_of(table, fd);
    fdtable_put(table);
    return file;
}

/*
 * What a process has in memory and in its environment, where it is, which program it runs and what it has open is for those who may
 * trace it, and for root.
 */
static int may_look(int pid, bool is_private)
{
    if (!is_private || cred_is_root()) return 0;
    struct task *task = task_find(pid);
    if (!task) return -ESRCH;
    spin_lock(&process_lock);
    bool may = ptrace_may_access(task);
    spin_unlock(&process_lock);
    task_put(task);
    return may ? 0 : -EACCES;
}

static bool is_private(uint64_t ino)
{
    enum kind kind = INO_KIND(ino);
    if (kind == K_PID_FILE) return proc_pid_files[INO_NUMBER(ino)].is_private;
    return kind == K_FD || kind == K_FDINFO || kind == K_FD_DIRECTORY || kind == K_FDINFO_DIRECTORY;
}

static int may_look_at(uint64_t ino) { return may_look(INO_PID(ino), is_private(ino)); }

/* The same for names, which are not there if the process is not. */
static int may_follow(uint64_t ino)
{
    int error = may_look_at(ino);
    return error == -ESRCH ? -ENOENT : error;
}

static int proc_lookup(struct inode *directory, const struct name *name, struct inode **found)
{
    int pid = INO_PID(directory->ino), number;
    switch (INO_KIND(directory->ino)) {
    case K_NODE: return lookup_node(directory, name, found);
    case K_PID:
    case K_TASK: return lookup_pid(directory, name, found);
    case K_TASKS:
        if (name_is(name, "..")) return give(directory->sb, INO(pid, K_PID, 0), found);
        number = number_of(name);
        if (number <= 0 || process_of(number) != pid) return -ENOENT;
        return give(directory->sb, INO(number, K_TASK, 0), found);
    case K_FDINFO_DIRECTORY:
    case K_FD_DIRECTORY:
        if (name_is(name, "..")) return give(directory->sb, INO(pid, K_PID, 0), found);
        int error = may_follow(directory->ino);
        if (error) return error;
        number = number_of(name);
        struct file *file = number >= 0 ? file_of(pid, number) : 0;
        if (!file) return -ENOENT;
        file_put(file);
        enum kind kind = INO_KIND(directory->ino) == K_FD_DIRECTORY ? K_FD : K_FDINFO;
        return give(directory->sb, INO(pid, kind, (unsigned)number), found);
    default: return -ENOTDIR;
    }
}

static long proc_readlink(struct inode *inode, char *to, size_t room)
{
    int pid = INO_PID(inode->ino);
    long n = -ENOENT;
    if (INO_KIND(inode->ino) == K_SELF) {
        if (INO_NUMBER(inode->ino)) return format(to, room, "%d/task/%d", current->tgid, current->pid);
        return format(to, room, "%d", current->tgid);
    }
    int error = may_follow(inode->ino);
    if (error) return error;
    if (INO_KIND(inode->ino) == K_FD) {
        struct file *file = file_of(pid, (int)INO_NUMBER(inode->ino));
        if (!file) return -ENOENT;
        n = file_path(file, to, room);
        file_put(file);
        return n > 0 ? n - 1 : n; /* without the NUL */
    }
    struct task *task = task_find(pid);
    if (!task) return -ENOENT;
    const struct proc_pid_file *entry = &proc_pid_files[INO_NUMBER(inode->ino)];
    if (INO_KIND(inode->ino) == K_PID_FILE && entry->readlink) n = entry->readlink(task, to, room);
    task_put(task);
    return n;
}

static struct inode *proc_follow(struct inode *inode)
{
    int pid = INO_PID(inode->ino);
    struct inode *to = 0;
    int error = may_follow(inode->ino);
    if (error) return ERR_PTR(error);
    if (INO_KIND(inode->ino) == K_FD) {
        struct file *file = file_of(pid, (int)INO_NUMBER(inode->ino));
        if (file && file->inode) to = inode_ref(file->inode);
        if (file) file_put(file);
    } else {
        const struct proc_pid_file *entry = &proc_pid_files[INO_NUMBER(inode->ino)];
        struct task *task = task_find(pid);
        if (task && entry->follow) to = entry->follow(task);
        if (task) task_put(task);
    }
    return to ? to : ERR_PTR(-ENOENT);
}

/* Opening a control with O_TRUNC, as a shell's ">" does, cuts nothing off and is no error; nothing else can be set. */
static int proc_setattr(struct inode *inode, const struct attr *attr)
{
    (void)inode;
    return attr->mask & ~(unsigned)(ATTR_SIZE | ATTR_MTIME | ATTR_CTIME) ? -EPERM : 0;
}

/* The link to an open file shows how it is open. */
static void refresh_descriptor(struct inode *inode)
{
    if (INO_KIND(inode->ino) != K_FD) return;
    struct file *file = file_of(INO_PID(inode->ino), (int)INO_NUMBER(inode->ino));
    if (!file) return;
    inode->mode = S_IFLNK | (file_readable(file) ? 0500 : 0) | (file_writable(file) ? 0300 : 0);
    inode->size = 64;
    file_put(file);
}

static const struct inode_ops proc_inode_ops = {
    .lookup = proc_lookup, .readlink = proc_readlink, .setattr = proc_setattr};
static const struct inode_ops proc_magic_ops = {
    .readlink = proc_readlink, .follow = proc_follow, .refresh = refresh_descriptor};

static int proc_load(struct inode *inode)
{
    int error = load(inode);
    bool magic = INO_KIND(inode->ino) == K_FD || (INO_KIND(inode->ino) == K_PID_FILE && S_ISLNK(inode->mode) &&
                                                  proc_pid_files[INO_NUMBER(inode->ino)].follow);
    if (magic) inode->ops = &proc_magic_ops;
    return error;
}

/* Directories. Position 0 ".", 1 "..", then fixed entries from 2, then pids or descriptors from BASE. */
#define BASE 0x10000

static int list_nodes(struct file *file, struct dirent_sink *sink, struct proc_node *directory)
{
    uint64_t at = 2;
    for (struct proc_node *node = directory->child; node; node = node->next, at++)
        if (at >= file->position &&
            !sink->put(sink, node->name, strlen(node->name), INO(0, K_NODE, node->number), node->mode >> 12, at + 1))
            return 1;
    if (directory != top || file->position > BASE - 1) return 0;
    return file->position <= at && !sink->put(sink, "self", 4, INO(0, K_SELF, 0), S_IFLNK >> 12, BASE);
}

static int list_tasks(struct file *file, struct dirent_sink *sink, int of)
{
    char name[12];
    int pid = file->position > BASE ? (int)(file->position - BASE) : 1;
    for (;; pid++) {
        struct task *task = task_next(&pid);
        if (!task) return 0;
        bool wanted = of ? task->tgid == of : task->tgid == task->pid;
        task_put(task);
        if (!wanted) continue;
        int n = format(name, sizeof name, "%d", pid);
        if (!sink->put(sink, name, (size_t)n, INO(pid, of ? K_TASK : K_PID, 0), S_IFDIR >> 12,
                       (uint64_t)BASE + (uint64_t)pid + 1))
            return 0;
    }
}

static int list_descriptors(struct file *file, struct dirent_sink *sink, int pid, enum kind kind)
{
    char name[12];
    struct fdtable *table = table_of(pid);
    int fd = file->position > BASE ? (int)(file->position - BASE) : 0;
    for (; table && (fd = fdtable_next(table, fd)) >= 0; fd++) {
        int n = format(name, sizeof name, "%d", fd);
        if (!sink->put(sink, name, (size_t)n, INO(pid, kind, (unsigned)fd), (kind == K_FD ? S_IFLNK : S_IFREG) >> 12,
                       (uint64_t)BASE + (uint64_t)fd + 1))
            break;
    }
    fdtable_put(table);
    return 0;
}

static int list_pid_files(struct file *file, struct dirent_sink *sink, int pid, bool thread)
{
    if (file->position <= 2 && !sink->put(sink, "fd", 2, INO(pid, K_FD_DIRECTORY, 0), S_IFDIR >> 12, 3)) return 0;
    if (!thread && file->position <= 3 && !sink->put(sink, "task", 4, INO(pid, K_TASKS, 0), S_IFDIR >> 12, 4)) return 0;
    if (file->position <= 4 && !sink->put(sink, "fdinfo", 6, INO(pid, K_FDINFO_DIRECTORY, 0), S_IFDIR >> 12, 5))
        return 0;
    for (unsigned i = 0; i < proc_pid_file_count; i++) {
        const struct proc_pid_file *entry = &proc_pid_files[i];
        if (file->position > 5 + i) continue;
        if (!sink->put(sink, entry->name, strlen(entry->name), INO(pid, K_PID_FILE, i), entry->mode >> 12, 6 + i))
            return 0;
    }
    return 0;
}

static int proc_readdir(struct file *file, struct dirent_sink *sink)
{
    struct inode *directory = file->inode;
    int pid = INO_PID(directory->ino), error = may_follow(directory->ino);
    if (error) return error;
    if (file->position == 0 && !sink->put(sink, ".", 1, directory->ino, S_IFDIR >> 12, 1)) return 0;
    if (file->position <= 1 && !sink->put(sink, "..", 2, INO(0, K_NODE, top->number), S_IFDIR >> 12, 2)) return 0;
    switch (INO_KIND(directory->ino)) {
    case K_NODE:
        if (list_nodes(file, sink, node_of(directory)) || node_of(directory) != top) return 0;
        return list_tasks(file, sink, 0);
    case K_PID:
    case K_TASK: return list_pid_files(file, sink, pid, INO_KIND(directory->ino) == K_TASK);
    case K_TASKS: return list_tasks(file, sink, pid);
    case K_FD_DIRECTORY: return list_descriptors(file, sink, pid, K_FD);
    case K_FDINFO_DIRECTORY: return list_descriptors(file, sink, pid, K_FDINFO);
    default: return 0;
    }
}

/* Text files. */

static int print_descriptor(struct proc_text *text, int pid, int fd)
{
    struct file *file = file_of(pid, fd);
    if (!file) return -ENOENT;
    proc_print(text, "pos:\t%lu\nflags:\t0%o\nino:\t%lu\n", file->position, file->flags,
               file->inode ? file->inode->ino : 0);
    file_put(file);
    return 0;
}

/*
 * Since the file was opened the process may have run another program, and while it is printed, too: exec says whether others may look at the
 * moment when the new memory can be seen, so what was printed may be shown if looking is allowed before and after.
 */
static int print_of_process(struct inode *inode, struct proc_text *text)
{
    int error = may_look_at(inode->ino);
    if (error) return error;
    if (INO_KIND(inode->ino) == K_FDINFO) {
        error = print_descriptor(text, INO_PID(inode->ino), (int)INO_NUMBER(inode->ino));
    } else {
        struct task *task = task_find(INO_PID(inode->ino));
        if (!task) return -ESRCH;
        proc_pid_files[INO_NUMBER(inode->ino)].show(text, task);
        task_put(task);
    }
    if (!error) error = may_look_at(inode->ino);
    if (error) text->bytes = 0;
    return error;
}

static int print_text(struct inode *inode, struct proc_text *text)
{
    text->bytes = 0;
    text->full = false;
    if (INO_KIND(inode->ino) == K_NODE) {
        if (!node_of(inode)->show) return -EACCES;
        node_of(inode)->show(text, node_of(inode)->argument);
    } else {
        int error = print_of_process(inode, text);
        if (error) return error;
    }
    return text->full && !text->bytes ? -ENOMEM : 0;
}

static int text_open(struct file *file)
{
    int error = may_look_at(file->inode->ino);
    if (error) return error;
    file->private = kzalloc(sizeof(struct proc_text));
    return file->private ? 0 : -ENOMEM;
}

static void text_release(struct file *file)
{
    struct proc_text *text = file->private;
    kfree(text->data);
    kfree(text);
}

static ssize_t text_read(struct file *file, struct uio *uio)
{
    struct proc_text *text = file->private;
    mutex_lock(&file->inode->lock);
    int error = uio->offset == 0 || !text->data ? print_text(file->inode, text) : 0;
    ssize_t n = error;
    if (!error && uio->offset < text->bytes) n = uio_put(uio, text->data + uio->offset, text->bytes - uio->offset);
    mutex_unlock(&file->inode->lock);
    return n;
}

static ssize_t text_write(struct file *file, struct uio *uio)
{
    const struct proc_pid_file *entry =
        INO_KIND(file->inode->ino) == K_PID_FILE ? &proc_pid_files[INO_NUMBER(file->inode->ino)] : 0;
    bool store = INO_KIND(file->inode->ino) == K_NODE ? node_of(file->inode)->store != 0 : entry && entry->store;
    if (!store) return -EACCES;
    char line[512];
    size_t all = uio->left;
    if (all >= sizeof line) return -EINVAL;
    ssize_t n = uio_get(uio, line, all);
    if (n < 0) return n;
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == ' ')) n--;
    line[n] = 0;
    int error;
    if (entry) {
        struct task *task = task_find(INO_PID(file->inode->ino));
        error = task ? entry->store(task, line) : -ESRCH;
        if (task) task_put(task);
    } else {
        error = node_of(file->inode)->store(line, node_of(file->inode)->argument);
    }
    return error ? error : (ssize_t)all;
}

/* Nobody knows where the end is before all has been printed. */
static int64_t text_seek(struct file *file, int64_t offset, int whence)
{
    return whence == 2 ? -EINVAL : file_seek_generic(file, offset, whence);
}

static const struct file_ops proc_text_ops = {
    .read = text_read, .write = text_write, .seek = text_seek, .open = text_open, .release = text_release};
static const struct file_ops proc_directory_ops = {.readdir = proc_readdir};

static struct inode *proc_alloc(struct superblock *sb)
{
    (void)sb;
    return kzalloc(sizeof(struct inode));
}
static void proc_free(struct inode *inode) { kfree(inode); }
static int proc_statfs(struct superblock *sb, struct statfs_info *info)
{
    (void)sb;
    *info = (struct statfs_info){.type = 0x9fa0, .block_bytes = 4096, .name_max = NAME_MAX};
    return 0;
}
/* What is mounted on a process's directory could not be found any more when the process has gone. */
static bool proc_may_cover(const struct inode *directory) { return INO_KIND(directory->ino) == K_NODE; }

static const struct sb_ops proc_sb_ops = {
    .alloc = proc_alloc, .free = proc_free, .load = proc_load, .statfs = proc_statfs, .may_cover = proc_may_cover};

static int proc_mount(struct superblock *sb, const char *options)
{
    (void)options;
    mutex_lock(&tree_lock);
    bool there = have_top();
    mutex_unlock(&tree_lock);
    if (!there) return -ENOMEM;
    sb->ops = &proc_sb_ops;
    struct inode *root = inode_get(sb, INO(0, K_NODE, top->number));
    if (IS_ERR(root)) return (int)PTR_ERR(root);
    sb->root = root;
    return 0;
}

static struct fs_type proc_type = {.name = "proc", .mount = proc_mount};
static void proc_init(void) { fs_register(&proc_type); }
INIT(INIT_SUBSYSTEM, proc_init);
