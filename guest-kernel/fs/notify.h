/*
 * notify.h - what happens to files, told to those who watch them (ipc/inotify.c). The VFS calls these after each thing it has done; while
 * nobody watches anything that costs one look at a counter.
 */
#ifndef KEPLER_FS_NOTIFY_H
#define KEPLER_FS_NOTIFY_H

#include "fs/vfs.h"

enum notify_event { /* Linux's numbers */
                    IN_ACCESS = 0x1,
                    IN_MODIFY = 0x2,
                    IN_ATTRIB = 0x4,
                    IN_CLOSE_WRITE = 0x8,
                    IN_CLOSE_NOWRITE = 0x10,
                    IN_OPEN = 0x20,
                    IN_MOVED_FROM = 0x40,
                    IN_MOVED_TO = 0x80,
                    IN_CREATE = 0x100,
                    IN_DELETE = 0x200,
                    IN_DELETE_SELF = 0x400,
                    IN_MOVE_SELF = 0x800,
                    IN_UNMOUNT = 0x2000,
                    IN_Q_OVERFLOW = 0x4000,
                    IN_IGNORED = 0x8000,
                    IN_ISDIR = 0x40000000,
};

extern unsigned notify_watches; /* how many there are */

void notify_send_inode(struct inode *inode, unsigned events);
void notify_send_name(struct inode *directory, const struct name *name, unsigned events, unsigned cookie);
void notify_send_gone(struct inode *inode, int others);

/* To those who watch the inode itself. */
static inline void notify_inode(struct inode *inode, unsigned events)
{
    if (atomic_load(&notify_watches)) notify_send_inode(inode, events);
}

/* To those who watch the directory, about one of its names; IN_ISDIR in `events` if that is a directory. `cookie` joins the two halves of a
 * renaming, else 0. */
static inline void notify_name(struct inode *directory, const struct name *name, unsigned events, unsigned cookie)
{
    if (atomic_load(&notify_watches)) notify_send_name(directory, name, events, cookie);
}

/* Something was done with an open file: to those who watch it, or the directory in which it was opened. */
void notify_file(struct file *file, unsigned events);

/* The inode may just have lost its last name and user: if its links are 0 and only `others` references besides the watches' are left, those
 * who watch it are told, and their watches end. */
static inline void notify_gone(struct inode *inode, int others)
{
    if (atomic_load(&notify_watches)) notify_send_gone(inode, others);
}

/* The file system is gone; its inodes are let go of. */
void notify_unmounted(struct superblock *sb);

unsigned notify_cookie(void); /* a new one */

#endif
