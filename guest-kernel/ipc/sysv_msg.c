/*
 * sysv_msg.c - System V message queues: messages with a type, in a queue that belongs to no process.
 *
 * Where ipc/message.c sends to a process, here both sides name a queue: a mailbox. A message has a type, a positive number, and a
 * receiver may want the first of all (0), the first of one type, or the one with the lowest type up to a limit (negative): a
 * queue with priorities. Sending copies the message into the kernel and waits if the queue's bytes are used up.
 *
 * One spinlock protects all queues. A waiter sleeps on a queue of the message queue and looks it up again by its id when it
 * wakes, since it may have been removed (EIDRM).
 */
#include "abi/syscall.h"
#include "base/errno.h"
#include "base/string.h"
#include "ipc/sysv.h"
#include "kern/lock.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

enum { MSG_NOERROR = 010000, MSG_EXCEPT = 020000, MSG_COPY = 040000, MSG_STAT = 11, MSG_INFO = 12, MSG_STAT_ANY = 13 };
#define TEXT_MAX    8192u  /* bytes of one message: Linux's MSGMAX */
#define QUEUE_BYTES 16384u /* of one queue, at first: MSGMNB */
#define QUEUES_MAX  4096u

struct text {
    struct list link;
    int64_t type;
    size_t bytes;
    char data[];
};

struct queue {
    struct ipc_object object;
    struct list texts;
    uint64_t bytes, count, limit;
    int64_t stime, rtime;
    int lspid, lrpid;
    struct waitq changed;
};

struct msqid_ds {
    struct ipc_user_perm perm;
    int64_t stime, rtime, ctime;
    uint64_t bytes, count, limit;
    int32_t lspid, lrpid;
    uint64_t unused[2];
};
_Static_assert(sizeof(struct msqid_ds) == 120, "Linux's size");

static struct spinlock queues_lock = SPINLOCK_INIT("SysV queues", RANK_IPC);
static struct ipc_family queues = {.objects = LIST_INIT(queues.objects), .most = QUEUES_MAX};

static struct queue *find(int id)
{
    struct ipc_object *o = id < 0 ? NULL : ipc_by_id(&queues, id);
    return o ? container_of(o, struct queue, object) : NULL;
}

long sys_msgget(K_INT key, K_FLAGS flags)
{
    bool added;
    struct queue *q = kzalloc(sizeof *q);
    if (!q) return -ENOMEM;
    list_init(&q->texts);
    waitq_init(&q->changed);
    q->limit = QUEUE_BYTES;
    spin_lock(&queues_lock);
    int result = ipc_get(&queues, key, flags, &q->object, &added);
    if (added) result = q->object.id;
    spin_unlock(&queues_lock);
    if (!added) kfree(q);
    return result;
}

/* queues_lock is held. Sleeps until the queue changes; *q is then looked up again. */
static int wait_for_change(struct queue **q, int id)
{
    int error = wait_on(&(*q)->changed, &queues_lock, true, 0);
    *q = find(id);
    return !*q ? -EIDRM : error;
}

static int put_text(int id, struct text *text, unsigned flags)
{
    struct queue *q = find(id);
    int error = !q ? -EINVAL : !ipc_allowed(&q->object, 2) ? -EACCES : 0;
    while (!error && (q->bytes + text->bytes > q->limit || q->count >= q->limit))
        error = flags & IPC_NOWAIT ? -EAGAIN : wait_for_change(&q, id);
    if (error) return error;
    list_push_back(&q->texts, &text->link);
    q->bytes += text->bytes;
    q->count++;
    q->stime = ipc_seconds();
    q->lspid = current->tgid;
    wake_all(&q->changed);
    return 0;
}

long sys_msgsnd(K_INT id, K_IN message, K_SIZE bytes, K_FLAGS flags)
{
    int64_t type;
    if (copy_from_user(&type, message, sizeof type)) return -EFAULT;
    if (bytes > TEXT_MAX || id < 0 || type < 1) return -EINVAL;
    struct text *text = kmalloc(sizeof *text + bytes);
    if (!text) return -ENOMEM;
    text->type = type;
    text->bytes = bytes;
    int error = copy_from_user(text->data, message + sizeof type, bytes) ? -EFAULT : 0;
    if (!error) {
        spin_lock(&queues_lock);
        error = put_text(id, text, flags);
        spin_unlock(&queues_lock);
    }
    if (error) kfree(text);
    return error == -EINTR ? -ERESTARTNOHAND : error;
}

static struct text *choose(struct queue *q, int64_t type, unsigned flags)
{
    struct text *t, *best = NULL;
    list_for_each(t, &q->texts, link)
    {
        if (type == 0 || (type > 0 && (t->type == type) != !!(flags & MSG_EXCEPT))) return t;
        if (type < 0 && (type == INT64_MIN || t->type <= -type) && (!best || t->type < best->type)) best = t;
    }
    return best;
}

