/*
 * vfs.h - the virtual file system: what all kinds of files have in common.
 *
 *    process           system-wide                      system-wide                      per file system
 *   descriptor table   open-file table                  active-file table
 *   +---+             +------------------------+       +----------------------------+
 *   | 0 | ----------> | struct file            | ----> | struct inode               | --> KFS: blocks on the disk
 *   | 1 | --+    +--> |  position, flags, ops  |  +--> |  mode, owner, size, times, |     tmpfs: frames
 *   | 2 | --+----+    +------------------------+  |    |  page cache, locks         |     procfs: a function
 *   +---+     dup     | struct file            | -+    +----------------------------+
 *                     +------------------------+       one per file that is in use (or was, a short time ago)
 *                     one per open()
 *
 * Both tables are lists of counted objects, not arrays: they have no fixed size.
 *
 * A *superblock* is one mounted file system. Mounting hangs its root over a directory ("covered"): a path walk that comes
 * to the directory goes on at the root, and ".." of the root leads to the covered directory's parent. A file system is
 * mounted in one place at a time, so an inode is enough to say where one is in the tree of names.
 *
 * Locks. inode->lock (a mutex) is held by whoever changes a directory's entries or a file's size or content; directories are
 * locked parent before child, two unrelated ones under rename_lock. It is held while user memory is touched, so a
 * file system's read_page and write_page must not need it. Attributes (mode, owner, times) change under inode->lock
 * and are read without.
 */
#ifndef KEPLER_FS_VFS_H
#define KEPLER_FS_VFS_H

#include "base/atomic.h"
#include "base/errno.h"
#include "base/list.h"
#include "base/types.h"
#include "fs/uio.h"
#include "kern/lock.h"
#include "mm/pagecache.h"

/* Numbers of the Linux interface. */
#define S_IFMT   0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK  0120000u
#define S_IFREG  0100000u
#define S_IFBLK  0060000u
#define S_IFDIR  0040000u
#define S_IFCHR  0020000u
#define S_IFIFO  0010000u
#define S_ISUID  0004000u
#define S_ISGID  0002000u
#define S_ISVTX  0001000u

#define S_ISDIR(mode)  (((mode)&S_IFMT) == S_IFDIR)
#define S_ISREG(mode)  (((mode)&S_IFMT) == S_IFREG)
#define S_ISLNK(mode)  (((mode)&S_IFMT) == S_IFLNK)
#define S_ISCHR(mode)  (((mode)&S_IFMT) == S_IFCHR)
#define S_ISBLK(mode)  (((mode)&S_IFMT) == S_IFBLK)
#define S_ISFIFO(mode) (((mode)&S_IFMT) == S_IFIFO)
#define S_ISSOCK(mode) (((mode)&S_IFMT) == S_IFSOCK)

#define O_ACCMODE   03
#define O_RDONLY    0
#define O_WRONLY    1
#define O_RDWR      2
#define O_CREAT     0100
#define O_EXCL      0200
#define O_NOCTTY    0400
#define O_TRUNC     01000
#define O_APPEND    02000
#define O_NONBLOCK  04000
#define O_DSYNC     010000
#define O_ASYNC     020000
#define O_DIRECT    040000
#define O_LARGEFILE 0100000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW  0400000
#define O_NOATIME   01000000
#define O_CLOEXEC   02000000
#define O_SYNC      04010000
#define O_PATH      010000000
#define O_TMPFILE   020200000

#define AT_FDCWD            (-100)
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR        0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT     0x800
#define AT_EMPTY_PATH       0x1000
#define AT_EACCESS          0x200

#define NAME_MAX  255
#define PATH_MAX  4096
#define LINKS_MAX 40 /* symbolic links in one path walk; more is ELOOP */

#define MS_RDONLY  1u
#define MS_NOSUID  2u
#define MS_NODEV   4u
#define MS_NOEXEC  8u
#define MS_REMOUNT 32u

#define DEV_MAKE(major, minor) ((uint64_t)(major) << 32 | (uint32_t)(minor))
#define DEV_MAJOR(dev)         ((unsigned)((dev) >> 32))
#define DEV_MINOR(dev)         ((unsigned)(dev))
/* Linux's 32-bit form, as in struct stat, mknod and on the disk; and back. */
uint32_t dev_encode(uint64_t dev);
uint64_t dev_decode(uint32_t encoded);

/* poll */
#define POLLIN     0x0001u
#define POLLPRI    0x0002u
#define POLLOUT    0x0004u
#define POLLERR    0x0008u
#define POLLHUP    0x0010u
#define POLLNVAL   0x0020u
#define POLLRDNORM 0x0040u
#define POLLWRNORM 0x0100u
#define POLLRDHUP  0x2000u

