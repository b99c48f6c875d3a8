/*
 * kfs_order.h - every place in KFS where the order of things decides what survives a power cut.
 *
 * A disk with a write cache may bring written sectors to the medium in any order, or never. Only FLUSH orders, and it speaks only of
 * writes that had finished before it was submitted. Crash safety is therefore a matter of a few places: FLUSHes that
 * separate what must be there first from what must come after, waits before a FLUSH, and steps that must not be done
 * earlier. Each has a number here and its reason where it stands. A place that is not needed would be slow, one that is missing would
 * lose files, and both are invisible in ordinary work. So the power-cut test leaves out one after the other and must notice
 * every one: guest-kernel/check flush-mutations, with the shortest work that shows each in tests/hostfs/crash.mutations.
 */
#ifndef KEPLER_FS_KFS_ORDER_H
#define KEPLER_FS_KFS_ORDER_H

enum kfs_order {
    KFS_FLUSH_DATA = 1, /* file data of new blocks before the commit record that makes it count */
    KFS_FLUSH_COMMIT,   /* copies and commit record before fsync returns */
    KFS_FLUSH_HOMES,    /* checkpoint: blocks in their places before the log forgets them */
    KFS_FLUSH_FORGET,   /* checkpoint: forgotten before the log's blocks are written anew */
    KFS_FLUSH_REPLAYED, /* recovery: as KFS_FLUSH_HOMES */
    KFS_FLUSH_EMPTIED,  /* recovery: as KFS_FLUSH_FORGET */
    KFS_FLUSH_IDLE,     /* fsync with nothing to commit: overwritten blocks before it returns */
    KFS_FLUSH_CLEAN,    /* unmount: "clean", and overwritten blocks, before it returns */
    KFS_WAIT_COMMIT,    /* copies and commit record have been written before KFS_FLUSH_COMMIT is submitted */
    KFS_WAIT_HOMES,     /* likewise the blocks in their places before KFS_FLUSH_HOMES */
    KFS_WAIT_DATA,      /* likewise file data, before the operation that writes it ends */
    KFS_ORDER_DATA,     /* a new block's data is written before the transaction that points to it may be committed */
    KFS_ORDER_WHOLE,    /* a commit waits for operations that have begun */
    KFS_ORDER_FREED,    /* a freed block is not used before the transaction that freed it counts */
    KFS_ORDER_REVOKE,   /* copies of a freed block in the log are void before the block is used for data */
    KFS_ORDER_DROPPED,  /* and its copy is not brought to its place any more by a checkpoint */
    KFS_ORDER_ROOM,     /* the log is emptied before it overwrites itself */
    KFS_ORDER_CONTENT,  /* fsync: pages are written before the FLUSH */
    KFS_ORDER_TAIL,     /* what lies behind the end of a file becomes zero before the file grows over it */
    KFS_ORDER_NOTE,     /* a file is marked as being shortened before its blocks are freed, in several transactions */
    KFS_ORDER_RECOVERY, /* mount: the log is replayed before anything else is read */
    KFS_ORDER_ORPHANS,  /* mount: "in use" is on the disk before there can be orphans, so that they are looked for */
    KFS_ORDERS
};

#ifdef KFS_MUTATIONS /* the power-cut test's build of this code */
struct blk_batch;
extern unsigned kfs_left_out; /* the place that is left out; 0: none */
int kfs_wait_late(
    struct blk_batch *batch); /* as if nobody waited: the disk is not finished when the next FLUSH comes */
#define KFS_LEFT_OUT(which)      ((which) == kfs_left_out)
#define KFS_WAITED(which, batch) (KFS_LEFT_OUT(which) ? kfs_wait_late(batch) : blk_batch_wait(batch))
#else
#define KFS_LEFT_OUT(which)      0
#define KFS_WAITED(which, batch) blk_batch_wait(batch)
#endif
/* An ordering step that gives 0 or an error number. */
#define KFS_ORDERED(which, step) (KFS_LEFT_OUT(which) ? 0 : (step))

#endif
