/*
 * message.c - message passing as the notes have it: two calls, send and receive, between processes that know each other's pid.
 *
 * Each process has a queue of messages for it; others add to it, it takes from it. A message is always passed *by value*: the
 * kernel copies the bytes out of the sender's memory, and later into the receiver's, so that neither can touch what the other has.
 *
 *      sender                                   receiver
 *      message_send(pid, bytes, n, how)         message_receive(from, buffer, room, &sender, how)
 *            |                                        ^
 *            +--copy--> [ message, message, ... ] --copy
 *                        queue of process `pid`
 *
 * Symmetric: both name the other one; receive with `from` > 0 takes only messages of that process and leaves others in the queue.
 * Asymmetric: only the sender names the other one; receive with `from` 0 takes the first message of anybody and tells
 * whose it is, so that a server can reply.
 *
 * Blocking send returns when the message has been received, non-blocking send (MESSAGE_NOWAIT) as soon as it is in the queue. Blocking
 * receive waits for a message, non-blocking receive says EAGAIN. Client "send request; receive reply" and server "receive
 * request; send reply" make a remote procedure call (user/rpc).
 *
 * Linux has no such calls (its nearest relatives, SysV queues and Unix sockets, name queues, not processes), so these have numbers
 * outside its range. A queue is limited, by messages and by bytes: a sender waits for room, or is told EAGAIN.
 */
#include "ipc/message.h"

#include "abi/syscall.h"
#include "base/errno.h"
#include "kern/process.h"
#include "kern/wait.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

#define MESSAGE_NOWAIT 1u
#define MESSAGE_MAX    65536u /* bytes of one message */
#define QUEUE_MESSAGES 64u    /* of one queue */
#define QUEUE_BYTES    (256u * 1024)

enum fate { QUEUED, TAKEN, RECEIVED, LOST }; /* TAKEN: is being copied to the receiver */

struct message {
    struct list link;
    int from;
    size_t bytes;
    enum fate fate;
    bool awaited;         /* the sender waits for its fate, and then frees it */
    struct waitq decided; /* that sender */
    char data[];
};

struct mailbox {      /* the entry of a process in the notes' table */
    struct list link; /* in mailboxes */
    struct list messages;
    unsigned count;
    size_t bytes;
    struct waitq arrived, room;
};

static struct spinlock message_lock = SPINLOCK_INIT("messages", RANK_IPC); /* everything here */
static struct list mailboxes = LIST_INIT(mailboxes);

/* The process's mailbox, made at first use; -ENOMEM, -ESRCH (it has ended). The caller holds the process. */
static struct mailbox *mailbox_of(struct process *process)
{
    struct mailbox *box = atomic_load(&process->mailbox), *mine;
    if (box) return box;
    if (!(mine = kzalloc(sizeof *mine))) return ERR_PTR(-ENOMEM);
    list_init(&mine->messages);
    waitq_init(&mine->arrived);
    waitq_init(&mine->room);
    spin_lock(&message_lock);
    box = process->mail_closed ? ERR_PTR(-ESRCH) : process->mailbox;
    if (!box) {
        list_push_back(&mailboxes, &mine->link);
        atomic_store(&process->mailbox, mine);
    }
    spin_unlock(&message_lock);
    if (box) kfree(mine);
    return box ? box : mine;
}

static void take_off(struct mailbox *box, struct message *message)
{
    list_remove(&message->link);
    box->count--;
    box->bytes -= message->bytes;
    wake_all(&box->room);
}

/* message_lock is held. The message has left its queue: whoever is responsible frees it. True: the caller. */
static bool settle(struct message *message, enum fate fate)
{
    message->fate = fate;
    if (!message->awaited) return true;
    wake_all(&message->decided);
    return false;
}

static struct message *message_from_user(uint64_t user, size_t bytes, bool awaited)
{
    struct message *message = kzalloc(sizeof *message + bytes);
    if (!message) return ERR_PTR(-ENOMEM);
    message->from = current->tgid;
    message->bytes = bytes;
    message->awaited = awaited;
    waitq_init(&message->decided);
    if (!copy_from_user(message->data, user, bytes)) return message;
    kfree(message);
    return ERR_PTR(-EFAULT);
}

/* message_lock is held. Waits for room in the receiver's queue. */
static int await_room(struct process *to, struct mailbox *box, size_t bytes, bool wait)
{
    int error = 0;
    while (!error && !to->mail_closed && (box->count >= QUEUE_MESSAGES || box->bytes + bytes > QUEUE_BYTES))
        error = wait ? wait_on(&box->room, &message_lock, true, 0) : -EAGAIN;
    return to->mail_closed ? -ESRCH : error;
}

