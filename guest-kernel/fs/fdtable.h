/*
 * fdtable.h - the descriptor table of a process, and what else a process knows about files.
 *
 * A descriptor is an index into the table of the process; the entry points to an entry of the system-wide open-file table
 * (struct file, vfs.h). A descriptor is a capability: whoever holds it may do what the file was opened for, whatever the
 * permissions say by now. fork copies the table, so that parent and child share open-file entries, and with them
 * the file position; threads share the table itself. The table grows as needed up to RLIMIT_NOFILE.
 */
#ifndef KEPLER_FS_FDTABLE_H
#define KEPLER_FS_FDTABLE_H

#include "base/atomic.h"
#include "base/types.h"
#include "kern/lock.h"

struct file;
struct inode;
struct fdtable;

struct fdtable *fdtable_create(void);                 /* empty; NULL: out of memory */
struct fdtable *fdtable_fork(struct fdtable *parent); /* a copy that shares the open files; NULL: out of memory */
void fdtable_get(struct fdtable *table);              /* CLONE_FILES */
void fdtable_put(struct fdtable *table);              /* the last one closes everything; may sleep */
bool fdtable_shared(struct fdtable *table);
void fdtable_exec(struct fdtable *table); /* closes what is marked close-on-exec; the table must not be shared */

/* The lowest free descriptor >= least gets the file and the caller's reference to it. The descriptor; -EMFILE, -ENOMEM, -EINVAL
 * (least beyond the limit); the reference then stays with the caller. */
int fd_install_from(struct file *file, int least, bool cloexec);
static inline int fd_install(struct file *file, bool cloexec) { return fd_install_from(file, 0, cloexec); }
/* dup3: exactly this descriptor; what was there is closed. Takes over the reference. The descriptor or -EBADF, -ENOMEM. */
int fd_install_at(struct file *file, int fd, bool cloexec);
struct file *fd_get(int fd);                                       /* with a reference; NULL: not open */
struct file *fd_get_of(struct fdtable *, int fd);                  /* likewise, of any process's table */
int fd_close(int fd);                                              /* 0, -EBADF, or the error of the last write-back */
int fd_close_range(unsigned first, unsigned last, bool only_mark); /* only_mark: set close-on-exec instead */
int fd_flags(int fd);                                              /* 1: close-on-exec; -EBADF */
int fd_set_flags(int fd, bool cloexec);                            /* 0, -EBADF */
/* The first open descriptor >= fd, -1: none. For /proc/PID/fd. */
int fdtable_next(struct fdtable *table, int fd);
unsigned fdtable_size(struct fdtable *table); /* slots, for /proc/PID/status */

/* Working directory, root directory, umask: one per process, shared with CLONE_FS. */
struct fs_context {
    struct refcount refs;
    struct spinlock lock;     /* RANK_FS_CONTEXT: the fields below */
    struct inode *cwd, *root; /* one reference each */
    unsigned umask;
    struct list link; /* all contexts */
};
struct fs_context *fs_context_create(void); /* at the system's root, umask 022; NULL: out of memory */
struct fs_context *fs_context_fork(struct fs_context *context); /* NULL: out of memory */
void fs_context_get(struct fs_context *context);
void fs_context_put(struct fs_context *context);
/* Whoever has `from` as root or working directory has `to` from now on. */
void fs_contexts_move(struct inode *from, struct inode *to);

#endif
