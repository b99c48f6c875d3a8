/*
 * SysV shared memory: memory objects with a key and an owner, that outlive the processes that use them. A
 * segment is created by shmget(), becomes part of an address space by shmat(), and stays until somebody removes
 * it; removed while it is in use, it goes with its last user.
 *
 *      key --shmget--> id --shmat--> area of an address space --+
 *                       |                                       v
 *                       +------- struct segment ------> memory object (its frames)
 *
 * The list of segments has no fixed size. Its mutex is taken inside the address space's (a detaching area ends
 * here), so nothing here calls into mm/ while it holds it.
 */
#include "abi/syscall.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/space_internal.h"
#include "mm/usercopy.h"

enum { IPC_PRIVATE = 0, IPC_CREAT = 01000, IPC_EXCL = 02000, IPC_RMID = 0, IPC_SET = 1, IPC_STAT = 2, IPC_INFO = 3 };
enum { SHM_RDONLY = 010000, SHM_RND = 020000, SHM_REMAP = 040000, SHM_EXEC = 0100000 };
enum {
    SHM_LOCK = 11,
    SHM_UNLOCK = 12,
    SHM_STAT = 13,
    SHM_INFO = 14,
    SHM_STAT_ANY = 15,
    SHM_DEST = 01000,
    SHM_LOCKED = 02000
};
#define SEGMENTS_MAX 4096u /* Linux's SHMMNI; against a program that creates them for ever */

struct segment {
    struct list link;
    struct memobj *object; /* one reference */
    int id, key;
    uint32_t uid, gid, cuid, cgid, mode; /* mode: rwxrwxrwx and SHM_DEST */
    uint64_t bytes;
    int64_t atime, dtime, ctime; /* seconds since 1970 */
    int cpid, lpid;
};

/* As programs see it: struct shmid64_ds of asm-generic. */
struct shmid_ds {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t seq, padding;
    uint64_t unused[2];
    uint64_t bytes;
    int64_t atime, dtime, ctime;
    int32_t cpid, lpid;
    uint64_t attached;
    uint64_t unused_too[2];
};
_Static_assert(sizeof(struct shmid_ds) == 112, "Linux's size");

static struct list segments = LIST_INIT(segments);
static struct mutex shm_mutex = MUTEX_INIT(shm_mutex, "SysV segments");
static unsigned segment_count;
static int next_id;

static int64_t seconds(void) { return inode_now() / 1000000000; }

static struct segment *by_id(int id)
{
    struct segment *s;
    list_for_each(s, &segments, link) if (s->id == id) return s;
    return NULL;
}

static struct segment *by_key(int key)
{
    struct segment *s;
    list_for_each(s, &segments, link) if (s->key == key && key != IPC_PRIVATE) return s;
    return NULL;
}

static uint64_t attached(const struct segment *s)
{
    uint64_t n = 0;
    struct list *at;
    spin_lock(&s->object->mapping.lock);
    for (at = s->object->mapping.areas.next; at != &s->object->mapping.areas; at = at->next) n++;
    spin_unlock(&s->object->mapping.lock);
    return n;
}

/* Takes it off the list; the caller gives up the object without the mutex. */
static struct memobj *unlink_segment(struct segment *s)
{
    struct memobj *object = s->object;
    list_remove(&s->link);
    segment_count--;
    kfree(s);
    return object;
}

void shm_detached(struct memobj *object)
{
    struct memobj *unused = NULL;
    mutex_lock(&shm_mutex);
    struct segment *s = by_id(object->shmid);
    if (s) {
        s->dtime = seconds();
        s->lpid = current->tgid;
        if (s->mode & SHM_DEST && !attached(s)) unused = unlink_segment(s);
    }
    mutex_unlock(&shm_mutex);
    if (unused) memobj_put(unused);
}

/* wanted: 4 read, 2 write. */
static bool allowed(const struct segment *s, uint32_t wanted)
{
    const struct cred *c = &current->cred;
    if (!c->euid) return true;
    uint32_t mode = c->euid == s->uid || c->euid == s->cuid           ? s->mode >> 6
                    : cred_in_group(s->gid) || cred_in_group(s->cgid) ? s->mode >> 3
                                                                      : s->mode;
    return (mode & wanted) == wanted;
}

static long create(int key, uint64_t bytes, unsigned flags)
{
    if (!bytes || bytes > USER_TOP) return -EINVAL;
    if (segment_count >= SEGMENTS_MAX) return -ENOSPC;
    struct segment *s = kzalloc(sizeof *s);
    struct memobj *object = s ? memobj_create(PAGE_ROUND_UP(bytes)) : NULL;
    if (!object) {
        kfree(s);
        return -ENOMEM;
    }
    do next_id = next_id == INT32_MAX ? 0 : next_id + 1;
    while (by_id(next_id));
    object->shmid = next_id;
    *s = (struct segment){.object = object,
                          .id = next_id,
                          .key = key,
                          .mode = flags & 0777,
                          .bytes = bytes,
                          .uid = current->cred.euid,
                          .gid = current->cred.egid,
                          .cuid = current->cred.euid,
                          .cgid = current->cred.egid,
                          .ctime = seconds(),
                          .cpid = current->tgid};
    list_push_back(&segments, &s->link);
    segment_count++;
    return s->id;
}

long sys_shmget(K_INT key, K_SIZE bytes, K_FLAGS flags)
{
    long result;
    mutex_lock(&shm_mutex);
    struct segment *s = by_key(key);
    if (!s)
        result = key == IPC_PRIVATE || flags & IPC_CREAT ? create(key, bytes, flags) : -ENOENT;
    else if (flags & IPC_CREAT && flags & IPC_EXCL)
        result = -EEXIST;
    else if (!allowed(s, flags >> 6 & 6))
        result = -EACCES;
    else
        result = bytes > s->bytes ? -EINVAL : s->id;
    mutex_unlock(&shm_mutex);
    return result;
}

