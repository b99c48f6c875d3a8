/*
 * crash.c - power cuts: random work on a small KFS disk, the power is cut before every single sector write, several times with
 * different parts of the disk's cache lost; after each cut the disk is mounted (recovered) and compared with what may be there:
 *
 *  - the tree of names is the one after some operation, not before the last sync or fsync that returned: operations are all or nothing;
 *  - files that were synced and not changed since have their content;
 *  - no byte of any file is anything but zero or what was once written at that place of that file: no foreign data;
 *  - fsck.kfs finds nothing;
 *  - a second cut during recovery changes nothing of that.
 *
 * usage: crash [SEED [OPERATIONS [CUTS-EACH]]]; prints a summary, exits 1 at the first wrong state.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "host_fs.h"
#include "sim_disk.h"
#include "kern/task.h"

#define FILES   12
#define BYTES   24000
#define DISK    (512 * 4096)
#define OPS_MAX 400

int fsck_memory(uint8_t *image, size_t bytes, char *what, size_t room); /* tools: 0 clean; else what is wrong */

/* What a file holds, by identity: names move, identities do not. */
struct content {
    int op; /* that made it */
    unsigned size;
    uint8_t data[BYTES];
};
struct identity {
    struct content *version; /* all that were ever there */
    unsigned versions;
    int last_change, last_sync; /* operations */
    uint64_t ino;
};
/* The tree after an operation: which identity each name has; -1: none. Names: d0/f0 ... and the directories. */
struct tree {
    int name[FILES * 2];
    bool directory[3];
};

static struct sim disk;
static struct identity identity[OPS_MAX + FILES];
static int identities;
static struct tree tree[OPS_MAX + 1]; /* tree[k]: after operation k */
static int durable_at[OPS_MAX + 1];   /* operation k was a sync: everything up to here */
static uint64_t random_state;

static unsigned rnd(unsigned n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(random_state >> 33) % n;
}

static _Noreturn void wrong(const char *what, const char *where)
{
    printf("crash: WRONG: %s: %s\n", what, where);
    exit(1);
}

static void must(int error, const char *what)
{
    char text[32];
    format(text, sizeof text, "error %d", error);
    if (error) wrong(what, text);
}

static void path_of(int name, char *path)
{
    int directory = name / (FILES * 2 / 3);
    format(path, 64, directory ? "/mnt/d%d/f%d" : "/mnt/f%d", directory ? directory : name, name);
}

