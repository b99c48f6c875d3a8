/*
 * Message passing between processes: a client and a server for each combination of symmetric and asymmetric, blocking and non-blocking
 * send and receive; order, limits, ends of processes, signals. Kepler's own calls: on Linux they are ENOSYS.
 */
#define _GNU_SOURCE
#include "../../user/rpc/message.h"
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static int fails(long result, int wanted) { return result == -1 && errno == wanted; }

struct request {
    int number, back; /* back: how the client wants the reply sent is the server's business; here only a value */
    char text[24];
};

/* Receives in the wanted way; without waiting it asks again and again. */
static ssize_t receive(pid_t from, void *buffer, size_t room, pid_t *sender, int nowait)
{
    for (;;) {
        ssize_t n = message_receive(from, buffer, room, sender, nowait ? MESSAGE_NOWAIT : 0);
        if (n >= 0 || errno != EAGAIN || !nowait) return n;
        usleep(500);
    }
}
static int give(pid_t to, const void *bytes, size_t count, int nowait)
{
    int result;
    while ((result = message_send(to, bytes, count, nowait ? MESSAGE_NOWAIT : 0)) < 0 && errno == EAGAIN) usleep(500);
    return result;
}

#define ROUNDS 20

/* A server for `clients` clients: answers each request with the number doubled. */
static void server(pid_t only, int clients, int send_nowait, int receive_nowait)
{
    for (int i = 0; i < clients * ROUNDS; i++) {
        struct request r;
        pid_t who = -1;
        if (receive(only, &r, sizeof r, &who, receive_nowait) != sizeof r) _exit(1);
        if (only && who != only) _exit(2);
        r.number *= 2;
        r.text[0] = 'R';
        if (give(who, &r, sizeof r, send_nowait)) _exit(3);
    }
    _exit(0);
}

static int client(pid_t to, int base, int send_nowait, int receive_nowait)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct request r = {base + i, 0, "request"}, reply;
        if (give(to, &r, sizeof r, send_nowait)) return 4;
        memset(&r, 'x', sizeof r); /* by value: the message has its own copy */
        pid_t who;
        if (receive(to, &reply, sizeof reply, &who, receive_nowait) != sizeof reply) return 5;
        if (who != to || reply.number != 2 * (base + i) || strcmp(reply.text, "Request")) return 6;
    }
    return 0;
}

static void combination(int symmetric, int send_nowait, int receive_nowait)
{
    int clients = symmetric ? 1 : 3, status;
    pid_t me = getpid(), pid = fork();
    if (!pid) server(symmetric ? me : 0, clients, send_nowait, receive_nowait);
    for (int i = 1; i < clients; i++)
        if (!fork()) _exit(client(pid, i * 1000, send_nowait, receive_nowait));
    CHECK(client(pid, 0, send_nowait, receive_nowait) == 0);
    for (int i = 0; i < clients; i++) CHECK(wait(&status) > 0 && status == 0);
}

static void selection(void)
{
    pid_t me = getpid(), first, second, who;
    char b[8];
    if (!(first = fork())) _exit(message_send(me, "one", 3, MESSAGE_NOWAIT));
    waitpid(first, 0, 0);
    if (!(second = fork())) _exit(message_send(me, "two", 3, MESSAGE_NOWAIT));
    waitpid(second, 0, 0);
    /* Symmetric receive leaves the others' messages in the queue; those of a process that has ended can still be received. */
    CHECK(message_receive(second, b, 8, &who, 0) == 3 && who == second && !memcmp(b, "two", 3));
    CHECK(fails(message_receive(second, b, 8, &who, 0), ESRCH));
    CHECK(fails(message_receive(0, b, 2, &who, 0), EMSGSIZE)); /* too large: stays */
    CHECK(message_receive(0, b, 8, &who, 0) == 3 && who == first && !memcmp(b, "one", 3));
    CHECK(fails(message_receive(0, b, 8, &who, MESSAGE_NOWAIT), EAGAIN));
    CHECK(message_send(me, 0, 0, MESSAGE_NOWAIT) == 0 && message_receive(me, b, 0, 0, 0) == 0); /* to oneself, empty */
}

