/* Unix sockets as programs see them: names, streams, messages, descriptors and credentials in messages, poll, ends of all kinds. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

static socklen_t named(struct sockaddr_un *a, const char *name)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    size_t n = strlen(name);
    memcpy(a->sun_path, name, n);
    if (name[0] == '@') a->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] != '@'));
}

static int bound(int type, const char *name)
{
    struct sockaddr_un a;
    socklen_t n = named(&a, name);
    int s = socket(AF_UNIX, type, 0);
    CHECK(bind(s, (void *)&a, n) == 0);
    return s;
}

static int connect_to(int s, const char *name)
{
    struct sockaddr_un a;
    socklen_t n = named(&a, name);
    return connect(s, (void *)&a, n);
}

static int fails(int result, int wanted) { return result == -1 && errno == wanted; }

static unsigned ready(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    poll(&p, 1, 0);
    return (unsigned)p.revents;
}

static void names(void)
{
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    int s = bound(SOCK_STREAM, "/tmp/sock"), t = socket(AF_UNIX, SOCK_STREAM, 0);
    struct stat st;
    CHECK(stat("/tmp/sock", &st) == 0 && S_ISSOCK(st.st_mode));
    CHECK(fails(open("/tmp/sock", O_RDWR), ENXIO));
    CHECK(getsockname(s, (void *)&a, &n) == 0 && n == 12 && !strcmp(a.sun_path, "/tmp/sock"));
    n = named(&a, "/tmp/sock");
    CHECK(fails(bind(t, (void *)&a, n), EADDRINUSE));
    CHECK(fails(bind(s, (void *)&a, n), EADDRINUSE));
    n = named(&a, "/tmp/sock2");
    CHECK(fails(bind(s, (void *)&a, n), EINVAL));
    CHECK(fails(connect_to(t, "/tmp/sock"), ECONNREFUSED)); /* nobody listens */
    CHECK(fails(connect_to(t, "/tmp/none"), ENOENT));
    CHECK(fails(connect_to(t, "/bin"), ECONNREFUSED));
    CHECK(listen(s, 4) == 0);
    int d = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(fails(connect_to(d, "/tmp/sock"), EPROTOTYPE));
    CHECK(fails(listen(d, 4), EOPNOTSUPP));
    CHECK(fails(listen(t, 4), EINVAL));
    close(s);
    CHECK(fails(connect_to(t, "/tmp/sock"), ECONNREFUSED)); /* the file stays, its server is gone */
    CHECK(unlink("/tmp/sock") == 0);
    int b = bound(SOCK_STREAM, "@abstract");
    n = named(&a, "@abstract");
    CHECK(fails(bind(t, (void *)&a, n), EADDRINUSE));
    int other = bound(SOCK_DGRAM, "@abstract"); /* names of different types do not meet */
    close(b);
    CHECK(bind(t, (void *)&a, n) == 0);
    sa_family_t family = AF_UNIX;
    CHECK(bind(d, (void *)&family, 2) == 0);
    n = sizeof a;
    CHECK(getsockname(d, (void *)&a, &n) == 0 && n == 8 && a.sun_path[0] == 0);
    CHECK(fails(socket(AF_INET6 + 20, SOCK_STREAM, 0), EAFNOSUPPORT));
    CHECK(fails(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT));
    CHECK(fails(socket(AF_UNIX, SOCK_STREAM, 17), EPROTONOSUPPORT));
    CHECK(fails(socket(AF_UNIX, 99, 0), EINVAL));
    CHECK(fails(listen(0, 1), ENOTSOCK) && fails(listen(99, 1), EBADF));
    close(t), close(d), close(other);
}

