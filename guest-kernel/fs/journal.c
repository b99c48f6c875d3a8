/*
 * journal.c - the intentions log at work (journal.h tells why it is done in this order).
 *
 * A commit must see no half-done operation. So it first keeps new ones from beginning, waits until those that have begun
 * end, and copies the blocks they changed ("frozen" copies). That takes no disk access; then operations go on,
 * in the next transaction, while the copies are written.
 */
#include "fs/journal.h"

#include "base/errno.h"
#include "base/string.h"
#include "fs/kfs_format.h"
#include "fs/kfs_order.h"
#include "kern/print.h"
#include "kern/trace.h"
#include "kern/wait.h"
#include "mm/frame.h"
#include "mm/slab.h"

#define SECTORS (KFS_BLOCK_BYTES / SECTOR_BYTES)

struct freed {
    struct freed *next;
    uint32_t block, count;
    bool metadata;
};

int journal_init(struct journal *journal, struct bcache *cache, uint32_t log_start, uint32_t log_blocks,
                 uint64_t sequence)
{
    *journal =
        (struct journal){.cache = cache, .device = cache->device, .log_start = log_start, .log_blocks = log_blocks};
    journal->limit = MIN(log_blocks * 3 / 4 - 4, 2048u);
    journal->head = 1;
    journal->sequence = sequence;
    journal->committed = sequence - 1;
    mutex_init(&journal->commit_lock, "journal commit");
    spin_init(&journal->lock, "journal", RANK_JOURNAL);
    waitq_init(&journal->wait);
    list_init(&journal->running);
    list_init(&journal->checkpoint);
    for (unsigned i = 0; i < JOURNAL_RECORDS; i++)
        if (!(journal->record[i] = buffer_frame())) return -ENOMEM;
    return 0;
}

int journal_begin(struct journal *journal, struct handle *handle, unsigned credits)
{
    *handle = (struct handle){journal, credits};
    ASSERT(credits <= journal->limit);
    for (;;) {
        spin_lock(&journal->lock);
        while (journal->locked && !journal->error) wait_on(&journal->wait, &journal->lock, false, 0);
        int error = journal->error;
        bool fits = journal->blocks + journal->reserved + credits <= journal->limit;
        if (!error && fits) {
            journal->handles++;
            journal->reserved += credits;
        }
        spin_unlock(&journal->lock);
        if (error || fits) return error;
        error = journal_commit(journal);
        if (error) return error;
    }
}

void journal_end(struct handle *handle)
{
    struct journal *journal = handle->journal;
    spin_lock(&journal->lock);
    journal->reserved -= handle->credits;
    if (--journal->handles == 0) wake_all(&journal->wait);
    spin_unlock(&journal->lock);
}

/* One of the handle's credits is used. */
static void charge(struct handle *handle)
{
    if (!handle->credits) return; /* the estimate was too low; the limit has slack for it */
    handle->credits--;
    handle->journal->reserved--;
}

int journal_prepare(struct journal *journal, struct buffer *buffer)
{
    if (buffer->frozen) return 0;
    uint8_t *frozen = buffer_frame();
    if (!frozen) return -ENOMEM;
    spin_lock(&journal->lock);
    bool mine = !buffer->frozen;
    if (mine) buffer->frozen = frozen;
    spin_unlock(&journal->lock);
    if (!mine) page_put(page_of_va(frozen));
    return 0;
}

int journal_join(struct handle *handle, struct buffer *buffer)
{
    struct journal *journal = handle->journal;
    int error = journal_prepare(journal, buffer);
    if (error) return error;
    spin_lock(&journal->lock);
    buffer->forgotten = false;
    if (!buffer->in_running) {
        buffer->in_running = true;
        list_push_back(&journal->running, &buffer->txn_link);
        journal->blocks++;
        charge(handle);
        spin_lock(&journal->cache->lock);
        buffer->refs++; /* the transaction's */
        spin_unlock(&journal->cache->lock);
    }
    spin_unlock(&journal->lock);
    return 0;
}

/* The block was metadata and is none any more: what the running transaction has done to it need not be logged. */
static void forget(struct journal *journal, uint32_t block)
{
    struct buffer *buffer;
    list_for_each(buffer, &journal->running, txn_link) if (buffer->block == block)
    {
        buffer->forgotten = true;
        return;
    }
}

void journal_forget(struct handle *handle, uint32_t block)
{
    spin_lock(&handle->journal->lock);
    forget(handle->journal, block);
    spin_unlock(&handle->journal->lock);
}

