/*
 * crash.c - power cuts: work on a small KFS disk, random or given; the power is cut before every single sector write, several times with
 * different parts of the disk's cache lost; after each cut crash_check.c says whether that is a disk which may be there. Now and then the power
 * goes a second time, while the disk recovers from the first cut or during the first work after it.
 *
 * The kernel has other tasks: whenever a transaction ends, its periodic commit may come in between. So the test lets it come now and then
 * (interleave).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
#include "crash.h"
#include "fs/fdtable.h"
#include "fs/kfs.h"
#include "fs/kfs_order.h"
#include "fs/vfs.h"
#include "host_fs.h"
#include "kern/task.h"
#include "sim_disk.h"

static struct sim disk;
uint8_t crash_empty[CRASH_DISK];
static uint8_t base[CRASH_DISK], medium[CRASH_DISK], again[CRASH_DISK];

struct totals {
    unsigned long states, second;
};

static void mount_disk(void) { crash_must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount"); }
static void unmount_disk(void) { crash_must(vfs_unmount("/mnt", 0), "unmount"); }

/* The kernel's own commit, between two steps of an operation. If there are operations in the transaction it would wait for them to
 * end; so it does not come then, unless this waiting is what was left out. */
static void interleave(struct spinlock *lock)
{
    static bool inside;
    if (inside || strcmp(lock->name, "journal")) return;
    struct journal *journal = container_of(lock, struct journal, lock);
    struct kfs *kfs = journal->owner;
    bool busy = journal->commit_lock.owner || kfs->alloc_lock.owner || journal->locked || journal->error;
    if (busy || (journal->handles && !KFS_LEFT_OUT(KFS_ORDER_WHOLE)) || crash_random(6)) return;
    inside = true;
    crash_must(journal_commit(journal), "commit");
    inside = false;
}

/* Free blocks hold what no file ever held, so that a block that shows before its data was written is noticed. */
static void fill_free_blocks(uint8_t *image)
{
    struct kfs_super super;
    memcpy(&super, image + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES, sizeof super);
    for (uint32_t block = super.data_start; block < super.blocks; block++) {
        uint8_t *at = image + (size_t)block * KFS_BLOCK_BYTES;
        if (!at[0] && !memcmp(at, at + 1, KFS_BLOCK_BYTES - 1)) memset(at, 0xc2, KFS_BLOCK_BYTES);
    }
}

static void start_disk(void)
{
    fill_free_blocks(crash_empty);
    host_quiet = true;
    current->files = fdtable_create();
    crash_must(vfs_mount("none", "/", "tmpfs", 0, 0), "root");
    current->fs = fs_context_create();
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt", 0755), "mkdir");
    sim_make(&disk, "vda", crash_empty, sizeof crash_empty);
    mount_disk();
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt/d1", 0755), "mkdir");
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt/d2", 0755), "mkdir");
    unmount_disk();
    memcpy(base, disk.now, sizeof base);
    sim_load(&disk, base);
    for (int n = 0; n < CRASH_NAMES; n++) model.tree[0].name[n] = -1;
    model.synced[0] = CRASH_NONE;
}

/* The work itself, once, recorded. Marks: 2 * number when it begins, one more when it has returned. */
static struct sim record_work(const struct crash_op *op, int count, uint64_t seed)
{
    disk.recording = true;
    mount_disk();
    host_unlocked = seed ? interleave : 0;
    for (int k = 1; k <= count; k++) {
        sim_mark(&disk, (uint64_t)k * 2);
        crash_run(&op[k - 1], k);
        sim_mark(&disk, (uint64_t)k * 2 + 1);
    }
    host_unlocked = 0;
    sim_mark(&disk, (uint64_t)(count + 1) * 2); /* unmounting begins ... */
    unmount_disk();
    sim_mark(&disk, (uint64_t)(count + 1) * 2 + 1); /* ... and has returned */
    disk.recording = false;
    model.tree[count + 1] = model.tree[count];
    model.durable_at[count + 1] = count + 1;
    model.synced[count + 1] = CRASH_ALL;
    struct sim record = disk;
    disk.event = 0, disk.events = disk.room = 0;
    return record;
}

