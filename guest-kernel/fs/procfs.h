/* procfs.h - what the files of procfs share. */
#ifndef KEPLER_FS_PROCFS_H
#define KEPLER_FS_PROCFS_H

#include "fs/vfs.h"

struct task;

/* proc_mounts.c */
void proc_show_mounts(struct proc_text *text, void *argument);
void proc_show_mountinfo(struct proc_text *text);

/* A file that every process has. */
struct proc_pid_file {
    const char *name;
    unsigned mode;
    void (*show)(struct proc_text *text, struct task *task);
    long (*readlink)(struct task *task, char *to, size_t room); /* symbolic links */
    struct inode *(*follow)(struct task *task);                 /* where the link leads, with a reference */
    bool is_private;                                            /* for who may trace the process */
    int (*store)(struct task *task, const char *text);          /* NULL: cannot be written */
};
extern const struct proc_pid_file proc_pid_files[];
extern const unsigned proc_pid_file_count;

#endif
