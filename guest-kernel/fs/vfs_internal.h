/*
 * vfs_internal.h - what the files of the VFS share among themselves.
 */
#ifndef KEPLER_FS_VFS_INTERNAL_H
#define KEPLER_FS_VFS_INTERNAL_H

#include "fs/vfs.h"

/* inode.c */
void inode_drop_all(struct superblock *sb);

/* walk.c: a walk along a path, resting before its last name. */
struct walker {
    struct inode *at; /* one reference */
    const char *rest; /* what is still to be walked; in the caller's path or in `owned` */
    char *owned;      /* text made of a symbolic link and what stood behind it */
    unsigned links;   /* symbolic links followed */
    struct name last; /* after walk_to_last; bytes 0: the path has no last name ("/", "..", "."): `at` is the end */
    bool slash;       /* something with '/' behind it: a directory is wanted */
};
/* 0 or -errno; walker_end in any case. */
int walker_start(struct walker *walker, int at, const char *path, unsigned flags);
int walker_to_last(struct walker *walker);
/* The walker rests at a last name that turned out to be this symbolic link: go on with its text. */
int walker_follow(struct walker *walker, struct inode *link);
void walker_end(struct walker *walker);
/* Looks the last name up in walker->at, without permission to search being checked again; -ENOENT as an error pointer. */
struct inode *walker_look(struct walker *walker);

/* file.c */
void file_take_name(struct file *file, struct inode *parent, const struct name *name);

/* flock.c */
void locks_release_owner(struct inode *inode, void *owner); /* POSIX locks of a process that closed the file */
void locks_release_file(struct inode *inode, struct file *file);

/* attr.c: may the current task take names out of this directory (sticky bit)? */
int directory_may_delete(struct inode *directory, struct inode *victim, bool is_directory);
bool name_is(const struct name *name, const char *text);

extern const struct file_ops fifo_ops;

#endif
