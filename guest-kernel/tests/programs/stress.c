/*
 * Many processes and threads at once: forks, execs, signals, stops, threads that are killed in the middle, a fork bomb under a
 * limit. Nothing may be lost: what the kernel holds afterwards is what it held before (counts.h).
 */
#define _GNU_SOURCE
#include "check.h"
#include "counts.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *self;
static unsigned seed = 12345;
static unsigned random_below(unsigned n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % n;
}

static void *spin(void *unused)
{
    for (;;) sched_yield();
    return unused;
}

static void ignore(int signal) { (void)signal; }

/* What one child does; some end by themselves, some only when they are killed. */
static void child(unsigned kind)
{
    pthread_t thread;
    char *const arguments[] = {self, "--nothing", NULL};
    char *memory;
    switch (kind) {
    case 0: _exit(0);
    case 1: execv(self, arguments); _exit(1);
    case 2:
        for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, spin, NULL);
        spin(NULL);
        break;
    case 3:
        memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED) memset(memory, 1, 1 << 20);
        for (;;) pause();
    case 4:
        signal(SIGUSR1, ignore);
        for (int i = 0; i < 50; i++) raise(SIGUSR1), sched_yield();
        _exit(0);
    case 5:
        for (int i = 0; i < 3; i++)
            if (!fork()) _exit(0);
        while (wait(NULL) > 0) {
        }
        _exit(0);
    case 6:
        pthread_create(&thread, NULL, spin, NULL);
        pthread_create(&thread, NULL, spin, NULL);
        execv(self, arguments);
        _exit(1);
    default:
        if (!fork()) usleep(1000), _exit(0); /* an orphan */
        _exit(0);
    }
}

static void round_of_children(void)
{
    pid_t pids[12];
    for (int i = 0; i < 12; i++) {
        unsigned kind = random_below(8);
        pids[i] = fork();
        if (!pids[i]) child(kind);
    }
    usleep(random_below(3000));
    for (int i = 0; i < 12; i++) {
        static const int signals[] = {SIGSTOP, SIGCONT, SIGUSR1, SIGTERM};
        if (pids[i] > 0) kill(pids[i], signals[random_below(4)]);
    }
    for (int i = 0; i < 12; i++)
        if (pids[i] > 0) kill(pids[i], SIGKILL);
    while (wait(NULL) > 0) {
    }
}

static int bomb(void)
{
    int n = 0;
    struct rlimit limit = {40, 40};
    if (setrlimit(RLIMIT_NPROC, &limit) || setuid(1000)) return -1;
    for (pid_t pid; n < 200 && (pid = fork()) >= 0; n++)
        if (!pid) {
            pause();
            _exit(0);
        }
    int good = errno == EAGAIN && n > 20 && n < 41;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0) {
    }
    return good ? 21 : 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "--nothing")) return 0;
    self = argv[0];
    for (int i = 0; i < 5; i++) round_of_children();
    static struct counts before, after;
    mkdir("/proc", 0755), mount("proc", "/proc", "proc", 0, 0);
    counts_take(&before, NULL);
    for (int i = 0; i < 60; i++) round_of_children();
    counts_take(&after, NULL);
    CHECK(!counts_differ(&before, &after, 1));
    int status;
    pid_t pid = fork();
    if (!pid) {
        setpgid(0, 0);
        _exit(bomb());
    }
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 21);
    return finish();
}
