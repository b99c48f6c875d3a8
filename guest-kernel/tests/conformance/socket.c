/* socket.c - Unix sockets. */
#include "conformance.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static struct sockaddr_un name;
static socklen_t set_name(const char *text)
{
    name = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(name.sun_path, text, strlen(text));
    if (*text == '@') name.sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + (*text != '@'));
}

static long poll_of(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};
    poll(&p, 1, 0);
    return p.revents;
}

static void kinds(void)
{
    int s[2];
    E(socket, "no family", 0, SOCK_STREAM, 0);
    E(socket, "negative family", -1, SOCK_STREAM, 0);
    E(socket, "family too large", 100, SOCK_STREAM, 0);
    E(socket, "bad type", AF_UNIX, 12, 0);
    E(socket, "type 0", AF_UNIX, 0, 0);
    E(socket, "RDM", AF_UNIX, SOCK_RDM, 0);
    E(socket, "bad flags", AF_UNIX, SOCK_STREAM | 0x100000, 0);
    E(socket, "bad protocol", AF_UNIX, SOCK_STREAM, 6);
    K(socket, "protocol 1", AF_UNIX, SOCK_STREAM, 1);
    K(socket, "raw is datagram", AF_UNIX, SOCK_RAW, 0);
    E(socketpair, "bad pointer", AF_UNIX, SOCK_STREAM, 0, BAD);
    E(socketpair, "bad family", AF_INET, 77, 0, s);
    E(socketpair, "bad protocol", AF_UNIX, SOCK_STREAM, 9, s);
    E(socketpair, "flags", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s);
    V(socketpair, "close on exec", fcntl(s[0], F_GETFD)), V(socketpair, "no wait", fcntl(s[1], F_GETFL) & O_NONBLOCK);
    struct stat st;
    fstat(s[0], &st);
    V(fstat, "socket mode", st.st_mode);
    close_range(3, 1000, 0);
}

static void naming(void)
{
    int s = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un got;
    socklen_t n = set_name("sock"), size;
    E(bind, "bad descriptor", 99, &name, n);
    E(bind, "no socket", 0, &name, n);
    E(bind, "bad pointer", s, BAD, n);
    E(bind, "negative length", s, &name, -1);
    E(bind, "too long", s, &name, 120);
    E(bind, "far too long", s, &name, 200);
    E(bind, "length 1", s, &name, 1);
    E(bind, "length 0", s, &name, 0);
    name.sun_family = AF_INET;
    E(bind, "other family", s, &name, n);
    set_name("no/such/place");
    E(bind, "no such directory", s, &name, sizeof name);
    n = set_name("sock");
    E(bind, "ok", s, &name, n);
    E(bind, "again", s, &name, n);
    E(bind, "taken", t, &name, n);
    n = set_name("other");
    E(bind, "second name", s, &name, n);
    size = sizeof got;
    E(getsockname, "ok", s, &got, &size);
    V(getsockname, "length", size);
    size = 4;
    E(getsockname, "cut off", s, &got, &size);
    V(getsockname, "true length", size);
    size = -1;
    E(getsockname, "negative length", s, &got, &size);
    E(getsockname, "bad length pointer", s, &got, BAD);
    size = sizeof got;
    E(getsockname, "bad pointer", s, BAD, &size);
    E(getsockname, "bad descriptor", 99, &got, &size);
    E(getsockname, "no socket", 0, &got, &size);
    size = sizeof got;
    E(getsockname, "unnamed", t, &got, &size);
    V(getsockname, "unnamed length", size);
    E(getpeername, "not connected", s, &got, &size);
    memset(&name, 'p', sizeof name);
    name.sun_family = AF_UNIX;
    E(bind, "path of 108", t, &name, sizeof name);
    size = sizeof got;
    E(getsockname, "path of 108", t, &got, &size);
    V(getsockname, "path of 108, length", size);
    n = set_name("@abs");
    E(bind, "abstract", d, &name, n);
    int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
    E(bind, "abstract taken", a, &name, n);
    E(bind, "abstract, other type", b, &name, n);
    E(bind, "autobind", a, &(sa_family_t){AF_UNIX}, 2);
    size = sizeof got;
    E(getsockname, "autobind", a, &got, &size);
    V(getsockname, "autobind length", size);
    close_range(3, 1000, 0);
    unlink("sock");
}

