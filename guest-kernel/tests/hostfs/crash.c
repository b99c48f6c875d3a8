/*
 * crash.c - power cuts: work on a small KFS disk, random or given; the power is cut before every single sector write, several times with
 * different parts of the disk's cache lost; after each cut crash_check.c says whether that is a disk which may be there. Now and then the power
 * goes a second time, while the disk recovers from the first cut or during the first work after it.
 *
 * Random parts seldom are the bad ones. What a FLUSH separates shows when as much as possible waits for it: so before each FLUSH, and when
 * an operation has promised that something is durable, each request in turn is the only one lost, the only one kept, and the first kept.
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

/* The first work after recovery. It must not be spoiled by what the log still held, nor spoil it; it is large enough to overwrite more than
 * one small transaction there. */
#define AGAIN_DONE 1000000
static void work_again(void)
{
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt/again", 0755), "mkdir");
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt/again/a", 0755), "mkdir");
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt/again/b", 0755), "mkdir");
    crash_must(vfs_sync(), "sync");
    sim_mark(&disk, AGAIN_DONE);
}

/* Other first work: a file grows. What it had behind its end before the crash must not come back. */
static char grown_path[64];
static uint64_t grown_from;
static void work_grow(void)
{
    grown_path[0] = 0;
    for (int n = 0; n < CRASH_NAMES && !grown_path[0]; n++) {
        crash_path(n, grown_path);
        struct inode *inode = walk(AT_FDCWD, grown_path, WALK_FOLLOW);
        bool usable = !IS_ERR(inode) && S_ISREG(inode->mode) && inode->size < CRASH_BYTES;
        grown_from = usable ? inode->size : 0;
        if (usable) crash_must(vfs_truncate(inode, CRASH_BYTES), "growing after recovery");
        if (!IS_ERR(inode)) inode_put(inode);
        if (!usable) grown_path[0] = 0;
    }
}

static void check_grown(const char *where)
{
    static uint8_t data[CRASH_BYTES];
    if (!grown_path[0]) return;
    mount_disk();
    struct file *file = vfs_open(AT_FDCWD, grown_path, O_RDONLY, 0);
    crash_must(IS_ERR(file) ? (int)PTR_ERR(file) : 0, grown_path);
    if (file_pread_kernel(file, data, sizeof data, 0) != CRASH_BYTES) crash_wrong("has not grown", where);
    for (uint64_t i = grown_from; i < CRASH_BYTES; i++)
        if (data[i]) crash_wrong("old data after growing", where);
    file_put(file);
    unmount_disk();
}

/* Is more uncertain here than at the next event? */
static bool window_ends(const struct sim *record, size_t at)
{
    return at == record->events || record->event[at].kind == SIM_FLUSH;
}

static void look_again(const struct sim *first, size_t at, struct sim_choice choice, const struct moment *moment,
                       const char *where, struct totals *totals)
{
    sim_cut(first, medium, at, choice, again);
    sim_load(&disk, again);
    crash_check(&disk, moment, where, 0);
    totals->second++;
}

/* Cuts of the record of a recovery from `medium`. */
static void cut_again(const struct moment *moment, const char *where, const struct crash_settings *s, bool thorough,
                      struct totals *totals)
{
    struct sim first = disk;
    struct moment later = *moment;
    disk.event = 0, disk.events = disk.room = 0;
    disk.recording = false;
    for (size_t at = 0; at <= first.events; at++) {
        later.again |= at && first.event[at - 1].kind == SIM_MARK;
        bool returned = at && first.event[at - 1].kind == SIM_MARK;
        if (!thorough || (!returned && !window_ends(&first, at))) continue;
        for (uint32_t request = 0; sim_uncertain(&first, at, &request); request++)
            for (enum sim_kept kept = SIM_BUT; kept <= SIM_FROM; kept++)
                look_again(&first, at, (struct sim_choice){kept, request}, &later, where, totals);
    }
    for (int n = 0; n < s->cuts; n++) {
        size_t at = first.events ? crash_random((unsigned)first.events + 1) : 0;
        later = *moment;
        for (size_t i = 0; i < at; i++) later.again |= first.event[i].kind == SIM_MARK;
        enum sim_kept kept = n == 0 ? SIM_NONE : n == 1 ? SIM_ALL : SIM_RANDOM;
        look_again(&first, at, (struct sim_choice){kept, (uint64_t)crash_random(1u << 30)}, &later, where, totals);
    }
    free(first.event);
}

static void look(const struct sim *record, size_t at, struct sim_choice choice, const struct moment *moment,
                 const struct crash_settings *s, struct totals *totals)
{
    static const char *const text[] = {"nothing kept", "all kept",     "all but request",
                                       "only request", "from request", "some kept:"};
    char where[128];
    bool thorough = choice.kept == SIM_NONE && window_ends(record, at) && s->thorough;
    format(where, sizeof where, "event %lu of %lu, %s %lu, operation %d, durable %d", (unsigned long)at,
           (unsigned long)record->events, text[choice.kept], (unsigned long)choice.number, moment->begun,
           moment->durable);
    sim_cut(record, base, at, choice, medium);
    sim_load(&disk, medium);
    disk.recording = thorough || crash_random(8) == 0;
    bool grow = !disk.recording && (window_ends(record, at) || crash_random(8) == 0);
    crash_check(&disk, moment, where, disk.recording ? work_again : grow ? work_grow : 0);
    totals->states++;
    if (disk.recording) cut_again(moment, where, s, thorough, totals);
    if (grow) check_grown(where);
}

static void cut_window(const struct sim *record, size_t at, const struct moment *moment, const struct crash_settings *s,
                       struct totals *totals)
{
    for (uint32_t request = 0; sim_uncertain(record, at, &request); request++)
        for (enum sim_kept kept = SIM_BUT; kept <= SIM_FROM; kept++)
            look(record, at, (struct sim_choice){kept, request}, moment, s, totals);
}

/* The power goes before event `at`. */
static void cut_at(const struct sim *record, size_t at, const struct moment *moment, const struct crash_settings *s,
                   struct totals *totals)
{
    bool mark = at < record->events && record->event[at].kind == SIM_MARK;
    bool returned = at && record->event[at - 1].kind == SIM_MARK && moment->done == moment->begun;
    bool promised = model.durable_at[moment->done] || model.synced[moment->done] != CRASH_NONE;
    if ((returned && promised) || window_ends(record, at)) cut_window(record, at, moment, s, totals);
    for (int cut = 0; cut < s->cuts && !mark; cut++) {
        enum sim_kept kept = cut == 0 ? SIM_NONE : cut == 1 ? SIM_ALL : SIM_RANDOM;
        look(record, at, (struct sim_choice){kept, (uint64_t)cut + at * 16}, moment, s, totals);
    }
}

/* After an unmount that has returned, the medium says so, whatever the disk's cache still held. */
static void check_clean(const struct sim *record)
{
    struct kfs_super super;
    sim_cut(record, base, record->events, (struct sim_choice){SIM_NONE, 0}, medium);
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