int journal_free(struct handle *handle, uint32_t block, bool metadata)
{
    struct journal *journal = handle->journal;
    struct freed *freed = kmalloc(sizeof *freed);
    if (!freed) return -ENOMEM;
    *freed = (struct freed){.block = block, .count = 1, .metadata = metadata};
    spin_lock(&journal->lock);
    struct freed *last = journal->freed;
    bool joins = last && last->metadata == metadata && (last->block == block + 1 || last->block + last->count == block);
    if (joins) {
        if (last->block == block + 1) last->block = block;
        last->count++;
    } else {
        freed->next = last;
        journal->freed = freed;
    }
    if (metadata) {
        journal->revokes++;
        forget(journal, block);
    }
    spin_unlock(&journal->lock);
    if (joins) kfree(freed);
    return 0;
}

/* What one commit is about. */
struct commit {
    struct list buffers, forgotten; /* forgotten: changed, but freed as well: not to be logged */
    struct freed *freed;
    uint64_t sequence;
    unsigned copies, revokes;
    struct blk_batch batch;
    uint32_t length;  /* log blocks written */
    unsigned records; /* of the journal's that are being written */
};

static void write_block(struct journal *journal, struct blk_batch *batch, uint32_t block, void *data)
{
    struct blk_segment segment = {data, KFS_BLOCK_BYTES};
    blk_batch_add(batch, journal->device, BLK_WRITE, (uint64_t)block * SECTORS, &segment, 1);
}

static void write_log(struct journal *journal, struct commit *commit, void *data)
{
    write_block(journal, &commit->batch, journal->log_start + journal->head, data);
    journal->head = journal->head + 1 == journal->log_blocks ? 1 : journal->head + 1;
    journal->used++;
    commit->length++;
}

/* A block for a log record. When all of them are on their way, they are waited for; this is about memory, not about order. */
static uint8_t *record_new(struct journal *journal, struct commit *commit, enum kfs_log_kind kind)
{
    if (commit->records == JOURNAL_RECORDS) {
        blk_batch_wait(&commit->batch); /* no order: an error shows when the batch is waited for again */
        commit->records = 0;
    }
    uint8_t *block = journal->record[commit->records++];
    struct kfs_log_record *record = (void *)block;
    memset(block, 0, KFS_BLOCK_BYTES);
    record->magic = KFS_LOG_MAGIC;
    record->kind = kind;
    record->sequence = commit->sequence;
    return block;
}

static void record_close(uint8_t *block, uint32_t count)
{
    struct kfs_log_record *record = (void *)block;
    record->count = count;
    record->checksum = kfs_record_checksum(block);
}

/* Descriptors, each followed by its copies. */
static void write_copies(struct journal *journal, struct commit *commit)
{
    struct list *at = commit->buffers.next;
    while (at != &commit->buffers) {
        uint8_t *descriptor = record_new(journal, commit, KFS_LOG_DESCRIPTOR);
        struct kfs_log_tag *tag = (void *)(descriptor + sizeof(struct kfs_log_record));
        struct list *first = at;
        uint32_t count = 0;
        for (; at != &commit->buffers && count < KFS_LOG_TAGS; at = at->next) {
            struct buffer *buffer = list_entry(at, struct buffer, commit_link);
            tag[count++] = (struct kfs_log_tag){buffer->block, kfs_crc(0, buffer->frozen, KFS_BLOCK_BYTES)};
        }
        record_close(descriptor, count);
        write_log(journal, commit, descriptor);
        for (struct list *p = first; p != at; p = p->next)
            write_log(journal, commit, list_entry(p, struct buffer, commit_link)->frozen);
    }
}

static void write_revokes(struct journal *journal, struct commit *commit)
{
    uint8_t *record = 0;
    uint32_t count = 0;
    for (struct freed *f = commit->freed; f; f = f->next) {
        for (uint32_t i = 0; f->metadata && i < f->count; i++) {
            if (!record) record = record_new(journal, commit, KFS_LOG_REVOKE);
            ((uint32_t *)(void *)(record + sizeof(struct kfs_log_record)))[count++] = f->block + i;
            if (count < KFS_LOG_REVOKES) continue;
            record_close(record, count);
            write_log(journal, commit, record);
            record = 0;
            count = 0;
        }
    }
    if (!record) return;
    record_close(record, count);
    write_log(journal, commit, record);
}

