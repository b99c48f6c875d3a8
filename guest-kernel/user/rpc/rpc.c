/*
 * rpc.c - the run-time part of remote procedure calls: marshalling, the two ways to the server, the server's loop. See rpc.h.
 */
#define _GNU_SOURCE
#include "rpc.h"

#include "message.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 64 /* connections of one socket server; more wait to be accepted */

/* Marshalling */

static void put(struct rpc_buffer *b, uint64_t value, unsigned bytes)
{
    if (RPC_BYTES_MAX - b->used < bytes) b->error = b->error ? b->error : RPC_TOO_LONG;
    if (b->error) return;
    for (unsigned i = 0; i < bytes; i++) b->data[b->used++] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(struct rpc_buffer *b, unsigned bytes)
{
    uint64_t value = 0;
    if (b->used - b->at < bytes) b->error = b->error ? b->error : RPC_GARBLED;
    if (b->error) return 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)b->data[b->at++] << 8 * i;
    return value;
}

void rpc_put_bool(struct rpc_buffer *b, bool value) { put(b, value, 1); }
void rpc_put_i32(struct rpc_buffer *b, int32_t value) { put(b, (uint32_t)value, 4); }
void rpc_put_u32(struct rpc_buffer *b, uint32_t value) { put(b, value, 4); }
void rpc_put_i64(struct rpc_buffer *b, int64_t value) { put(b, (uint64_t)value, 8); }
void rpc_put_u64(struct rpc_buffer *b, uint64_t value) { put(b, value, 8); }
void rpc_put_f64(struct rpc_buffer *b, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put(b, bits, 8);
}
void rpc_put_bytes(struct rpc_buffer *b, struct rpc_bytes bytes)
{
    put(b, bytes.count, 4);
    if (RPC_BYTES_MAX - b->used < bytes.count) b->error = b->error ? b->error : RPC_TOO_LONG;
    if (b->error || !bytes.count) return;
    memcpy(b->data + b->used, bytes.data, bytes.count);
    b->used += bytes.count;
}
void rpc_put_string(struct rpc_buffer *b, const char *text)
{
    size_t count = strnlen(text, RPC_BYTES_MAX + 1);
    rpc_put_bytes(b, (struct rpc_bytes){(void *)(uintptr_t)text, (uint32_t)count});
}

bool rpc_get_bool(struct rpc_buffer *b)
{
    uint64_t value = get(b, 1);
    if (value > 1) b->error = RPC_GARBLED;
    return value == 1;
}
int32_t rpc_get_i32(struct rpc_buffer *b) { return (int32_t)get(b, 4); }
uint32_t rpc_get_u32(struct rpc_buffer *b) { return (uint32_t)get(b, 4); }
int64_t rpc_get_i64(struct rpc_buffer *b) { return (int64_t)get(b, 8); }
uint64_t rpc_get_u64(struct rpc_buffer *b) { return get(b, 8); }
double rpc_get_f64(struct rpc_buffer *b)
{
    uint64_t bits = get(b, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Room for one more byte, so that it can be made a string. */
struct rpc_bytes rpc_get_bytes(struct rpc_buffer *b)
{
    uint32_t count = rpc_get_u32(b);
    if (!b->error && b->used - b->at < count) b->error = RPC_GARBLED;
    char *data = b->error ? NULL : malloc((size_t)count + 1);
    if (!b->error && !data) b->error = RPC_NO_MEMORY;
    if (b->error) return (struct rpc_bytes){NULL, 0};
    memcpy(data, b->data + b->at, count);
    data[count] = 0;
    b->at += count;
    return (struct rpc_bytes){data, count};
}
char *rpc_get_string(struct rpc_buffer *b)
{
    struct rpc_bytes bytes = rpc_get_bytes(b);
    if (bytes.data && memchr(bytes.data, 0, bytes.count)) b->error = RPC_GARBLED;
    return bytes.data;
}
void rpc_free_string(char *text) { free(text); }
void rpc_free_bytes(struct rpc_bytes bytes) { free(bytes.data); }

int rpc_end(const struct rpc_buffer *b) { return b->error ? b->error : b->at == b->used ? 0 : RPC_GARBLED; }

static void put_header(struct rpc_buffer *b, uint32_t service, uint32_t word, uint32_t serial)
{
    b->used = b->at = 0;
    b->error = 0;
    put(b, RPC_MAGIC, 4);
    put(b, service, 4);
    put(b, word, 4);
    put(b, serial, 4);
}

/* Clients */

static struct rpc_client *client_new(pid_t process, int socket)
{
    struct rpc_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    client->process = process;
    client->socket = socket;
    return client;
}

struct rpc_client *rpc_open_process(pid_t process) { return client_new(process, -1); }

static int socket_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address->sun_path, path);
    return 0;
}

struct rpc_client *rpc_open_socket(const char *path)
{
    struct sockaddr_un address;
    if (socket_address(path, &address)) return NULL;
    int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct rpc_client *client =
        s >= 0 && !connect(s, (struct sockaddr *)&address, sizeof address) ? client_new(0, s) : NULL;
    if (!client && s >= 0) close(s);
    return client;
}

void rpc_close(struct rpc_client *client)
{
    if (client && client->socket >= 0) close(client->socket);
    free(client);
}