struct file;
struct inode;
struct superblock;
struct blkdev;
struct pipe;
struct poll_table;

/* A name being looked up: not terminated. */
struct name {
    const char *text;
    size_t bytes; /* 1 ... NAME_MAX */
};

enum attr_mask {
    ATTR_MODE = 1,
    ATTR_UID = 2,
    ATTR_GID = 4,
    ATTR_SIZE = 8,
    ATTR_ATIME = 16,
    ATTR_MTIME = 32,
    ATTR_CTIME = 64
};
struct attr {
    unsigned mask;
    uint32_t mode; /* permission bits only */
    uint32_t uid, gid;
    uint64_t size;
    int64_t atime_ns, mtime_ns, ctime_ns; /* since 1970 */
};

/*
 * What a file system does for directories and attributes. NULL: not possible (EPERM or what Linux says). All are called with
 * the lock of every directory they change held; names have been checked for length and '/'. Those that return an inode
 * return it with a reference.
 */
struct inode_ops {
    int (*lookup)(struct inode *directory, const struct name *name, struct inode **found); /* -ENOENT */
    /* Any kind but symbolic links, by mode & S_IFMT. The caller has seen that the name is not there. */
    int (*create)(struct inode *directory, const struct name *name, const struct attr *attr, uint64_t rdev,
                  struct inode **made);
    int (*symlink)(struct inode *directory, const struct name *name, const struct attr *attr, const char *target,
                   struct inode **made);
    int (*link)(struct inode *directory, const struct name *name, struct inode *inode);
    int (*unlink)(struct inode *directory, const struct name *name,
                  struct inode *victim); /* directories must be empty */
    /* `victim`: what is at the new name (NULL: nothing); goes away. `exchange`: the two change places. */
    int (*rename)(struct inode *from, const struct name *old, struct inode *inode, struct inode *to,
                  const struct name *new, struct inode *victim, bool exchange);
    long (*readlink)(struct inode *inode, char *to, size_t room); /* bytes, not terminated */
    /* Where a magic link of /proc leads, instead of its text; with a reference. */
    struct inode *(*follow)(struct inode *inode);
    int (*setattr)(struct inode *inode,
                   const struct attr *attr); /* inode locked; permission checked; sets inode's fields too */
    /* A write of these bytes is about to go into the page cache: keep room on the disk for it. May be NULL. 0, -ENOSPC, -EFBIG. */
    int (*reserve)(struct inode *inode, uint64_t offset, uint64_t bytes);
    /* Refreshes mode, size, owner before they are looked at (procfs). May be NULL. */
    void (*refresh)(struct inode *inode);
};

/* For readdir: takes one entry; false: no more room, the entry must come again next time. */
struct dirent_sink {
    bool (*put)(struct dirent_sink *sink, const char *name, size_t bytes, uint64_t ino, unsigned type,
                uint64_t next_position);
};

/*
 * What can be done with an open file. NULL means: read, write: EINVAL; seek: generic (file_seek_generic); ioctl: ENOTTY; map: ENODEV;
 * poll: always ready; readdir: ENOTDIR; release: nothing; fsync: EINVAL.
 */
struct file_ops {
    ssize_t (*read)(struct file *file, struct uio *uio); /* at uio->offset; bytes, 0 at the end */
    ssize_t (*write)(struct file *file, struct uio *uio);
    int64_t (*seek)(struct file *file, int64_t offset, int whence); /* the new position */
    long (*ioctl)(struct file *file, unsigned request, uint64_t argument);
    /* What mmap of this file maps: *mapping stays valid as long as the file is held; NULL: zero pages (/dev/zero). */
    int (*map)(struct file *file, struct mapping **mapping);
    unsigned (*poll)(struct file *file, struct poll_table *table);
    int (*readdir)(struct file *file, struct dirent_sink *sink); /* from file->position; directory locked */
    void (*flush)(struct file *file);                            /* a process has closed a descriptor of it */
    void (*release)(struct file *file);                          /* the last reference goes */
    int (*fsync)(struct file *file, bool data_only);
    int (*open)(struct file *file); /* may replace ops and private; an error makes open fail */
    unsigned flags;                 /* enum file_ops_flag */
};
enum file_ops_flag {
    FOPS_STREAM = 1, /* no position: lseek and pread give ESPIPE; reads are not serialised */
};

