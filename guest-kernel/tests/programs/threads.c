/* Threads: stock pthreads (create, join, mutex, condition, cancel, robust mutexes), exec and exit among threads, futex errors. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static char *self;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter;

static void *add(void *times)
{
    for (long i = 0; i < (long)times; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
        if (i % 512 == 0) sched_yield();
    }
    return (void *)(long)gettid();
}

static void test_mutex(void)
{
    pthread_t threads[8];
    void *result;
    for (int i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, add, (void *)5000) == 0);
    for (int i = 0; i < 8; i++) CHECK(pthread_join(threads[i], &result) == 0 && (long)result != getpid());
    CHECK(counter == 40000);
}

/* A bounded buffer between producers and consumers. */
static int buffer[4], filled;
static long consumed;
static void *produce(void *count)
{
    for (int i = 1; i <= (int)(long)count; i++) {
        pthread_mutex_lock(&mutex);
        while (filled == 4) pthread_cond_wait(&condition, &mutex);
        buffer[filled++] = i;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}
static void *consume(void *count)
{
    for (int i = 0; i < (int)(long)count; i++) {
        pthread_mutex_lock(&mutex);
        while (!filled) pthread_cond_wait(&condition, &mutex);
        consumed += buffer[--filled];
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}
static void test_condition(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, i % 2 ? produce : consume, (void *)300);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(consumed == 2 * 300 * 301 / 2);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
    pthread_mutex_lock(&mutex);
    CHECK(pthread_cond_timedwait(&condition, &mutex, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
}

static void *sleep_for_ever(void *unused)
{
    for (;;) pause();
    return unused;
}

static void test_cancel(void)
{
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
    usleep(1000);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

static _Thread_local int own = 5;
static void *use_own(void *value)
{
    own += (int)(long)value;
    sched_yield();
    return (void *)(long)own;
}
static void test_thread_local(void)
{
    pthread_t a, b;
    void *ra, *rb;
    pthread_create(&a, NULL, use_own, (void *)1);
    pthread_create(&b, NULL, use_own, (void *)2);
    pthread_join(a, &ra), pthread_join(b, &rb);
    CHECK((long)ra == 6 && (long)rb == 7 && own == 5);
}

static volatile sig_atomic_t receiver;
static void remember(int signal)
{
    (void)signal;
    receiver = gettid();
}
static atomic_int ready_tid;
static void *receive(void *unused)
{
    ready_tid = gettid();
    while (!receiver) usleep(500);
    return unused;
}
static void test_thread_signals(void)
{
    pthread_t thread;
    sigset_t set;
    struct sigaction action = {.sa_handler = remember};
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&thread, NULL, receive, NULL);
    while (!ready_tid) sched_yield();
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    CHECK(receiver == ready_tid);
    /* To the process, blocked here: the other thread takes it. */
    receiver = ready_tid = 0;
    pthread_create(&thread, NULL, receive, NULL);
    while (!ready_tid) sched_yield();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, NULL);
    CHECK(receiver == ready_tid);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *exit_process(void *unused)
{
    usleep(2000);
    exit(12);
    return unused;
}
static void *exec_self(void *unused)
{
    char *const arguments[] = {"name", "--pid", NULL};
    execv(self, arguments);
    return unused;
}

static void test_process_ends(void)
{
    int status;
    pthread_t thread;
    pid_t pid = fork();
    if (!pid) {
        pthread_create(&thread, NULL, exit_process, NULL);
        for (;;) pause();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 12);
    if (!(pid = fork())) { /* the first thread ends before the others */
        pthread_create(&thread, NULL, exit_process, NULL);
        syscall(SYS_exit, 3);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 12);
    if (!(pid = fork())) {
        setenv("EXPECT", "", 1);
        char text[16];
        snprintf(text, sizeof text, "%d", getpid());
        setenv("EXPECT", text, 1);
        for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, sleep_for_ever, NULL);
        pthread_create(&thread, NULL, exec_self, NULL);
        for (;;) pause();
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 33);
    if (!(pid = fork())) {
        for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, sleep_for_ever, NULL);
        for (;;) {
        }
    }
    usleep(3000);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_robust(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(shared, &attributes);
    int ends[2];
    char c;
    pipe(ends);
    pid_t pid = fork();
    if (!pid) {
        pthread_mutex_lock(shared);
        write(ends[1], "x", 1);
        usleep(10000);
        _exit(0);
    }
    read(ends[0], &c, 1);
    CHECK(pthread_mutex_lock(shared) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(shared) == 0 && pthread_mutex_unlock(shared) == 0);
    waitpid(pid, NULL, 0);
    /* A damaged list harms nobody. */
    if (!(pid = fork())) {
        struct {
            void *next;
            long offset;
            void *pending;
        } *head = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        head->next = (char *)head + 64;
        *(void **)((char *)head + 64) = (char *)head + 64;
        head->pending = (void *)-8;
        syscall(SYS_set_robust_list, head, 24);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void test_futex_errors(void)
{
    int word = 1;
    struct timespec shortly = {0, 1000000}, bad = {-1, 0};
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT, 2, NULL) == -1 && errno == EAGAIN);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &shortly) == -1 && errno == ETIMEDOUT);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &bad) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 1, NULL) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_futex, (void *)8, FUTEX_WAIT, 1, NULL) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_futex, &word, 77, 1, NULL) == -1 && errno == ENOSYS);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAKE, 1) == 0);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1L, &word, 5) == -1 && errno == EAGAIN);
}

/* A lock is waited for, and meanwhile another thread closes the descriptor: no lock stays behind that nobody could give up. */
static int locked_fd;
static void *wait_for_lock(void *unused)
{
    struct flock lock = {.l_type = F_WRLCK};
    (void)unused;
    return (void *)(long)(fcntl(locked_fd, F_SETLKW, &lock) == 0 ? 0 : errno);
}
static void test_lock_of_closed(void)
{
    pthread_t thread;
    void *result;
    char byte;
    int go[2];
    struct flock lock = {.l_type = F_WRLCK};
    int other = open("/tmp/lock", O_RDWR | O_CREAT, 0600);
    CHECK(other >= 0 && pipe(go) == 0);
    pid_t pid = fork();
    if (!pid) {
        CHECK(fcntl(other, F_SETLK, &lock) == 0 && write(go[1], "l", 1) == 1);
        usleep(100000);
        _exit(0);
    }
    close(other);
    read(go[0], &byte, 1);
    locked_fd = open("/tmp/lock", O_RDWR);
    pthread_create(&thread, NULL, wait_for_lock, NULL);
    usleep(30000);
    close(locked_fd);
    pthread_join(thread, &result);
    CHECK(result == (void *)EBADF);
    waitpid(pid, NULL, 0);
    pid = fork();
    if (!pid) _exit(fcntl(open("/tmp/lock", O_RDWR), F_SETLK, &lock) != 0);
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    close(go[0]), close(go[1]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && !strcmp(argv[1], "--pid")) return getenv("EXPECT") && atoi(getenv("EXPECT")) == getpid() ? 33 : 1;
    self = argv[0];
    test_mutex();
    test_condition();
    test_cancel();
    test_thread_local();
    test_thread_signals();
    test_process_ends();
    test_robust();
    test_futex_errors();
    test_lock_of_closed();
    return finish();
}
