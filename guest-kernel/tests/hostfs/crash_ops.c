/*
 * crash_ops.c - the operations of the power-cut test: each of them on the disk and in the model (crash.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/string.h"
#include "crash.h"
#include "fs/journal.h"
#include "fs/kfs.h"
#include "fs/vfs.h"
#include "host_fs.h"
#include "kern/task.h"

struct model model;

static uint64_t random_state;
void crash_seed(uint64_t seed) { random_state = seed; }
unsigned crash_random(unsigned n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(random_state >> 33) % n;
}

_Noreturn void crash_wrong(const char *what, const char *where)
{
    printf("crash: WRONG: %s: %s\n", what, where);
    fflush(stdout);
    exit(1);
}

void crash_must(int error, const char *what)
{
    char text[32];
    format(text, sizeof text, "error %d", error);
    if (error) crash_wrong(what, text);
}

void crash_path(int name, char path[64])
{
    int directory = name / (CRASH_NAMES / 3);
    format(path, 64, directory ? "/mnt/d%d/f%d" : "/mnt/f%d", directory ? directory : name, name);
}

void crash_directory_path(int directory, int place, char path[64])
{
    format(path, 64, place == AT_D1 ? "/mnt/d1/e%d" : "/mnt/e%d", directory);
}

/* One more content of the file. */
static struct content *new_version(struct identity *id, int number)
{
    id->version = realloc(id->version, (id->versions + 1) * sizeof *id->version);
    struct content *fresh = &id->version[id->versions];
    if (id->versions)
        *fresh = fresh[-1];
    else
        memset(fresh, 0, sizeof *fresh);
    fresh->op = number;
    id->versions++;
    return fresh;
}

static void fill(struct content *c, unsigned at, unsigned n)
{
    uint8_t seed = (uint8_t)(1 + crash_random(255));
    for (unsigned i = at; i < at + n; i++) c->data[i] = (uint8_t)(seed + i * 7 + i / 256) | 1;
    if (at + n > c->size) c->size = at + n;
}

static struct file *open_name(int name, int flags)
{
    char path[64];
    crash_path(name, path);
    struct file *file = vfs_open(AT_FDCWD, path, flags, 0644);
    if (IS_ERR(file)) crash_must((int)PTR_ERR(file), path);
    return file;
}

static void run_write(const struct crash_op *op, struct tree *t, int number)
{
    bool fresh = t->name[op->name] < 0;
    if (fresh) t->name[op->name] = model.identities++;
    struct identity *id = &model.identity[t->name[op->name]];
    unsigned size = id->versions ? id->version[id->versions - 1].size : 0, at = op->kind == OP_APPEND ? size : op->at;
    unsigned n = at + op->bytes > CRASH_BYTES ? CRASH_BYTES - at : op->bytes;
    struct file *file = open_name(op->name, O_RDWR | O_CREAT);
    id->ino = file->inode->ino;
    id->touched = number;
    struct content *c = new_version(id, number);
    if (n) {
        struct uio uio;
        fill(c, at, n);
        uio_init_kernel(&uio, c->data + at, n, at);
        ssize_t put = file_write_at(file, &uio);
        if (put != (ssize_t)n) crash_must(put < 0 ? (int)put : -1, "write");
    }
    file_put(file);
}

/* What a store through a shared map does: the page becomes writable, and changes. The inode does not notice. */
static void run_mapwrite(const struct crash_op *op, struct tree *t, int number)
{
    struct identity *id = &model.identity[t->name[op->name]];
    unsigned size = id->version[id->versions - 1].size;
    if (op->at >= size) return;
    unsigned end = op->at + op->bytes > size ? size : op->at + op->bytes;
    struct content *c = new_version(id, number);
    fill(c, op->at, end - op->at);
    struct file *file = open_name(op->name, O_RDWR);
    struct mapping *mapping = &file->inode->mapping;
    for (unsigned at = op->at, part; at < end; at += part) {
        struct page *page;
        part = MIN(end - at, (unsigned)PAGE_SIZE - at % (unsigned)PAGE_SIZE);
        crash_must(pagecache_get(mapping, at / PAGE_SIZE, &page), "fault");
        crash_must(mapping->ops->make_writable(mapping, at / PAGE_SIZE), "fault");
        memcpy((char *)page_va(page) + at % PAGE_SIZE, c->data + at, part);
        pagecache_dirty(mapping, page);
        page_put(page);
    }
    file_put(file);
}

static void run_truncate(const struct crash_op *op, struct tree *t, int number)
{
    char path[64];
    struct identity *id = &model.identity[t->name[op->name]];
    struct content *c = new_version(id, number);
    if (op->at < c->size) memset(c->data + op->at, 0, c->size - op->at);
    c->size = op->at;
    id->touched = number;
    crash_path(op->name, path);
    struct inode *inode = walk(AT_FDCWD, path, WALK_FOLLOW);
    crash_must(IS_ERR(inode) ? (int)PTR_ERR(inode) : vfs_truncate(inode, op->at), "truncate");
    inode_put(inode);
}

