/*
 * Remote procedure calls through generated stubs (user/rpc): the sample service over messages and over a Unix socket, its errors, wrong
 * requests, a server that ends. check.d/rpc makes the stubs and compiles them in.
 */
#define _GNU_SOURCE
#include "calc.h"
#include "calc_serve.h"
#include "check.h"
#include "message.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define PATH "/tmp/calc"

static pid_t start(bool by_socket)
{
    pid_t pid = fork();
    if (pid) return pid;
    struct calc_state state = {0};
    int result = by_socket ? rpc_serve_socket(&calc_service, &state, &state.stop, PATH)
                           : rpc_serve_messages(&calc_service, &state, &state.stop);
    _exit(result ? 1 : 0);
}

static struct rpc_client *open_client(bool by_socket, pid_t server)
{
    struct rpc_client *client = NULL;
    for (int i = 0; i < 1000 && !client; i++) {
        client = by_socket ? rpc_open_socket(PATH) : rpc_open_process(server);
        if (!client) usleep(1000);
    }
    return client;
}

static void calls(struct rpc_client *c, pid_t server)
{
    int32_t sum;
    int64_t quotient, rest;
    double root;
    bool exact;
    char *text;
    struct rpc_bytes bytes, data = {"\0abc\377", 5};
    uint64_t count;
    uint32_t process;
    CHECK(calc_add(c, 40, 2, &sum) == 0 && sum == 42);
    CHECK(calc_add(c, -40, -2, &sum) == 0 && sum == -42);
    CHECK(calc_add(c, INT32_MAX, 1, &sum) == CALC_OVERFLOW);
    CHECK(calc_divide(c, -7, 2, &quotient, &rest) == 0 && quotient == -3 && rest == -1);
    CHECK(calc_divide(c, INT64_MIN, 1, &quotient, &rest) == 0 && quotient == INT64_MIN);
    CHECK(calc_divide(c, 1, 0, &quotient, &rest) == CALC_BY_ZERO && quotient == 0);
    CHECK(calc_root(c, 2.25, &root, &exact) == 0 && root == 1.5 && exact);
    CHECK(calc_upper(c, "by value, never by reference", &text) == 0 && !strcmp(text, "BY VALUE, NEVER BY REFERENCE"));
    rpc_free_string(text);
    CHECK(calc_upper(c, "", &text) == 0 && !*text);
    rpc_free_string(text);
    CHECK(calc_reverse(c, data, &bytes) == 0 && bytes.count == 5 && !memcmp(bytes.data, "\377cba\0", 5));
    rpc_free_bytes(bytes);
    static char large[RPC_BYTES_MAX];
    CHECK(calc_reverse(c, (struct rpc_bytes){large, RPC_BYTES_MAX - 20}, &bytes) == 0 &&
          bytes.count == RPC_BYTES_MAX - 20);
    rpc_free_bytes(bytes);
    CHECK(calc_reverse(c, (struct rpc_bytes){large, sizeof large}, &bytes) == RPC_TOO_LONG && !bytes.data);
    CHECK(calc_count(c, &count, &process) == 0 && count == 12 && process == (uint32_t)server && server != getpid());
    CHECK(rpc_exchange((rpc_begin(c, 99, 1), c)) == RPC_UNKNOWN &&
          rpc_exchange((rpc_begin(c, 7, 77), c)) == RPC_UNKNOWN);
    struct rpc_buffer *b = rpc_begin(c, CALC_SERVICE, 1); /* too few arguments, too many, a length that lies */
    rpc_put_i32(b, 1);
    CHECK(rpc_exchange(c) == RPC_GARBLED);
    b = rpc_begin(c, CALC_SERVICE, 6);
    rpc_put_i32(b, 1);
    CHECK(rpc_exchange(c) == RPC_GARBLED);
    b = rpc_begin(c, CALC_SERVICE, 4);
    rpc_put_u32(b, 0xfffffff0);
    CHECK(rpc_exchange(c) == RPC_GARBLED);
}

static unsigned seed = 7;
static unsigned random_number(void) { return (seed = seed * 1103515245 + 12345) >> 8; }

/* Requests made of noise, half of them with a right header: the server answers or not, and lives. */
static void noise(bool by_socket, pid_t server)
{
    for (int i = 0; i < 500; i++) {
        uint32_t words[64];
        for (int n = 0; n < 64; n++) words[n] = random_number() % 5 ? random_number() % 9 : random_number() << 8;
        if (i & 1) words[0] = RPC_MAGIC, words[1] = CALC_SERVICE, words[2] = random_number() % 6 + 1; /* all but stop */
        size_t bytes = random_number() % sizeof words;
        if (!by_socket) {
            while (message_send(server, words, bytes, MESSAGE_NOWAIT) < 0 && errno == EAGAIN) usleep(200);
            static char reply[MESSAGE_MAX];
            while (message_receive(server, reply, sizeof reply, NULL, MESSAGE_NOWAIT) >= 0) {
            }
            continue;
        }
        struct rpc_client *c = open_client(true, server);
        send(c->socket, words, bytes, MSG_NOSIGNAL);
        rpc_close(c);
    }
    static char reply[MESSAGE_MAX];
    usleep(50000);
    while (!by_socket && message_receive(server, reply, sizeof reply, NULL, MESSAGE_NOWAIT) >= 0) {
    }
}

static void whole(bool by_socket)
{
    int status;
    pid_t server = start(by_socket);
    struct rpc_client *c = open_client(by_socket, server);
    CHECK(c != NULL);
    calls(c, server);
    noise(by_socket, server);
    for (int i = 0; i < 4; i++) {
        if (fork()) continue;
        struct rpc_client *mine = open_client(by_socket, server);
        int32_t sum = 0;
        int wrong = 0;
        for (int n = 0; n < 50; n++) wrong += calc_add(mine, n, i, &sum) != 0 || sum != n + i;
        _exit(wrong);
    }
    for (int i = 0; i < 4; i++) CHECK(wait(&status) > 0 && status == 0);
    CHECK(calc_stop(c) == 0);
    int32_t sum;
    CHECK(waitpid(server, &status, 0) == server && status == 0);
    CHECK(calc_add(c, 1, 1, &sum) == RPC_GONE);
    rpc_close(c);
}

int main(void)
{
    mkdir("/tmp", 0777);
    whole(false);
    whole(true);
    return finish();
}
