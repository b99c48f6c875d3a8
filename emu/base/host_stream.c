#define _GNU_SOURCE
#include "emu/base/host_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

int host_pty_open(char *name, size_t room, int *other, struct err *err)
{
    *other = -1;
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, room)) {
        err_set(err, "pty: cannot be opened: %s", strerror(errno));
        if (fd >= 0) close(fd);
        return -1;
    }
    struct termios t;
    *other = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*other >= 0 && !tcgetattr(*other, &t)) { /* raw from the start; our end then never sees its own echo */
        cfmakeraw(&t);
        tcsetattr(*other, TCSANOW, &t);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int try_address(const struct addrinfo *a, bool server)
{
    int one = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) return -1;
    if (server) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int bad = server ? bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 1) : connect(fd, a->ai_addr, a->ai_addrlen);
    if (bad) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static int open_tcp(const char *what, const char *host, const char *port, bool server, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = server ? AI_PASSIVE : 0}, *list = NULL;
    if (!*host) host = "127.0.0.1";
    if (port[strspn(port, "0123456789")] == 0 && (strlen(port) > 5 || atoi(port) > UINT16_MAX)) {
        err_set(err, "%s: %s:%s: a port is at most %d", what, host, port, UINT16_MAX);
        return -1; /* getaddrinfo would take the lower 16 bits */
    }
    int bad = getaddrinfo(host, port, &hints, &list);
    if (bad) {
        err_set(err, "%s: %s:%s: %s", what, host, port, gai_strerror(bad));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) fd = try_address(a, server);
    if (fd < 0) err_set(err, "%s: %s:%s: %s", what, host, port, strerror(errno));
    freeaddrinfo(list);
    return fd;
}

int host_tcp_connect(const char *what, const char *host, const char *port, struct err *err)
{
    return open_tcp(what, host, port, false, err);
}

int host_tcp_listen(const char *what, const char *host, const char *port, struct err *err)
{
    return open_tcp(what, host, port, true, err);
}

int host_tcp_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }
