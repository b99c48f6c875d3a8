/*
 * socket.h - sockets of the Unix family: two-way channels between processes of one machine.
 *
 *      stream     bytes, as in a pipe, both ways; connected            client --connect--> listener --accept--> server's end
 *      seqpacket  messages that keep their borders, in order; connected
 *      dgram      messages, each with its own address; connected or not
 *
 * A socket has a *queue of messages* that others have sent to it and it has not yet received. A connected socket points to
 * its *peer*, the socket whose queue its own messages go to. Sending is always by value: the kernel copies the bytes into
 * the message, and out of it again.
 *
 *      descriptor -> struct file -> struct socket A ---peer---> struct socket B <- struct file <- descriptor
 *                                     |      ^                     |
 *                                  messages  +--------peer---------+ messages
 *
 * Locks. One spinlock, unix_lock, protects all links: names, peers, states, queues; it is held for a few instructions, never
 * while bytes are copied. A receiver also holds its socket's `reading`, so that nobody else takes the message it is copying.
 * Whoever waits, waits on the `changed` queue of one socket, which is woken whenever anything about that socket changes.
 *
 * Life. A socket is counted: its file, whoever has it as peer, and messages (their sender) hold it. When the file goes, the socket
 * is `dead`: it is nobody's any more, but those who point to it can still see that.
 */
#ifndef KEPLER_IPC_SOCKET_H
#define KEPLER_IPC_SOCKET_H

#include "base/atomic.h"
#include "base/list.h"
#include "fs/vfs.h"
#include "kern/lock.h"
#include "kern/wait.h"

enum { AF_UNSPEC = 0, AF_UNIX = 1 };
enum { SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOCK_SEQPACKET = 5 };
enum { SHUT_RECEIVE = 1, SHUT_SEND = 2, SHUT_BOTH = 3 };

#define MSG_OOB          0x1u
#define MSG_PEEK         0x2u
#define MSG_CTRUNC       0x8u
#define MSG_TRUNC        0x20u
#define MSG_DONTWAIT     0x40u
#define MSG_EOR          0x80u
#define MSG_WAITALL      0x100u
#define MSG_NOSIGNAL     0x4000u
#define MSG_WAITFORONE   0x10000u
#define MSG_CMSG_CLOEXEC 0x40000000u

#define UNIX_PATH_MAX    108u
#define RIGHTS_MAX       253u    /* descriptors in one message: Linux's SCM_MAX_FD */
#define BUFFER_DEFAULT   212992u /* net.core.wmem_default */
#define DATAGRAMS_MAX    10u     /* net.unix.max_dgram_qlen */
#define MESSAGE_OVERHEAD 768u    /* what a message costs besides its bytes */

struct unix_name { /* struct sockaddr_un */
    uint16_t family;
    char path[UNIX_PATH_MAX]; /* path[0] is 0: an abstract name, which lives outside the file system */
};

struct socket_address { /* shared by a socket, those accepted from it, and messages */
    struct refcount refs;
    unsigned bytes; /* of name, with the family; a path that fills the name counts its zero, which is in `more` */
    struct unix_name name;
    char more[2];
};

struct ucred {
    int32_t pid;
    uint32_t uid, gid;
};

enum socket_state { SOCKET_OPEN, SOCKET_CONNECTED, SOCKET_LISTENING };

struct socket {
    struct refcount refs;
    int type;
    struct file *file; /* NULL: not accepted yet; not counted */
    enum socket_state state;
    bool dead;
    unsigned shut; /* SHUT_* */
    int error;     /* to be told once: ECONNRESET */
    struct socket *peer;
    struct list clients, client_link; /* sockets that have this one as peer */
    struct waitq changed;

    struct socket_address *address; /* NULL: no name */
    struct inode *inode;            /* bound to this file; one reference */
    struct list name_link;          /* bound to an abstract name */

    struct mutex reading;
    struct list messages;
    unsigned message_count;
    uint64_t queued_bytes; /* not yet received */
    uint64_t sent_bytes;   /* of messages sent from here that nobody has received yet, with overhead */
    uint32_t send_limit, receive_limit;

    struct list pending, pending_link; /* listening: sockets that wait to be accepted */
    unsigned pending_count, backlog;

    struct ucred peer_cred; /* who connected or listened */
    bool pass_cred;
    uint32_t options; /* bit n: SOL_SOCKET option n is set, without effect here */
    int32_t receive_least, priority;
    uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none */
    struct {
        int32_t on, seconds;
    } linger;

