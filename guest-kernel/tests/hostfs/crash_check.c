/*
 * crash_check.c - what must be true of a disk after a power cut (crash.h):
 *
 *  - it can be mounted, and the tree of names is the one after some operation: each is there as a whole or not at all;
 *  - that operation is not before the last one known to be durable by sync or fsync;
 *  - a file that was synced and not changed since has its content;
 *  - no byte of any file is anything but zero or what was once written at that place of that file: no foreign data;
 *  - fsck.kfs finds nothing once it is unmounted.
 */
#include <stdio.h>

#include "base/string.h"
#include "crash.h"
#include "sim_disk.h"
#include "fs/kfs.h"
#include "fs/vfs.h"

int fsck_memory(uint8_t *image, size_t bytes, char *what, size_t room); /* 0: clean; else what is wrong */

/* For each identity what it must hold: a version, or -1: any mixture of those it had. */
static int expected[CRASH_OPS + 1];

static bool leads_to(const char *path, uint64_t ino, bool wanted)
{
    struct inode *inode = walk(AT_FDCWD, path, 0);
    bool there = !IS_ERR(inode), same = there == wanted && (!there || !ino || inode->ino == ino);
    if (there) inode_put(inode);
    return same;
}

/* Does the mounted tree have exactly these names, leading to these files? */
static bool tree_is(const struct tree *t)
{
    char path[64];
    for (int n = 0; n < CRASH_NAMES; n++) {
        crash_path(n, path);
        if (!leads_to(path, t->name[n] < 0 ? 0 : model.identity[t->name[n]].ino, t->name[n] >= 0)) return false;
    }
    for (int d = 0; d < CRASH_DIRECTORIES; d++) {
        for (int place = AT_ROOT; place <= AT_D1; place++) {
            crash_directory_path(d, place, path);
            if (!leads_to(path, 0, t->place[d] == place)) return false;
        }
    }
    return true;
}

static void print_names(int from, int to)
{
    char path[64];
    for (int k = from; k <= to; k++) {
        printf("after operation %d:", k);
        for (int n = 0; n < CRASH_NAMES; n++)
            if (model.tree[k].name[n] >= 0) printf(" f%d=%d", n, model.tree[k].name[n]);
        for (int d = 0; d < CRASH_DIRECTORIES; d++)
            if (model.tree[k].place[d]) printf(" e%d(%d)", d, model.tree[k].place[d]);
        printf("\n");
    }
    for (int n = 0; n < CRASH_NAMES; n++) {
        crash_path(n, path);
        struct inode *inode = walk(AT_FDCWD, path, 0);
        int id = model.tree[to].name[n];
        if (!IS_ERR(inode) || id >= 0)
            printf("%s: found inode %ld, wanted identity %d, inode %ld\n", path,
                   IS_ERR(inode) ? PTR_ERR(inode) : (long)inode->ino, id, id < 0 ? 0 : (long)model.identity[id].ino);
        if (!IS_ERR(inode)) inode_put(inode);
    }
}

/* The content of a file is durable from the first sync after its last change on, until the next change begins. */
void crash_expect(const struct moment *moment)
{
    for (int i = 0; i < model.identities; i++) {
        const struct identity *id = &model.identity[i];
        int last = -1;
        for (unsigned v = 0; v < id->versions && id->version[v].op <= moment->begun; v++) last = (int)v;
        bool synced = false;
        for (int k = last < 0 ? moment->done + 1 : id->version[last].op + 1; k <= moment->done && !synced; k++)
            synced = model.synced[k] == i || model.synced[k] == CRASH_ALL;
        expected[i] = synced ? last : -1;
    }
}

static void check_content(int identity, const char *path)
{
    static uint8_t data[CRASH_BYTES + 1];
    const struct identity *id = &model.identity[identity];
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY, 0);
    if (IS_ERR(file)) crash_wrong("cannot be opened", path);
    ssize_t n = file_pread_kernel(file, data, sizeof data, 0);
    file_put(file);
    if (n < 0 || n > CRASH_BYTES) crash_wrong("cannot be read", path);
    if (expected[identity] >= 0) {
        const struct content *c = &id->version[expected[identity]];
        if ((unsigned)n != c->size || memcmp(data, c->data, c->size)) crash_wrong("synced content is lost", path);
    }
    for (ssize_t i = 0; i < n; i++) {
        bool known = !data[i];
        for (unsigned v = 0; v < id->versions && !known; v++) known = id->version[v].data[i] == data[i];
        if (!known) crash_wrong("foreign data", path);
    }
}

static void check_fsck(struct sim *disk, const char *where)
{
    static char text[256];
    if (!fsck_memory(disk->now, disk->bytes, text, sizeof text)) return;
    printf("%s\n", text);
    crash_wrong("fsck.kfs finds something", where);
}

int crash_check(struct sim *disk, const struct moment *moment, const char *where, void (*work)(void))
{
    char path[64];
    int match = -1;
    crash_must(vfs_mount("/dev/vda", "/mnt", "kfs", 0, 0), "mount");
    for (int k = moment->begun; k >= moment->durable && match < 0; k--)
        if (tree_is(&model.tree[k])) match = k;
    if (match < 0) {
        print_names(moment->durable, moment->begun);
        crash_wrong("names are of no moment between sync and cut", where);
    }
    for (int n = 0; n < CRASH_NAMES; n++) {
        if (model.tree[match].name[n] < 0) continue;
        crash_path(n, path);
        check_content(model.tree[match].name[n], path);
    }
    if (moment->again && !leads_to("/mnt/again", 0, true)) crash_wrong("what was synced after recovery is lost", where);
    if (work) work();
    crash_must(vfs_unmount("/mnt", 0), "unmount");
    check_fsck(disk, where);
    return match;
}
