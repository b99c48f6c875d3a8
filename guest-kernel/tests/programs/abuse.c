/*
 * What a careless or wicked program can do to the others by taking too much, or by what it gives the kernel to execute: recursion without
 * end, memory without end, forks, threads, descriptors and signals without end, maps one over the other, damaged programs and scripts.
 * The kernel answers with an error or ends that one process; everybody else goes on, and afterwards nothing is missing (counts.h).
 */
#define _GNU_SOURCE
#include "check.h"
#include "counts.h"
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

static unsigned long long seed = 1;
static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % n;
}

/* Runs f in a child; how it ended, as wait tells it. */
static int in_child(void (*f)(void))
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        checks_failed = 0;
        signal(SIGALRM, SIG_DFL);
        alarm(20);
        f();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}
#define KILLED_BY(status, s) (WIFSIGNALED(status) && WTERMSIG(status) == (s))

/* --- the stack */

#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int recurse(int depth)
{
    volatile char frame[1000];
    frame[depth % 1000] = (char)depth;
    return recurse(depth + 1) + frame[(depth + 1) % 1000];
}
static void recursion(void) { _exit(recurse(1)); }

static void on_overflow(int signal) { _exit(signal == SIGSEGV ? 21 : 1); }
static void recursion_caught(void)
{
    static char other[65536];
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
    struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};
    sigaltstack(&stack, 0);
    sigaction(SIGSEGV, &action, 0);
    recurse(1);
}
static void recursion_in_handler(void)
{
    struct sigaction action = {.sa_handler = on_overflow}; /* no stack of its own: it cannot run */
    sigaction(SIGSEGV, &action, 0);
    recurse(1);
}

/* --- memory */

static void take_memory(void)
{
    for (;;) {
        char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) _exit(3);
        memset(p, 1, 1 << 20);
    }
}

static int has_message(const char *text)
{
    static char line[8192];
    int f = open("/dev/kmsg", O_RDONLY | O_NONBLOCK), found = 0;
    for (long n; (n = read(f, line, sizeof line - 1)) > 0;) {
        line[n] = 0;
        if (strstr(line, text)) found = 1;
    }
    close(f);
    return found;
}

static void test_memory(void)
{
    CHECK(KILLED_BY(in_child(recursion), SIGSEGV));
    CHECK(WEXITSTATUS(in_child(recursion_caught)) == 21);
    CHECK(KILLED_BY(in_child(recursion_in_handler), SIGSEGV));
    char text[64];
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) take_memory();
    int status;
    waitpid(pid, &status, 0);
    CHECK(KILLED_BY(status, SIGKILL));
    snprintf(text, sizeof text, "killed process %d (", pid);
    CHECK(has_message(text));
}

/* --- maps: random changes of a stretch of memory, compared with a model of it */

enum { PAGES = 48 };
struct page {
    int mapped, writable, value;
};

static char *arena;
static struct page model[PAGES];

static void set(unsigned first, unsigned count, struct page to)
{
    for (unsigned i = first; i < first + count; i++) model[i] = to;
}

static int all_mapped(unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        if (!model[i].mapped) return 0;
    return 1;
}

