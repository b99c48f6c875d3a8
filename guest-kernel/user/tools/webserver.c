/*
 * webserver.c - one server in the four forms of the notes: how should a server be made that has many clients at once?
 *
 *      single     one process, one request after the other: while it waits for the disk, everybody waits
 *      process    a process for each request: others go on while one waits, but every request costs a fork
 *      pool       as many processes as -n says, made once; all of them accept from the same socket, the kernel deals the clients out
 *      threads    one thread accepts and puts connections into a queue, -n worker threads take them out; a mutex protects the queue, a
 *                 condition variable lets workers sleep while it is empty, another the acceptor while it is full
 *
 * A request is a path and a newline over a Unix socket; the answer is the file's content. -w MS makes every request wait, as for a disk.
 *
 *      webserver -m FORM [-n WORKERS] [-w MS] SOCKET
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

enum { QUEUE = 16 };
static long long workers = 4, wait_ms;
static int listener;

/* One request from beginning to end. Whatever a client does, only its own connection suffers. */
static void serve(int client)
{
    char path[512], block[4096];
    size_t n = 0;
    while (n < sizeof path - 1) {
        ssize_t got = read(client, path + n, sizeof path - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
        if (memchr(path, '\n', n)) break;
    }
    path[n] = 0;
    path[strcspn(path, "\n")] = 0;
    if (wait_ms) {
        struct timespec pause = {wait_ms / 1000, wait_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) dprintf(client, "%s: %s\n", path, strerror(errno));
    for (ssize_t got; file >= 0 && (got = read(file, block, sizeof block)) > 0;)
        if (write_all(client, block, (size_t)got)) break;
    if (file >= 0) close(file);
    close(client);
}

static int accept_one(void)
{
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0) return client;
        if (errno != EINTR && errno != ECONNABORTED) fail_errno("accept");
    }
}

static void run_single(void)
{
    for (;;) serve(accept_one());
}

static void run_process(void)
{
    signal(SIGCHLD, SIG_IGN); /* nobody asks how the children ended: no zombies */
    for (;;) {
        int client = accept_one();
        pid_t pid = fork();
        if (pid == 0) {
            close(listener);
            serve(client);
            _exit(0);
        }
        if (pid < 0)
            serve(client); /* no process to be had: do it here */
        else
            close(client);
    }
}

static void run_pool(void)
{
    for (long long i = 1; i < workers; i++) {
        pid_t pid = fork();
        if (pid < 0) fail_errno("fork");
        if (pid == 0) break;
    }
    run_single();
}

/* The bounded buffer between the acceptor and the workers. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    int at[QUEUE], first, count;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .not_empty = PTHREAD_COND_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER};

static void put(int client)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE) pthread_cond_wait(&queue.not_full, &queue.lock);
    queue.at[(queue.first + queue.count++) % QUEUE] = client;
    pthread_cond_signal(&queue.not_empty);
    pthread_mutex_unlock(&queue.lock);
}

static int take(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0)
        pthread_cond_wait(&queue.not_empty, &queue.lock); /* `while`: another worker may have been faster */
    int client = queue.at[queue.first];
    queue.first = (queue.first + 1) % QUEUE;
    queue.count--;
    pthread_cond_signal(&queue.not_full);
    pthread_mutex_unlock(&queue.lock);
    return client;
}

static void *work(void *unused)
{
    (void)unused;
    for (;;) serve(take());
    return NULL;
}

static void run_threads(void)
{
    for (long long i = 0; i < workers; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, work, NULL);
        if (error) fail_text("a thread: %s", strerror(error));
    }
    for (;;) put(accept_one());
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } forms[] = {{"single", run_single}, {"process", run_process}, {"pool", run_pool}, {"threads", run_threads}};
    const char *usage = "-m single|process|pool|threads [-n WORKERS] [-w MS] SOCKET", *form = NULL;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "m:n:w:")) != -1;) {
        if (c == 'm')
            form = optarg;
        else if (c == '?' || !parse_number(optarg, c == 'n' ? &workers : &wait_ms))
            fail_usage(usage);
    }
    if (!form || optind != argc - 1 || workers < 1 || workers > 1000 || wait_ms < 0) fail_usage(usage);
    if (strlen(argv[optind]) >= sizeof address.sun_path)
        fail_text("%s: too long for the name of a socket", argv[optind]);
    strcpy(address.sun_path, argv[optind]);
    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(argv[optind]);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64))
        fail_errno("%s", argv[optind]);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strcmp(form, forms[i].name)) forms[i].run();
    fail_usage(usage);
}
