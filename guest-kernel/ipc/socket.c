/*
 * socket.c - the life of Unix sockets: made, connected, shut down, closed. socket.h draws the structures.
 *
 * A connection needs three sockets. The server's *listener* has a name and a queue of those who want to be served. connect() makes
 * the third one, the server's end of this one connection, ties it to the client, and puts it into the listener's queue; the
 * client may send at once. accept() takes it out and gives it a descriptor.
 *
 *      client ---connect---> listener          client <---peer---> new socket, pending at the listener
 *                               |                                    |
 *                               +--------------accept----------------+--> descriptor of the server
 *
 * Closing one end leaves the other one with the rest of its messages and then "end of file"; if the closed end had not read
 * everything, the other one is told ECONNRESET.
 */
#include "ipc/socket.h"

#include "arch/time.h"
#include "kern/task.h"
#include "mm/slab.h"

struct spinlock unix_lock = SPINLOCK_INIT("unix sockets", RANK_SOCKET);

struct socket *socket_new(int type)
{
    struct socket *s = kzalloc(sizeof *s);
    if (!s) return 0;
    ref_init(&s->refs);
    s->type = type;
    s->send_limit = s->receive_limit = BUFFER_DEFAULT;
    s->receive_least = 1;
    s->peer_cred = (struct ucred){0, UINT32_MAX, UINT32_MAX};
    list_init(&s->clients);
    list_init(&s->client_link);
    list_init(&s->name_link);
    list_init(&s->messages);
    list_init(&s->pending);
    list_init(&s->pending_link);
    list_init(&s->flight_link);
    waitq_init(&s->changed);
    mutex_init(&s->reading, "socket reader");
    unix_list_add(s);
    return s;
}

void socket_put(struct socket *s)
{
    if (!s || !ref_put(&s->refs)) return;
    unix_list_remove(s);
    address_put(s->address);
    kfree(s);
}

void address_put(struct socket_address *a)
{
    if (a && ref_put(&a->refs)) kfree(a);
}

struct ucred cred_of_current(bool effective)
{
    const struct cred *c = &current->cred;
    return (struct ucred){current->tgid, effective ? c->euid : c->uid, effective ? c->egid : c->gid};
}

void socket_set_peer(struct socket *s, struct socket *peer)
{
    s->peer = peer;
    if (peer) list_push_back(&peer->clients, &s->client_link);
}

struct socket *socket_take_peer(struct socket *s)
{
    struct socket *peer = s->peer;
    s->peer = 0;
    list_remove(&s->client_link);
    return peer;
}

int socket_wait(struct socket *s, uint64_t deadline_ns)
{
    int error = wait_on(&s->changed, &unix_lock, true, deadline_ns);
    if (error == -ETIMEDOUT) return -EAGAIN;
    if (error == -EINTR) return deadline_ns ? -EINTR : -ERESTARTSYS;
    return 0;
}

struct file *socket_open(struct socket *s, unsigned flags)
{
    struct inode *inode = anonymous_inode(S_IFSOCK | 0777);
    struct file *file = IS_ERR(inode) ? 0 : file_new(&socket_ops, inode, O_RDWR | (flags & O_NONBLOCK));
    if (file) {
        file->kind = "socket";
        file->private = s;
        s->file = file;
        return file;
    }
    if (!IS_ERR(inode)) inode_put(inode);
    struct file nobody = {.private = s};
    socket_release(&nobody);
    return 0;
}

int socket_pair(struct socket *a, struct socket *b)
{
    spin_lock(&unix_lock);
    socket_set_peer(a, socket_get(b));
    socket_set_peer(b, socket_get(a));
    a->peer_cred = b->peer_cred = cred_of_current(true);
    if (socket_is_connected_kind(a)) a->state = b->state = SOCKET_CONNECTED;
    spin_unlock(&unix_lock);
    return 0;
}

int socket_listen(struct socket *s, int backlog)
{
    if (!socket_is_connected_kind(s)) return -EOPNOTSUPP;
    spin_lock(&unix_lock);
    int error = !s->address || s->state == SOCKET_CONNECTED ? -EINVAL : 0;
    if (!error) {
        s->backlog = MIN((unsigned)backlog, 4096u); /* net.core.somaxconn */
        s->state = SOCKET_LISTENING;
        s->peer_cred = cred_of_current(true);
        wake_all(&s->changed); /* there may be room now */
    }
    spin_unlock(&unix_lock);
    return error;
}

/* Datagrams: the peer is only the address that is used when none is given. */
static int connect_datagram(struct socket *s, const struct unix_name *name, unsigned bytes)
{
    struct socket *other = 0;
    if (name->family != AF_UNSPEC) {
        int error = unix_name_check(name, bytes);
        if (!error && s->pass_cred) error = socket_autobind(s);
        if (error) return error;
        other = unix_find(name, bytes, s->type);
        if (IS_ERR(other)) return (int)PTR_ERR(other);
    }
    spin_lock(&unix_lock);
    int error = other && other->peer && other->peer != s ? -EPERM : 0;
    struct socket *old = error ? other : socket_take_peer(s);
    if (!error) {
        socket_set_peer(s, other);
        s->state = other ? SOCKET_CONNECTED : SOCKET_OPEN;
        wake_all(&s->changed);
    }
    spin_unlock(&unix_lock);
    socket_put(old);
    return error;
}