/* Copies and commit record may get to the medium in any order: the checksums in the descriptors tell recovery whether something of the
 * transaction is missing, and then nothing of it counts. Only file data has no checksum, so it must be there first. */
static int write_commit(struct journal *journal, struct commit *commit)
{
    blk_batch_init(&commit->batch);
    write_copies(journal, commit);
    if (!KFS_LEFT_OUT(KFS_ORDER_REVOKE)) write_revokes(journal, commit);
    uint8_t *record = record_new(journal, commit, KFS_LOG_COMMIT);
    int error = KFS_ORDERED(KFS_FLUSH_DATA, blk_flush(journal->device));
    if (!error) {
        record_close(record, commit->length + 1);
        write_log(journal, commit, record);
    }
    int failed = KFS_WAITED(KFS_WAIT_COMMIT, &commit->batch);
    if (error || failed) return error ? error : failed;
    return KFS_ORDERED(KFS_FLUSH_COMMIT, blk_flush(journal->device)); /* now it counts, for ever */
}

/* Empties the log: all committed copies go to their places. commit_lock held. */
static int checkpoint(struct journal *journal, uint64_t next_sequence)
{
    struct blk_batch batch;
    struct buffer *buffer, *after;
    if (!journal->used) return 0;
    blk_batch_init(&batch);
    list_for_each(buffer, &journal->checkpoint, checkpoint_link)
        write_block(journal, &batch, buffer->block, buffer->frozen);
    int error = KFS_WAITED(KFS_WAIT_HOMES, &batch);
    if (!error) error = KFS_ORDERED(KFS_FLUSH_HOMES, blk_flush(journal->device)); /* in place, before the log forgets */
    if (error) return error;
    uint8_t *header = journal->record[0];
    kfs_log_format(header, next_sequence, journal->head);
    error = blk_transfer(journal->device, BLK_WRITE, (uint64_t)journal->log_start * SECTORS, header, KFS_BLOCK_BYTES);
    if (!error) error = KFS_ORDERED(KFS_FLUSH_FORGET, blk_flush(journal->device)); /* before it is written anew */
    if (error) return error;
    journal->used = 0;
    list_for_each_safe(buffer, after, &journal->checkpoint, checkpoint_link)
    {
        list_remove(&buffer->checkpoint_link);
        buffer->logged = false;
        buffer_put(journal->cache, buffer);
    }
    return 0;
}

static unsigned length_of(const struct journal *journal)
{
    return journal->blocks + journal->blocks / KFS_LOG_TAGS + 1 + journal->revokes / KFS_LOG_REVOKES + 1 + 1;
}

/* The running transaction becomes the commit; a new one runs. Its operations have ended, others wait. */
static void take_running(struct journal *journal, struct commit *commit)
{
    struct buffer *buffer, *after;
    list_init(&commit->buffers);
    list_init(&commit->forgotten);
    list_for_each(buffer, &journal->running, txn_link)
    {
        if (!buffer->forgotten) memcpy(buffer->frozen, buffer->data, KFS_BLOCK_BYTES);
    }
    spin_lock(&journal->lock);
    list_for_each_safe(buffer, after, &journal->running, txn_link)
    {
        list_remove(&buffer->txn_link);
        buffer->in_running = false;
        list_push_back(buffer->forgotten ? &commit->forgotten : &commit->buffers, &buffer->commit_link);
    }
    commit->freed = journal->freed;
    commit->revokes = journal->revokes;
    commit->sequence = journal->sequence;
    journal->freed = 0;
    journal->blocks = journal->revokes = 0;
    journal->sequence++;
    journal->locked = false;
    wake_all(&journal->wait);
    spin_unlock(&journal->lock);
}

static bool freed_here(const struct commit *commit, uint32_t block)
{
    for (struct freed *f = commit->freed; f; f = f->next)
        if (f->metadata && block - f->block < f->count) return true;
    return false;
}

