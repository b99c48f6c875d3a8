/*
 * lockrank.h - the order in which spinlocks may be taken.
 *
 * If one hart takes lock A and then B while another takes B and then A, both can wait for ever: deadlock. It cannot happen
 * if all harts take locks in one agreed order. This list is that order: a hart may take a lock only if its rank is higher
 * than that of every lock it already holds. spin_lock checks it each time, so a wrong order is found by the first
 * run, not by the first unlucky one. Never two locks of one rank at once.
 *
 * Mutexes (which sleep) have no rank; they are taken before any spinlock, since whoever holds a spinlock must not sleep.
 */
#ifndef KEPLER_KERN_LOCKRANK_H
#define KEPLER_KERN_LOCKRANK_H

enum lock_rank {
    RANK_NONE,
    RANK_WRITEBACK, /* mm/: list of mappings with dirty frames; asks fs/ to keep inodes */
    /* fs/, ipc/: what a descriptor leads to */
    RANK_FDTABLE,    /* one descriptor table */
    RANK_FS_CONTEXT, /* working directory, root, umask of a process */
    RANK_FILE,       /* an open-file table entry: position, flags */
    RANK_EPOLL,
    RANK_MOUNT,
    RANK_DCACHE,
    RANK_INODE_TABLE, /* active-file table */
    RANK_INODE,
    RANK_FILELOCK,
    RANK_PIPE,
    RANK_SOCKET,
    RANK_IPC,
    RANK_JOURNAL,
    RANK_BUFFER, /* metadata buffers */
    /* mm/ */
    RANK_POLICY,    /* replacement: the resident frames */
    RANK_PAGECACHE, /* one mapping: its frames and who maps them */
    RANK_FAMILY,    /* address spaces that share anonymous frames since a fork */
    RANK_TABLE,     /* page tables of one address space */
    RANK_SWAP,
    RANK_MM_LIST, /* all address spaces */
    /* devices */
    RANK_BLOCK_QUEUE,
    RANK_BLOCK_DEVICE,
    RANK_TTY,
    RANK_DEVICE,
    RANK_SOFTIRQ,
    /* processes */
    RANK_PROCESS, /* the process tree, groups, sessions, signals: process_lock */
    RANK_FUTEX,
    RANK_PID,
    RANK_TRACE,
    /* memory for everybody */
    RANK_KSTACK,
    RANK_PAGE_WAIT, /* who waits for a page lock */
    RANK_SLAB,
    RANK_FRAME,
    RANK_PAGETABLE,
    /* the machine */
    RANK_IRQ,
    RANK_SCHED, /* ready queue, wait queues, task states: sched_lock */
    RANK_ASID,  /* address-space numbers: the context switch hands them out */
    RANK_TIMER, /* one hart's timers */
    RANK_DATE,  /* changing the date */
    RANK_PRINT, /* anything may print */
};

#endif