/* unix_lock is held. The listener is full: wait, or not. */
static int await_backlog(struct socket *listener, bool wait, uint64_t deadline)
{
    while (!listener->dead && listener->state == SOCKET_LISTENING && listener->pending_count > listener->backlog) {
        int error = wait ? socket_wait(listener, deadline) : -EAGAIN;
        if (error) return error;
    }
    return !listener->dead && listener->state == SOCKET_LISTENING && !(listener->shut & SHUT_RECEIVE) ? 0
                                                                                                      : -ECONNREFUSED;
}

static void tie(struct socket *s, struct socket *end, struct socket *listener)
{
    end->state = s->state = SOCKET_CONNECTED;
    end->peer_cred = cred_of_current(true);
    end->address = address_get(listener->address);
    s->peer_cred = listener->peer_cred;
    socket_set_peer(end, socket_get(s));
    socket_set_peer(s, socket_get(end));
    list_push_back(&listener->pending, &end->pending_link);
    listener->pending_count++;
    wake_all(&listener->changed);
    wake_all(&s->changed);
}

int socket_connect(struct socket *s, const struct unix_name *name, unsigned bytes, bool wait)
{
    if (!socket_is_connected_kind(s)) return connect_datagram(s, name, bytes);
    uint64_t deadline = s->send_timeout_ns ? time_ns() + s->send_timeout_ns : 0;
    int error = unix_name_check(name, bytes);
    if (!error && s->pass_cred) error = socket_autobind(s);
    if (error) return error;
    struct socket *listener = unix_find(name, bytes, s->type);
    if (IS_ERR(listener)) return (int)PTR_ERR(listener);
    struct socket *end = socket_new(s->type);
    if (!end) error = -ENOMEM;
    spin_lock(&unix_lock);
    if (!error) error = await_backlog(listener, wait, deadline);
    if (!error && s->state != SOCKET_OPEN) error = s->state == SOCKET_CONNECTED ? -EISCONN : -EINVAL;
    if (!error) tie(s, end, listener);
    spin_unlock(&unix_lock);
    if (error) socket_put(end);
    socket_put(listener);
    return error;
}

int socket_accept(struct socket *s, bool wait, struct socket **accepted)
{
    if (!socket_is_connected_kind(s)) return -EOPNOTSUPP;
    uint64_t deadline = s->receive_timeout_ns ? time_ns() + s->receive_timeout_ns : 0;
    int error = 0;
    spin_lock(&unix_lock);
    while (!error) {
        if (s->state != SOCKET_LISTENING) error = -EINVAL;
        if (error || !list_empty(&s->pending)) break;
        if (s->shut & SHUT_RECEIVE)
            error = -EINVAL;
        else
            error = wait ? socket_wait(s, deadline) : -EAGAIN;
    }
    if (!error) {
        *accepted = list_first(&s->pending, struct socket, pending_link);
        list_remove(&(*accepted)->pending_link);
        s->pending_count--;
        wake_all(&s->changed);
    }
    spin_unlock(&unix_lock);
    return error;
}

int socket_shutdown(struct socket *s, int how)
{
    if (how < 0 || how > 2) return -EINVAL;
    unsigned mode = (unsigned)how + 1;
    spin_lock(&unix_lock);
    s->shut |= mode;
    wake_all(&s->changed);
    if (s->peer && socket_is_connected_kind(s)) {
        if (mode & SHUT_RECEIVE) s->peer->shut |= SHUT_SEND;
        if (mode & SHUT_SEND) s->peer->shut |= SHUT_RECEIVE;
        wake_all(&s->peer->changed);
    }
    spin_unlock(&unix_lock);
    return 0;
}

/* unix_lock is held: one socket ends; what has to be done without the lock is collected. `reset`: nobody has accepted it. */
static void end_one(struct socket *s, bool reset, struct list *messages, struct inode **inode, struct socket **peer)
{
    s->dead = true;
    s->file = 0;
    s->shut = SHUT_BOTH;
    unix_name_release(s, inode);
    *peer = socket_take_peer(s);
    if (*peer && socket_is_connected_kind(s)) {
        (*peer)->shut = SHUT_BOTH;
        if (reset || !list_empty(&s->messages)) (*peer)->error = ECONNRESET;
    }
    if (*peer) wake_all(&(*peer)->changed);
    struct socket *client;
    list_for_each(client, &s->clients, client_link) wake_all(&client->changed);
    wake_all(&s->changed);
    messages_take_all(s, messages);
}

static void end(struct socket *s, bool reset)
{
    struct list messages = LIST_INIT(messages);
    struct inode *inode = 0;
    struct socket *peer;
    spin_lock(&unix_lock);
    end_one(s, reset, &messages, &inode, &peer);
    spin_unlock(&unix_lock);
    messages_free(&messages);
    inode_put(inode);
    socket_put(peer);
    socket_put(s);
}

static struct socket *next_pending(struct socket *listener)
{
    struct socket *s = 0;
    spin_lock(&unix_lock);
    listener->state = listener->state == SOCKET_LISTENING ? SOCKET_OPEN : listener->state;
    if (!list_empty(&listener->pending)) {
        s = list_first(&listener->pending, struct socket, pending_link);
        list_remove(&s->pending_link);
        listener->pending_count--;
    }
    spin_unlock(&unix_lock);
    return s;
}

/* The last reference to its file is gone. */
void socket_release(struct file *file)
{
    struct socket *s = file->private, *pending;
    while ((pending = next_pending(s))) end(pending, true);
    end(s, false);
    rights_collect();
}