static void connecting(void)
{
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), s;
    int d = socket(AF_UNIX, SOCK_DGRAM, 0), c2 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int c3 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_un got;
    socklen_t size = sizeof got;
    char b[8];
    close((int)make_file("file", ""));
    E(listen, "unnamed", l, 1);
    E(listen, "datagram", d, 1);
    E(listen, "bad descriptor", 99, 1);
    E(listen, "no socket", 0, 1);
    E(connect, "no such", c, &name, set_name("none"));
    E(connect, "no socket there", c, &name, set_name("file"));
    E(connect, "bad pointer", c, BAD, 20);
    E(connect, "family only", c, &name, 2);
    E(connect, "length 0", c, &name, 0);
    E(connect, "unspecified", c, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
    E(connect, "datagram, unspecified", d, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
    E(connect, "abstract, nobody", c, &name, set_name("@nobody"));
    socklen_t n = set_name("listener");
    bind(l, (void *)&name, n);
    E(connect, "nobody listens", c, &name, n);
    E(listen, "ok", l, 0);
    E(connect, "wrong type", d, &name, n);
    V(ppoll, "unconnected stream", poll_of(c)), V(ppoll, "listener", poll_of(l));
    fcntl(l, F_SETFL, O_NONBLOCK);
    E(accept, "nobody", l, 0L, 0L);
    E(accept, "bad descriptor", 99, 0L, 0L);
    E(accept, "no socket", 0, 0L, 0L);
    E(accept, "datagram", d, 0L, 0L);
    E(accept, "not listening", c, 0L, 0L);
    E(accept4, "bad flags", l, 0L, 0L, 1);
    E(connect, "ok", c, &name, n);
    E(connect, "again", c, &name, n);
    E(connect, "queue is full", c2, &name, n);
    E(connect, "listener to itself", l, &name, n);
    V(ppoll, "connected", poll_of(c)), V(ppoll, "listener with a guest", poll_of(l));
    E(listen, "connected", c, 1);
    E(getpeername, "not accepted yet", c, &got, &size);
    V(getpeername, "length", size);
    size = sizeof got;
    K(accept4, "ok", l, &got, &size, SOCK_CLOEXEC);
    V(accept4, "length of the client's name", size);
    connect(c2, (void *)&name, n);
    E(accept, "bad pointer", l, BAD, &size);
    connect(c3, (void *)&name, n);
    s = accept(l, 0, 0);
    E(write, "to a socket", s, "abc", 3);
    E(read, "from a socket", c3, b, 8);
    E(shutdown, "bad how", s, 3);
    E(shutdown, "negative", s, -1);
    E(shutdown, "bad descriptor", 99, 0);
    E(shutdown, "no socket", 0, 0);
    E(shutdown, "unconnected", socket(AF_UNIX, SOCK_STREAM, 0), 2);
    E(shutdown, "write", s, SHUT_WR);
    V(ppoll, "half closed, other side", poll_of(c3)), V(ppoll, "half closed", poll_of(s));
    E(read, "end of a socket", c3, b, 8);
    write(c3, "unread", 6);
    close(s);
    V(ppoll, "closed with unread bytes", poll_of(c3));
    E(getsockopt, "error", c3, SOL_SOCKET, SO_ERROR, b, &(socklen_t){4});
    V(getsockopt, "error is", *(int *)b);
    E(read, "after a close", c3, b, 8);
    close(l);
    E(connect, "listener is gone", socket(AF_UNIX, SOCK_STREAM, 0), &name, n);
    close_range(3, 1000, 0);
    unlink("listener");
}

/* A pair of each type, for the functions down to messages(). */
static int stream[2], datagram[2], packet[2];

static void transfers(void)
{
    char b[64];
    E(sendto, "stream", stream[0], "hello", 5, 0, 0L, 0);
    E(sendto, "bad pointer", stream[0], BAD, 5, 0, 0L, 0);
    E(sendto, "bad descriptor", 99, "x", 1, 0, 0L, 0);
    E(sendto, "no socket", 0, "x", 1, 0, 0L, 0);
    E(sendto, "address on a connected stream", stream[0], "x", 1, 0, &name, set_name("x"));
    E(sendto, "address without length", stream[0], "x", 1, 0, &name, 0);
    E(sendto, "nothing", stream[0], "x", 0, 0, 0L, 0);
    E(recvfrom, "peek", stream[1], b, 3, MSG_PEEK, 0L, 0L);
    E(recvfrom, "all", stream[1], b, 64, 0, 0L, 0L);
    E(recvfrom, "empty", stream[1], b, 64, 0, 0L, 0L);
    E(recvfrom, "nothing wanted", stream[1], b, 0, 0, 0L, 0L);
    E(recvfrom, "bad pointer, empty", stream[1], BAD, 5, 0, 0L, 0L);
    write(stream[0], "abcdef", 6);
    E(recvfrom, "bad pointer", stream[1], BAD, 5, 0, 0L, 0L);
    E(recvfrom, "bytes are still there", stream[1], b, 64, 0, 0L, 0L);
    E(recvfrom, "bad descriptor", 99, b, 5, 0, 0L, 0L);
    E(recvfrom, "no socket", 0, b, 5, 0, 0L, 0L);
}

static void datagrams(void)
{
    char b[64];
    struct sockaddr_un from;
    socklen_t size = sizeof from;
    write(datagram[0], "datagram", 8);
    E(recvfrom, "unnamed sender", datagram[1], b, 64, 0, &from, &size);
    V(recvfrom, "name length", size);
    write(datagram[0], "datagram", 8);
    E(recvfrom, "cut off", datagram[1], b, 3, 0, 0L, 0L);
    E(recvfrom, "rest is lost", datagram[1], b, 64, 0, 0L, 0L);
    write(datagram[0], "datagram", 8);
    E(recvfrom, "true length", datagram[1], b, 3, MSG_TRUNC, 0L, 0L);
    write(datagram[0], "datagram", 8);
    E(recvfrom, "datagram, bad pointer", datagram[1], BAD, 8, 0, 0L, 0L);
    E(recvfrom, "datagram, lost by it", datagram[1], b, 8, 0, 0L, 0L);
    E(sendto, "empty datagram", datagram[0], "", 0, 0, 0L, 0);
    E(recvfrom, "empty datagram", datagram[1], b, 8, 0, 0L, 0L);
    E(sendto, "datagram to a name nobody has", datagram[0], "x", 1, 0, &name, set_name("@nobody"));
    E(sendto, "datagram with a bad address", datagram[0], "x", 1, 0, BAD, 20);
    E(sendto, "datagram too large", datagram[0], read_only - 4096, 400000, 0, 0L, 0);
}

/* Leaves a message with two descriptors at stream[1], and in `two` what would send it again. */
static void sent_messages(struct msghdr *two)
{
    char b[64];
    static struct iovec v = {"hello", 5};
    struct iovec wild = {BAD, 5};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    E(sendmsg, "ok", stream[0], &m, 0);
    E(sendmsg, "bad pointer", stream[0], BAD, 0);
    E(sendmsg, "bad descriptor", 99, &m, 0);
    E(sendmsg, "no socket", 0, &m, 0);
    m.msg_iovlen = 1025;
    E(sendmsg, "too many pieces", stream[0], &m, 0);
    m.msg_iovlen = 1, m.msg_iov = &wild;
    E(sendmsg, "bad piece", stream[0], &m, 0);
    m.msg_iov = BAD;
    E(sendmsg, "bad vector", stream[0], &m, 0);
    m.msg_iov = &v, m.msg_control = BAD, m.msg_controllen = 64;
    E(sendmsg, "bad control", stream[0], &m, 0);
    static struct {
        struct cmsghdr h;
        int fd[4];
    } c;
    c = (typeof(c)){{CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS}, {99}};
    m.msg_control = &c, m.msg_controllen = sizeof c;
    E(sendmsg, "bad descriptor inside", stream[0], &m, 0);
    c.h.cmsg_len = 8;
    E(sendmsg, "control too short", stream[0], &m, 0);
    c.h.cmsg_len = 1000;
    E(sendmsg, "control too long", stream[0], &m, 0);
    c.h = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, 77};
    E(sendmsg, "unknown control", stream[0], &m, 0);
    c.h = (struct cmsghdr){CMSG_LEN(4), 55, 77};
    E(sendmsg, "other level", stream[0], &m, 0);
    struct ucred who = {getpid(), 5, 5};
    struct {
        struct cmsghdr h;
        struct ucred who;
    } u = {{CMSG_LEN(sizeof who), SOL_SOCKET, SCM_CREDENTIALS}, who};
    m.msg_control = &u, m.msg_controllen = sizeof u;
    E(sendmsg, "root says it is 5", datagram[0], &m, 0);
    u.who.pid = 99999;
    E(sendmsg, "says it is nobody", datagram[0], &m, 0);
    u.h.cmsg_len = CMSG_LEN(5);
    E(sendmsg, "credentials of wrong size", datagram[0], &m, 0);
    c = (typeof(c)){{CMSG_LEN(8), SOL_SOCKET, SCM_RIGHTS}, {0, 1}};
    m.msg_control = &c, m.msg_controllen = CMSG_LEN(8);
    recv(stream[1], b, 64, 0);
    E(sendmsg, "two descriptors", stream[0], &m, 0);
    *two = m;
}

