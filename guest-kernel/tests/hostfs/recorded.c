/*
 * recorded.c - power cuts of the running system: Kepler ran tests/programs/cuts.c in a machine whose disk recorded every write and FLUSH
 * (QEMU's blklogwrites, in the format of Linux's dm-log-writes); here the power is cut before every sector of that record, and the
 * medium must hold what cuts.h says.
 *
 * usage: recorded IMAGE RECORD [CUTS-EACH]       IMAGE: the disk before the run, with KFS in partition 1 and the marks in partition 2
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
#include "blk/partition.h"
#include "crash.h"
#include "fs/fdtable.h"
#include "fs/kfs_format.h"
#include "fs/vfs.h"
#include "host_fs.h"
#include "kern/task.h"
#include "sim_disk.h"
#include "tests/programs/cuts.h"

int fsck_memory(uint8_t *image, size_t bytes, char *what, size_t room);

enum { LOG_FLUSH = 1, LOG_FUA = 2, LOG_DISCARD = 4 };
struct log_super {
    uint64_t magic, version, entries;
    uint32_t sector_bytes;
} __attribute__((packed));
struct log_entry {
    uint64_t sector, sectors, flags, data_bytes;
};

static struct sim disk, record;
static struct partition root, marks;
static uint8_t *base, *medium;

static _Noreturn void bad(const char *what)
{
    fprintf(stderr, "recorded: %s\n", what);
    exit(2);
}

/* One sector: into the root partition, or a mark. */
static void add_sector(uint64_t sector, const uint8_t *data)
{
    uint64_t mark[2];
    memcpy(mark, data, sizeof mark);
    if (sector == marks.first_sector && mark[0] == CUTS_MAGIC) sim_record(&record, SIM_MARK, mark[1], 0);
    if (sector - root.first_sector < root.sectors) sim_record(&record, SIM_WRITE, sector - root.first_sector, data);
}

static void read_record(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct log_super super;
    struct log_entry entry;
    if (!file || fread(&super, sizeof super, 1, file) != 1 || super.magic != 0x6a736677736872ull ||
        super.sector_bytes != SECTOR_BYTES)
        bad("the record cannot be read");
    long at = SECTOR_BYTES;
    for (uint64_t n = 0; n < super.entries; n++, record.requests++) {
        if (fseek(file, at, SEEK_SET) || fread(&entry, sizeof entry, 1, file) != 1) bad("the record ends too early");
        at += SECTOR_BYTES;
        if (entry.flags & LOG_FLUSH) sim_record(&record, SIM_FLUSH, 0, 0);
        if (!(entry.flags & LOG_DISCARD) && entry.sectors) {
            fseek(file, at, SEEK_SET);
            for (uint64_t i = 0; i < entry.sectors; i++) {
                uint8_t data[SECTOR_BYTES];
                if (fread(data, sizeof data, 1, file) != 1) bad("the record ends too early");
                add_sector(entry.sector + i, data);
            }
            at += (long)(entry.sectors * SECTOR_BYTES);
        }
        if (entry.flags & LOG_FUA) sim_record(&record, SIM_FLUSH, 0, 0);
    }
    fclose(file);
}

static void read_image(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t sector[SECTOR_BYTES];
    if (!file || fread(sector, sizeof sector, 1, file) != 1) bad("the image cannot be read");
    if (!partition_read(sector, 1, UINT64_MAX, &root) || !partition_read(sector, 2, UINT64_MAX, &marks))
        bad("no partitions");
    record.bytes = root.sectors * SECTOR_BYTES;
    base = malloc(record.bytes);
    medium = malloc(record.bytes);
    fseek(file, (long)(root.first_sector * SECTOR_BYTES), SEEK_SET);
    if (fread(base, record.bytes, 1, file) != 1) bad("the image is too short");
    fclose(file);
}