static void blocking(void)
{
    struct timespec start, end;
    pid_t me = getpid(), pid = fork();
    char b[8];
    if (!pid) {
        usleep(60000);
        _exit(message_receive(me, b, 8, 0, 0) == 4 ? 0 : 1);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(message_send(pid, "wait", 4, 0) == 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >=
          20); /* until it was received */
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void caught(int signal) { (void)signal; }

static void ends(void)
{
    char b[8];
    int status;
    pid_t pid = fork();
    if (!pid) usleep(30000), _exit(0); /* never receives */
    CHECK(fails(message_send(pid, "lost", 4, 0), ESRCH));
    waitpid(pid, 0, 0);
    CHECK(fails(message_send(pid, "lost", 4, 0), ESRCH));
    pid = fork();
    if (!pid) usleep(30000), _exit(0); /* never sends */
    CHECK(fails(message_receive(pid, b, 8, 0, 0), ESRCH));
    waitpid(pid, 0, 0);
    struct sigaction action = {.sa_handler = caught};
    sigaction(SIGALRM, &action, 0);
    pid = fork();
    if (!pid) {
        usleep(100000);
        _exit(message_receive(0, b, 8, 0, MESSAGE_NOWAIT) == -1 && errno == EAGAIN ? 0 : 1);
    }
    ualarm(30000, 0);
    CHECK(fails(message_send(pid, "back", 4, 0), EINTR)); /* called back: the receiver finds nothing */
    ualarm(30000, 0);
    CHECK(fails(message_receive(0, b, 8, 0, 0), EINTR));
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void limits(void)
{
    static char big[MESSAGE_MAX + 1];
    char b[8];
    void *volatile nowhere = (void *)8;
    int count = 0, status;
    pid_t me = getpid();
    CHECK(fails(message_send(me, big, sizeof big, 0), EMSGSIZE) && fails(message_send(99999, b, 1, 0), ESRCH));
    CHECK(fails(message_send(-1, b, 1, 0), EINVAL) && fails(message_send(0, b, 1, 0), EINVAL) &&
          fails(message_send(me, b, 1, 2), EINVAL));
    CHECK(fails(message_receive(-1, b, 1, 0, 0), EINVAL) && fails(message_receive(0, b, 1, 0, 2), EINVAL));
    CHECK(fails(message_send(me, nowhere, 10, MESSAGE_NOWAIT), EFAULT));
    CHECK(message_send(me, "x", 1, MESSAGE_NOWAIT) == 0 && fails(message_receive(0, nowhere, 8, 0, 0), EFAULT));
    while (message_send(me, "m", 1, MESSAGE_NOWAIT) == 0) count++;
    CHECK(errno == EAGAIN && count == 64);
    pid_t pid = fork();
    if (!pid) _exit(message_send(me, "late", 4, 0)); /* waits for room */
    usleep(30000);
    for (int i = 0; i < count; i++) CHECK(message_receive(me, b, 8, 0, 0) == 1);
    CHECK(message_receive(pid, b, 8, 0, 0) == 4 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* Many senders, many receivers, some of them killed: nothing hangs. */
static void storm(void)
{
    pid_t pids[12];
    int *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 12; i++) {
        pids[i] = fork();
        if (pids[i]) {
            shared[i] = pids[i];
            continue;
        }
        unsigned seed = (unsigned)i * 77 + 1;
        char b[512];
        for (;;) {
            seed = seed * 1103515245 + 12345;
            pid_t to = ((volatile int *)shared)[(seed >> 16) % 12];
            if (seed >> 30 & 1)
                message_send(to ? to : getpid(), b, (seed >> 8) % sizeof b, seed >> 29 & 1);
            else
                message_receive(seed >> 28 & 1 ? 0 : to, b, sizeof b, 0, (seed >> 27 & 3) != 0);
        }
    }
    for (int i = 0; i < 12; i++) usleep(15000), kill(pids[i], SIGKILL), waitpid(pids[i], 0, 0);
    CHECK(fails(wait(0), ECHILD));
}

int main(void)
{
    for (int i = 0; i < 8; i++) combination(i & 1, i >> 1 & 1, i >> 2 & 1);
    selection();
    blocking();
    ends();
    limits();
    storm();
    return finish();
}
