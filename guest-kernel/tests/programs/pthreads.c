/*
 * POSIX threads as the C library gives them to programs: barriers, read-write locks, semaphores, once, keys, clean-up at cancellation,
 * detached threads, waits with a time limit, objects shared between processes, robust mutexes. Nothing here belongs to one C
 * library: the check runs it with glibc and with musl.
 */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { THREADS = 6 };

static void start(pthread_t *id, void *(*f)(void *), void *argument) { CHECK(!pthread_create(id, NULL, f, argument)); }

static void join_all(pthread_t *ids, int n)
{
    for (int i = 0; i < n; i++) CHECK(!pthread_join(ids[i], NULL));
}

static struct timespec after_ms(clockid_t clock, int ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_nsec += ms * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

/* --- barriers: nobody is a round ahead */

static pthread_barrier_t barrier;
static atomic_int arrived[50], serial, early;

static void *rounds(void *unused)
{
    for (int i = 0; i < 50; i++) {
        atomic_fetch_add(&arrived[i], 1);
        int result = pthread_barrier_wait(&barrier);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD) atomic_fetch_add(&serial, 1);
        if (atomic_load(&arrived[i]) != THREADS) atomic_fetch_add(&early, 1);
    }
    return unused;
}

static void test_barrier(void)
{
    pthread_t ids[THREADS];
    CHECK(!pthread_barrier_init(&barrier, NULL, THREADS));
    for (int i = 0; i < THREADS; i++) start(&ids[i], rounds, NULL);
    join_all(ids, THREADS);
    CHECK(serial == 50 && early == 0);
    CHECK(!pthread_barrier_destroy(&barrier));
}

/* --- readers and writers: a reader never sees half of a change */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile long left, right;
static atomic_int torn;

static void *reader(void *unused)
{
    for (int i = 0; i < 2000; i++) {
        pthread_rwlock_rdlock(&rwlock);
        if (left != right) atomic_fetch_add(&torn, 1);
        pthread_rwlock_unlock(&rwlock);
    }
    return unused;
}

static void *writer(void *unused)
{
    for (int i = 0; i < 500; i++) {
        pthread_rwlock_wrlock(&rwlock);
        left++;
        sched_yield();
        right++;
        pthread_rwlock_unlock(&rwlock);
    }
    return unused;
}

static void test_rwlock(void)
{
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++) start(&ids[i], i % 3 ? reader : writer, NULL);
    join_all(ids, THREADS);
    CHECK(torn == 0 && left == 1000 && right == 1000);
    pthread_rwlock_rdlock(&rwlock);
    CHECK(pthread_rwlock_trywrlock(&rwlock) == EBUSY && !pthread_rwlock_tryrdlock(&rwlock));
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    CHECK(pthread_rwlock_timedwrlock(&rwlock, &soon) == ETIMEDOUT);
}

/* --- semaphores */

static sem_t items, room;
static int ring[4], put_at, take_at;
static long taken;

static void *consumer(void *unused)
{
    for (int i = 0; i < 3000; i++) {
        while (sem_wait(&items)) {
        }
        taken += ring[take_at++ % 4];
        sem_post(&room);
    }
    return unused;
}

static void test_semaphore(void)
{
    pthread_t id;
    sem_init(&items, 0, 0), sem_init(&room, 0, 4);
    start(&id, consumer, NULL);
    for (int i = 1; i <= 3000; i++) {
        sem_wait(&room);
        ring[put_at++ % 4] = i;
        sem_post(&items);
    }
    join_all(&id, 1);
    CHECK(taken == 3000L * 3001 / 2);
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    CHECK(sem_trywait(&items) == -1 && errno == EAGAIN);
    CHECK(sem_timedwait(&items, &soon) == -1 && errno == ETIMEDOUT);
}

/* --- once, keys, thread-local data */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static atomic_int onces, destroyed;
static _Thread_local long local = 5, zero;

static void make_key(void) { atomic_fetch_add(&onces, 1), usleep(2000); }
static void destroy(void *value) { atomic_fetch_add(&destroyed, (int)(long)value); }

static void *with_local_data(void *number)
{
    pthread_once(&once, make_key);
    CHECK(local == 5 && zero == 0 && !pthread_getspecific(key));
    local += (long)number, zero = (long)number;
    pthread_setspecific(key, number);
    sched_yield();
    CHECK(local == 5 + (long)number && zero == (long)number && pthread_getspecific(key) == number);
    return NULL;
}