/* message_lock is held. Until it has been received; a message that a signal calls back in time is taken out of the queue. */
static int await_fate(struct mailbox *box, struct message *message)
{
    int error = 0;
    while (message->fate == TAKEN || (message->fate == QUEUED && !error)) {
        int interrupted = wait_on(&message->decided, &message_lock, message->fate == QUEUED, 0);
        if (!error) error = interrupted;
    }
    if (message->fate == QUEUED) take_off(box, message);
    return message->fate == RECEIVED ? 0 : message->fate == LOST ? -ESRCH : error;
}

long sys_message_send(K_PID pid, K_IN bytes, K_SIZE count, K_FLAGS flags)
{
    bool wait = !(flags & MESSAGE_NOWAIT);
    if (flags & ~MESSAGE_NOWAIT || pid <= 0) return -EINVAL;
    if (count > MESSAGE_MAX) return -EMSGSIZE;
    struct process *to = process_find(pid);
    if (!to) return -ESRCH;
    struct mailbox *box = mailbox_of(to);
    struct message *message = IS_ERR(box) ? ERR_PTR(PTR_ERR(box)) : message_from_user(bytes, count, wait);
    if (IS_ERR(message)) {
        process_put(to);
        return PTR_ERR(message);
    }
    spin_lock(&message_lock);
    int error = await_room(to, box, count, wait);
    bool mine = error || wait;
    if (!error) {
        list_push_back(&box->messages, &message->link);
        box->count++;
        box->bytes += count;
        wake_all(&box->arrived);
        if (wait) error = await_fate(box, message);
    }
    spin_unlock(&message_lock);
    if (mine) kfree(message);
    process_put(to);
    return error == -EINTR ? -ERESTARTSYS : error;
}

static struct message *first_from(struct mailbox *box, int from)
{
    struct message *message;
    list_for_each(message, &box->messages, link) if (!from || message->from == from) return message;
    return NULL;
}

static bool is_alive(int pid)
{
    struct process *process = process_find(pid);
    bool alive = process && !process->mail_closed;
    if (process) process_put(process);
    return alive;
}

/* Takes the message out of the queue, or says why there is none. A message that is too large stays. */
static struct message *take(struct mailbox *box, int from, size_t room, bool wait)
{
    struct message *message;
    int error = 0;
    spin_lock(&message_lock);
    while (!(message = first_from(box, from)) && !error) {
        if (from && !is_alive(from))
            error = -ESRCH;
        else if (!wait)
            error = -EAGAIN;
        else
            error = wait_on(&box->arrived, &message_lock, true, 0);
    }
    if (message && message->bytes > room)
        error = -EMSGSIZE;
    else if (message)
        take_off(box, message), message->fate = TAKEN, error = 0;
    spin_unlock(&message_lock);
    return error ? ERR_PTR(error) : message;
}

long sys_message_receive(K_PID from, K_OUT buffer, K_SIZE room, K_OUT sender, K_FLAGS flags)
{
    if (flags & ~MESSAGE_NOWAIT || from < 0) return -EINVAL;
    struct mailbox *box = mailbox_of(current->process);
    if (IS_ERR(box)) return PTR_ERR(box);
    struct message *message = take(box, from, room, !(flags & MESSAGE_NOWAIT));
    if (IS_ERR(message)) return PTR_ERR(message) == -EINTR ? -ERESTARTSYS : PTR_ERR(message);
    long result = (long)message->bytes;
    if (copy_to_user(buffer, message->data, message->bytes)) result = -EFAULT;
    if (sender && copy_to_user(sender, &message->from, sizeof message->from)) result = -EFAULT;
    spin_lock(&message_lock);
    bool mine = settle(message, RECEIVED);
    spin_unlock(&message_lock);
    if (mine) kfree(message);
    return result;
}

void message_process_ends(struct process *process)
{
    struct list orphans = LIST_INIT(orphans);
    struct mailbox *box;
    spin_lock(&message_lock);
    process->mail_closed = true;
    box = process->mailbox;
    while (box && !list_empty(&box->messages)) {
        struct message *message = list_first(&box->messages, struct message, link);
        take_off(box, message);
        if (settle(message, LOST)) list_push_back(&orphans, &message->link);
    }
    if (box) {
        list_remove(&box->link);
        wake_all(&box->room);
    }
    /* Those who wait for a message of this process look again, and find that it has ended. */
    list_for_each(box, &mailboxes, link) wake_all(&box->arrived);
    spin_unlock(&message_lock);
    while (!list_empty(&orphans)) {
        struct message *message = list_first(&orphans, struct message, link);
        list_remove(&message->link);
        kfree(message);
    }
}