/* An entry of the active-file table. */
struct inode {
    struct refcount refs;
    struct superblock *sb;
    uint64_t ino;
    uint32_t mode, links, uid, gid;
    uint64_t rdev; /* device files: DEV_MAKE */
    uint64_t size;
    uint64_t bytes_used; /* on the disk or in memory, for st_blocks */
    int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
    bool
        times_dirty; /* times changed in memory only, by reads and writes; written with the next change, sync or eviction */
    uint32_t generation;
    const struct inode_ops *ops;
    const struct file_ops *fops;
    struct mutex lock;
    struct mapping mapping;     /* cached content; ops NULL if there is none */
    struct superblock *mounted; /* the file system that covers this directory; its reference keeps the inode */
    struct list locks;          /* file locks (RANK_FILELOCK) */
    struct list watches;        /* of ipc/inotify.c, which protects it; one reference if there are any */
    struct pipe *fifo;          /* a named pipe that is open */
    void *socket;               /* what is bound to this socket file (ipc/) */
    int writers;                /* open for writing (> 0) or being executed (< 0: ETXTBSY); atomic */
    /* active-file table; under RANK_INODE_TABLE */
    struct list table_link;  /* its bucket */
    struct list unused_link; /* refs is 0: by age */
    struct list sb_link;
    bool hashed, loading, failed; /* refs below 0: it is going away */
    void *private;
};

struct statfs_info {
    uint64_t type, block_bytes, blocks, free, available, inodes, inodes_free, name_max;
};

struct sb_ops {
    struct inode *(*alloc)(struct superblock *sb); /* zeroed, larger than struct inode; NULL: no memory */
    void (*free)(struct inode *inode);
    int (*load)(struct inode *inode); /* ino is set: fill in the rest. -ESTALE: no such inode; -EUCLEAN: damaged */
    /* The last reference has gone. links 0: free it on the disk. Pages are flushed (or dropped) already. */
    void (*evict)(struct inode *inode);
    bool keep;                             /* keep unused inodes in the table */
    int (*sync)(struct superblock *sb);    /* everything durable; data pages have been flushed */
    void (*shrink)(struct superblock *sb); /* lets go of cached metadata that nobody uses; may be NULL */
    int (*statfs)(struct superblock *sb, struct statfs_info *info);
    int (*remount)(struct superblock *sb, unsigned flags);
    /* Whether something may be mounted here; NULL: on every directory. */
    bool (*may_cover)(const struct inode *directory);
    bool names_hold; /* every name of an inode holds a reference (file systems in memory) */
    /* Unmounting: let go of these references. */
    void (*before_unmount)(struct inode *root);
    void (*unmount)(struct superblock *sb); /* no inode is left; frees private */
};

struct superblock {
    const struct fs_type *type;
    const struct sb_ops *ops;
    unsigned number; /* in /proc/PID/mountinfo */
    uint64_t dev;    /* st_dev */
    unsigned flags;  /* MS_* */
    struct inode *root;
    struct inode *covered; /* NULL: the root of everything */
    struct list link;      /* all, in the order of mounting */
    struct list inodes;
    bool ending;           /* unmounted: inodes that nobody uses go at once; RANK_INODE_TABLE */
    char *source;          /* for /proc/mounts */
    struct blkdev *device; /* NULL: none */
    void *private;
};

struct fs_type {
    const char *name;
    bool needs_device;
    /* Fills in ops, root (with a reference), private. `options`: text or NULL. */
    int (*mount)(struct superblock *sb, const char *options);
    bool (*is_on)(struct blkdev *device); /* does the device hold one? NULL: cannot be told */
    struct fs_type *next;
};
void fs_register(struct fs_type *type);
struct fs_type *fs_type_next(struct fs_type *type); /* NULL: the first; NULL at the end */

/* Active-file table. */
struct inode *inode_get(struct superblock *sb, uint64_t ino); /* found or loaded; or an error pointer */
struct inode *inode_new(struct superblock *sb,
                        uint64_t ino); /* not to be loaded: just made; links 1, times now; or an error pointer */
struct inode *inode_ref(struct inode *inode);
/* To an inode that only its name holds: a file system in memory has found it. Unmounting counts references, and counts no walk twice or
 * not at all that goes from one to the next. */
struct inode *inode_ref_named(struct inode *inode);
bool inode_ref_unless_dying(struct inode *inode);
void inode_put(struct inode *inode);                               /* NULL is fine; may sleep */
int64_t inode_now(void);                                           /* time for timestamps, ns since 1970 */
void inode_touch(struct inode *inode, unsigned mask, int64_t now); /* ATTR_ATIME ... through setattr, errors ignored */
void inode_each(void (*f)(struct inode *inode, void *argument), void *argument); /* all active files; must not sleep */
/* Frees up to `count` unused inodes; the number freed. For the pager. */
size_t inode_shrink(size_t count);
/* Frees the clean frames of every file that nobody maps. */
void inode_drop_pages(void);