long sys_shmat(K_INT id, K_PTR address, K_FLAGS flags)
{
    bool write = !(flags & SHM_RDONLY);
    if (address & PAGE_MASK) {
        if (!(flags & SHM_RND)) return -EINVAL;
        address &= ~PAGE_MASK;
    }
    if (!address && flags & SHM_REMAP) return -EINVAL;
    struct memobj *object = NULL;
    long error = -EINVAL;
    uint64_t bytes = 0;
    mutex_lock(&shm_mutex);
    struct segment *s = id < 0 ? NULL : by_id(id);
    if (s && !allowed(s, write ? 6 : 4)) {
        error = -EACCES;
    } else if (s) {
        memobj_get(object = s->object);
        bytes = s->bytes;
        s->atime = seconds();
        s->lpid = current->tgid;
    }
    mutex_unlock(&shm_mutex);
    if (!object) return error;
    int prot = PROT_READ | (write ? PROT_WRITE : 0) | (flags & SHM_EXEC ? PROT_EXEC : 0);
    int how = !address ? 0 : flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    long at = mm_map_object(current->mm, address, bytes, prot, how, write, object);
    memobj_put(object);
    return at == -EEXIST || (address && at == -ENOMEM) ? -EINVAL : at;
}

long sys_shmdt(K_PTR address) { return address & PAGE_MASK ? -EINVAL : mm_unmap_object(current->mm, address); }

static void describe(const struct segment *s, struct shmid_ds *d)
{
    *d = (struct shmid_ds){.key = s->key,
                           .uid = s->uid,
                           .gid = s->gid,
                           .cuid = s->cuid,
                           .cgid = s->cgid,
                           .mode = s->mode,
                           .bytes = s->bytes,
                           .atime = s->atime,
                           .dtime = s->dtime,
                           .ctime = s->ctime,
                           .cpid = s->cpid,
                           .lpid = s->lpid,
                           .attached = attached(s)};
}

static long change(struct segment *s, int command, const struct shmid_ds *set, struct memobj **unused)
{
    uint32_t uid = current->cred.euid;
    if (uid && uid != s->uid && uid != s->cuid) return -EPERM;
    if (command == IPC_SET) {
        s->uid = set->uid;
        s->gid = set->gid;
        s->mode = (s->mode & ~0777u) | (set->mode & 0777);
        s->ctime = seconds();
    } else if (attached(s)) {
        s->mode |= SHM_DEST;
        s->key = IPC_PRIVATE;
    } else {
        *unused = unlink_segment(s);
    }
    return 0;
}

/* SHM_LOCK only says that the segment should not be swapped; memory objects that are in use seldom are. It is
 * noted in the mode. */
static long lock(struct segment *s, bool on)
{
    if (current->cred.euid && current->cred.euid != s->uid && current->cred.euid != s->cuid) return -EPERM;
    s->mode = on ? s->mode | SHM_LOCKED : s->mode & ~(uint32_t)SHM_LOCKED;
    return 0;
}

static int last_id(void)
{
    int last = 0;
    struct segment *s;
    list_for_each(s, &segments, link) last = MAX(last, s->id);
    return last;
}

/* IPC_INFO: the limits. SHM_INFO: segments and their pages. The result is the highest id. */
static long tell_limits(int command, uint64_t to)
{
    struct {
        uint64_t longest, shortest, segments, attached, pages, unused[4];
    } limits = {USER_TOP, 1, SEGMENTS_MAX, SEGMENTS_MAX, UINT64_MAX >> PAGE_SHIFT, {0}};
    struct {
        int32_t segments, padding;
        uint64_t pages, resident, swapped, attempts, successes;
    } use = {0};
    struct segment *s;
    mutex_lock(&shm_mutex);
    use.segments = (int32_t)segment_count;
    list_for_each(s, &segments, link)
    {
        use.pages += PAGE_ROUND_UP(s->bytes) >> PAGE_SHIFT;
        use.resident += s->object->mapping.resident;
    }
    int last = last_id();
    mutex_unlock(&shm_mutex);
    bool info = command == SHM_INFO;
    return copy_to_user(to, info ? (void *)&use : (void *)&limits, info ? sizeof use : sizeof limits) ? -EFAULT : last;
}

long sys_shmctl(K_INT id, K_INT command, K_PTR buffer)
{
    struct shmid_ds d = {0};
    struct memobj *unused = NULL;
    command &= ~0x100; /* IPC_64 */
    if (command == IPC_INFO || command == SHM_INFO) return tell_limits(command, buffer);
    if (command == IPC_SET && copy_from_user(&d, buffer, sizeof d)) return -EFAULT;
    bool out = command == IPC_STAT || command == SHM_STAT || command == SHM_STAT_ANY;
    if (!out && command != IPC_SET && command != IPC_RMID && command != SHM_LOCK && command != SHM_UNLOCK)
        return -EINVAL;
    mutex_lock(&shm_mutex);
    struct segment *s = id < 0 ? NULL : by_id(id);
    long result = -EINVAL;
    if (s && out) {
        result = command == SHM_STAT_ANY || allowed(s, 4) ? command == IPC_STAT ? 0 : s->id : -EACCES;
        describe(s, &d);
    } else if (s) {
        result =
            command == IPC_SET || command == IPC_RMID ? change(s, command, &d, &unused) : lock(s, command == SHM_LOCK);
    }
    mutex_unlock(&shm_mutex);
    if (unused) memobj_put(unused);
    if (result >= 0 && out && copy_to_user(buffer, &d, sizeof d)) return -EFAULT;
    return result;
}