    /* in flight: references from messages (unix_rights.c) */
    unsigned in_flight, unexplained;
    bool reachable;
    struct list flight_link;
    struct list all_link; /* /proc/net/unix */
};

struct message {
    struct list link;
    struct socket *sender;
    struct socket_address *from; /* NULL: a sender without name */
    struct ucred cred;
    size_t bytes, taken; /* taken: already received (stream) */
    size_t charge;
    struct file **files; /* descriptors that travel along; NULL: none */
    unsigned file_count, chunks;
    char *chunk[]; /* PAGE_SIZE bytes each but the last */
};

/* One send or receive, whatever call it came from. */
struct transfer {
    struct uio *uio;
    unsigned flags; /* MSG_*; received: what the caller is told */
    bool wait;
    struct unix_name name; /* to whom; sends only */
    unsigned name_bytes;   /* 0: to the peer */
    struct ucred cred;     /* of the sender */
    bool with_cred;
    struct file **files; /* sent: stay the caller's unless the send succeeds; received: become the caller's */
    unsigned file_count;
    bool wants_files;            /* a receiver that cannot take descriptors lets them be closed */
    struct socket_address *from; /* received: with a reference, or NULL */
};

extern struct spinlock unix_lock; /* RANK_SOCKET */

/* unix_proc.c: the list that /proc/net/unix shows. */
void unix_list_add(struct socket *s);
void unix_list_remove(struct socket *s);
extern const struct file_ops socket_ops;

static inline bool socket_is_connected_kind(const struct socket *s) { return s->type != SOCK_DGRAM; }
static inline struct socket *socket_of(struct file *file) { return file->ops == &socket_ops ? file->private : 0; }
static inline struct socket *socket_get(struct socket *s)
{
    ref_get(&s->refs);
    return s;
}
void socket_put(struct socket *s); /* NULL is fine; not under unix_lock */
static inline struct socket_address *address_get(struct socket_address *a)
{
    if (a) ref_get(&a->refs);
    return a;
}
void address_put(struct socket_address *a);

/* socket.c: making, connecting, ending. All return 0 or -errno. */
struct socket *socket_new(int type); /* NULL: no memory */
struct file *socket_open(struct socket *s,
                         unsigned flags); /* takes the socket over; NULL: no memory, the socket is gone */
int socket_pair(struct socket *a, struct socket *b);
int socket_listen(struct socket *s, int backlog);
int socket_connect(struct socket *s, const struct unix_name *name, unsigned bytes, bool wait);
int socket_accept(struct socket *s, bool wait, struct socket **accepted);
int socket_shutdown(struct socket *s, int how);
void socket_set_peer(struct socket *s,
                     struct socket *peer);         /* unix_lock held; peer may be NULL; takes over the reference;
                                                                the old peer must be NULL */
struct socket *socket_take_peer(struct socket *s); /* unix_lock held; s has no peer afterwards; with its reference */
void socket_release(struct file *file);            /* file_ops: the last reference goes */
struct ucred cred_of_current(bool effective);
/* Waits until `s` changes. unix_lock is held. 0, -EAGAIN (time is up), -ERESTARTSYS, -EINTR. */
int socket_wait(struct socket *s, uint64_t deadline_ns);

/* unix_name.c */
int unix_name_check(const struct unix_name *name, unsigned bytes); /* -EINVAL */
int socket_bind(struct socket *s, const struct unix_name *name, unsigned bytes);
int socket_autobind(struct socket *s); /* an abstract name nobody has, if it has none */
/* The living socket with that name and of that type, with a reference; or -ECONNREFUSED, -EPROTOTYPE, or the walk's error. */
struct socket *unix_find(const struct unix_name *name, unsigned bytes, int type);
void unix_name_release(struct socket *s, struct inode **inode); /* unix_lock held; *inode is to be put */

/* unix_data.c */
ssize_t socket_send(struct socket *s, struct transfer *t);
ssize_t socket_receive(struct socket *s, struct transfer *t);
/* unix_lock held: takes all messages off the queue onto `list`. */
void messages_take_all(struct socket *s, struct list *list);
void messages_free(struct list *list); /* without locks */

/* unix_rights.c; unix_lock held, but for rights_collect */
void rights_enter(struct message *message); /* goes into a queue */
void rights_leave(struct message *message); /* comes out of it */
bool rights_too_many(unsigned more);
void rights_collect(void); /* ends sockets that only messages which nobody can receive refer to */

/* socket_option.c */
long socket_get_option(struct socket *s, int level, int option, uint64_t value, uint64_t length);
long socket_set_option(struct socket *s, int level, int option, uint64_t value, int length);

#endif