/* Bytes of the file that are as they should be from its start on; -1: there is no such file. */
static long look(const char *form, unsigned step)
{
    static uint8_t data[32768];
    char path[64];
    format(path, sizeof path, form, step);
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY, 0);
    if (IS_ERR(file)) return -1;
    long n = file_pread_kernel(file, data, sizeof data, 0), good = 0;
    file_put(file);
    while (good < n && data[good] == cuts_byte(step, (unsigned)good)) good++;
    for (long i = good; i < n; i++)
        if (data[i] && data[i] != cuts_byte(step, (unsigned)i)) crash_wrong("foreign data", path);
    return good;
}

/* `stage`: the last mark on the disk: that stage had returned. */
static void check_step(unsigned k, unsigned stage, const char *where)
{
    long a = look("/mnt/w/a%u", k), b = look("/mnt/w/b%u", k), c = look("/mnt/w/c%u", k);
    unsigned first = k * CUTS_STAGES, deletion = (k + 3) * CUTS_STAGES + 4;
    if (a >= 0 && b >= 0) crash_wrong("a rename half done", where);
    if (stage >= deletion) {
        if (a >= 0 || b >= 0 || c >= 0) crash_wrong("a file is there that was deleted and synced", where);
        return;
    }
    if (stage >= (k + 3) * CUTS_STAGES + 3) return; /* it may be being deleted */
    long least = stage >= first + 3 ? cuts_size(k) + CUTS_GROWTH : cuts_size(k);
    if (stage >= first + 1 && MAX(a, b) < least) crash_wrong("fsynced content is lost", where);
    if (stage >= first + 2 && (a >= 0 || b < 0)) crash_wrong("a rename that was fsynced is lost", where);
}

static void check(unsigned stage, const char *where)
{
    static char text[256];
    sim_load(&disk, medium);
    crash_must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    for (unsigned k = 0; k < CUTS_STEPS; k++) check_step(k, stage, where);
    crash_must(vfs_unmount("/mnt", 0), "unmount");
    if (!fsck_memory(disk.now, disk.bytes, text, sizeof text)) return;
    printf("%s\n", text);
    crash_wrong("fsck.kfs finds something", where);
}

int main(int argc, char **argv)
{
    unsigned stage = 0, cuts = argc > 3 ? (unsigned)atoi(argv[3]) : 2;
    unsigned long states = 0, flushes = 0;
    if (argc < 3) bad("usage: recorded IMAGE RECORD [CUTS-EACH]");
    read_image(argv[1]);
    read_record(argv[2]);
    host_quiet = true;
    current->files = fdtable_create();
    crash_must(vfs_mount("none", "/", "tmpfs", 0, 0), "root");
    current->fs = fs_context_create();
    crash_must(vfs_mkdir(AT_FDCWD, "/mnt", 0755), "mkdir");
    sim_make(&disk, "vda", base, record.bytes);
    for (size_t at = 0; at <= record.events; at++) {
        if (at && record.event[at - 1].kind == SIM_MARK) stage = MAX(stage, (unsigned)record.event[at - 1].sector);
        flushes += at < record.events && record.event[at].kind == SIM_FLUSH;
        if (at < record.events && record.event[at].kind == SIM_MARK) continue;
        for (unsigned cut = 0; cut < cuts; cut++, states++) {
            char where[80];
            format(where, sizeof where, "event %lu of %lu, choice %u, stage %u", (unsigned long)at,
                   (unsigned long)record.events, cut, stage);
            struct sim_choice choice = {cut ? SIM_RANDOM : SIM_NONE, at * 16 + cut + 1};
            sim_cut(&record, base, at, choice, medium);
            check(stage, where);
        }
    }
    if (stage < (CUTS_STEPS - 1) * CUTS_STAGES + 4) crash_wrong("the record is not of the whole work", "end");
    printf("recorded: %lu disk events, %lu FLUSHes, %lu states: all right\n", (unsigned long)record.events, flushes,
           states);
    return 0;
}
