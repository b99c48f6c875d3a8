/*
 * sysv.h - what System V's message queues (sysv_msg.c) and semaphores (sysv_sem.c) have in common: objects with a key and an owner, that
 * outlive the processes that use them.
 *
 * A *key* is a number that programs agree upon; get(key) gives the *id* of the object, making it if asked to. An object stays until
 * somebody removes it; those who wait for it are then told EIDRM. ids are not given out again soon, so an old one finds nothing.
 */
#ifndef KEPLER_IPC_SYSV_H
#define KEPLER_IPC_SYSV_H

#include "base/list.h"
#include "base/types.h"

enum {
    IPC_PRIVATE = 0,
    IPC_CREAT = 01000,
    IPC_EXCL = 02000,
    IPC_NOWAIT = 04000,
    IPC_RMID = 0,
    IPC_SET = 1,
    IPC_STAT = 2,
    IPC_INFO = 3,
    IPC_64 = 0x100,
};

struct ipc_object {
    struct list link;
    int id, key;
    uint32_t uid, gid, cuid, cgid, mode; /* mode: rwxrwxrwx */
    int64_t ctime;                       /* seconds since 1970 */
};

struct ipc_family { /* all queues, or all sets; under its user's lock */
    struct list objects;
    unsigned count, most;
    int next_id;
};

struct ipc_user_perm { /* struct ipc64_perm of asm-generic */
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, padding;
    uint32_t more_padding;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct ipc_user_perm) == 48, "Linux's size");

int64_t ipc_seconds(void);
int ipc_last(const struct ipc_family *family); /* the highest id there is, 0 if there is none: how far a walk goes */
struct ipc_object *ipc_by_id(struct ipc_family *family, int id);
/* wanted: 4 read, 2 write. */
bool ipc_allowed(const struct ipc_object *object, uint32_t wanted);
bool ipc_owner(const struct ipc_object *object); /* may remove and change it */
/*
 * get(): finds the object, or says that `made` is to become it. Under the family's lock. The id of an object that is there; or
 * -ENOENT, -EEXIST, -EACCES, -ENOSPC; or 0 with *add: `made` has been added (its id is set; it may be freed otherwise).
 */
int ipc_get(struct ipc_family *family, int key, unsigned flags, struct ipc_object *made, bool *add);
void ipc_remove(struct ipc_family *family, struct ipc_object *object);
void ipc_describe(const struct ipc_object *object, struct ipc_user_perm *perm);
void ipc_change(struct ipc_object *object, const struct ipc_user_perm *perm); /* IPC_SET */

struct process;
void semaphores_process_ends(struct process *process); /* gives back what SEM_UNDO operations took */

#endif
