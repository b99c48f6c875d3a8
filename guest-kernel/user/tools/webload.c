/*
 * webload.c - measures the four forms of webserver against one another.
 *
 * Clients at the same time each make their requests one after the other; what counts is how many requests all of them get answered in a
 * second, and how long one takes on average. With requests that wait (-w), the single process is as slow as the sum of all waits, and the
 * others are not; with requests that do not, what remains is the cost of making and switching processes.
 *
 * Both ways of asking are measured, Unix sockets and message passing.
 *
 *      webload [-c CLIENTS] [-r REQUESTS] [-n WORKERS] [-w MS] [-f FILE]
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"
#include "rpc/message.h"

static long long clients = 8, requests = 20, workers = 4, wait_ms = 5;
static const char *file = "/etc/motd";
static pid_t server;  /* the process that is asked */
static bool messages; /* instead of a socket */
static struct sockaddr_un address = {.sun_family = AF_UNIX};

struct result { /* shared by all clients */
    unsigned long long nanoseconds, answered, failed;
};
static struct result *result;

static unsigned long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000 + (unsigned long long)t.tv_nsec;
}

static int reach(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    if (!connect(fd, (struct sockaddr *)&address, sizeof address)) return fd;
    close(fd);
    return -1;
}

static long request_by_message(void)
{
    static char answer[MESSAGE_MAX];
    if (message_send(server, file, strlen(file), 0)) return -1;
    return message_receive(0, answer, sizeof answer, NULL, 0);
}

/* One request; the bytes of the answer, -1. */
static long request(void)
{
    char block[4096];
    long total = 0;
    if (messages) return request_by_message();
    int fd = reach();
    if (fd < 0) return -1;
    dprintf(fd, "%s\n", file);
    for (ssize_t n; (n = read(fd, block, sizeof block)) != 0; total += n) {
        if (n >= 0) continue;
        total = -1;
        break;
    }
    close(fd);
    return total;
}

static _Noreturn void client(long size)
{
    for (long long i = 0; i < requests; i++) {
        unsigned long long start = now();
        bool good = request() == size;
        __atomic_fetch_add(&result->nanoseconds, now() - start, __ATOMIC_RELAXED);
        __atomic_fetch_add(good ? &result->answered : &result->failed, 1, __ATOMIC_RELAXED);
    }
    _exit(0);
}

static void start_server(const char *form)
{
    char count[24], wait[24];
    snprintf(count, sizeof count, "%lld", workers);
    snprintf(wait, sizeof wait, "%lld", wait_ms);
    unlink(address.sun_path);
    server = fork();
    if (server == 0) {
        setpgid(0, 0);
        execlp("webserver", "webserver", "-m", form, "-n", count, "-w", wait, messages ? NULL : address.sun_path, NULL);
        fail_errno("webserver");
    }
    if (server > 0) setpgid(server, server);
    if (messages) return;           /* what is sent to it early waits in its queue */
    for (int i = 0; i < 200; i++) { /* until it listens */
        int fd = reach();
        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(10000);
    }
    fail_text("%s: the server does not answer", form);
}

static bool measure(const char *form, long size)
{
    start_server(form);
    *result = (struct result){0};
    unsigned long long start = now();
    pid_t pids[1000];
    for (long long i = 0; i < clients; i++) {
        pids[i] = fork();
        if (pids[i] < 0) fail_errno("fork");
        if (pids[i] == 0) client(size);
    }
    for (long long i = 0; i < clients; i++) waitpid(pids[i], NULL, 0);
    double seconds = (double)(now() - start) / 1e9;
    kill(-server, SIGKILL);
    waitpid(server, NULL, 0);
    unsigned long long all = result->answered + result->failed;
    printf("%-8s %-8s %8llu %8llu %12.1f %12.3f\n", messages ? "messages" : "sockets", form, result->answered,
           result->failed, (double)result->answered / seconds,
           all ? (double)result->nanoseconds / 1e6 / (double)all : 0.0);
    fflush(stdout);
    return !result->failed;
}

int main(int argc, char **argv)
{
    static const char *const forms[] = {"single", "process", "pool", "threads"};
    const char *usage = "[-c CLIENTS] [-r REQUESTS] [-n WORKERS] [-w MS] [-f FILE]";
    struct stat status;
    bool good = true;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "c:r:n:w:f:")) != -1;) {
        if (c == 'f')
            file = optarg;
        else if (c == '?' || !parse_number(optarg, c == 'c'   ? &clients
                                                   : c == 'r' ? &requests
                                                   : c == 'n' ? &workers
                                                              : &wait_ms))
            fail_usage(usage);
    }
    if (optind != argc || clients < 1 || clients > 1000 || requests < 1) fail_usage(usage);
    if (stat(file, &status)) fail_errno("%s", file);
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/webload.%d", (int)getpid());
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED) fail_errno("shared memory");
    printf("%lld clients, %lld requests each, every request waits %lld ms, %lld workers\n", clients, requests, wait_ms,
           workers);
    printf("%-8s %-8s %8s %8s %12s %12s\n", "over", "form", "answered", "failed", "per second", "ms each");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) good &= measure(forms[i], (long)status.st_size);
    messages = true;
    for (size_t i = 0; i < sizeof forms / sizeof *forms && status.st_size <= MESSAGE_MAX; i++)
        good &= measure(forms[i], (long)status.st_size);
    unlink(address.sun_path);
    return util_end(!good);
}