static void test_local(void)
{
    pthread_t ids[THREADS];
    CHECK(!pthread_key_create(&key, destroy));
    for (long i = 0; i < THREADS; i++) start(&ids[i], with_local_data, (void *)(i + 1));
    join_all(ids, THREADS);
    CHECK(onces == 1 && destroyed == 21 && local == 5);
    CHECK(!pthread_key_delete(key));
}

/* --- cancellation */

static atomic_int cleaned, went_on;
static int waiting[2];
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;

static void clean(void *amount) { atomic_fetch_add(&cleaned, (int)(long)amount); }
static void unlock(void *mutex) { pthread_mutex_unlock(mutex), clean((void *)100); }

static void *in_read(void *unused)
{
    char byte;
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)10);
    read(waiting[0], &byte, 1);
    atomic_fetch_add(&went_on, 1);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}

static void *in_condition(void *unused)
{
    pthread_mutex_lock(&held);
    pthread_cleanup_push(unlock, &held);
    for (;;) pthread_cond_wait(&never, &held);
    pthread_cleanup_pop(0);
    return unused;
}

static void *not_yet(void *unused)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    usleep(20000);
    atomic_fetch_add(&cleaned, 1000);
    pthread_setcancelstate(old, NULL);
    pthread_testcancel();
    atomic_fetch_add(&went_on, 1);
    return unused;
}

static void *at_any_point(void *unused)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (volatile long i = 0;; i++) {
    }
    return unused;
}

static void test_cancel(void)
{
    static void *(*const kinds[])(void *) = {in_read, in_condition, not_yet, at_any_point};
    pthread_t ids[4];
    pipe(waiting);
    for (int i = 0; i < 4; i++) start(&ids[i], kinds[i], NULL);
    usleep(10000);
    for (int i = 0; i < 4; i++) CHECK(!pthread_cancel(ids[i]));
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        CHECK(!pthread_join(ids[i], &result) && result == PTHREAD_CANCELED);
    }
    CHECK(cleaned == 1111 && went_on == 0);
    CHECK(!pthread_mutex_trylock(&held)); /* the clean-up has given it back */
    pthread_mutex_unlock(&held);
    close(waiting[0]), close(waiting[1]);
}

/* --- detached threads, many of them; stacks of a chosen size */

static atomic_int finished;
static void *count_down(void *unused)
{
    char room[20000];
    memset(room, 1, sizeof room);
    atomic_fetch_add(&finished, room[100]);
    return unused;
}

static void test_detached(void)
{
    pthread_attr_t attributes;
    pthread_t id;
    pthread_attr_init(&attributes);
    CHECK(!pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    CHECK(!pthread_attr_setstacksize(&attributes, 65536));
    for (int i = 0; i < 200; i++) {
        while (pthread_create(&id, &attributes, count_down, NULL)) usleep(1000);
        if (i % 20 == 0) usleep(1000);
    }
    for (int i = 0; i < 1000 && finished < 200; i++) usleep(2000);
    CHECK(finished == 200);
}

/* --- conditions: broadcast, signal, time limits by both clocks */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static int generation, woken, asleep;

static void *sleeper(void *unused)
{
    pthread_mutex_lock(&mutex);
    int mine = generation;
    asleep++;
    while (generation == mine) pthread_cond_wait(&go, &mutex);
    woken++;
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void test_condition(void)
{
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++) start(&ids[i], sleeper, NULL);
    for (int all = 0; !all; usleep(1000))
        pthread_mutex_lock(&mutex), all = asleep == THREADS, pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&mutex);
    generation++;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&mutex);
    join_all(ids, THREADS);
    CHECK(woken == THREADS);
    pthread_condattr_t attributes;
    pthread_cond_t steady;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&steady, &attributes);
    struct timespec soon = after_ms(CLOCK_REALTIME, 20), steady_soon = after_ms(CLOCK_MONOTONIC, 20), now;
    pthread_mutex_lock(&mutex);
    CHECK(pthread_cond_timedwait(&go, &mutex, &soon) == ETIMEDOUT);
    CHECK(pthread_cond_timedwait(&steady, &mutex, &steady_soon) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    clock_gettime(CLOCK_MONOTONIC, &now);
    CHECK(now.tv_sec > steady_soon.tv_sec || (now.tv_sec == steady_soon.tv_sec && now.tv_nsec >= steady_soon.tv_nsec));
}

