/* tmpfs.h - what devfs borrows from tmpfs. */
#ifndef KEPLER_FS_TMPFS_H
#define KEPLER_FS_TMPFS_H

#include "fs/vfs.h"

int tmpfs_mount(struct superblock *sb, const char *options);
struct file *tmpfs_nameless(void); /* an empty file in memory that has no name, open; or an error pointer */
int tmpfs_setattr(struct inode *inode, const struct attr *attr);
int tmpfs_readdir(struct file *file, struct dirent_sink *sink);
extern const struct file_ops tmpfs_file_fops, tmpfs_directory_fops;

#endif