/* An entry of the open-file table. */
struct file {
    struct refcount refs;
    const struct file_ops *ops;
    struct inode *inode;  /* NULL: none (anonymous things may have none); one reference */
    struct spinlock lock; /* RANK_FILE: flags */
    struct mutex position_lock;
    uint64_t position;
    unsigned flags;       /* O_*: access mode, O_APPEND, O_NONBLOCK ... */
    uint64_t ahead_at;    /* where a sequential reader would go on */
    struct inode *parent; /* by which path it was opened, for /proc: directory (NULL: none) and name */
    char *name;
    const char *kind;       /* "pipe", "socket", "epoll": for /proc/PID/fd when there is no name */
    struct list table_link; /* the open-file table; for counting and /proc */
    struct list epolls;     /* epoll instances that watch it (RANK_EPOLL) */
    int owner;              /* F_SETOWN */
    bool notifies;          /* opened by a program: what happens to it is reported (notify.h) */
    void *private;
};

struct file *file_new(const struct file_ops *ops, struct inode *inode,
                      unsigned flags); /* takes a reference to inode; NULL: no memory */
struct file *file_get(struct file *file);
void file_put(struct file *file); /* may sleep */
static inline bool file_readable(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_WRONLY && !(file->flags & O_PATH);
}
static inline bool file_writable(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_RDONLY && !(file->flags & O_PATH);
}
unsigned file_count(void);
int file_path(struct file *file, char *to, size_t room); /* as /proc/PID/fd shows it; bytes or -errno */

/* At uio->offset, without touching the file's position: pread. Checks access mode and kind. Bytes or -errno. */
ssize_t file_read_at(struct file *file, struct uio *uio);
ssize_t file_write_at(struct file *file, struct uio *uio);
/* At the file's position, which moves. */
ssize_t file_read(struct file *file, struct uio *uio);
ssize_t file_write(struct file *file, struct uio *uio);
ssize_t file_pread_kernel(struct file *file, void *to, size_t n, uint64_t offset);
ssize_t file_write_kernel(struct file *file, const void *from, size_t n); /* at the position */
int64_t file_seek(struct file *file, int64_t offset, int whence);
int64_t file_seek_generic(struct file *file, int64_t offset, int whence);
int file_truncate(struct file *file, uint64_t size);
int file_sync(struct file *file, bool data_only);
unsigned file_poll(struct file *file, struct poll_table *table);
/* What mmap maps: 0 and *mapping (NULL: zero pages), or -EACCES, -ENODEV. prot and flags as in mmap. */
int file_map(struct file *file, int prot, int flags, struct mapping **mapping);
/* exec: nobody may write while it runs. 0 or -ETXTBSY; and back. */
int file_deny_write(struct file *file);
void file_allow_write(struct file *file);

/* Regular files over the page cache: the file_ops of tmpfs, KFS, block devices. */
ssize_t cached_read(struct file *file, struct uio *uio);
ssize_t cached_write(struct file *file, struct uio *uio);
int cached_map(struct file *file, struct mapping **mapping);
int cached_fsync(struct file *file, bool data_only);
bool inode_mapping_hold(struct mapping *mapping); /* for mapping_ops */
void inode_mapping_release(struct mapping *mapping);

/* Paths. */
enum walk_flag {
    WALK_FOLLOW = 1,    /* follow a symbolic link at the end */
    WALK_DIRECTORY = 2, /* the end must be a directory */
    WALK_EMPTY = 4,     /* an empty path means `at` itself */
};
/* Kernel strings. `at`: descriptor or AT_FDCWD. The inode with a reference, or an error pointer. */
struct inode *walk(int at, const char *path, unsigned flags);
/* One name in a directory: permission to search, "." and "..", mounts. With a reference. Locks the directory. */
struct inode *walk_step(struct inode *directory, const struct name *name);
struct inode *inode_parent(struct inode *directory); /* ".." of the name tree, mounts included; with a reference */
/* Absolute, from the process's root; bytes with the NUL, or -errno. What is not below that root: from the root of everything; in the second
 * form -ENOENT. */
int inode_path(struct inode *directory, char *to, size_t room);
int inode_path_inside(struct inode *directory, char *to, size_t room);
extern struct inode *root_inode; /* of the name tree; NULL until something is mounted */