static void mount_disk(void) { must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount"); }
static void unmount_disk(void) { must(vfs_unmount("/mnt", 0), "unmount"); }

/* One more version of the file's content. */
static struct content *new_version(struct identity *id, int op)
{
    id->version = realloc(id->version, (id->versions + 1) * sizeof *id->version);
    struct content *fresh = &id->version[id->versions];
    if (id->versions)
        *fresh = fresh[-1];
    else
        memset(fresh, 0, sizeof *fresh);
    fresh->op = op;
    id->versions++;
    id->last_change = op;
    return fresh;
}

static void op_write(struct tree *t, int name, int op, bool append)
{
    char path[64];
    path_of(name, path);
    bool fresh = t->name[name] < 0;
    if (fresh) t->name[name] = identities++;
    struct identity *id = &identity[t->name[name]];
    struct content *c = new_version(id, op);
    unsigned at = append ? c->size : rnd(BYTES / 2), n = 1 + rnd(BYTES / 2 - 1);
    if (at + n > BYTES) n = BYTES - at;
    uint8_t seed = (uint8_t)(1 + rnd(255));
    for (unsigned i = 0; i < n; i++) c->data[at + i] = (uint8_t)(seed + (at + i) * 7 + (at + i) / 256) | 1;
    if (at + n > c->size) c->size = at + n;
    struct file *file = vfs_open(AT_FDCWD, path, O_RDWR | O_CREAT, 0644);
    if (IS_ERR(file)) must((int)PTR_ERR(file), path);
    id->ino = file->inode->ino;
    struct uio uio;
    uio_init_kernel(&uio, c->data + at, n, at);
    ssize_t put = file_write_at(file, &uio);
    if (put != (ssize_t)n) must(put < 0 ? (int)put : -1, "write");
    file_put(file);
}

static void op_truncate(struct tree *t, int name, int op)
{
    char path[64];
    path_of(name, path);
    if (t->name[name] < 0) return;
    struct content *c = new_version(&identity[t->name[name]], op);
    unsigned size = rnd(BYTES);
    if (size < c->size) memset(c->data + size, 0, c->size - size);
    c->size = size;
    struct inode *inode = walk(AT_FDCWD, path, WALK_FOLLOW);
    must(IS_ERR(inode) ? (int)PTR_ERR(inode) : vfs_truncate(inode, size), "truncate");
    inode_put(inode);
}

static void op_fsync(struct tree *t, int name, int op)
{
    char path[64];
    path_of(name, path);
    if (t->name[name] < 0) return;
    struct file *file = vfs_open(AT_FDCWD, path, O_RDWR, 0);
    if (IS_ERR(file)) must((int)PTR_ERR(file), path);
    must(file_sync(file, false), "fsync");
    file_put(file);
    identity[t->name[name]].last_sync = op;
    durable_at[op] = op;
}

static void op_sync(struct tree *t, int op)
{
    must(vfs_sync(), "sync");
    for (int n = 0; n < FILES * 2; n++)
        if (t->name[n] >= 0) identity[t->name[n]].last_sync = op;
    durable_at[op] = op;
}

static void op_rename(struct tree *t, int a, int b, bool exchange)
{
    char from[64], to[64];
    path_of(a, from);
    path_of(b, to);
    if (t->name[a] < 0 || a == b || t->name[a] == t->name[b] || (exchange && t->name[b] < 0)) return;
    must(vfs_rename(AT_FDCWD, from, AT_FDCWD, to, exchange ? 2 : 0), "rename");
    int was = t->name[b];
    t->name[b] = t->name[a];
    t->name[a] = exchange ? was : -1;
}

static void op_link(struct tree *t, int a, int b)
{
    char from[64], to[64];
    path_of(a, from);
    path_of(b, to);
    if (t->name[a] < 0 || t->name[b] >= 0) return;
    must(vfs_link(AT_FDCWD, from, AT_FDCWD, to, 0), "link");
    t->name[b] = t->name[a];
}

static void op_unlink(struct tree *t, int a)
{
    char path[64];
    path_of(a, path);
    if (t->name[a] < 0) return;
    must(vfs_unlink(AT_FDCWD, path, false), "unlink");
    t->name[a] = -1;
}

static void op_directory(struct tree *t)
{
    must(t->directory[0] ? vfs_unlink(AT_FDCWD, "/mnt/extra", true) : vfs_mkdir(AT_FDCWD, "/mnt/extra", 0755),
         "directory");
    t->directory[0] = !t->directory[0];
}

static void one_operation(struct tree *t, int op)
{
    int a = (int)rnd(FILES * 2), b = (int)rnd(FILES * 2);
    switch (rnd(14)) {
    case 0:
    case 1:
    case 2: op_write(t, a, op, false); break;
    case 3:
    case 4: op_write(t, a, op, true); break;
    case 5: op_truncate(t, a, op); break;
    case 6:
    case 7: op_rename(t, a, b, rnd(3) == 0); break;
    case 8: op_link(t, a, b); break;
    case 9:
    case 10: op_unlink(t, a); break;
    case 11: op_fsync(t, a, op); break;
    case 12: op_directory(t); break;
    default: op_sync(t, op); break;
    }
}

/* Does the mounted tree have exactly these names, leading to these files? */
static bool tree_is(const struct tree *t)
{
    char path[64];
    for (int n = 0; n < FILES * 2; n++) {
        path_of(n, path);
        struct inode *inode = walk(AT_FDCWD, path, 0);
        bool there = !IS_ERR(inode), wanted = t->name[n] >= 0;
        bool same = there == wanted && (!there || inode->ino == identity[t->name[n]].ino);
        if (there) inode_put(inode);
        if (!same) return false;
    }
    struct inode *extra = walk(AT_FDCWD, "/mnt/extra", 0);
    bool there = !IS_ERR(extra);
    if (there) inode_put(extra);
    return there == t->directory[0];
}

static void print_difference(const struct tree *t)
{
    char path[64];
    for (int n = 0; n < FILES * 2; n++) {
        path_of(n, path);
        struct inode *inode = walk(AT_FDCWD, path, 0);
        if (!IS_ERR(inode) || t->name[n] >= 0)
            printf("%s: identity %d, found %ld\n", path, t->name[n], IS_ERR(inode) ? PTR_ERR(inode) : (long)inode->ino);
        if (!IS_ERR(inode)) inode_put(inode);
    }
}

static void check_content(const struct identity *id, const char *path, int begun)
{
    static uint8_t data[BYTES + 1];
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY, 0);
    if (IS_ERR(file)) wrong("cannot be opened", path);
    ssize_t n = file_pread_kernel(file, data, sizeof data, 0);
    file_put(file);
    if (n < 0 || n > BYTES) wrong("cannot be read", path);
    if (id->last_sync > id->last_change && id->last_sync <= begun) {
        const struct content *c = &id->version[id->versions - 1];
        while (c->op > id->last_change) c--;
        if ((unsigned)n != c->size || memcmp(data, c->data, c->size)) wrong("synced content is lost", path);
    }
    for (ssize_t i = 0; i < n; i++) {
        bool known = !data[i];
        for (unsigned v = 0; v < id->versions && !known; v++) known = id->version[v].data[i] == data[i];
        if (!known) wrong("foreign data", path);
    }
}