static void received_messages(const struct msghdr *two)
{
    char b[64];
    char control[64];
    struct iovec in = {b, 64};
    struct msghdr r = {.msg_iov = &in, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(4)};
    E(recvmsg, "room for one of them", stream[1], &r, 0);
    V(recvmsg, "flags", r.msg_flags), V(recvmsg, "control length", r.msg_controllen);
    sendmsg(stream[0], two, 0);
    r.msg_controllen = 64;
    E(recvmsg, "both", stream[1], &r, MSG_CMSG_CLOEXEC);
    V(recvmsg, "flags of both", r.msg_flags), V(recvmsg, "control length of both", r.msg_controllen);
    E(recvmsg, "nothing there", stream[1], &r, 0);
    E(recvmsg, "bad pointer", stream[1], BAD, 0);
    E(recvmsg, "bad descriptor", 99, &r, 0);
    E(recvmsg, "no socket", 0, &r, 0);
    sendmsg(stream[0], two, 0);
    r.msg_control = BAD, r.msg_controllen = 64;
    E(recvmsg, "bad control", stream[1], &r, 0);
    write(packet[0], "packet", 6);
    in.iov_len = 3, r.msg_control = 0, r.msg_controllen = 0;
    E(recvmsg, "packet cut off", packet[1], &r, 0);
    V(recvmsg, "packet flags", r.msg_flags);
}

