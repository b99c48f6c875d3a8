/*
 * counts.h - what the kernel holds, before and after: /proc/inventory, every slab cache, blocks and inodes of a file system. Two counts are
 * taken with the caches emptied; what differs between them was lost (or is new: said with its name).
 *
 * frames_slab and frames_stacks are not compared (abi/proc_inventory.c says why); the objects in the slabs are, cache by cache.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#define COUNTS_MAX 64
struct counts {
    int n;
    struct {
        char name[32];
        long value;
    } row[COUNTS_MAX];
};

static void counts_add(struct counts *c, const char *name, long value)
{
    if (c->n == COUNTS_MAX) return;
    snprintf(c->row[c->n].name, sizeof c->row->name, "%s", name);
    c->row[c->n++].value = value;
}

/* Lines "name number ..." of a file of /proc, in a buffer of our own: reading must not need memory that stays. */
static void counts_file(struct counts *c, const char *path)
{
    static char text[8192];
    int f = open(path, O_RDONLY);
    long n = 0, more;
    while (f >= 0 && n < (long)sizeof text - 1 && (more = read(f, text + n, sizeof text - 1 - n)) > 0) n += more;
    close(f);
    text[n] = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        char name[32];
        long value;
        *end = 0;
        if (sscanf(line, "%31s %ld", name, &value) == 2) counts_add(c, name, value);
    }
}

/* Anonymous frames of this process: it may touch a page more between two counts, and that is not lost. */
static long counts_own(void)
{
    char text[128];
    long size, resident = 0, shared = 0;
    int f = open("/proc/self/statm", O_RDONLY);
    long n = read(f, text, sizeof text - 1);
    close(f);
    text[n > 0 ? n : 0] = 0;
    sscanf(text, "%ld %ld %ld", &size, &resident, &shared);
    return resident - shared;
}

static void counts_once(struct counts *c, const char *directory)
{
    struct statfs s;
    int f = open("/proc/sys/vm/drop_caches", O_WRONLY);
    memset(c, 0, sizeof *c);
    sync();
    write(f, "3", 1);
    close(f);
    counts_file(c, "/proc/inventory");
    counts_file(c, "/proc/slabinfo");
    for (int i = 0; i < c->n; i++)
        if (!strcmp(c->row[i].name, "frames_other")) c->row[i].value -= counts_own();
    if (directory && !statfs(directory, &s)) {
        counts_add(c, "blocks_free", (long)s.f_bfree);
        counts_add(c, "inodes_free", (long)s.f_ffree);
    }
}

static int counts_compared(const char *name) { return strcmp(name, "frames_slab") && strcmp(name, "frames_stacks"); }

/* Prints what differs; the number of differences. */
static int counts_differ(const struct counts *before, const struct counts *after, int print)
{
    int differ = 0;
    for (int i = 0; i < before->n || i < after->n; i++) {
        const char *name = before->row[i].name;
        if (!counts_compared(name) ||
            (!strcmp(name, after->row[i].name) && before->row[i].value == after->row[i].value))
            continue;
        differ++;
        if (print) printf("%s: %ld before, %ld after\n", name, before->row[i].value, after->row[i].value);
    }
    return differ;
}

/* What ends or is freed a little later (threads of the kernel see to that) gets time for it: until two counts are equal, 2 s at most.
 * `directory`: on the file system whose blocks count, or NULL. */
static void counts_take(struct counts *c, const char *directory)
{
    static struct counts again;
    for (int i = 0; i < 40; i++) {
        counts_once(c, directory);
        usleep(50000);
        counts_once(&again, directory);
        if (!counts_differ(c, &again, 0)) return;
    }
}

#endif
