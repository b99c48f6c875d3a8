#include "emu/base/host_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int host_listen_loopback(uint16_t *port, struct err *err)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1) ||
        getsockname(fd, (struct sockaddr *)&address, &length)) {
        err_set(err, "tcp port %u on the loopback address: %s; choose another port", *port, strerror(errno));
        host_close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int host_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static long moved(ssize_t n)
{
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

long host_socket_read(int fd, void *to, size_t n)
{
    ssize_t got = recv(fd, to, n, 0);
    return got == 0 ? -1 : moved(got);
}

long host_socket_write(int fd, const void *from, size_t n) { return moved(send(fd, from, n, MSG_NOSIGNAL)); }

bool host_socket_write_all(int fd, const void *from, size_t n, int timeout_ms)
{
    const char *at = from;
    while (n) {
        long done = host_socket_write(fd, at, n);
        if (done < 0) return false;
        at += done;
        n -= (size_t)done;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (n && done == 0 && poll(&p, 1, timeout_ms) <= 0) return false;
    }
    return true;
}

void host_close(int fd)
{
    if (fd >= 0) close(fd);
}