static void change_maps(void)
{
    unsigned first = below(PAGES), count = 1 + below(PAGES - first < 12 ? PAGES - first : 12), other = below(PAGES);
    char *at = arena + first * 4096, *to = arena + other * 4096;
    size_t bytes = count * 4096ul;
    switch (below(5)) {
    case 0:
        if (mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at)
            set(first, count, (struct page){1, 1, 0});
        break;
    case 1:
        if (!munmap(at, bytes)) set(first, count, (struct page){0});
        break;
    case 2: {
        int writable = (int)below(2), whole = all_mapped(first, count);
        int result = mprotect(at, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ);
        CHECK((result == 0) == whole || (result && errno == ENOMEM));
        for (unsigned i = first; i < first + count && model[i].mapped; i++) model[i].writable = writable;
        break;
    }
    case 3:
        for (unsigned i = first; i < first + count; i++)
            if (model[i].mapped && model[i].writable) arena[i * 4096] = (char)(model[i].value = 1 + (int)below(100));
        break;
    default: { /* moves; what was there goes, and source and target must not overlap */
        if (other + count > PAGES) return;
        struct page moved[PAGES];
        memcpy(moved, model + first, count * sizeof *moved);
        void *result = mremap(at, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
        if (other < first + count && first < other + count) {
            CHECK(result == MAP_FAILED && (errno == EINVAL || errno == EFAULT));
        } else if (result == to) {
            set(first, count, (struct page){0});
            memcpy(model + other, moved, count * sizeof *moved);
        } else {
            munmap(to, bytes); /* whether the target has gone already is not said */
            set(other, count, (struct page){0});
        }
    }
    }
}

static int maps_are_right(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        char byte = -1;
        struct iovec mine = {&byte, 1}, there = {arena + i * 4096, 1};
        long n = process_vm_readv(getpid(), &mine, 1, &there, 1, 0);
        if (n != (model[i].mapped ? 1 : -1) || (n == 1 && byte != model[i].value)) {
            printf("page %u: %ld, %d instead of %d\n", i, n, byte, model[i].value);
            return 0;
        }
    }
    return 1;
}

static void overlapping_maps(void)
{
    arena = mmap(0, PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(arena, PAGES * 4096);
    for (int i = 0; i < 3000; i++) {
        change_maps();
        if (i % 10 == 0 && !maps_are_right()) _exit(1);
        if (i % 500 == 0) { /* a child has the same memory */
            fflush(stdout);
            pid_t pid = fork();
            int status = 0;
            if (!pid) _exit(0);
            waitpid(pid, &status, 0);
        }
    }
    fflush(stdout);
    _exit(checks_failed ? 1 : 33);
}

/* --- damaged programs */

static char program[1 << 20];
static long program_bytes;

static void run_damaged(void)
{
    char *words[] = {"damaged", "--nothing", 0};
    close_range(0, 100, 0);
    execv("/tmp/damaged", words);
    _exit(77);
}

static void write_program(const char *bytes, long n)
{
    int f = open("/tmp/damaged", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    write(f, bytes, (size_t)n);
    close(f);
}

/* This program with wrong bytes in its header and program headers; now and then only its beginning. */
static void test_programs(const char *self)
{
    int f = open(self, O_RDONLY), refused = 0, begun = 0, right = 0;
    program_bytes = read(f, program, sizeof program);
    close(f);
    for (int i = 0; i < 300; i++) {
        static const unsigned char odd[] = {0, 1, 0x7f, 0x80, 0xff};
        char start[1024];
        memcpy(start, program, sizeof start);
        for (unsigned n = 1 + below(3); n; n--) {
            unsigned at = below(3) ? 16 + below(48) : 64 + below(56 * 8);
            program[at] = (char)(below(2) ? program[at] ^ (1 << below(8)) : odd[below(5)]);
        }
        write_program(program, below(6) ? program_bytes : (long)below(700));
        memcpy(program, start, sizeof start);
        int status = in_child(run_damaged);
        refused += WIFEXITED(status) && WEXITSTATUS(status) == 77;
        right += status == 0;
        begun++;
    }
    printf("damaged programs: %d, %d refused, %d ran nevertheless\n", begun, refused, right);
    CHECK(refused > 50 && right > 5);
    for (int i = 0; i < 200; i++) { /* scripts */
        char text[600];
        unsigned bytes = below(sizeof text);
        for (unsigned at = 0; at < bytes; at++) text[at] = (char)(below(4) ? 'a' + below(26) : below(256));
        memcpy(text, below(8) ? "#!/tmp/damaged" : "#! /proc/self/", below(3) ? 14 : 3);
        write_program(text, bytes);
        int status = in_child(run_damaged);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 77);
    }
    write_program("#!/tmp/damaged\n", 15);
    char *words[] = {"damaged", 0};
    CHECK(execv("/tmp/damaged", words) && errno == ELOOP);
    unlink("/tmp/damaged");
}

/* --- full tables */

static void *wait_for_ever(void *unused)
{
    for (;;) pause();
    return unused;
}

static void full_tables(void)
{
    int p[2], n = 0;
    struct rlimit many = {4096, 4096}, few = {60, 60};
    setrlimit(RLIMIT_NOFILE, &many);
    while (n < 20000 && !pipe(p)) n++, write(p[1], "x", 1);
    if (n != 2046 || errno != EMFILE) _exit(1);
    close_range(3, 100000, 0);
    int e = epoll_create1(0), f;
    struct epoll_event event = {.events = EPOLLIN};
    for (n = 0; n < 5000 && (f = open("/dev/null", O_RDONLY)) >= 0; n++) epoll_ctl(e, EPOLL_CTL_ADD, f, &event);
    close_range(3, 100000, 0);
    if (setrlimit(RLIMIT_SIGPENDING, &few)) _exit(2);
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, 0);
    for (n = 0; n < 1000 && !sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n}); n++) {
    }
    if (n > 61 || errno != EAGAIN) _exit(3);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    pthread_t id;
    struct rlimit threads = {200, 200};
    if (setrlimit(RLIMIT_NPROC, &threads) || setuid(1000)) _exit(4);
    for (n = 0; n < 3000 && !pthread_create(&id, &attributes, wait_for_ever, 0); n++) {
    }
    _exit(n == 199 ? 44 : 5); /* all of them end with it */
}

