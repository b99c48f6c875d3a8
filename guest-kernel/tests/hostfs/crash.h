/*
 * crash.h - the power-cut test: what its parts share.
 *
 * A *script* of operations runs on the kernel's own KFS code over a simulated disk that records every sector write and FLUSH
 * (sim_disk.h), and beside it on a *model*: which names there are after each operation, and every content a file ever had. The record then
 * gives every medium that a power cut may leave, and the model tells what may be on it.
 */
#ifndef KEPLER_TESTS_CRASH_H
#define KEPLER_TESTS_CRASH_H

#include "base/types.h"

#define CRASH_NAMES       24 /* f0 ... in the root, d1 and d2 */
#define CRASH_DIRECTORIES 3  /* e0 ... that come, go and move */
#define CRASH_BYTES       24000
#define CRASH_DISK        (512 * 4096)
#define CRASH_OPS         400

struct sim;

enum crash_kind {
    OP_WRITE,    /* name, at, bytes; creates */
    OP_APPEND,   /* name, bytes; creates */
    OP_MAPWRITE, /* name, at, bytes: through a shared map, within the file */
    OP_TRUNCATE, /* name, size in `at` */
    OP_RENAME,   /* name, to */
    OP_EXCHANGE, /* name, to */
    OP_LINK,     /* name, to */
    OP_UNLINK,   /* name */
    OP_MKDIR,    /* directory in `name` */
    OP_RMDIR,
    OP_MOVEDIR, /* from the root to d1 or back */
    OP_FSYNC,   /* name */
    OP_FDATASYNC,
    OP_SYNC,
    OP_WRITEBACK, /* the kernel writes dirty pages back, as it does now and then */
    OP_COMMIT,    /* the kernel commits, likewise */
    OP_KINDS,
};
struct crash_op {
    enum crash_kind kind;
    int name, to;
    unsigned at, bytes;
};

struct content {
    int op; /* that made it */
    unsigned size;
    uint8_t data[CRASH_BYTES];
};
/* A file by identity: names move, identities do not. */
struct identity {
    struct content *version; /* all contents there ever were, oldest first */
    unsigned versions;
    int touched; /* the last operation that changed it or a name of it, and said so in its inode */
    uint64_t ino;
};
enum { AWAY, AT_ROOT, AT_D1 };
struct tree {
    int name[CRASH_NAMES];        /* identity, or -1 */
    int place[CRASH_DIRECTORIES]; /* AWAY ... */
};

/* The model. tree[k]: after operation k. */
enum { CRASH_NONE = -1, CRASH_ALL = -2 };
struct model {
    struct tree tree[CRASH_OPS + 1];
    int durable_at[CRASH_OPS + 1]; /* when operation k has returned, everything up to this operation is durable */
    int synced[CRASH_OPS + 1];     /* identity whose content operation k synced, CRASH_NONE, CRASH_ALL */
    struct identity identity[CRASH_OPS + 1];
    int identities;
};
extern struct model model;

/* crash_ops.c */
unsigned crash_random(unsigned n); /* 0 ... n-1 */
void crash_seed(uint64_t seed);
/* Runs it on the mounted disk and in the model, as operation `number` (1 ...). */
void crash_run(const struct crash_op *op, int number);
_Noreturn void crash_wrong(const char *what, const char *where); /* says so, exit 1 */
void crash_must(int error, const char *what);
void crash_path(int name, char path[64]);
void crash_directory_path(int directory, int place, char path[64]);

/* crash_script.c */
void crash_random_op(struct crash_op *op);
void crash_print(const struct crash_op *op, char *text, size_t room);
/* `script`: operations separated by ';'. Their number, or -1 with a message. */
int crash_parse(const char *script, struct crash_op *op, int room);

/* crash_check.c */
struct moment {
    int begun, done; /* operations that had begun, had returned, when the power went */
    int durable;     /* everything up to this one must be there */
    bool again;      /* and what was made after recovery */
};
/* Mounts what the disk holds (recovery), compares it with the model, calls work() unless it is NULL, unmounts, runs
 * fsck.kfs. The operation after which the names were as found. */
int crash_check(struct sim *disk, const struct moment *moment, const char *where, void (*work)(void));
/* To be called for each moment: which content must be there. */
void crash_expect(const struct moment *moment);

/* crash.c */
struct crash_settings {
    uint64_t seed; /* of the commits in between (0: none) and of what each cut leaves */
    int cuts;      /* media tried for each moment */
    bool thorough; /* second cuts, too, with each request in turn lost or kept */
    bool verbose;
};
extern uint8_t crash_empty[CRASH_DISK]; /* the disk to begin with */
/* Runs the script, then cuts the power everywhere. Ends the process with status 1 if something is wrong. Once in a process. */
void crash_cuts(const struct crash_op *op, int count, const struct crash_settings *settings);

#endif
