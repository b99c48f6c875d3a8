/*
 * kfs_replay.c - recovery: what the intentions log is for.
 *
 * After a crash (and since nobody can know whether there was one, at every mount) the log is read from its first transaction on. As
 * long as whole transactions follow, with the right numbers and their commit records, they happened; the first that is not
 * whole did not happen, nor did anything behind it. Everything of the whole ones is copied to its place, in order.
 *
 * This may be interrupted by another crash at any write: the log is emptied only when all copies are on the medium, so that the next
 * attempt finds it as this one did and does the same again. Doing it twice gives what doing it once gives (idempotent).
 *
 * The same code serves the kernel and fsck.kfs.
 */
#include "base/errno.h"
#include "fs/kfs_format.h"
#include "fs/kfs_order.h"

#ifdef KEPLER_HOST_TOOLS
#include <string.h>
#else
#include "base/string.h"
#endif

#define EUCLEAN 117 /* structure needs cleaning */

struct revoked {
    uint32_t block;
    uint64_t sequence; /* copies of this and earlier transactions are void; 0: empty slot */
};

struct replayer {
    const struct kfs_super *super;
    const struct kfs_io *io;
    struct kfs_replayed *result;
    uint8_t *record, *copy; /* a block each */
    struct revoked *table;  /* hash table; slots is a power of two */
    uint32_t slots;
};

enum pass { PASS_CHECK, PASS_COUNT_REVOKED, PASS_REVOKE, PASS_COPY };

static uint32_t next(const struct replayer *r, uint32_t at) { return at + 1 == r->super->log_blocks ? 1 : at + 1; }

static int read_log(struct replayer *r, uint32_t at, void *to)
{
    return r->io->read(r->io->context, r->super->log_start + at, to);
}

static bool record_is(const struct replayer *r, uint64_t sequence)
{
    const struct kfs_log_record *record = (const void *)r->record;
    return record->magic == KFS_LOG_MAGIC && record->sequence == sequence &&
           record->checksum == kfs_record_checksum(r->record);
}

static struct revoked *slot_of(struct replayer *r, uint32_t block)
{
    uint32_t at = block * 2654435761u & (r->slots - 1);
    while (r->table[at].sequence && r->table[at].block != block) at = (at + 1) & (r->slots - 1);
    return &r->table[at];
}

static bool home_is_possible(const struct replayer *r, uint32_t block)
{
    const struct kfs_super *s = r->super;
    bool log = block >= s->log_start && block < s->log_start + s->log_blocks;
    return block >= KFS_SUPER_BLOCK && block < s->blocks && !log;
}

/* One copy of a descriptor: checked, or written to its place. 1: all right; 0: does not count; -errno. */
static int do_copy(struct replayer *r, enum pass pass, uint32_t at, uint64_t sequence, const struct kfs_log_tag *tag)
{
    if (pass != PASS_CHECK && pass != PASS_COPY) return 1;
    if (pass == PASS_COPY && r->slots && slot_of(r, tag->block)->sequence >= sequence) {
        r->result->revoked++;
        return 1;
    }
    int error = read_log(r, at, r->copy);
    if (error) return error;
    if (pass == PASS_CHECK) {
        if (!home_is_possible(r, tag->block)) return 0;
        return kfs_crc(0, r->copy, KFS_BLOCK_BYTES) == tag->checksum;
    }
    r->result->blocks++;
    error = r->io->write(r->io->context, tag->block, r->copy);
    return error ? error : 1;
}

static void do_revoke(struct replayer *r, enum pass pass, uint32_t count, uint64_t sequence, uint32_t *revocations)
{
    *revocations += count;
    for (uint32_t i = 0; pass == PASS_REVOKE && i < count; i++) {
        uint32_t block;
        memcpy(&block, r->record + sizeof(struct kfs_log_record) + 4 * i, 4);
        struct revoked *slot = slot_of(r, block);
        slot->block = block;
        if (slot->sequence < sequence) slot->sequence = sequence;
    }
}

/* Goes through the transaction that starts at *at. 1: it is whole, *at is behind it; 0: it is not; -errno. */
static int transaction(struct replayer *r, enum pass pass, uint32_t *at, uint64_t sequence, uint32_t *revocations)
{
    uint32_t p = *at, used = 0, most = r->super->log_blocks - 1;
    while (used < most) {
        int error = read_log(r, p, r->record);
        if (error) return error;
        if (!record_is(r, sequence)) return 0;
        struct kfs_log_record record;
        memcpy(&record, r->record, sizeof record);
        p = next(r, p);
        used++;
        if (record.kind == KFS_LOG_COMMIT) {
            if (record.count != used) return 0;
            *at = p;
            return 1;
        }
        if (record.kind == KFS_LOG_REVOKE && record.count <= KFS_LOG_REVOKES) {
            do_revoke(r, pass, record.count, sequence, revocations);
            continue;
        }
        if (record.kind != KFS_LOG_DESCRIPTOR || record.count > KFS_LOG_TAGS || record.count > most - used) return 0;
        for (uint32_t i = 0; i < record.count; i++) {
            struct kfs_log_tag tag;
            memcpy(&tag, r->record + sizeof record + i * sizeof tag, sizeof tag);
            int good = do_copy(r, pass, p, sequence, &tag);
            if (good <= 0) return good;
            p = next(r, p);
            used++;
        }
    }
    return 0;
}