/* --- kinds of mutexes */

static void test_mutex_kinds(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t m;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&m, &kind);
    CHECK(!pthread_mutex_lock(&m) && !pthread_mutex_lock(&m) && !pthread_mutex_unlock(&m) && !pthread_mutex_unlock(&m));
    CHECK(pthread_mutex_unlock(&m) == EPERM);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m, &kind);
    CHECK(!pthread_mutex_lock(&m) && pthread_mutex_lock(&m) == EDEADLK && pthread_mutex_trylock(&m) == EBUSY);
    struct timespec soon = after_ms(CLOCK_REALTIME, 20);
    pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&plain);
    CHECK(pthread_mutex_timedlock(&plain, &soon) == ETIMEDOUT);
}

/* --- between processes */

struct shared {
    pthread_mutex_t mutex, robust;
    pthread_cond_t changed;
    pthread_barrier_t barrier;
    sem_t semaphore;
    long count, turn;
};

static void other_process(struct shared *s)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&s->mutex);
        s->count++;
        pthread_mutex_unlock(&s->mutex);
    }
    pthread_barrier_wait(&s->barrier);
    for (int i = 0; i < 100; i++) { /* in turn */
        pthread_mutex_lock(&s->mutex);
        while (s->turn % 2 == 0) pthread_cond_wait(&s->changed, &s->mutex);
        s->turn++;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->mutex);
    }
    sem_post(&s->semaphore);
    pthread_mutex_lock(&s->robust);
    _exit(0); /* with the mutex */
}

static void test_processes(void)
{
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_barrierattr_t b;
    pthread_mutexattr_init(&m), pthread_condattr_init(&c), pthread_barrierattr_init(&b);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED), pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&s->mutex, &m), pthread_cond_init(&s->changed, &c), pthread_barrier_init(&s->barrier, &b, 2);
    pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&s->robust, &m);
    sem_init(&s->semaphore, 1, 0);
    pid_t pid = fork();
    if (!pid) other_process(s);
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&s->mutex);
        s->count++;
        pthread_mutex_unlock(&s->mutex);
    }
    pthread_barrier_wait(&s->barrier);
    CHECK(s->count == 2000);
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&s->mutex);
        while (s->turn % 2) pthread_cond_wait(&s->changed, &s->mutex);
        s->turn++;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->mutex);
    }
    while (sem_wait(&s->semaphore)) {
    }
    waitpid(pid, NULL, 0);
    CHECK(s->turn == 200);
    CHECK(pthread_mutex_lock(&s->robust) == EOWNERDEAD);
    CHECK(!pthread_mutex_consistent(&s->robust) && !pthread_mutex_unlock(&s->robust) &&
          !pthread_mutex_lock(&s->robust));
}

/* --- signals to a thread, fork handlers */

static atomic_int handled_by_other;
static pthread_t main_thread;
static void on_signal(int signal) { handled_by_other = !pthread_equal(pthread_self(), main_thread) ? signal : -signal; }

static void *wait_for_signal(void *unused)
{
    while (!handled_by_other) usleep(1000);
    return unused;
}

static int prepared, in_parent, in_child;
static void before_fork(void) { prepared++; }
static void after_fork_parent(void) { in_parent++; }
static void after_fork_child(void) { in_child++; }

static void test_signals_and_fork(void)
{
    pthread_t id;
    main_thread = pthread_self();
    signal(SIGUSR1, on_signal);
    start(&id, wait_for_signal, NULL);
    CHECK(!pthread_kill(id, SIGUSR1));
    join_all(&id, 1);
    CHECK(handled_by_other == SIGUSR1);
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    pid_t pid = fork();
    if (!pid) _exit(prepared == 1 && in_child == 1 && !in_parent ? 9 : 1);
    int status;
    waitpid(pid, &status, 0);
    CHECK(WEXITSTATUS(status) == 9 && prepared == 1 && in_parent == 1 && !in_child);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_barrier();
    test_rwlock();
    test_semaphore();
    test_local();
    test_cancel();
    test_detached();
    test_condition();
    test_mutex_kinds();
    test_processes();
    test_signals_and_fork();
    return finish();
}