static void pass_mark(const struct sim_event *event, struct moment *moment)
{
    int number = (int)event->sector;
    moment->begun = number / 2;
    if (!(number & 1)) return;
    moment->done = moment->begun;
    moment->durable = MAX(moment->durable, model.durable_at[moment->begun]);
}

/* The first work after recovery. It must not be spoiled by what the log still held, nor spoil it. */
#define AGAIN_DONE 1000000
static void work_again(void)
{
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt/again", 0755), "mkdir");
    crash_must(vfs_sync(), "sync");
    sim_mark(&disk, AGAIN_DONE);
}

/* Cuts of the record of a recovery from `medium`. */
static void cut_again(const struct moment *moment, const char *where, int cuts, struct totals *totals)
{
    struct sim first = disk;
    disk.event = 0, disk.events = disk.room = 0;
    disk.recording = false;
    for (int n = 0; n < cuts; n++, totals->second++) {
        size_t at = first.events ? crash_random((unsigned)first.events + 1) : 0;
        struct moment later = *moment;
        for (size_t i = 0; i < at; i++) later.again |= first.event[i].kind == SIM_MARK;
        sim_cut(&first, medium, at, (uint64_t)crash_random(1u << 30), again);
        sim_load(&disk, again);
        crash_check(&disk, &later, where, 0);
    }
    free(first.event);
}

static void cut_at(const struct sim *record, size_t at, const struct moment *moment, const struct crash_settings *s,
                   struct totals *totals)
{
    char where[96];
    for (int cut = 0; cut < s->cuts; cut++) {
        format(where, sizeof where, "event %lu of %lu, choice %d, operation %d, durable %d", (unsigned long)at,
               (unsigned long)record->events, cut, moment->begun, moment->durable);
        sim_cut(record, base, at, (uint64_t)cut + (cut > 1 ? at * 16 : 0), medium);
        sim_load(&disk, medium);
        disk.recording = crash_random(8) == 0;
        crash_check(&disk, moment, where, disk.recording ? work_again : 0);
        totals->states++;
        if (disk.recording) cut_again(moment, where, s->cuts, totals);
    }
}

/* After an unmount that has returned, the medium says so, whatever the disk's cache still held. */
static void check_clean(const struct sim *record)
{
    struct kfs_super super;
    sim_cut(record, base, record->events, 0, medium);
    memcpy(&super, medium + KFS_SUPER_BLOCK * KFS_BLOCK_BYTES, sizeof super);
    if (super.state != KFS_STATE_CLEAN) crash_wrong("unmounted, but the medium says it is in use", "end");
}

void crash_cuts(const struct crash_op *op, int count, const struct crash_settings *s)
{
    struct totals totals = {0};
    struct moment moment = {0};
    crash_seed(s->seed * 7919 + 17);
    start_disk();
    struct sim record = record_work(op, count, s->seed);
    uint32_t frames = host_frames_free();
    long objects = host_objects;
    for (size_t at = 0; at <= record.events; at++) {
        if (at && record.event[at - 1].kind == SIM_MARK) pass_mark(&record.event[at - 1], &moment);
        if (at < record.events && record.event[at].kind == SIM_MARK) continue;
        crash_expect(&moment);
        cut_at(&record, at, &moment, s, &totals);
    }
    check_clean(&record);
    if (host_frames_free() != frames || host_objects != objects) crash_wrong("frames or objects leak", "");
    free(record.event);
    printf("crash: seed %lu: %d operations, %lu disk events, %lu states after one cut, %lu after two: all right\n",
           (unsigned long)s->seed, count, (unsigned long)record.events, totals.states, totals.second);
    fflush(stdout);
}
