/*
 * POSIX shared memory and semaphores, and System V's, as C programs use them: glibc makes shm_open and sem_open of files in /dev/shm, and
 * semaphores of futexes; the kernel gives a file system in memory, shared maps, and queues and sets with keys.
 */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void shared_memory(void)
{
    int fd = shm_open("/board", O_RDWR | O_CREAT | O_EXCL, 0600), status;
    CHECK(fd >= 0 && ftruncate(fd, 8192) == 0);
    CHECK(shm_open("/board", O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
    int *board = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(board != MAP_FAILED);
    pid_t pid = fork();
    if (!pid) { /* finds it by its name */
        int other = shm_open("/board", O_RDWR, 0);
        int *mine = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
        mine[1500] = 77;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0 && board[1500] == 77);
    CHECK(shm_unlink("/board") == 0 && shm_unlink("/board") == -1 && errno == ENOENT);
    board[0] = 5; /* the map outlives the name */
    CHECK(munmap(board, 8192) == 0 && close(fd) == 0);
}

/* Several processes add to one counter, each time between P and V: nothing is lost. */
static void named_semaphores(void)
{
    int *counter = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status, bad = 0;
    sem_t *s = sem_open("/turn", O_CREAT | O_EXCL, 0600, 1);
    CHECK(s != SEM_FAILED);
    for (int i = 0; i < 4; i++) {
        if (fork()) continue;
        sem_t *mine = sem_open("/turn", 0);
        for (int n = 0; n < 300; n++) {
            sem_wait(mine);
            int value = *(volatile int *)counter;
            if (n % 16 == 0) sched_yield();
            *counter = value + 1;
            sem_post(mine);
        }
        _exit(0);
    }
    for (int i = 0; i < 4; i++) bad += wait(&status) < 0 || status;
    CHECK(!bad && *counter == 1200);
    CHECK(sem_trywait(s) == 0 && sem_trywait(s) == -1 && errno == EAGAIN);
    struct timespec past = {0, 0};
    CHECK(sem_timedwait(s, &past) == -1 && errno == ETIMEDOUT);
    CHECK(sem_close(s) == 0 && sem_unlink("/turn") == 0);
}

/* Five philosophers: each takes both forks in one operation, which is why nobody waits for ever. Some die at table; SEM_UNDO gives their forks back. */
static void philosophers(void)
{
    int forks = semget(IPC_PRIVATE, 5, 0600), status, bad = 0;
    unsigned short all[5] = {1, 1, 1, 1, 1};
    CHECK(semctl(forks, 0, SETALL, all) == 0);
    for (unsigned short i = 0; i < 5; i++) {
        if (fork()) continue;
        unsigned short left = i, right = (unsigned short)((i + 1) % 5);
        struct sembuf take[2] = {{left, -1, SEM_UNDO}, {right, -1, SEM_UNDO}},
                      give[2] = {{left, 1, SEM_UNDO}, {right, 1, SEM_UNDO}};
        for (int n = 0; n < 100; n++) {
            if (semop(forks, take, 2)) _exit(1);
            if (n == 50 + i && i % 2) _exit(0); /* with both forks in hand */
            if (semop(forks, give, 2)) _exit(2);
        }
        _exit(0);
    }
    for (int i = 0; i < 5; i++) bad += wait(&status) < 0 || status;
    CHECK(!bad && semctl(forks, 0, GETALL, all) == 0);
    CHECK(all[0] + all[1] + all[2] + all[3] + all[4] == 5);
    CHECK(semctl(forks, 0, IPC_RMID) == 0);
}

static void queues(void)
{
    struct {
        long type;
        int number;
    } m;
    int q = msgget(IPC_PRIVATE, 0600), status;
    long sum = 0;
    for (int i = 1; i <= 3; i++) {
        if (fork()) continue;
        for (int n = 0; n < 2000; n++) {
            m.type = i, m.number = n;
            if (msgsnd(q, &m, sizeof m.number, 0)) _exit(1); /* waits when it is full */
        }
        _exit(0);
    }
    for (int n = 0; n < 2000; n++) /* in order for each type */
        for (int i = 1; i <= 3; i++) sum += msgrcv(q, &m, sizeof m.number, i, 0) == sizeof m.number && m.number == n;
    CHECK(sum == 6000);
    for (int i = 0; i < 3; i++) CHECK(wait(&status) > 0 && status == 0);
    CHECK(msgctl(q, IPC_RMID, 0) == 0);
}

int main(void)
{
    mkdir("/dev", 0755), mkdir("/dev/shm", 01777);
    mount("shm", "/dev/shm", "tmpfs", 0, 0);
    shared_memory();
    named_semaphores();
    philosophers();
    queues();
    return finish();
}