/* Threads without end, by root: their stacks are the kernel's memory. */
static void threads_without_end(void)
{
    pthread_t id;
    while (!pthread_create(&id, 0, wait_for_ever, 0)) {
    }
    _exit(0);
}

/* Kernel memory through descriptors, until there is no more: an error, or the end of this process. */
static void kernel_memory(void)
{
    int p[2];
    struct rlimit many = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &many);
    for (;;)
        if (pipe(p) || write(p[1], program, 65536) < 0) _exit(0);
}

static void fork_bomb(void)
{
    struct rlimit limit = {100, 100};
    setrlimit(RLIMIT_NPROC, &limit);
    if (setuid(1000)) _exit(1);
    for (int i = 0; i < 200; i++) fork(); /* everybody, again and again */
    usleep(20000);
    _exit(0);
}

/* They end by themselves or are ended; nobody else may wait for them meanwhile. */
static void test_bomb(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        setsid();
        fork_bomb();
    }
    usleep(300000);
    pid_t other = fork(); /* root still can */
    if (!other) _exit(5);
    int status = 0;
    waitpid(other, &status, 0);
    CHECK(WEXITSTATUS(status) == 5);
    for (int i = 0; i < 400; i++) {
        kill(-1, SIGKILL);
        while ((other = waitpid(-1, 0, WNOHANG)) > 0) {
        }
        if (other < 0 && errno == ECHILD) break;
        usleep(5000);
    }
    CHECK(waitpid(-1, 0, WNOHANG) < 0 && errno == ECHILD);
}

int main(int count, char **words)
{
    if (count > 1 && !strcmp(words[1], "--nothing")) return 0;
    setvbuf(stdout, 0, _IOLBF, 0);
    mkdir("/tmp", 0777), mkdir("/proc", 0755), mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, 0), mount("dev", "/dev", "devtmpfs", 0, 0);
    static struct counts before, after;
    for (int round = 0; round < 2; round++) { /* the second must leave what the first has left */
        if (round) counts_take(&before, 0);
        test_memory();
        CHECK(WEXITSTATUS(in_child(overlapping_maps)) == 33);
        test_programs(words[0]);
        int tables = in_child(full_tables);
        if (WEXITSTATUS(tables) != 44) printf("full tables: %#x\n", tables);
        CHECK(WEXITSTATUS(tables) == 44);
        int memory = in_child(kernel_memory), threads = in_child(threads_without_end);
        CHECK(memory == 0 || KILLED_BY(memory, SIGKILL));
        CHECK(threads == 0 || KILLED_BY(threads, SIGKILL));
        test_bomb();
    }
    counts_take(&after, 0);
    CHECK(!counts_differ(&before, &after, 1));
    return finish();
}