static void many_messages(void)
{
    struct mmsghdr mm[3] = {0};
    struct iovec out[3] = {{"a", 1}, {"bb", 2}, {BAD, 3}};
    for (int i = 0; i < 3; i++) mm[i].msg_hdr.msg_iov = &out[i], mm[i].msg_hdr.msg_iovlen = 1;
    E(sendmmsg, "third is bad", packet[0], mm, 3, 0);
    E(sendmmsg, "none", packet[0], mm, 0, 0);
    E(sendmmsg, "bad pointer", packet[0], BAD, 3, 0);
    E(sendmmsg, "bad descriptor", 99, mm, 3, 0);
    char room[3][4];
    for (int i = 0; i < 3; i++) out[i] = (struct iovec){room[i], 4};
    E(recvmmsg, "two there", packet[1], mm, 3, 0, 0L);
    V(recvmmsg, "second length", mm[1].msg_len);
    E(recvmmsg, "none there", packet[1], mm, 3, 0, 0L);
    E(recvmmsg, "bad pointer", packet[1], BAD, 3, 0, 0L);
    E(recvmmsg, "bad time", packet[1], mm, 3, 0, &(struct timespec){0, -1});
    E(recvmmsg, "bad descriptor", 99, mm, 3, 0, 0L);
}

static void closed_ends(void)
{
    char b[64];
    close(packet[0]);
    E(sendto, "packet to a closed one", packet[1], "x", 1, 0, 0L, 0);
    E(recvfrom, "packet from a closed one", packet[1], b, 1, 0, 0L, 0L);
    V(ppoll, "closed packets", poll_of(packet[1]));
    close(datagram[0]);
    E(sendto, "datagram to a closed one", datagram[1], "x", 1, 0, 0L, 0);
    E(sendto, "datagram, once more", datagram[1], "x", 1, 0, 0L, 0);
    E(recvfrom, "datagram from a closed one", datagram[1], b, 1, 0, 0L, 0L);
    V(ppoll, "datagram, other closed", poll_of(datagram[1]));
    close(stream[0]);
    E(sendto, "stream to a closed one", stream[1], "x", 1, MSG_NOSIGNAL, 0L, 0);
    E(sendto, "out of band", stream[1], "x", 1, MSG_NOSIGNAL | MSG_OOB, 0L, 0);
}

