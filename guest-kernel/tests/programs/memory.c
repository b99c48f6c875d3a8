/* memory.c - memory as programs see it: maps, copy on write, shared memory, stacks, signals for wild accesses, more than there is RAM. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)

static sigjmp_buf back;
static volatile int caught, code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught = signal;
    code = info->si_code;
    siglongjmp(back, 1);
}

/* The signal that a read (or write) of the address gives; 0: none. */
static int touch(volatile char *at, int write)
{
    caught = 0;
    if (!sigsetjmp(back, 1)) {
        if (write)
            *at = 1;
        else
            (void)*at;
    }
    return caught;
}

static void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static void maps(void)
{
    char *p = mmap(NULL, 16 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED && !p[5 * PAGE]);
    p[5 * PAGE] = 3;
    CHECK(!mprotect(p + 5 * PAGE, PAGE, PROT_READ) && p[5 * PAGE] == 3);
    CHECK(touch(p + 5 * PAGE, 1) == SIGSEGV && code == SEGV_ACCERR);
    CHECK(!mprotect(p + 5 * PAGE, PAGE, PROT_NONE) && touch(p + 5 * PAGE, 0) == SIGSEGV && code == SEGV_ACCERR);
    CHECK(!munmap(p + 4 * PAGE, 2 * PAGE) && touch(p + 5 * PAGE, 0) == SIGSEGV && code == SEGV_MAPERR);
    unsigned char in[16];
    CHECK(mincore(p, 16 * PAGE, in) == -1 && errno == ENOMEM);
    p[PAGE] = 1;
    CHECK(!mincore(p, 4 * PAGE, in) && in[1] & 1 && !(in[2] & 1));
    CHECK(!madvise(p, 4 * PAGE, MADV_DONTNEED) && !p[PAGE]);
    CHECK(madvise(p, PAGE, 12345) == -1 && errno == EINVAL);
    CHECK(mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
    CHECK(mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    p[0] = 7;
    char *q = mremap(p, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && q[0] == 7 && !q[63 * PAGE]);
    CHECK(touch((char *)8, 0) == SIGSEGV && touch((char *)0xffffffff80200000, 0) == SIGSEGV);
    CHECK(mlock(q, 4 * PAGE) == 0 && munlock(q, 4 * PAGE) == 0);
}

/* mremap to a place in the very area that is moved: what is unmapped there cuts the area, or is all of it. */
static void moves_within(void)
{
    for (int round = 0; round < 64; round++) {
        char *p = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        memset(p, round + 1, 8 * PAGE);
        CHECK(mremap(p + 4 * PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
        CHECK(p[0] == round + 1 && p[PAGE] == round + 1 && !p[2 * PAGE] && p[6 * PAGE] == round + 1);
        p[3 * PAGE] = 1;
        CHECK(touch(p + 4 * PAGE, 0) == SIGSEGV && !munmap(p, 8 * PAGE));
        char *q = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(q != MAP_FAILED);
        CHECK(mremap(q, 0, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == MAP_FAILED && errno == EFAULT);
        CHECK(touch(q, 0) == SIGSEGV);
    }
}

static void files(void)
{
    int fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0);
    char page[PAGE];
    for (int i = 0; i < 5; i++) {
        memset(page, 'a' + i, sizeof page);
        CHECK(write(fd, page, sizeof page) == (ssize_t)sizeof page);
    }
    char *shared = mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0), *private = mmap(NULL, 5 * PAGE, RW, MAP_PRIVATE, fd, 0);
    CHECK(shared != MAP_FAILED && private != MAP_FAILED);
    CHECK(shared[PAGE] == 'b' && private[2 * PAGE] == 'c');
    shared[PAGE] = 'X';
    CHECK(private[PAGE] == 'X' && pread(fd, page, 1, PAGE) == 1 && page[0] == 'X');
    private[PAGE] = 'Y';
    CHECK(shared[PAGE] == 'X' && pwrite(fd, "Z", 1, PAGE) == 1 && shared[PAGE] == 'Z' && private[PAGE] == 'Y');
    CHECK(!msync(shared, 5 * PAGE, MS_SYNC));
    CHECK(touch(shared + 6 * PAGE, 0) == SIGBUS);
    CHECK(!ftruncate(fd, 2 * PAGE + 10) && touch(shared + 4 * PAGE, 0) == SIGBUS && shared[2 * PAGE + 9] == 'c');
    CHECK(shared[2 * PAGE + 10] == 0);
    volatile uintptr_t wild = 16;
    int read_only = open("/tmp/file", O_RDONLY);
    CHECK(mmap(NULL, PAGE, RW, MAP_SHARED, read_only, 0) == MAP_FAILED && errno == EACCES);
    char *view = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
    CHECK(view != MAP_FAILED && mprotect(view, PAGE, RW) == -1 && errno == EACCES);
    close(fd);
    CHECK(shared[0] == 'a'); /* the map keeps the file */
    /* A read() into a map of the file that is read: the copy faults while the file is in use. */
    CHECK(pread(read_only, shared + 100, 50, 0) == 50 && shared[100] == 'a');
    CHECK(read(read_only, (void *)wild, 10) == -1 && errno == EFAULT);
    close(read_only);
    unlink("/tmp/file");
}

static void copy_on_write(void)
{
    enum { PAGES = 200 };
    char *p = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int *shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PAGES; i++) p[i * PAGE] = (char)i;
    for (int children = 0; children < 4; children++)
        if (!fork()) {
            int bad = 0;
            for (int i = 0; i < PAGES; i++) bad += p[i * PAGE] != (char)i;
            for (int i = 0; i < PAGES; i++) p[i * PAGE] = (char)(i + children + 1);
            for (int i = 0; i < PAGES; i++) bad += p[i * PAGE] != (char)(i + children + 1);
            __atomic_fetch_add(shared, bad + 1000, __ATOMIC_SEQ_CST);
            _exit(0);
        }
    for (int children = 0; children < 4; children++) wait(NULL);
    CHECK(*shared == 4000);
    int bad = 0;
    for (int i = 0; i < PAGES; i++) bad += p[i * PAGE] != (char)i;
    CHECK(!bad && !munmap(p, PAGES * PAGE));
}

static int deep(int n)
{
    volatile char room[1000];
    room[0] = (char)n;
    return n ? deep(n - 1) + room[0] * 0 : 1;
}

static void stacks(void)
{
    CHECK(deep(6000) == 1); /* six megabytes */
    if (!fork()) {
        signal(SIGSEGV, SIG_DFL);
        deep(1 << 30);
        _exit(0);
    }
    int status;
    CHECK(wait(&status) > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void segments(void)
{
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    CHECK(id >= 0);
    char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
    CHECK(p != (char *)-1 && q != (char *)-1);
    p[9000] = 5;
    CHECK(q[9000] == 5 && touch(q, 1) == SIGSEGV);
    struct shmid_ds d;
    CHECK(!shmctl(id, IPC_STAT, &d) && d.shm_nattch == 2 && d.shm_segsz == 10000 && d.shm_cpid == getpid());
    if (!fork()) {
        p[1] = 9;
        _exit(0);
    }
    wait(NULL);
    CHECK(q[1] == 9 && !shmdt(q) && shmdt(q) == -1 && errno == EINVAL);
    CHECK(!shmctl(id, IPC_RMID, NULL) && p[1] == 9 && !shmdt(p));
    CHECK(shmat(id, NULL, 0) == (void *)-1 && errno == EINVAL);
    int key = shmget(77, PAGE, IPC_CREAT | 0600);
    CHECK(key >= 0 && shmget(77, PAGE, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
    CHECK(shmget(77, 2 * PAGE, 0) == -1 && errno == EINVAL && shmget(78, PAGE, 0) == -1 && errno == ENOENT);
    CHECK(!shmctl(key, IPC_RMID, NULL));
}

/* Swap on the disk, then more anonymous memory than there is RAM. */
static void swap(const char *disk, unsigned long pages)
{
    CHECK(!swapon(disk, 0));
    unsigned long *p = mmap(NULL, pages * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    for (unsigned long i = 0; i < pages; i++) p[i * 512] = p[i * 512 + 511] = i;
    if (!fork()) {
        for (unsigned long i = 0; i < pages; i += 3) p[i * 512] = ~i;
        int bad = 0;
        for (unsigned long i = 0; i < pages; i++) bad += p[i * 512] != (i % 3 ? i : ~i) || p[i * 512 + 511] != i;
        _exit(bad != 0);
    }
    int status;
    wait(&status);
    CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
    int bad = 0;
    for (unsigned long i = 0; i < pages; i++) bad += p[i * 512] != i || p[i * 512 + 511] != i;
    CHECK(!bad);
    CHECK(!munmap(p, pages * PAGE) && !swapoff(disk));
    CHECK(swapoff(disk) == -1 && errno == EINVAL);
}

/* No swap: the process that takes everything is ended, and nobody else. */
static void out_of_memory(void)
{
    for (int round = 0; round < 2; round++) {
        int pid = fork();
        if (!pid)
            for (;;) {
                char *p = mmap(NULL, 1 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                if (p != MAP_FAILED) memset(p, 1, 1 << 20);
            }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
}

/* Locked pages are counted, whatever makes areas longer; parts that have been locked before are no holes. */
static volatile char deep_sum;
static __attribute__((noinline)) void go_deep(int pages)
{
    volatile char here[4096];
    here[0] = here[4095] = (char)pages;
    if (pages > 1) go_deep(pages - 1);
    deep_sum += here[0];
}
static void locked(void)
{
    char *at = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mlock(at + PAGE, PAGE) == 0 && mlock(at, 3 * PAGE) == 0);
    CHECK(madvise(at + 3 * PAGE, PAGE, MADV_DONTFORK) == 0 && madvise(at + 2 * PAGE, 2 * PAGE, MADV_DONTFORK) == 0);
    CHECK(munlock(at, 4 * PAGE) == 0 && munmap(at, 4 * PAGE) == 0);
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        struct rlimit limit = {256 * PAGE, 256 * PAGE};
        bool good = setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && setuid(1000) == 0;
        good = good && (at = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED;
        good = good && mlock(at, 8 * PAGE) == 0;
        good = good && mremap(at, 8 * PAGE, 400 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EAGAIN;
        good = good && (at = mremap(at, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE)) != MAP_FAILED;
        good = good && mlock((void *)((uintptr_t)&limit & ~(PAGE - 1)), PAGE) == 0;
        go_deep(40);
        good = good && munlockall() == 0 && mlock(at, 16 * PAGE) == 0 && mlock(at, 16 * PAGE) == 0;
        _exit(!good);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all";
    catch_faults();
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!strcmp(what, "swap")) {
        swap("/dev/vda", 12000);
    } else if (!strcmp(what, "oom")) {
        out_of_memory();
    } else {
        maps();
        moves_within();
        files();
        copy_on_write();
        stacks();
        segments();
        locked();
    }
    return finish();
}
