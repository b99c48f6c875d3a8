/*
 * sysv.c - keys, ids, owners and permissions of System V objects. See sysv.h.
 *
 * Permission works as for files: three bits each for the owner (or creator), the group, and others; root may do everything.
 */
#include "ipc/sysv.h"

#include "base/errno.h"
#include "fs/vfs.h"
#include "kern/task.h"

int64_t ipc_seconds(void) { return inode_now() / 1000000000; }

int ipc_last(const struct ipc_family *family)
{
    int last = 0;
    const struct ipc_object *o;
    list_for_each(o, &family->objects, link) last = MAX(last, o->id);
    return last;
}

struct ipc_object *ipc_by_id(struct ipc_family *family, int id)
{
    struct ipc_object *o;
    list_for_each(o, &family->objects, link) if (o->id == id) return o;
    return NULL;
}

static struct ipc_object *by_key(struct ipc_family *family, int key)
{
    struct ipc_object *o;
    list_for_each(o, &family->objects, link) if (o->key == key && key != IPC_PRIVATE) return o;
    return NULL;
}

bool ipc_allowed(const struct ipc_object *o, uint32_t wanted)
{
    const struct cred *c = &current->cred;
    if (!c->euid) return true;
    uint32_t mode = c->euid == o->uid || c->euid == o->cuid           ? o->mode >> 6
                    : cred_in_group(o->gid) || cred_in_group(o->cgid) ? o->mode >> 3
                                                                      : o->mode;
    return (mode & wanted) == wanted;
}

bool ipc_owner(const struct ipc_object *o)
{
    uint32_t uid = current->cred.euid;
    return !uid || uid == o->uid || uid == o->cuid;
}

static int add(struct ipc_family *family, int key, unsigned flags, struct ipc_object *o)
{
    if (family->count >= family->most) return -ENOSPC;
    do family->next_id = family->next_id == INT32_MAX ? 0 : family->next_id + 1;
    while (ipc_by_id(family, family->next_id));
    const struct cred *c = &current->cred;
    o->id = family->next_id;
    o->key = key;
    o->mode = flags & 0777;
    o->uid = o->cuid = c->euid;
    o->gid = o->cgid = c->egid;
    o->ctime = ipc_seconds();
    list_push_back(&family->objects, &o->link);
    family->count++;
    return 0;
}

int ipc_get(struct ipc_family *family, int key, unsigned flags, struct ipc_object *made, bool *added)
{
    struct ipc_object *o = by_key(family, key);
    *added = false;
    if (!o && key != IPC_PRIVATE && !(flags & IPC_CREAT)) return -ENOENT;
    if (!o) {
        int error = add(family, key, flags, made);
        *added = !error;
        return error;
    }
    if (flags & IPC_CREAT && flags & IPC_EXCL) return -EEXIST;
    return ipc_allowed(o, flags >> 6 & 6) ? o->id : -EACCES;
}

void ipc_remove(struct ipc_family *family, struct ipc_object *o)
{
    list_remove(&o->link);
    family->count--;
}

void ipc_describe(const struct ipc_object *o, struct ipc_user_perm *perm)
{
    *perm = (struct ipc_user_perm){
        .key = o->key, .uid = o->uid, .gid = o->gid, .cuid = o->cuid, .cgid = o->cgid, .mode = o->mode};
}

void ipc_change(struct ipc_object *o, const struct ipc_user_perm *perm)
{
    o->uid = perm->uid;
    o->gid = perm->gid;
    o->mode = perm->mode & 0777;
    o->ctime = ipc_seconds();
}