static void streams(void)
{
    int l = bound(SOCK_STREAM, "@stream"), c = socket(AF_UNIX, SOCK_STREAM, 0), s;
    char buffer[64] = {0};
    CHECK(ready(c) == (POLLOUT | POLLHUP));
    CHECK(fails((int)send(c, "x", 1, 0), ENOTCONN));
    CHECK(fails((int)recv(c, buffer, 1, 0), EINVAL));
    CHECK(listen(l, 1) == 0 && ready(l) == 0);
    CHECK(fails(accept4(l, 0, 0, SOCK_NONBLOCK | 1), EINVAL));
    fcntl(l, F_SETFL, O_NONBLOCK);
    CHECK(fails(accept(l, 0, 0), EAGAIN));
    CHECK(connect_to(c, "@stream") == 0 && ready(l) == POLLIN);
    CHECK(fails(connect_to(c, "@stream"), EISCONN));
    CHECK(send(c, "hello", 5, 0) == 5); /* before it is accepted */
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    s = accept4(l, (void *)&a, &n, SOCK_CLOEXEC);
    CHECK(s >= 0 && n == 2 && fcntl(s, F_GETFD) == FD_CLOEXEC);
    n = sizeof a;
    CHECK(getpeername(c, (void *)&a, &n) == 0 && n == 9 && !memcmp(a.sun_path, "\0stream", 7));
    struct ucred cred;
    n = sizeof cred;
    CHECK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 && cred.pid == getpid() && cred.uid == getuid());
    CHECK(write(c, " world", 6) == 6);
    CHECK(recv(s, buffer, 8, MSG_PEEK) == 8 && !memcmp(buffer, "hello wo", 8));
    int left = 0;
    CHECK(ioctl(s, FIONREAD, &left) == 0 && left == 11);
    CHECK(read(s, buffer, sizeof buffer) == 11 && !memcmp(buffer, "hello world", 11));
    CHECK(fails((int)recv(s, buffer, 1, MSG_DONTWAIT), EAGAIN));
    CHECK(fails((int)pread(s, buffer, 1, 0), ESPIPE) && fails((int)lseek(s, 0, SEEK_SET), ESPIPE));
    struct timeval t = {0, 20000};
    CHECK(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 && fails((int)recv(s, buffer, 1, 0), EAGAIN));
    CHECK(shutdown(c, SHUT_WR) == 0 && ready(s) == (POLLIN | POLLOUT | POLLRDHUP) && read(s, buffer, 1) == 0);
    CHECK(write(s, "back", 4) == 4 && read(c, buffer, 9) == 4);
    CHECK(fails((int)send(c, "x", 1, MSG_NOSIGNAL), EPIPE));
    write(s, "unread", 6);
    close(c);
    CHECK((ready(s) & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR));
    CHECK(fails((int)read(s, buffer, 1), ECONNRESET) && read(s, buffer, 1) == 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK(fails((int)write(s, "x", 1), EPIPE));
    close(s);
    c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int c2 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), c3 = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(connect_to(c, "@stream") == 0 && connect_to(c2, "@stream") == 0 && fails(connect_to(c3, "@stream"), EAGAIN));
    close(l); /* those that were not accepted are reset */
    CHECK(fails((int)read(c, buffer, 1), ECONNRESET) && read(c, buffer, 1) == 0);
    close(c), close(c2), close(c3);
}

static void *pour(void *argument)
{
    static char block[50000];
    int fd = *(int *)argument;
    for (int i = 0; i < 40; i++) {
        memset(block, 'a' + i % 26, sizeof block);
        if (write(fd, block, sizeof block) != sizeof block) return (void *)1;
    }
    shutdown(fd, SHUT_WR);
    return 0;
}