/* The disk holds a medium after a cut; operations up to `begun` had begun, `done` had returned, `durable` was synced. */
static void check_state(int durable, int begun, int done, const char *where)
{
    static char text[256];
    char path[64];
    mount_disk();
    int match = -1;
    for (int k = begun; k >= durable && match < 0; k--)
        if (tree_is(&tree[k])) match = k;
    if (match < 0) {
        for (int k = durable; k <= begun; k++) {
            printf("operation %d:", k);
            for (int n = 0; n < FILES * 2; n++)
                if (tree[k].name[n] >= 0) printf(" f%d=%d", n, tree[k].name[n]);
            printf("%s\n", tree[k].directory[0] ? " extra" : "");
        }
        print_difference(&tree[begun]);
    }
    if (match < 0) wrong("names are of no moment between sync and cut", where);
    for (int n = 0; n < FILES * 2; n++) {
        if (tree[match].name[n] < 0) continue;
        path_of(n, path);
        check_content(&identity[tree[match].name[n]], path, done);
    }
    unmount_disk();
    if (fsck_memory(disk.now, disk.bytes, text, sizeof text)) {
        printf("%s\n", text);
        wrong("fsck.kfs finds something", where);
    }
}

static uint8_t base[DISK], medium[DISK], again[DISK];
static struct {
    int op;
    int kind;
    int id;
} history[OPS_MAX * 40];
static int histories;
static void note(int op, int kind, int id)
{
    history[histories].op = op, history[histories].kind = kind, history[histories++].id = id;
}

static void replay_history(int upto, int *changed, int *synced)
{
    for (int i = 0; i < identities; i++) changed[i] = synced[i] = -1;
    for (int i = 0; i < histories && history[i].op <= upto; i++)
        (history[i].kind ? synced : changed)[history[i].id] = history[i].op;
}