static struct text *take_text(int id, uint64_t room, int64_t type, unsigned flags)
{
    struct queue *q = find(id);
    struct text *text = NULL;
    int error = !q ? -EINVAL : !ipc_allowed(&q->object, 4) ? -EACCES : 0;
    while (!error && !(text = choose(q, type, flags))) error = flags & IPC_NOWAIT ? -ENOMSG : wait_for_change(&q, id);
    if (!error && text->bytes > room && !(flags & MSG_NOERROR)) error = -E2BIG;
    if (error) return ERR_PTR(error);
    list_remove(&text->link);
    q->bytes -= text->bytes;
    q->count--;
    q->rtime = ipc_seconds();
    q->lrpid = current->tgid;
    wake_all(&q->changed);
    return text;
}

long sys_msgrcv(K_INT id, K_OUT message, K_SIZE room, K_LONG type, K_FLAGS flags)
{
    if (id < 0 || (int64_t)room < 0) return -EINVAL;
    if (flags & MSG_COPY) return flags & MSG_EXCEPT || !(flags & IPC_NOWAIT) ? -EINVAL : -ENOSYS;
    spin_lock(&queues_lock);
    struct text *text = take_text(id, room, type, flags);
    spin_unlock(&queues_lock);
    if (IS_ERR(text)) return PTR_ERR(text) == -EINTR ? -ERESTARTNOHAND : PTR_ERR(text);
    long n = (long)MIN(text->bytes, room);
    if (copy_to_user(message, &text->type, sizeof text->type) ||
        copy_to_user(message + sizeof text->type, text->data, (size_t)n))
        n = -EFAULT;
    kfree(text);
    return n;
}

static void describe(const struct queue *q, struct msqid_ds *d)
{
    *d = (struct msqid_ds){.stime = q->stime,
                           .rtime = q->rtime,
                           .ctime = q->object.ctime,
                           .bytes = q->bytes,
                           .count = q->count,
                           .limit = q->limit,
                           .lspid = q->lspid,
                           .lrpid = q->lrpid};
    ipc_describe(&q->object, &d->perm);
}

static long change(struct queue *q, const struct msqid_ds *set)
{
    if (!ipc_owner(&q->object)) return -EPERM;
    if (set->limit > QUEUE_BYTES && !cred_is_root()) return -EPERM;
    q->limit = set->limit;
    ipc_change(&q->object, &set->perm);
    wake_all(&q->changed);
    return 0;
}

/* Whoever waits is woken and finds it gone. */
static void free_queue(struct queue *q)
{
    while (!list_empty(&q->texts)) {
        struct text *t = list_first(&q->texts, struct text, link);
        list_remove(&t->link);
        kfree(t);
    }
    kfree(q);
}

/* Limits; with MSG_INFO what is used of them: queues, messages, bytes. The result is the highest id. */
static long tell_limits(int command, uint64_t to)
{
    int32_t pool = (int32_t)(QUEUES_MAX * QUEUE_BYTES / 1024), map = QUEUE_BYTES, headers = QUEUE_BYTES;
    spin_lock(&queues_lock);
    if (command == MSG_INFO) {
        struct queue *q;
        pool = (int32_t)queues.count, map = headers = 0;
        list_for_each(q, &queues.objects, object.link) map += (int32_t)q->count, headers += (int32_t)q->bytes;
    }
    int last = ipc_last(&queues);
    spin_unlock(&queues_lock);
    struct {
        int32_t pool, map, text_max, queue_bytes, queues, segment_bytes, headers;
        uint16_t segments;
    } out = {pool, map, TEXT_MAX, QUEUE_BYTES, QUEUES_MAX, 16, headers, 0xffff};
    return copy_to_user(to, &out, sizeof out) ? -EFAULT : last;
}

long sys_msgctl(K_INT id, K_INT command, K_PTR buffer)
{
    struct msqid_ds d = {0};
    struct queue *gone = NULL;
    command &= ~IPC_64;
    if (id < 0 || command < 0) return -EINVAL;
    if (command == IPC_INFO || command == MSG_INFO) return tell_limits(command, buffer);
    bool out = command == IPC_STAT || command == MSG_STAT || command == MSG_STAT_ANY;
    if (!out && command != IPC_SET && command != IPC_RMID) return -EINVAL;
    if (command == IPC_SET && copy_from_user(&d, buffer, sizeof d)) return -EFAULT;
    spin_lock(&queues_lock);
    struct queue *q = find(id);
    long result = q ? 0 : -EINVAL;
    if (q && out) {
        result = command != MSG_STAT_ANY && !ipc_allowed(&q->object, 4) ? -EACCES : command == IPC_STAT ? 0 : id;
        describe(q, &d);
    } else if (q && command == IPC_SET) {
        result = change(q, &d);
    } else if (q) {
        result = ipc_owner(&q->object) ? 0 : -EPERM;
        if (!result) {
            ipc_remove(&queues, &q->object);
            wake_all(&q->changed);
            gone = q;
        }
    }
    spin_unlock(&queues_lock);
    if (gone) free_queue(gone);
    if (result >= 0 && out && copy_to_user(buffer, &d, sizeof d)) return -EFAULT;
    return result;
}
