/*
 * journal.h - the intentions log: several changes of metadata that happen together or not at all.
 *
 * An operation (create, rename, ...) is bracketed by journal_begin and journal_end; every block it changes is announced with
 * journal_join first. All operations that are going on belong to the *running transaction*. A commit writes what
 * they changed to the log, in this order:
 *
 *      file data of new blocks         (the operation has written it and waited: "ordered" mode)
 *      log: descriptor, copies         all at once, not waited for
 *      FLUSH                           file data is on the medium ...
 *      log: commit record              ... before the record that makes it count
 *      FLUSH                           now it has happened: fsync may return
 *
 * Descriptors hold checksums of the copies, so the log itself needs no order: a transaction of which something is missing does not count.
 *
 * Later, when the log is full or the disk idle, a *checkpoint* copies the blocks to their places:
 *
 *      blocks, in their places         all at once
 *      FLUSH                           they are on the medium ...
 *      log header: empty from here     ... before the log forgets them
 *      FLUSH                           ... which it has before its blocks are written anew
 *
 * A block that is freed must not be given to somebody else before the transaction that freed it has been committed: else
 * its old owner, who after a crash has it again, would find foreign data in it. journal_free keeps such blocks aside. And if the freed block
 * was metadata, an old copy in the log must not be replayed over its new content: the transaction *revokes* it.
 */
#ifndef KEPLER_FS_JOURNAL_H
#define KEPLER_FS_JOURNAL_H

#include "fs/bcache.h"

struct freed; /* blocks freed, a linked list */

#define JOURNAL_RECORDS 4 /* frames for log records that are being written */

struct journal {
    struct bcache *cache;
    struct blkdev *device;
    uint32_t log_start, log_blocks;   /* on the disk */
    unsigned limit;                   /* blocks one transaction may have */
    struct mutex commit_lock;         /* commit, checkpoint: log position, frozen copies */
    uint32_t head, used;              /* next log block (1 ...) to write; blocks in use */
    struct list checkpoint;           /* buffers logged and not in their places */
    uint8_t *record[JOURNAL_RECORDS]; /* kept ready: a commit is what makes memory free, so it must not need any */

    struct spinlock lock; /* RANK_JOURNAL: the rest */
    struct waitq wait;
    struct list running; /* buffers of the running transaction */
    struct freed *freed; /* blocks it has freed */
    unsigned blocks, reserved, handles, revokes;
    bool locked;        /* a commit is about to take it: nobody may begin */
    uint64_t sequence;  /* its number */
    uint64_t committed; /* number of the last that counts */
    int error;          /* the log could not be written: nothing may change any more */

    void (*release)(void *owner, uint32_t block, uint32_t count); /* freed blocks may be used again */
    void *owner;
};

struct handle {
    struct journal *journal;
    unsigned credits; /* blocks it may still join */
};

/* 0, -ENOMEM. journal_drop undoes it, also after an error. */
int journal_init(struct journal *journal, struct bcache *cache, uint32_t log_start, uint32_t log_blocks,
                 uint64_t sequence);
void journal_drop(struct journal *journal);
/* Room for `credits` blocks in the running transaction; may wait for a commit. Never while holding a page's lock's holder up: takes no
 * locks but its own. 0, -EIO (the journal has failed). */
int journal_begin(struct journal *journal, struct handle *handle, unsigned credits);
void journal_end(struct handle *handle);
/* The buffer is going to be changed. 0, -ENOMEM; 0 for certain if it has been prepared or joined before and was kept since. */
int journal_join(struct handle *handle, struct buffer *buffer);
int journal_prepare(struct journal *journal, struct buffer *buffer);
/* The block was taken in this very operation and is given back: its copy must not be written to its place any more. */
void journal_forget(struct handle *handle, uint32_t block);
/* The blocks are free once the transaction is committed. metadata: their log copies are revoked. 0, -ENOMEM. */
int journal_free(struct handle *handle, uint32_t block, bool metadata);
/* Commits the running transaction, if there is anything in it; needs no memory. Afterwards every operation that ended before is on the medium. */
int journal_commit(struct journal *journal);
/* The same, and blocks written past the log before the call are on the medium as well. */
int journal_sync(struct journal *journal);
int journal_checkpoint(struct journal *journal); /* commits, and empties the log */
int journal_freeze(
    struct journal *journal); /* the same; then operations are refused with -EROFS; -EBUSY: they never end */
int journal_thaw(struct journal *journal); /* operations are taken again; -EIO: the log had failed */

#endif