int main(int argc, char **argv)
{
    random_state = argc > 1 ? strtoull(argv[1], 0, 0) : 1;
    int operations = argc > 2 ? atoi(argv[2]) : 60, cuts = argc > 3 ? atoi(argv[3]) : 4;
    if (operations > OPS_MAX - 1) operations = OPS_MAX - 1;
    host_quiet = true;
    FILE *f = fopen(argc > 4 ? argv[4] : "crash.img", "rb");
    if (!f || fread(base, 1, sizeof base, f) != sizeof base)
        wrong("crash.img", "make it: mkfs.kfs -s 2M -J 32 -N 64 crash.img");
    fclose(f);
    current->files = fdtable_create();
    must(vfs_mount("none", "/", "tmpfs", 0, 0), "root");
    current->fs = fs_context_create();
    must(vfs_mkdir(AT_FDCWD, "/mnt", 0755), "mkdir");
    sim_make(&disk, "vda", base, sizeof base);

    mount_disk();
    must(vfs_mkdir(AT_FDCWD, "/mnt/d1", 0755), "mkdir");
    must(vfs_mkdir(AT_FDCWD, "/mnt/d2", 0755), "mkdir");
    unmount_disk();
    memcpy(base, disk.now, sizeof base);
    sim_load(&disk, base);
    for (int n = 0; n < FILES * 2; n++) tree[0].name[n] = -1;

    disk.recording = true;
    mount_disk();
    for (int op = 1; op <= operations; op++) {
        tree[op] = tree[op - 1];
        sim_mark(&disk, (uint64_t)op * 2);
        one_operation(&tree[op], op);
        if (rnd(3) == 0) pagecache_flush_all(); /* the flusher comes when it likes */
        sim_mark(&disk, (uint64_t)op * 2 + 1);
        for (int i = 0; i < identities; i++) {
            if (identity[i].last_change == op) note(op, 0, i);
            if (identity[i].last_sync == op && durable_at[op]) note(op, 1, i);
        }
    }
    disk.recording = false;
    unmount_disk();

    struct sim record = disk;
    record.recording = false;
    disk.event = 0, disk.events = disk.room = 0;
    uint32_t frames = host_frames_free();
    long objects = host_objects;
    unsigned long states = 0, second = 0;
    int begun = 0, done = 0, durable = 0;
    static int changed[OPS_MAX + FILES], synced[OPS_MAX + FILES];
    for (size_t at = 0; at <= record.events; at++) {
        if (at && record.event[at - 1].kind == SIM_MARK) {
            int number = (int)record.event[at - 1].sector;
            begun = number / 2;
            if (number & 1) done = begun;
            if ((number & 1) && durable_at[begun]) durable = begun;
        }
        if (at < record.events && record.event[at].kind == SIM_MARK) continue;
        replay_history(done, changed, synced);
        static int begun_changed[OPS_MAX + FILES], ignored[OPS_MAX + FILES];
        replay_history(begun, begun_changed, ignored);
        for (int i = 0; i < identities; i++) {
            identity[i].last_sync = synced[i];
            identity[i].last_change = begun_changed[i];
            if (synced[i] < 0) identity[i].last_change = OPS_MAX;
        }
        for (int cut = 0; cut < cuts; cut++) {
            char where[96];
            format(where, sizeof where, "event %lu of %lu, choice %d, operation %d, durable %d", (unsigned long)at,
                   (unsigned long)record.events, cut, begun, durable);
            sim_cut(&record, base, at, (uint64_t)cut + (cut > 1 ? at * 16 : 0), medium);
            sim_load(&disk, medium);
            disk.recording = rnd(8) == 0;
            check_state(durable, begun, done, where);
            states++;
            if (!disk.recording) continue;
            /* and once more, during recovery (and the unmount after it) */
            struct sim first = disk;
            disk.event = 0, disk.events = disk.room = 0;
            for (int more = 0; more < 3; more++, second++) {
                disk.recording = false;
                sim_cut(&first, medium, first.events ? rnd((unsigned)first.events) : 0, more + 2 + at, again);
                sim_load(&disk, again);
                check_state(durable, begun, done, where);
            }
            free(disk.event);
            disk.event = first.event;
            disk.room = first.room;
            disk.events = 0;
        }
    }
    if (host_frames_free() != frames || host_objects != objects) wrong("frames or objects leak", "");
    free(record.event);
    free(disk.event);
    printf("crash: %d operations, %lu disk events, %lu states after one cut, %lu after two: all right\n", operations,
           (unsigned long)record.events, states, second);
    return 0;
}