static void flow(void)
{
    int s[2];
    static char in[70000];
    pthread_t thread;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(pthread_create(&thread, 0, pour, &s[0]) == 0);
    long total = 0, wrong = 0, n;
    while ((n = read(s[1], in, (size_t)(1 + total % sizeof in))) > 0)
        for (long i = 0; i < n; i++, total++) wrong += in[i] != 'a' + total / 50000 % 26;
    void *result;
    pthread_join(thread, &result);
    CHECK(total == 2000000 && wrong == 0 && !result);
    close(s[0]), close(s[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
    total = 0;
    while ((n = write(s[0], in, sizeof in)) > 0) total += n;
    CHECK(errno == EAGAIN && total >= 65536 && !(ready(s[0]) & POLLOUT));
    long back = 0;
    while ((n = read(s[1], in, sizeof in)) > 0) back += n;
    CHECK(back == total && (ready(s[0]) & POLLOUT));
    CHECK(recv(s[1], in, 1, MSG_DONTWAIT) == -1);
    write(s[0], "abc", 3), write(s[0], "def", 3);
    CHECK(recv(s[1], in, 6, MSG_WAITALL) == 6 && !memcmp(in, "abcdef", 6));
    close(s[0]), close(s[1]);
}

static void messages(void)
{
    int s[2], d, e;
    char buffer[64];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
    CHECK(send(s[0], "one", 3, 0) == 3 && send(s[0], "two22", 5, 0) == 5 && send(s[0], "", 0, 0) == 0);
    CHECK(recv(s[1], buffer, 64, 0) == 3 && recv(s[1], buffer, 2, MSG_TRUNC) == 5 && recv(s[1], buffer, 64, 0) == 0);
    close(s[0]);
    CHECK(recv(s[1], buffer, 64, 0) == 0 && fails((int)send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE));
    close(s[1]);
    d = bound(SOCK_DGRAM, "/tmp/dgram"), e = bound(SOCK_DGRAM, "@dgram2");
    struct sockaddr_un a;
    socklen_t n = named(&a, "/tmp/dgram");
    CHECK(sendto(e, "ping", 4, 0, (void *)&a, n) == 4 && fails((int)send(e, "x", 1, 0), ENOTCONN));
    n = sizeof a;
    CHECK(recvfrom(d, buffer, 64, 0, (void *)&a, &n) == 4 && n == 9 && !memcmp(a.sun_path, "\0dgram2", 7));
    CHECK(sendto(d, "pong", 4, 0, (void *)&a, n) == 4 && recv(e, buffer, 64, 0) == 4);
    CHECK(connect_to(e, "/tmp/dgram") == 0 && send(e, "x", 1, 0) == 1);
    int count = 1;
    while (send(e, "y", 1, MSG_DONTWAIT) == 1) count++;
    CHECK(errno == EAGAIN && count == 11 && !(ready(e) & POLLOUT));
    CHECK(recv(d, buffer, 1, 0) == 1 && (ready(e) & POLLOUT));
    static char big[300000];
    CHECK(fails((int)send(e, big, sizeof big, 0), EMSGSIZE));
    close(d);
    CHECK(fails((int)send(e, "z", 1, 0), ECONNREFUSED) && fails((int)send(e, "z", 1, 0), ENOTCONN));
    unlink("/tmp/dgram");
    close(e);
    struct mmsghdr many[3] = {0};
    struct iovec io[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
    for (int i = 0; i < 3; i++) many[i].msg_hdr.msg_iov = &io[i], many[i].msg_hdr.msg_iovlen = 1;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0 && sendmmsg(s[0], many, 3, 0) == 3 && many[2].msg_len == 3);
    char room[3][8];
    for (int i = 0; i < 3; i++) io[i] = (struct iovec){room[i], 8};
    CHECK(recvmmsg(s[1], many, 3, 0, 0) == 3 && many[1].msg_len == 2 && !memcmp(room[1], "bb", 2));
    close(s[0]), close(s[1]);
}

union control {
    struct cmsghdr header;
    char room[256];
};

static long send_files(int s, const int *fd, int n)
{
    union control control = {0};
    struct iovec io = {"f", 1};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE((size_t)n * sizeof *fd)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN((size_t)n * sizeof *fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(c), fd, (size_t)n * sizeof *fd);
    return sendmsg(s, &m, 0);
}

static int receive_files(int s, int *fd, int room, int *flags)
{
    union control control = {0};
    char byte;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = room ? CMSG_LEN((size_t)room * sizeof *fd) : 0};
    if (recvmsg(s, &m, MSG_CMSG_CLOEXEC) < 0) return -1;
    *flags = m.msg_flags;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_type != SCM_RIGHTS) return 0;
    int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof *fd);
    memcpy(fd, CMSG_DATA(c), (size_t)n * sizeof *fd);
    return n;
}

static void rights(void)
{
    int s[2], p[2], fd[8], flags;
    char buffer[8];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && pipe(p) == 0);
    CHECK(send_files(s[0], p, 2) == 1);
    close(p[0]), close(p[1]); /* only the message holds the pipe now */
    CHECK(receive_files(s[1], fd, 2, &flags) == 2 && !(flags & MSG_CTRUNC));
    CHECK(write(fd[1], "through", 7) == 7 && read(fd[0], buffer, 8) == 7 && fcntl(fd[0], F_GETFD) == FD_CLOEXEC);
    int both[2] = {fd[0], fd[1]};
    CHECK(send_files(s[0], both, 2) == 1 && receive_files(s[1], p, 1, &flags) == 1 && (flags & MSG_CTRUNC));
    close(p[0]);
    CHECK(send_files(s[0], &both[1], 1) == 1 && close(fd[1]) == 0 && read(s[1], buffer, 1) == 1);
    CHECK(read(fd[0], buffer, 1) == 0); /* read() cannot take descriptors: the last writer was closed */
    int bad = 77;
    CHECK(fails((int)send_files(s[0], &bad, 1), EBADF));
    close(fd[0]);
    /* A socket in its own queue: nobody can take it out again. */
    int before = dup(0);
    close(before);
    for (int i = 0; i < 300; i++) {
        int c[2];
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, c)) break;
        send_files(c[0], c, 2);
        send_files(c[1], c, 2);
        close(c[0]), close(c[1]);
    }
    int after = dup(0);
    CHECK(before == after);
    close(after);
    close(s[0]), close(s[1]);
    /* A chain of sockets in each other's queues must not need a stack as deep as it is long. */
    int inside = -1;
    for (int i = 0; i < 2000; i++) {
        int c[2];
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, c)) break;
        if (inside >= 0 && send_files(c[0], &inside, 1) < 0) break;
        close(c[0]);
        if (inside >= 0) close(inside);
        inside = c[1];
    }
    CHECK(close(inside) == 0);
}

