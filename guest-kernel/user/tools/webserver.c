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
 * Without a SOCKET the same goes over message passing (rpc/message.h): a client sends the path to the server's process and receives the
 * content, in one message. Who answers may be another process than the one that was asked, so clients receive from anybody. Three
 * forms stay as they are, but not the pool: a socket may have several processes that accept, while messages are sent to *one* process.
 * So that one becomes a dealer: workers tell it when they are idle, and it hands the requests on to them.
 *
 *      webserver -m FORM [-n WORKERS] [-w MS] [SOCKET]
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
#include "rpc/message.h"

enum { QUEUE = 16 };
static long long workers = 4, wait_ms;
static bool messages;
static int listener;

struct request {
    int client;     /* the connection; with messages the process that is to be answered */
    char path[512]; /* with messages; a connection has not been read yet */
};

static void wait_as_for_a_disk(void)
{
    struct timespec pause = {wait_ms / 1000, wait_ms % 1000 * 1000000};
    if (wait_ms) nanosleep(&pause, NULL);
}

/* One request from beginning to end. Whatever a client does, only its own connection suffers. */
static void serve_connection(int client)
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
    wait_as_for_a_disk();
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) dprintf(client, "%s: %s\n", path, strerror(errno));
    for (ssize_t got; file >= 0 && (got = read(file, block, sizeof block)) > 0;)
        if (write_all(client, block, (size_t)got)) break;
    if (file >= 0) close(file);
    close(client);
}

/* The answer is one message, so at most MESSAGE_MAX bytes. A client that has gone is no reason to stop. */
static void serve_message(const struct request *r)
{
    size_t room = MESSAGE_MAX, n = 0;
    char *answer = malloc(room);
    if (!answer) return;
    wait_as_for_a_disk();
    int file = open(r->path, O_RDONLY | O_CLOEXEC);
    if (file < 0) n = (size_t)snprintf(answer, room, "%s: %s\n", r->path, strerror(errno));
    for (ssize_t got; file >= 0 && n < room && (got = read(file, answer + n, room - n)) > 0;) n += (size_t)got;
    if (file >= 0) close(file);
    message_send(r->client, answer, n, 0);
    free(answer);
}

static void serve(const struct request *r)
{
    if (messages)
        serve_message(r);
    else
        serve_connection(r->client);
}

/* Waits for a message from anybody; its length. */
static size_t receive_one(void *bytes, size_t room, pid_t *sender)
{
    for (;;) {
        ssize_t n = message_receive(0, bytes, room, sender, 0);
        if (n >= 0) return (size_t)n;
        if (errno == EMSGSIZE) { /* nobody who means well; it must go, or it would stay the first */
            char *rest = malloc(MESSAGE_MAX);
            if (rest) message_receive(0, rest, MESSAGE_MAX, sender, MESSAGE_NOWAIT);
            free(rest);
        } else if (errno != EINTR) {
            fail_errno("message_receive");
        }
    }
}

static struct request next_request(void)
{
    struct request r = {0};
    pid_t sender;
    if (messages) {
        r.path[receive_one(r.path, sizeof r.path - 1, &sender)] = 0;
        r.path[strcspn(r.path, "\n")] = 0;
        r.client = sender;
        return r;
    }
    for (;;) {
        r.client = accept(listener, NULL, NULL);
        if (r.client >= 0) return r;
        if (errno != EINTR && errno != ECONNABORTED) fail_errno("accept");
    }
}

static void run_single(void)
{
    for (;;) {
        struct request r = next_request();
        serve(&r);
    }
}

static void run_process(void)
{
    signal(SIGCHLD, SIG_IGN); /* nobody asks how the children ended: no zombies */
    for (;;) {
        struct request r = next_request();
        pid_t pid = fork();
        if (pid == 0) {
            if (!messages) close(listener);
            serve(&r);
            _exit(0);
        }
        if (pid < 0)
            serve(&r); /* no process to be had: do it here */
        else if (!messages)
            close(r.client);
    }
}

/* A worker of the pool with messages: says that it is idle (an empty message), gets a request, serves it. */
static void run_worker(pid_t dealer)
{
    struct request r;
    for (;;) {
        if (message_send(dealer, "", 0, 0)) _exit(0); /* the dealer has gone */
        if (message_receive(dealer, &r, sizeof r, NULL, 0) == sizeof r) serve(&r);
    }
}

/* Brings requests and idle workers together; whichever come first wait here. */
static void run_dealer(void)
{
    static struct request waiting[1024];
    static pid_t idle[1000];
    size_t first = 0, count = 0, idle_count = 0;
    for (;;) {
        struct request *r = &waiting[(first + count) % 1024];
        size_t n = receive_one(r->path, sizeof r->path - 1, &r->client);
        r->path[n] = 0;
        r->path[strcspn(r->path, "\n")] = 0;
        if (n == 0 && idle_count < 1000)
            idle[idle_count++] = r->client;
        else if (n && count == 1023)
            serve(r); /* nobody has room for it any more */
        else if (n)
            count++;
        while (count && idle_count) {
            if (message_send(idle[--idle_count], &waiting[first], sizeof *r, 0)) continue; /* that worker has gone */
            first = (first + 1) % 1024;
            count--;
        }
    }
}

static void run_pool(void)
{
    pid_t dealer = getpid();
    for (long long i = 0; messages && i < workers; i++) {
        pid_t pid = fork();
        if (pid < 0) fail_errno("fork");
        if (pid == 0) run_worker(dealer);
    }
    if (messages) run_dealer();
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
    struct request at[QUEUE];
    int first, count;
} queue = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .not_empty = PTHREAD_COND_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER};

static void put(struct request r)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == QUEUE) pthread_cond_wait(&queue.not_full, &queue.lock);
    queue.at[(queue.first + queue.count++) % QUEUE] = r;
    pthread_cond_signal(&queue.not_empty);
    pthread_mutex_unlock(&queue.lock);
}

static struct request take(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0)
        pthread_cond_wait(&queue.not_empty, &queue.lock); /* `while`: another worker may have been faster */
    struct request r = queue.at[queue.first];
    queue.first = (queue.first + 1) % QUEUE;
    queue.count--;
    pthread_cond_signal(&queue.not_full);
    pthread_mutex_unlock(&queue.lock);
    return r;
}

static void *work(void *unused)
{
    (void)unused;
    for (;;) {
        struct request r = take();
        serve(&r);
    }
    return NULL;
}

static void run_threads(void)
{
    for (long long i = 0; i < workers; i++) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, work, NULL);
        if (error) fail_text("a thread: %s", strerror(error));
    }
    for (;;) put(next_request());
}

static void listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail_text("%s: too long for the name of a socket", path);
    strcpy(address.sun_path, path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64))
        fail_errno("%s", path);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } forms[] = {{"single", run_single}, {"process", run_process}, {"pool", run_pool}, {"threads", run_threads}};
    const char *usage = "-m single|process|pool|threads [-n WORKERS] [-w MS] [SOCKET]", *form = NULL;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "m:n:w:")) != -1;) {
        if (c == 'm')
            form = optarg;
        else if (c == '?' || !parse_number(optarg, c == 'n' ? &workers : &wait_ms))
            fail_usage(usage);
    }
    if (!form || optind < argc - 1 || workers < 1 || workers > 1000 || wait_ms < 0) fail_usage(usage);
    signal(SIGPIPE, SIG_IGN);
    messages = optind == argc;
    if (!messages) listen_at(argv[optind]);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strcmp(form, forms[i].name)) forms[i].run();
    fail_usage(usage);
}