static void messages(void)
{
    socketpair(AF_UNIX, SOCK_STREAM, 0, stream), socketpair(AF_UNIX, SOCK_DGRAM, 0, datagram),
        socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packet);
    fcntl(stream[1], F_SETFL, O_NONBLOCK), fcntl(datagram[1], F_SETFL, O_NONBLOCK),
        fcntl(packet[1], F_SETFL, O_NONBLOCK);
    struct msghdr two;
    transfers();
    datagrams();
    sent_messages(&two);
    received_messages(&two);
    many_messages();
    closed_ends();
    close_range(3, 1000, 0);
}

static void pipes(void)
{
    int s[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    close(s[0]);
    write(s[1], "x", 1);
}

static void options(void)
{
    int s[2], value, one = 1;
    socklen_t size;
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    static const struct {
        int option;
        const char *text;
    } all[] = {{SO_DEBUG, "DEBUG"},
               {SO_REUSEADDR, "REUSEADDR"},
               {SO_TYPE, "TYPE"},
               {SO_ERROR, "ERROR"},
               {SO_DONTROUTE, "DONTROUTE"},
               {SO_BROADCAST, "BROADCAST"},
               {SO_SNDBUF, "SNDBUF"},
               {SO_RCVBUF, "RCVBUF"},
               {SO_KEEPALIVE, "KEEPALIVE"},
               {SO_OOBINLINE, "OOBINLINE"},
               {SO_PRIORITY, "PRIORITY"},
               {SO_REUSEPORT, "REUSEPORT"},
               {SO_PASSCRED, "PASSCRED"},
               {SO_RCVLOWAT, "RCVLOWAT"},
               {SO_SNDLOWAT, "SNDLOWAT"},
               {SO_ACCEPTCONN, "ACCEPTCONN"},
               {SO_PROTOCOL, "PROTOCOL"},
               {SO_DOMAIN, "DOMAIN"},
               {999, "unknown"}};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        char what[40];
        value = -7, size = 4;
        E(getsockopt, all[i].text, s[0], SOL_SOCKET, all[i].option, &value, &size);
        snprintf(what, sizeof what, "%s is", all[i].text);
        V(getsockopt, what, value);
        if (all[i].option == SO_TYPE || all[i].option == SO_ERROR || i >= 14) continue;
        E(setsockopt, all[i].text, s[0], SOL_SOCKET, all[i].option, &one, 4);
        size = 4;
        getsockopt(s[0], SOL_SOCKET, all[i].option, &value, &size);
        snprintf(what, sizeof what, "%s then", all[i].text);
        V(setsockopt, what, value);
    }
    E(setsockopt, "TYPE", s[0], SOL_SOCKET, SO_TYPE, &one, 4);
    E(setsockopt, "unknown", s[0], SOL_SOCKET, 999, &one, 4);
    E(setsockopt, "too short", s[0], SOL_SOCKET, SO_PASSCRED, &one, 2);
    E(setsockopt, "negative length", s[0], SOL_SOCKET, SO_PASSCRED, &one, -1);
    E(setsockopt, "bad pointer", s[0], SOL_SOCKET, SO_PASSCRED, BAD, 4);
    E(setsockopt, "other level", s[0], 77, 1, &one, 4);
    E(setsockopt, "bad descriptor", 99, SOL_SOCKET, SO_PASSCRED, &one, 4);
    E(setsockopt, "no socket", 0, SOL_SOCKET, SO_PASSCRED, &one, 4);
    E(getsockopt, "other level", s[0], 77, 1, &value, &size);
    size = -1;
    E(getsockopt, "negative length", s[0], SOL_SOCKET, SO_TYPE, &value, &size);
    size = 2;
    E(getsockopt, "short", s[0], SOL_SOCKET, SO_TYPE, &value, &size);
    V(getsockopt, "short length", size);
    E(getsockopt, "bad pointer", s[0], SOL_SOCKET, SO_TYPE, BAD, &size);
    E(getsockopt, "bad length pointer", s[0], SOL_SOCKET, SO_TYPE, &value, BAD);
    struct timeval t = {1, 500000}, wrong = {0, 2000000};
    size = sizeof t;
    E(setsockopt, "RCVTIMEO", s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    E(setsockopt, "RCVTIMEO wrong", s[0], SOL_SOCKET, SO_RCVTIMEO, &wrong, sizeof wrong);
    t.tv_sec = 0;
    E(getsockopt, "RCVTIMEO", s[0], SOL_SOCKET, SO_RCVTIMEO, &t, &size);
    V(getsockopt, "RCVTIMEO seconds", t.tv_sec);
    struct linger linger = {1, 5};
    E(setsockopt, "LINGER", s[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    E(setsockopt, "LINGER short", s[0], SOL_SOCKET, SO_LINGER, &linger, 4);
    struct ucred who = {1, 1, 1};
    size = sizeof who;
    int alone = socket(AF_UNIX, SOCK_STREAM, 0);
    E(getsockopt, "PEERCRED alone", alone, SOL_SOCKET, SO_PEERCRED, &who, &size);
    V(getsockopt, "PEERCRED alone, pid", who.pid), V(getsockopt, "PEERCRED alone, uid", (int)who.uid == -1);
    getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &who, &size);
    V(getsockopt, "PEERCRED", who.pid == getpid() && who.uid == 0);
    E(ioctl, "FIONREAD of a socket", s[0], FIONREAD, &value);
    V(ioctl, "FIONREAD of a socket is", value);
    E(ioctl, "unknown of a socket", s[0], 0x5678, &value);
    E(lseek, "socket", s[0], 0L, 0);
    E(pread64, "socket", s[0], &value, 1, 0L);
    E(ftruncate, "socket", s[0], 0L);
    E(fsync, "socket", s[0]);
    E(mmap, "socket", 0L, 4096L, PROT_READ, MAP_PRIVATE, s[0], 0L);
    close_range(3, 1000, 0);
}

void family_socket(void)
{
    kinds();
    naming();
    connecting();
    messages();
    show_child("write", "SIGPIPE of a socket", pipes);
    options();
}