/* Permission of the current task: mask of 4 read, 2 write, 1 execute/search. 0, -EACCES, -EROFS. */
int inode_permission(struct inode *inode, unsigned mask);
int inode_permission_real(struct inode *inode, unsigned mask); /* with the real ids: access(2) */
bool inode_owner_ok(struct inode *inode);                      /* owner or privileged */

/* Whole operations on kernel strings, with all checks. 0 or -errno; vfs_open returns a file or an error pointer. */
struct file *vfs_open(int at, const char *path, int flags, unsigned mode);
struct file *vfs_open_inode(struct inode *inode, int flags);           /* permission checked; no path */
int vfs_mknod(int at, const char *path, unsigned mode, uint64_t rdev); /* mode with S_IF*, before the umask */
int vfs_mkdir(int at, const char *path, unsigned mode);
int vfs_symlink(const char *target, int at, const char *path);
int vfs_unlink(int at, const char *path, bool directory);
int vfs_link(int from_at, const char *from, int to_at, const char *to, unsigned flags);
int vfs_rename(int from_at, const char *from, int to_at, const char *to, unsigned flags);
void inode_apply(struct inode *inode, const struct attr *attr); /* sets the fields named by mask, except size */
int vfs_setattr(struct inode *inode, struct attr *attr);        /* checks permission, adjusts set-id bits */
int vfs_truncate(struct inode *inode, uint64_t size);           /* checks type and limits, not permission */
int vfs_mount(const char *source, const char *target, const char *type, unsigned flags, const char *options);
int vfs_unmount(const char *target, unsigned flags);
int vfs_pivot(const char *fresh,
              const char *old); /* the file system at `fresh` becomes the root, the root goes to `old` */
int vfs_mount_move(const char *from, const char *to); /* what is mounted at `from` is mounted at `to` instead */
int vfs_sync(void);
/* /proc/sys/vm/drop_caches: clean pages of files (1), unused active files and buffers (2), as far as nobody uses them. */
enum { DROP_PAGES = 1, DROP_METADATA = 2 };
void vfs_drop_caches(unsigned which);
/* Before the machine is switched off: everything is written, and no file system on a disk changes any more. */
void vfs_shutdown(void);
/* The first disk or partition that holds a file system; *type: its name. NULL: there is none. */
struct blkdev *vfs_find_disk(const char **type);
extern struct mutex mount_lock;
/* Calls f for each mounted file system in the order of mounting; none is unmounted meanwhile. f may sleep, and mounts and unmounts nothing. */
void superblocks_each(void (*f)(struct superblock *sb, void *argument), void *argument);
unsigned mount_parent(const struct superblock *sb); /* the number of the one that it is mounted in */

/* Device files. A driver registers the operations of all devices with one major number, or of one device. */
int device_register(bool block, unsigned major, unsigned minor, unsigned count, const struct file_ops *ops);
const struct file_ops *device_ops(bool block, uint64_t rdev); /* NULL: ENXIO */
/* A node that devfs shows: "tty0", mode with S_IFCHR or S_IFBLK; "pts/": a directory. */
int devfs_add(const char *path, unsigned mode, uint64_t rdev);
int devfs_add_owned(const char *path, unsigned mode, uint64_t rdev, uint32_t uid, uint32_t gid);
void devfs_remove(const char *path); /* no node of this name is no error */

/* Pipes; and inodes for things without names (sockets, epoll): mode with S_IF*, an error pointer without memory. */
struct inode *anonymous_inode(unsigned mode);
int pipe_create(struct file *ends[2], unsigned flags); /* read end, write end */

/* poll: each file_ops.poll calls poll_wait for the queues whose wake-up may change its answer, then returns the events that hold
 * now. `table` may be NULL: only the answer is wanted. */
void poll_wait(struct poll_table *table, struct waitq *queue);

/* procfs: files made of text. `show` prints with proc_print into the buffer. */
struct proc_text {
    char *data;
    size_t bytes, room;
    bool full; /* out of memory or over the limit */
};
void proc_print(struct proc_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void proc_put(struct proc_text *text, const char *bytes, size_t n);
/* A file in /proc: path like "meminfo" or "policy/sched" (directories are made). `store` gets what was written, as one terminated
 * line without the newline; NULL: read-only. 0 or -ENOMEM, -EEXIST. Both run without locks and may sleep. */
int proc_add(const char *path, unsigned mode, void (*show)(struct proc_text *text, void *argument),
             int (*store)(const char *text, void *argument), void *argument);

#endif