struct rpc_buffer *rpc_begin(struct rpc_client *client, uint32_t service, uint32_t procedure)
{
    put_header(&client->buffer, service, procedure, ++client->serial);
    return &client->buffer;
}

static ssize_t client_send(struct rpc_client *c)
{
    ssize_t n;
    do
        n = c->process ? message_send(c->process, c->buffer.data, c->buffer.used, 0)
                       : send(c->socket, c->buffer.data, c->buffer.used, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n;
}

static ssize_t client_receive(struct rpc_client *c)
{
    ssize_t n;
    do
        n = c->process ? message_receive(c->process, c->buffer.data, RPC_BYTES_MAX, NULL, 0)
                       : recv(c->socket, c->buffer.data, RPC_BYTES_MAX, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

int rpc_exchange(struct rpc_client *c)
{
    struct rpc_buffer *b = &c->buffer;
    if (b->error) return b->error;
    if (client_send(c) < 0) return RPC_GONE;
    for (;;) {
        ssize_t n = client_receive(c);
        if (n <= 0) return n < 0 && errno == EMSGSIZE ? RPC_GARBLED : RPC_GONE;
        b->used = (uint32_t)n;
        b->at = 0;
        if (get(b, 4) != RPC_MAGIC) return RPC_GARBLED;
        get(b, 4);
        int32_t status = rpc_get_i32(b);
        uint32_t serial = rpc_get_u32(b);
        if (b->error) return b->error;
        if (serial == c->serial) return status; /* an older one answers a call that was given up */
    }
}

/* Servers */

/* The reply to one request; what is no request gets no reply. */
static bool answer(const struct rpc_service *service, void *context, struct rpc_buffer *in, struct rpc_buffer *out)
{
    in->at = 0;
    in->error = 0;
    if (get(in, 4) != RPC_MAGIC) return false;
    uint32_t number = rpc_get_u32(in), procedure = rpc_get_u32(in), serial = rpc_get_u32(in);
    if (in->error) return false;
    put_header(out, number, 0, serial);
    int status = RPC_UNKNOWN;
    if (number == service->number && procedure - 1 < service->count)
        status = service->procedure[procedure - 1](context, in, out);
    if (!status) status = out->error;
    if (status) put_header(out, number, (uint32_t)status, serial);
    return true;
}

struct exchange {
    struct rpc_buffer in, out;
};

int rpc_serve_messages(const struct rpc_service *service, void *context, const volatile int *stop)
{
    struct exchange *x = calloc(1, sizeof *x);
    int result = x ? 0 : -1;
    static char rest[MESSAGE_MAX];
    while (!result && !*stop) {
        pid_t client;
        ssize_t n = message_receive(0, x->in.data, RPC_BYTES_MAX, &client, 0);
        if (n < 0 && errno == EMSGSIZE) /* no request of ours: out of the way */
            message_receive(0, rest, sizeof rest, NULL, MESSAGE_NOWAIT);
        else if (n < 0 && errno != EINTR)
            result = -1;
        x->in.used = n < 0 ? 0 : (uint32_t)n;
        /* The reply does not wait for the client: one that never receives must not stop the server. */
        if (n >= 0 && answer(service, context, &x->in, &x->out))
            message_send(client, x->out.data, x->out.used, MESSAGE_NOWAIT);
    }
    free(x);
    return result;
}

/* One request of a connected client. False: the connection is to be closed. */
static bool serve_one(const struct rpc_service *service, void *context, int client, struct exchange *x)
{
    ssize_t n = recv(client, x->in.data, RPC_BYTES_MAX, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    x->in.used = (uint32_t)n;
    if (n == 0 || !answer(service, context, &x->in, &x->out)) return false;
    return send(client, x->out.data, x->out.used, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static int serve_clients(const struct rpc_service *service, void *context, const volatile int *stop, int listener,
                         struct exchange *x)
{
    struct pollfd polled[CLIENTS_MAX + 1] = {{listener, POLLIN, 0}};
    unsigned count = 1;
    int result = 0;
    while (!*stop && !result) {
        polled[0].events = count <= CLIENTS_MAX ? POLLIN : 0;
        if (poll(polled, count, -1) < 0 && errno != EINTR) result = -1;
        for (unsigned i = count; !result && !*stop && i-- > 1;) {
            if (!polled[i].revents || serve_one(service, context, polled[i].fd, x)) continue;
            close(polled[i].fd);
            polled[i] = polled[--count];
        }
        if (result || *stop || !(polled[0].revents & POLLIN)) continue;
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0) polled[count++] = (struct pollfd){client, POLLIN, 0};
    }
    while (count > 1) close(polled[--count].fd);
    return result;
}

int rpc_serve_socket(const struct rpc_service *service, void *context, const volatile int *stop, const char *path)
{
    struct sockaddr_un address;
    if (socket_address(path, &address)) return -1;
    struct exchange *x = calloc(1, sizeof *x);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), result = -1;
    if (x && listener >= 0 && !bind(listener, (struct sockaddr *)&address, sizeof address)) {
        if (!listen(listener, 16)) result = serve_clients(service, context, stop, listener, x);
        unlink(path);
    }
    if (listener >= 0) close(listener);
    free(x);
    return result;
}