/* The commit counts. */
static void finish(struct journal *journal, struct commit *commit)
{
    struct buffer *buffer, *after;
    list_for_each_safe(buffer, after, &journal->checkpoint, checkpoint_link)
    {
        if (!commit->revokes || !freed_here(commit, buffer->block) || KFS_LEFT_OUT(KFS_ORDER_DROPPED)) continue;
        list_remove(&buffer->checkpoint_link);
        buffer->logged = false;
        buffer_put(journal->cache, buffer);
    }
    list_for_each_safe(buffer, after, &commit->forgotten, commit_link)
    {
        list_remove(&buffer->commit_link);
        buffer_put(journal->cache, buffer);
    }
    list_for_each_safe(buffer, after, &commit->buffers, commit_link)
    {
        list_remove(&buffer->commit_link);
        if (buffer->logged) {
            buffer_put(journal->cache, buffer); /* the checkpoint list has a reference already */
        } else {
            buffer->logged = true;
            list_push_back(&journal->checkpoint, &buffer->checkpoint_link);
        }
    }
    for (struct freed *f = commit->freed, *next; f; f = next) {
        next = f->next;
        journal->release(journal->owner, f->block, f->count);
        kfree(f);
    }
}

static void freed_drop(struct freed **list)
{
    while (*list) {
        struct freed *next = (*list)->next;
        kfree(*list);
        *list = next;
    }
}

void journal_drop(struct journal *journal)
{
    freed_drop(&journal->freed); /* what a failed journal still holds */
    for (unsigned i = 0; i < JOURNAL_RECORDS; i++)
        if (journal->record[i]) page_put(page_of_va(journal->record[i]));
}

static void fail(struct journal *journal, struct commit *commit, int error)
{
    freed_drop(&commit->freed); /* the blocks stay in use: nobody knows what the disk says */
    printk("%s: the journal cannot be written: error %d; no more changes\n", journal->device->name, error);
    spin_lock(&journal->lock);
    journal->error = -EIO;
    journal->locked = false;
    wake_all(&journal->wait);
    spin_unlock(&journal->lock);
}

/* commit_lock held. 1: committed; 0: there was nothing to commit; -errno. */
static int commit_running(struct journal *journal)
{
    struct commit commit = {0};
    spin_lock(&journal->lock);
    journal->locked = true;
    while (journal->handles && !KFS_LEFT_OUT(KFS_ORDER_WHOLE)) wait_on(&journal->wait, &journal->lock, false, 0);
    bool nothing = (!journal->blocks && !journal->freed) || journal->error;
    if (nothing) {
        journal->locked = false;
        wake_all(&journal->wait);
    }
    int error = journal->error;
    unsigned length = length_of(journal);
    uint64_t sequence = journal->sequence;
    spin_unlock(&journal->lock);
    if (nothing) return error;
    if (journal->used + length > journal->log_blocks - 1)
        error = KFS_ORDERED(KFS_ORDER_ROOM, checkpoint(journal, sequence));
    if (!error) {
        take_running(journal, &commit);
        error = write_commit(journal, &commit);
    }
    if (error)
        fail(journal, &commit, error);
    else
        finish(journal, &commit);
    if (!error) __atomic_store_n(&journal->committed, commit.sequence, __ATOMIC_RELEASE);
    trace(TRACE_JOURNAL, (long)sequence, (long)length, 0);
    return error ? error : 1;
}

int journal_commit(struct journal *journal)
{
    mutex_lock(&journal->commit_lock);
    int done = commit_running(journal);
    mutex_unlock(&journal->commit_lock);
    return done < 0 ? done : 0;
}

int journal_sync(struct journal *journal)
{
    mutex_lock(&journal->commit_lock);
    int done = commit_running(journal);
    mutex_unlock(&journal->commit_lock);
    if (done) return done < 0 ? done : 0;
    /* Somebody else's commit may have come before our writes; and blocks that were only overwritten need none. */
    return KFS_ORDERED(KFS_FLUSH_IDLE, blk_flush(journal->device));
}

int journal_checkpoint(struct journal *journal)
{
    mutex_lock(&journal->commit_lock);
    int done = commit_running(journal), error = done < 0 ? done : checkpoint(journal, journal->sequence);
    mutex_unlock(&journal->commit_lock);
    return error;
}

int journal_freeze(struct journal *journal)
{
    for (int rounds = 0; rounds < 100; rounds++) {
        int error = journal_checkpoint(journal);
        spin_lock(&journal->lock);
        bool empty = !journal->blocks && !journal->freed && !journal->handles; /* nothing came after the checkpoint */
        if (!error && empty) journal->error = -EROFS;
        spin_unlock(&journal->lock);
        if (error || empty) return error;
    }
    return -EBUSY;
}

int journal_thaw(struct journal *journal)
{
    spin_lock(&journal->lock);
    if (journal->error == -EROFS) journal->error = 0;
    int error = journal->error;
    spin_unlock(&journal->lock);
    return error;
}
