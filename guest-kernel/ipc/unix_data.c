/*
 * unix_data.c - messages between Unix sockets.
 *
 * Sending copies the bytes out of the sender's memory into a message, without locks, and then puts the message into the receiver's
 * queue. Receiving copies out of the first message and takes it off the queue. On a stream a message is only a piece:
 * a receiver takes as much as it wants, over several pieces or a part of one. On the other types a message is received whole,
 * and what does not fit into the receiver's buffer is lost.
 *
 * Flow control: a message is charged to its *sender* until somebody has received it; who has sent more than its limit waits, or is
 * told EAGAIN. So one slow reader cannot make the kernel fill its memory. Unconnected datagram sockets have another
 * limit besides, of messages in the receiver's queue, since many senders could share in filling it.
 */
#include "arch/time.h"
#include "base/string.h"
#include "ipc/socket.h"
#include "kern/task.h"
#include "mm/slab.h"

#define STREAM_PIECE 32768u

/* Messages */

static void message_discard(struct message *m)
{
    for (unsigned i = 0; i < m->chunks; i++) kfree(m->chunk[i]);
    kfree(m);
}

/* `bytes` out of the uio. */
static struct message *message_make(struct uio *uio, size_t bytes)
{
    unsigned chunks = (unsigned)((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
    struct message *m = kzalloc(sizeof *m + chunks * sizeof m->chunk[0]);
    if (!m) return ERR_PTR(-ENOMEM);
    m->bytes = bytes;
    for (size_t done = 0; done < bytes; m->chunks++) {
        size_t n = MIN(bytes - done, PAGE_SIZE);
        char *chunk = m->chunk[m->chunks] = kmalloc(n);
        ssize_t got = chunk ? uio_get(uio, chunk, n) : -ENOMEM;
        if (got == (ssize_t)n) {
            done += n;
            continue;
        }
        m->chunks++;
        message_discard(m);
        return ERR_PTR(got == -ENOMEM ? -ENOMEM : -EFAULT);
    }
    return m;
}

/* Up to n bytes from position `at` of the message into the uio. */
static ssize_t message_copy(const struct message *m, size_t at, struct uio *uio, size_t n)
{
    ssize_t done = 0;
    while (n) {
        size_t part = MIN(n, PAGE_SIZE - at % PAGE_SIZE);
        ssize_t put = uio_put(uio, m->chunk[at / PAGE_SIZE] + at % PAGE_SIZE, part);
        if (put < 0) return done ? done : put;
        done += put;
        if ((size_t)put < part) break;
        at += part;
        n -= part;
    }
    return done;
}

/* unix_lock is held. */
static void message_enqueue(struct socket *from, struct socket *to, struct message *m)
{
    m->sender = socket_get(from);
    m->charge = m->bytes + MESSAGE_OVERHEAD;
    from->sent_bytes += m->charge;
    list_push_back(&to->messages, &m->link);
    to->message_count++;
    to->queued_bytes += m->bytes;
    rights_enter(m);
    wake_all(&to->changed);
}

/* unix_lock is held. */
static void message_dequeue(struct socket *s, struct message *m)
{
    bool was_full = s->message_count > DATAGRAMS_MAX;
    list_remove(&m->link);
    s->message_count--;
    s->queued_bytes -= m->bytes - m->taken;
    rights_leave(m);
    if (!was_full || s->type != SOCK_DGRAM) return;
    struct socket *client;
    wake_all(&s->changed);
    list_for_each(client, &s->clients, client_link) wake_all(&client->changed);
}

void messages_take_all(struct socket *s, struct list *list)
{
    while (!list_empty(&s->messages)) {
        struct message *m = list_first(&s->messages, struct message, link);
        message_dequeue(s, m);
        list_push_back(list, &m->link);
    }
}

static void message_free(struct message *m)
{
    spin_lock(&unix_lock);
    m->sender->sent_bytes -= m->charge;
    wake_all(&m->sender->changed);
    spin_unlock(&unix_lock);
    for (unsigned i = 0; i < m->file_count; i++) file_put(m->files[i]);
    kfree(m->files);
    socket_put(m->sender);
    address_put(m->from);
    message_discard(m);
}

/*
 * A message may hold the last reference to a socket whose queue holds messages, and so on: freeing them inside each other would
 * need a stack as deep as a program cares to make it. So what is to be freed is put on one list, and one task works on it.
 */
void messages_free(struct list *list)
{
    static struct list doomed = LIST_INIT(doomed);
    static bool working;
    spin_lock(&unix_lock);
    list_splice_back(&doomed, list);
    bool mine = !working;
    working = true;
    while (mine && !list_empty(&doomed)) {
        struct message *m = list_first(&doomed, struct message, link);
        list_remove(&m->link);
        spin_unlock(&unix_lock);
        message_free(m);
        spin_lock(&unix_lock);
    }
    if (mine) working = false;
    spin_unlock(&unix_lock);
}

static void message_free_one(struct message *m)
{
    struct list list = LIST_INIT(list);
    list_push_back(&list, &m->link);
    messages_free(&list);
}

/* Sending */

static uint64_t deadline_of(uint64_t timeout_ns) { return timeout_ns ? time_ns() + timeout_ns : 0; }

/* unix_lock is held. Waits until the sender may send more. */
static int await_limit(struct socket *s, bool wait, uint64_t deadline)
{
    for (;;) {
        if (s->error) {
            int error = -s->error;
            s->error = 0;
            return error;
        }
        if (s->shut & SHUT_SEND) return -EPIPE;
        if (s->sent_bytes < s->send_limit) return 0;
        int error = wait ? socket_wait(s, deadline) : -EAGAIN;
        if (error) return error;
    }
}

static struct message *message_for(struct socket *s, struct transfer *t, size_t bytes, uint64_t deadline)
{
    spin_lock(&unix_lock);
    int error = await_limit(s, t->wait, deadline);
    spin_unlock(&unix_lock);
    if (error) return ERR_PTR(error);
    struct message *m = message_make(t->uio, bytes);
    if (IS_ERR(m)) return m;
    m->cred = t->cred;
    m->files = t->files;
    m->file_count = t->file_count;
    return m;
}

/* unix_lock is held. Waits until the receiver takes a datagram from s. */
static int await_receiver(struct socket *s, struct socket *to, bool wait, uint64_t deadline)
{
    for (;;) {
        if (to->dead) return s->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
        if (to->shut & SHUT_RECEIVE) return -EPIPE;
        if (to->peer && to->peer != s) return -EPERM;
        if (to == s || to->peer == s || to->message_count <= DATAGRAMS_MAX) return 0;
        int error = wait ? socket_wait(to, deadline) : -EAGAIN;
        if (error) return error;
    }
}

/* Whom a message without a stream goes to; with a reference. */
static struct socket *receiver_of(struct socket *s, struct transfer *t)
{
    if (t->name_bytes && s->type == SOCK_DGRAM) {
        int error = unix_name_check(&t->name, t->name_bytes);
        return error ? ERR_PTR(error) : unix_find(&t->name, t->name_bytes, s->type);
    }
    spin_lock(&unix_lock);
    struct socket *peer = s->peer ? socket_get(s->peer) : ERR_PTR(-ENOTCONN);
    spin_unlock(&unix_lock);
    return peer;
}

/* The peer of a datagram socket has gone: told once, then there is none, nor anything it sent. Not while another thread copies from the first
 * message. */
static void forget_peer(struct socket *s, struct socket *dead)
{
    mutex_lock(&s->reading);
    spin_lock(&unix_lock);
    struct list messages = LIST_INIT(messages);
    struct socket *old = s->peer == dead ? socket_take_peer(s) : 0;
    if (old) {
        s->state = SOCKET_OPEN;
        messages_take_all(s, &messages);
    }
    spin_unlock(&unix_lock);
    mutex_unlock(&s->reading);
    messages_free(&messages);
    socket_put(old);
}

static ssize_t send_message(struct socket *s, struct transfer *t)
{
    size_t bytes = t->uio->left;
    uint64_t deadline = deadline_of(s->send_timeout_ns);
    int error = s->pass_cred ? socket_autobind(s) : 0;
    if (error) return error;
    struct socket *to = receiver_of(s, t);
    if (IS_ERR(to)) return PTR_ERR(to);
    struct message *m = ERR_PTR(-EMSGSIZE);
    if (bytes + 32 <= s->send_limit) m = message_for(s, t, bytes, deadline);
    if (IS_ERR(m)) {
        socket_put(to);
        return PTR_ERR(m);
    }
    spin_lock(&unix_lock);
    error = await_receiver(s, to, t->wait, deadline);
    if (!error) {
        m->from = address_get(s->address);
        message_enqueue(s, to, m);
    }
    bool refused = error == -ECONNREFUSED && to->dead;
    spin_unlock(&unix_lock);
    if (error) message_discard(m);
    if (refused) forget_peer(s, to);
    socket_put(to);
    return error ? error : (ssize_t)bytes;
}

/* Puts one piece into the peer's queue. */
static int send_piece(struct socket *s, struct message *m)
{
    spin_lock(&unix_lock);
    struct socket *to = s->peer;
    int error = !to || to->dead || (to->shut & SHUT_RECEIVE) || (s->shut & SHUT_SEND) ? -EPIPE : 0;
    if (!error) {
        m->from = address_get(s->address);
        message_enqueue(s, to, m);
    }
    spin_unlock(&unix_lock);
    if (error) message_discard(m);
    return error;
}

static ssize_t send_stream(struct socket *s, struct transfer *t)
{
    ssize_t done = 0;
    uint64_t deadline = deadline_of(s->send_timeout_ns);
    int error = 0;
    if (t->name_bytes) return s->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (s->state != SOCKET_CONNECTED) return -ENOTCONN;
    if (s->shut & SHUT_SEND) error = -EPIPE;
    while (!error && t->uio->left) {
        size_t bytes = MIN(t->uio->left, (uint64_t)MIN(STREAM_PIECE, s->send_limit / 2));
        struct message *m = message_for(s, t, bytes, deadline);
        error = IS_ERR(m) ? (int)PTR_ERR(m) : send_piece(s, m);
        if (error) break;
        done += (ssize_t)bytes;
        t->files = 0; /* they travel with the first piece */
        t->file_count = 0;
    }
    if (error == -EPIPE && !done && !(t->flags & MSG_NOSIGNAL)) signal_send_task(current, SIGPIPE, 0);
    return done ? done : error;
}

ssize_t socket_send(struct socket *s, struct transfer *t)
{
    if (t->flags & MSG_OOB) return -EOPNOTSUPP;
    spin_lock(&unix_lock);
    bool too_many = rights_too_many(t->file_count);
    spin_unlock(&unix_lock);
    if (too_many) return -ETOOMANYREFS;
    if (s->type == SOCK_SEQPACKET && s->state != SOCKET_CONNECTED) return -ENOTCONN;
    return s->type == SOCK_STREAM ? send_stream(s, t) : send_message(s, t);
}

/* Receiving */

/* The first message; s->reading is then held, so that it stays the first. NULL with 0: end of file. */
static struct message *await_message(struct socket *s, bool wait, uint64_t deadline, bool stream, int *error)
{
    for (;;) {
        mutex_lock(&s->reading);
        spin_lock(&unix_lock);
        struct message *m = list_empty(&s->messages) ? 0 : list_first(&s->messages, struct message, link);
        *error = 0;
        if (s->error && (!m || !stream)) {
            *error = -s->error;
            s->error = 0;
            m = 0;
        }
        bool ended = s->shut & SHUT_RECEIVE;
        /* A datagram socket without waiting does not tell "shut down" from "nothing there". */
        if (!m && !*error && !wait && (!ended || s->type == SOCK_DGRAM)) *error = -EAGAIN;
        bool done = m || *error || ended;
        if (!done) {
            spin_unlock(&unix_lock);
            mutex_unlock(&s->reading);
            spin_lock(&unix_lock);
            if (list_empty(&s->messages) && !s->error && !(s->shut & SHUT_RECEIVE)) *error = socket_wait(s, deadline);
        }
        spin_unlock(&unix_lock);
        if (m) return m;
        if (done) mutex_unlock(&s->reading);
        if (done || *error) return 0;
    }
}

/* What comes with the bytes: who sent them, and descriptors. `copy`: the message stays in the queue. */
static void take_extras(struct message *m, struct transfer *t, bool copy)
{
    if (!t->with_cred) t->cred = m->cred;
    t->with_cred = true;
    if (!t->from) t->from = address_get(m->from);
    if (!m->file_count || !t->wants_files || t->files) return;
    if (copy) {
        t->files = kmalloc(m->file_count * sizeof *t->files);
        if (!t->files) return;
        for (unsigned i = 0; i < m->file_count; i++) t->files[i] = file_get(m->files[i]);
        t->file_count = m->file_count;
        return;
    }
    t->files = m->files;
    t->file_count = m->file_count;
    m->files = 0;
    m->file_count = 0;
}

/* s->reading is held. */
static void take_message(struct socket *s, struct message *m, struct transfer *t)
{
    spin_lock(&unix_lock);
    message_dequeue(s, m);
    spin_unlock(&unix_lock);
    take_extras(m, t, false);
    message_free_one(m);
}

static ssize_t receive_message(struct socket *s, struct transfer *t)
{
    int error;
    struct message *m = await_message(s, t->wait, deadline_of(s->receive_timeout_ns), false, &error);
    if (!m) return error;
    size_t n = MIN((uint64_t)m->bytes, t->uio->left), bytes = m->bytes;
    ssize_t copied = message_copy(m, 0, t->uio, n);
    bool whole = t->flags & MSG_TRUNC, peek = t->flags & MSG_PEEK;
    t->flags = n < bytes ? MSG_TRUNC : 0;
    if (peek)
        take_extras(m, t, true);
    else
        take_message(s, m, t);
    mutex_unlock(&s->reading);
    if (copied < (ssize_t)n) return -EFAULT;
    return (ssize_t)(whole ? bytes : n);
}

static bool same_sender(const struct message *m, const struct transfer *t)
{
    return m->cred.pid == t->cred.pid && m->cred.uid == t->cred.uid && m->cred.gid == t->cred.gid;
}

/* Takes what is wanted of the first piece. The bytes or -EFAULT; *more: go on with the next piece. */
static ssize_t receive_piece(struct socket *s, struct message *m, struct transfer *t, bool *more)
{
    size_t rest = m->bytes - m->taken, n = MIN((uint64_t)rest, t->uio->left);
    ssize_t copied = message_copy(m, m->taken, t->uio, n);
    if (copied < 0) return copied;
    bool had_files = m->file_count;
    spin_lock(&unix_lock);
    m->taken += (size_t)copied;
    s->queued_bytes -= (uint64_t)copied;
    spin_unlock(&unix_lock);
    *more = (size_t)copied == rest && !had_files;
    if ((size_t)copied == rest) {
        take_message(s, m, t);
        return copied;
    }
    /* Descriptors come with the first byte of their piece; the rest of it goes without. */
    struct message part = {.cred = m->cred, .from = m->from};
    spin_lock(&unix_lock);
    rights_leave(m);
    part.files = m->files;
    part.file_count = m->file_count;
    m->files = 0;
    m->file_count = 0;
    spin_unlock(&unix_lock);
    take_extras(&part, t, false);
    for (unsigned i = 0; i < part.file_count; i++) file_put(part.files[i]);
    kfree(part.files);
    return copied;
}

/* Looks over the pieces without taking them. s->reading is held. */
static ssize_t peek_pieces(struct socket *s, struct message *m, struct transfer *t)
{
    ssize_t done = 0;
    while (m && t->uio->left) {
        size_t n = MIN((uint64_t)(m->bytes - m->taken), t->uio->left);
        ssize_t copied = message_copy(m, m->taken, t->uio, n);
        if (copied < 0) return done ? done : copied;
        bool had_files = m->file_count;
        take_extras(m, t, true);
        done += copied;
        if ((size_t)copied < n || had_files) break;
        spin_lock(&unix_lock);
        m = m->link.next == &s->messages ? 0 : list_entry(m->link.next, struct message, link);
        spin_unlock(&unix_lock);
    }
    return done;
}

static ssize_t receive_stream(struct socket *s, struct transfer *t)
{
    ssize_t done = 0;
    int error = 0;
    uint64_t deadline = deadline_of(s->receive_timeout_ns), length = t->uio->left;
    uint64_t least = t->flags & MSG_WAITALL ? length : MIN((uint64_t)s->receive_least, length);
    bool peek = t->flags & MSG_PEEK, more = true;
    if (s->state != SOCKET_CONNECTED) return -EINVAL;
    t->flags = 0;
    do {
        bool enough = done && (uint64_t)done >= least;
        struct message *m = await_message(s, t->wait && !enough, deadline, true, &error);
        if (!m) break;
        ssize_t n = 0;
        if (done && s->pass_cred && !same_sender(m, t))
            more = false;
        else if (peek)
            n = peek_pieces(s, m, t), more = false;
        else
            n = receive_piece(s, m, t, &more);
        mutex_unlock(&s->reading);
        if (n < 0) error = (int)n;
        if (n <= 0) break;
        done += n;
    } while (more && t->uio->left);
    return done ? done : error;
}

ssize_t socket_receive(struct socket *s, struct transfer *t)
{
    if (t->flags & MSG_OOB) return s->type == SOCK_STREAM ? -EINVAL : -EOPNOTSUPP;
    if (s->type == SOCK_SEQPACKET && s->state != SOCKET_CONNECTED) return -ENOTCONN;
    return s->type == SOCK_STREAM ? receive_stream(s, t) : receive_message(s, t);
}