static void run_rename(const struct crash_op *op, struct tree *t, int number)
{
    char from[64], to[64];
    int was = t->name[op->to];
    bool exchange = op->kind == OP_EXCHANGE;
    if (op->name == op->to || t->name[op->name] == was || (exchange && was < 0)) return;
    crash_path(op->name, from);
    crash_path(op->to, to);
    crash_must(vfs_rename(AT_FDCWD, from, AT_FDCWD, to, exchange ? 2 : 0), "rename");
    t->name[op->to] = t->name[op->name];
    t->name[op->name] = exchange ? was : -1;
    model.identity[t->name[op->to]].touched = number;
    if (was >= 0) model.identity[was].touched = number;
}

static void run_link(const struct crash_op *op, struct tree *t, int number)
{
    char from[64], to[64];
    if (t->name[op->to] >= 0) return;
    crash_path(op->name, from);
    crash_path(op->to, to);
    crash_must(vfs_link(AT_FDCWD, from, AT_FDCWD, to, 0), "link");
    t->name[op->to] = t->name[op->name];
    model.identity[t->name[op->to]].touched = number;
}

static void run_unlink(const struct crash_op *op, struct tree *t, int number)
{
    char path[64];
    crash_path(op->name, path);
    crash_must(vfs_unlink(AT_FDCWD, path, false), "unlink");
    model.identity[t->name[op->name]].touched = number;
    t->name[op->name] = -1;
}

static void run_directory(const struct crash_op *op, struct tree *t)
{
    char path[64], to[64];
    int *place = &t->place[op->name];
    crash_directory_path(op->name, *place, path);
    if ((op->kind == OP_MKDIR) != (*place == AWAY)) return;
    if (op->kind == OP_MKDIR) {
        crash_must(vfs_mkdir(AT_FDCWD, path, 0755), "mkdir");
        *place = AT_ROOT;
    } else if (op->kind == OP_RMDIR) {
        crash_must(vfs_unlink(AT_FDCWD, path, true), "rmdir");
        *place = AWAY;
    } else {
        int other = *place == AT_ROOT ? AT_D1 : AT_ROOT;
        crash_directory_path(op->name, other, to);
        crash_must(vfs_rename(AT_FDCWD, path, AT_FDCWD, to, 0), "rename of a directory");
        *place = other;
    }
}

/* The log keeps order: with the last change of the file everything before it is durable. */
static void run_fsync(const struct crash_op *op, struct tree *t, int number)
{
    struct file *file = open_name(op->name, O_RDWR);
    crash_must(file_sync(file, op->kind == OP_FDATASYNC), "fsync");
    file_put(file);
    model.synced[number] = t->name[op->name];
    model.durable_at[number] = model.identity[t->name[op->name]].touched;
}

/* At a moment when there is no memory: often a commit is what is needed to get some. */
static void run_commit(void)
{
    struct inode *root = walk(AT_FDCWD, "/mnt", WALK_FOLLOW);
    crash_must(IS_ERR(root) ? (int)PTR_ERR(root) : 0, "/mnt");
    host_no_memory = true;
    crash_must(journal_commit(&kfs_of(root)->journal), "commit without memory");
    host_no_memory = false;
    inode_put(root);
}

void crash_run(const struct crash_op *op, int number)
{
    struct tree *t = &model.tree[number];
    *t = model.tree[number - 1];
    model.durable_at[number] = 0;
    model.synced[number] = CRASH_NONE;
    bool there = t->name[op->name] >= 0;
    switch (op->kind) {
    case OP_WRITE:
    case OP_APPEND: run_write(op, t, number); return;
    case OP_MKDIR:
    case OP_RMDIR:
    case OP_MOVEDIR: run_directory(op, t); return;
    case OP_SYNC:
        crash_must(vfs_sync(), "sync");
        model.durable_at[number] = number;
        model.synced[number] = CRASH_ALL;
        return;
    case OP_WRITEBACK: crash_must(pagecache_flush_all(), "write-back"); return;
    case OP_COMMIT: run_commit(); return;
    default: break;
    }
    if (!there) return; /* the others need the name */
    switch (op->kind) {
    case OP_MAPWRITE: run_mapwrite(op, t, number); break;
    case OP_TRUNCATE: run_truncate(op, t, number); break;
    case OP_RENAME:
    case OP_EXCHANGE: run_rename(op, t, number); break;
    case OP_LINK: run_link(op, t, number); break;
    case OP_UNLINK: run_unlink(op, t, number); break;
    default: run_fsync(op, t, number); break;
    }
}