static void credentials(void)
{
    int s[2], on = 1;
    union control control = {0};
    char byte;
    struct iovec io = {&byte, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0 && setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    pid_t child = fork();
    if (!child) {
        send(s[0], "c", 1, 0);
        _exit(0);
    }
    CHECK(recvmsg(s[1], &m, 0) == 1);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    struct ucred who = {0};
    if (c) memcpy(&who, CMSG_DATA(c), sizeof who);
    CHECK(c && c->cmsg_type == SCM_CREDENTIALS && who.pid == child && who.uid == getuid());
    waitpid(child, 0, 0);
    close(s[0]), close(s[1]);
}

static void wild(void)
{
    int s[2];
    void *volatile nowhere = (void *)8;
    struct msghdr m = {0};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(fails(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), EFAULT));
    CHECK(fails((int)send(s[0], nowhere, 10, 0), EFAULT) && fails((int)sendmsg(s[0], nowhere, 0), EFAULT));
    CHECK(fails(bind(s[0], nowhere, 20), EFAULT) && fails(bind(s[0], nowhere, (socklen_t)-1), EINVAL));
    m.msg_iov = nowhere, m.msg_iovlen = 3;
    CHECK(fails((int)sendmsg(s[0], &m, 0), EFAULT));
    m.msg_iovlen = 5000;
    CHECK(fails((int)sendmsg(s[0], &m, 0), EMSGSIZE));
    m.msg_iovlen = 0, m.msg_control = nowhere, m.msg_controllen = 100;
    CHECK(fails((int)sendmsg(s[0], &m, 0), EFAULT));
    write(s[0], "x", 1);
    CHECK(fails((int)recv(s[1], nowhere, 10, 0), EFAULT));
    CHECK(fails(setsockopt(s[0], 1, SO_PASSCRED, nowhere, 4), EFAULT) &&
          fails(setsockopt(s[0], 77, 1, &m, 4), EOPNOTSUPP));
    close(s[0]), close(s[1]);
}

/* A large datagram is received while a send finds out that its sender has gone, with which all it sent is forgotten. */
#define LARGE 180000
static int orphan;
static volatile int begun;
static void *receive_large(void *unused)
{
    char *to = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)unused;
    begun = 1;
    ssize_t n = recv(orphan, to, LARGE, MSG_DONTWAIT);
    long wrong = n < 0 ? errno != EAGAIN && errno != ENOTCONN && errno != ECONNRESET : n != LARGE;
    for (ssize_t i = 0; i < n; i++) wrong += to[i] != 'x';
    munmap(to, LARGE);
    return (void *)wrong;
}
static void forgotten(void)
{
    static char data[LARGE];
    memset(data, 'x', sizeof data);
    for (int i = 0; i < 200; i++) {
        int ends[2], again[2];
        pthread_t thread;
        void *wrong;
        CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, again) == 0);
        CHECK(send(ends[1], data, LARGE, 0) == LARGE);
        close(ends[1]);
        orphan = ends[0];
        begun = 0;
        pthread_create(&thread, NULL, receive_large, NULL);
        while (!begun) continue;
        for (volatile int k = 0; k < i * 50; k++) continue;
        send(orphan, "y", 1, MSG_NOSIGNAL);
        memset(data, 'z', sizeof data);
        send(again[0], data, LARGE, MSG_DONTWAIT); /* takes the memory that has become free */
        memset(data, 'x', sizeof data);
        pthread_join(thread, &wrong);
        CHECK(!wrong);
        close(ends[0]), close(again[0]), close(again[1]);
    }
}

int main(void)
{
    mkdir("/tmp", 0777);
    names();
    streams();
    flow();
    messages();
    rights();
    credentials();
    wild();
    forgotten();
    return finish();
}