/* All transactions, once. `count`: how many are known to be whole (PASS_CHECK: finds out). */
static int walk_log(struct replayer *r, enum pass pass, uint32_t start, uint64_t sequence, uint32_t *count,
                    uint32_t *revocations)
{
    uint32_t at = start, done = 0, used = 0, most = r->super->log_blocks - 1;
    *revocations = 0;
    while (pass == PASS_CHECK ? used < most : done < *count) {
        uint32_t before = at;
        int good = transaction(r, pass, &at, sequence + done, revocations);
        if (good < 0) return good;
        if (!good) break;
        used += at > before ? at - before : at + most - before;
        done++;
    }
    *count = done;
    return 0;
}

void kfs_log_format(void *block, uint64_t sequence, uint32_t start)
{
    struct kfs_log_record record = {
        .magic = KFS_LOG_MAGIC, .kind = KFS_LOG_HEADER, .sequence = sequence, .count = start};
    memset(block, 0, KFS_BLOCK_BYTES);
    memcpy(block, &record, sizeof record);
    record.checksum = kfs_record_checksum(block);
    memcpy(block, &record, sizeof record);
}

/* Reads the log header. */
static int header(struct replayer *r, uint32_t *start, uint64_t *sequence)
{
    int error = read_log(r, 0, r->record);
    if (error) return error;
    struct kfs_log_record record;
    memcpy(&record, r->record, sizeof record);
    if (record.magic != KFS_LOG_MAGIC || record.kind != KFS_LOG_HEADER ||
        record.checksum != kfs_record_checksum(r->record) || record.count < 1 || record.count >= r->super->log_blocks ||
        !record.sequence) {
        r->result->damage = "the log header is damaged";
        return -EUCLEAN;
    }
    *start = record.count;
    *sequence = record.sequence;
    return 0;
}

static int gather_revoked(struct replayer *r, uint32_t start, uint64_t sequence, uint32_t *count)
{
    uint32_t revocations;
    int error = walk_log(r, PASS_COUNT_REVOKED, start, sequence, count, &revocations);
    if (error || !revocations) return error;
    r->slots = 64;
    while (r->slots < 2 * revocations) r->slots *= 2;
    r->table = r->io->allocate(r->slots * sizeof *r->table);
    if (!r->table) return -ENOMEM;
    memset(r->table, 0, r->slots * sizeof *r->table);
    return walk_log(r, PASS_REVOKE, start, sequence, count, &revocations);
}

static int replay(struct replayer *r)
{
    uint32_t start, count = 0, revocations;
    uint64_t sequence;
    int error = header(r, &start, &sequence);
    if (!error) error = walk_log(r, PASS_CHECK, start, sequence, &count, &revocations);
    if (!error && count) error = gather_revoked(r, start, sequence, &count);
    if (!error && count) error = walk_log(r, PASS_COPY, start, sequence, &count, &revocations);
    if (error) return error;
    r->result->transactions = count;
    /* One number is left out: the torn transaction behind the last may have used it, and must never seem to follow on. */
    r->result->next_sequence = sequence + count + 1;
    /* The copies are in place before the log forgets them, ... */
    if (count) error = KFS_ORDERED(KFS_FLUSH_REPLAYED, r->io->flush(r->io->context));
    kfs_log_format(r->record, r->result->next_sequence, 1);
    if (!error) error = r->io->write(r->io->context, r->super->log_start, r->record);
    /* ... and it has forgotten them before it is written anew. */
    if (!error) error = KFS_ORDERED(KFS_FLUSH_EMPTIED, r->io->flush(r->io->context));
    return error;
}

int kfs_replay(const struct kfs_super *super, const struct kfs_io *io, struct kfs_replayed *result)
{
    struct replayer r = {.super = super, .io = io, .result = result};
    memset(result, 0, sizeof *result);
    r.record = io->allocate(KFS_BLOCK_BYTES);
    r.copy = io->allocate(KFS_BLOCK_BYTES);
    int error = r.record && r.copy ? replay(&r) : -ENOMEM;
    if (r.table) io->release(r.table);
    if (r.record) io->release(r.record);
    if (r.copy) io->release(r.copy);
    return error;
}
