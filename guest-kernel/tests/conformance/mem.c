/* mem.c - calls on memory: maps, protection, the break, locking, swap, SysV segments. */
#include "conformance.h"
#include <sys/ipc.h>
#include <sys/shm.h>

#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGE      4096L
#define MAPPED(p) ((long)(p) != -1)

static void *map(long bytes) { return mmap(0, (size_t)bytes, PROT_READ | PROT_WRITE, ANON, -1, 0); }

static void maps(void)
{
    long f = make_file("m", "mapped file"), r = open("m", O_RDONLY), w = open("m", O_WRONLY), d = open(".", O_RDONLY);
    int p[2];
    pipe(p);
    E(mmap, "length 0", 0L, 0L, PROT_READ, ANON, -1, 0L);
    E(mmap, "no kind", 0L, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0L);
    E(mmap, "both kinds", 0L, PAGE, PROT_READ, MAP_ANONYMOUS | 15, -1, 0L);
    E(mmap, "huge", 0L, INT64_MAX, PROT_READ, ANON, -1, 0L);
    E(mmap, "bad descriptor", 0L, PAGE, PROT_READ, MAP_PRIVATE, 99, 0L);
    E(mmap, "offset not a page", 0L, PAGE, PROT_READ, MAP_PRIVATE, f, 5L);
    E(mmap, "pipe", 0L, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0L);
    E(mmap, "directory", 0L, PAGE, PROT_READ, MAP_PRIVATE, d, 0L);
    E(mmap, "write-only file", 0L, PAGE, PROT_READ, MAP_PRIVATE, w, 0L);
    E(mmap, "shared write of a read-only file", 0L, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0L);
    K(mmap, "private write of a read-only file", 0L, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, r, 0L);
    E(mmap, "fixed, not a page", 5L, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0L);
    E(mmap, "fixed, kernel", 0xffffffff80000000L, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0L);
    E(mmap, "fixed, beyond user memory", 0x4000000000L, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0L);
    E(mmap, "offset overflow", 0L, 2 * PAGE, PROT_READ, MAP_PRIVATE, f, INT64_MAX - 4095);
    E(mmap, "shared anonymous with bad flags", 0L, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS | 0x1000000, -1,
      0L);
    char *a = map(4 * PAGE);
    E(mmap, "fixed over itself", a, PAGE, PROT_READ, ANON | MAP_FIXED_NOREPLACE, -1, 0L);
    char *hint = map(16 * PAGE);
    munmap(hint, 16 * PAGE);
    V(mmap, "hint taken", mmap(hint, PAGE, PROT_READ, ANON, -1, 0) == hint);
    E(munmap, "not a page", a + 1, PAGE);
    E(munmap, "length 0", a, 0L);
    E(munmap, "kernel", 0xffffffff80000000L, PAGE);
    E(munmap, "nothing there", 0x100000L, PAGE);
    E(munmap, "hole in the middle", a + PAGE, PAGE);
    E(munmap, "over the hole", a, 4 * PAGE);
    E(munmap, "huge", a, INT64_MAX & ~4095L);
    a = map(4 * PAGE);
    munmap(a + PAGE, PAGE);
    E(mprotect, "not a page", a + 1, PAGE, PROT_READ);
    E(mprotect, "length 0", a, 0L, PROT_READ);
    E(mprotect, "over a hole", a, 3 * PAGE, PROT_READ);
    E(mprotect, "nothing there", 0x100000L, PAGE, PROT_READ);
    E(mprotect, "bad protection", a, PAGE, 0x100);
    E(mprotect, "both growths", a, PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN);
    E(mprotect, "ok", a, PAGE, PROT_READ);
    char *s = mmap(0, PAGE, PROT_READ, MAP_SHARED, (int)r, 0);
    E(mprotect, "write to a shared map of a read-only file", s, PAGE, PROT_READ | PROT_WRITE);
    E(mremap, "not a page", a + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    E(mremap, "new length 0", a, PAGE, 0L, MREMAP_MAYMOVE);
    E(mremap, "nothing there", 0x100000L, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    E(mremap, "bad flags", a, PAGE, 2 * PAGE, 8);
    E(mremap, "fixed without maymove", a, PAGE, PAGE, MREMAP_FIXED, 0x10000000L);
    E(mremap, "over a hole", a, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    V(mremap, "shrinks", mremap(a + 2 * PAGE, 2 * PAGE, PAGE, 0) == a + 2 * PAGE);
    K(mremap, "moves", a, PAGE, 16 * PAGE, MREMAP_MAYMOVE);
    char *t = map(2 * PAGE);
    mmap(t + 2 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
    E(mremap, "no room to grow", t, 2 * PAGE, 3 * PAGE, 0);
    E(msync, "ok", s, PAGE, MS_SYNC);
    E(msync, "bad flags", s, PAGE, 8);
    E(msync, "both ways", s, PAGE, MS_SYNC | MS_ASYNC);
    E(msync, "not a page", s + 1, PAGE, MS_SYNC);
    E(msync, "nothing there", 0x100000L, PAGE, MS_SYNC);
    E(msync, "length 0", s, 0L, MS_SYNC);
    char *shared = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)f, 0);
    memcpy(shared, "MAPPED", 6);
    char b[12] = "";
    pread((int)f, b, 11, 0);
    show_text("mmap", "write through a shared map", b);
    close_range(3, 1000, 0);
}

static void faults_beyond(void)
{
    long f = make_file("short", "x");
    char *p = mmap(0, 2 * PAGE, PROT_READ, MAP_SHARED, (int)f, 0);
    *(volatile char *)(p + PAGE);
}
static void faults_read_only(void) { *(volatile char *)read_only = 1; }
static void faults_none(void)
{
    volatile char *p = mmap(0, PAGE, PROT_NONE, ANON, -1, 0);
    (void)*p;
}
static void faults_exec(void) { ((void (*)(void))map(PAGE))(); }
static void faults_null(void) { *(volatile int *)0 = 1; }
static void faults_kernel(void) { *(volatile int *)KERNEL = 1; }
static void faults_hole(void) { (void)*(volatile char *)(edge + EDGE_ROOM); }

static void advice(void)
{
    char *a = map(4 * PAGE);
    unsigned char v[4];
    memset(a, 1, (size_t)(4 * PAGE));
    E(madvise, "dontneed", a, PAGE, MADV_DONTNEED);
    V(madvise, "zero then", a[0]);
    E(madvise, "not a page", a + 1, PAGE, MADV_DONTNEED);
    E(madvise, "bad advice", a, PAGE, 9999);
    E(madvise, "nothing there", 0x100000L, PAGE, MADV_DONTNEED);
    E(madvise, "length 0", a, 0L, MADV_DONTNEED);
    E(madvise, "negative length", a, -PAGE, MADV_DONTNEED);
    E(madvise, "normal", a, PAGE, MADV_NORMAL);
    E(madvise, "willneed", a, PAGE, MADV_WILLNEED);
    E(madvise, "free", a, PAGE, MADV_FREE);
    E(mincore, "ok", a, 4 * PAGE, v);
    V(mincore, "touched", v[1] & 1);
    E(mincore, "not a page", a + 1, PAGE, v);
    E(mincore, "nothing there", 0x100000L, PAGE, v);
    E(mincore, "bad vector", a, PAGE, BAD);
    E(mincore, "length 0", a, 0L, v);
    E(mlock, "ok", a, PAGE);
    E(mlock, "nothing there", 0x100000L, PAGE);
    E(mlock, "length 0", a, 0L);
    E(mlock, "wraps", a, -PAGE);
    E(munlock, "ok", a, PAGE);
    E(munlock, "nothing there", 0x100000L, PAGE);
    E(mlock2, "on fault", a, PAGE, 1);
    E(mlock2, "bad flags", a, PAGE, 2);
    E(mlockall, "none", 0);
    E(mlockall, "bad flags", 16);
    E(mlockall, "on fault alone", 4);
    E(mlockall, "current", 1);
    E(munlockall, "ok");
    V(brk, "0 tells", Q(brk, 0L) == Q(brk, 0L));
    long top = Q(brk, 0L);
    V(brk, "grows", Q(brk, top + 10000) == top + 10000);
    V(brk, "too far keeps", Q(brk, INT64_MAX) == top + 10000);
    V(brk, "below keeps", Q(brk, 1L) == top + 10000);
    V(brk, "shrinks", Q(brk, top) == top);
    E(swapon, "no such file", "none", 0);
    E(swapon, "bad pointer", BAD, 0);
    close((int)make_file("noswap", "this is no swap area"));
    E(swapon, "no swap area", "noswap", 0);
    E(swapon, "bad flags", "noswap", 0x100000);
    E(swapon, "directory", ".", 0);
    E(swapoff, "no such file", "none");
    E(swapoff, "not in use", "noswap");
    E(swapoff, "bad pointer", BAD);
    E(riscv_flush_icache, "ok", 0L, 0L, 0L);
    E(riscv_flush_icache, "local", 0L, 0L, 1L);
    E(riscv_flush_icache, "bad flags", 0L, 0L, 2L);
}

static void segments(void)
{
    struct shmid_ds ds;
    long id = Q(shmget, IPC_PRIVATE, 5000L, 0600);
    E(shmget, "size 0", IPC_PRIVATE, 0L, 0600);
    E(shmget, "no such key", 0x1234, 100L, 0600);
    K(shmget, "new key", 0x1234, 100L, IPC_CREAT | 0600);
    E(shmget, "exclusive", 0x1234, 100L, IPC_CREAT | IPC_EXCL | 0600);
    E(shmget, "too large for it", 0x1234, 10000L, 0600);
    E(shmget, "huge", IPC_PRIVATE, -1L, 0600);
    char *at = (char *)Q(shmat, id, 0L, 0);
    V(shmat, "works", MAPPED(at));
    E(shmat, "bad id", 9999, 0L, 0);
    E(shmat, "negative id", -1, 0L, 0);
    E(shmat, "not a page", id, 5L, 0);
    E(shmat, "remap nothing", id, 0L, SHM_REMAP);
    E(shmat, "occupied", id, at, 0);
    E(shmctl, "stat", id, IPC_STAT, &ds);
    V(shmctl, "size", ds.shm_segsz), V(shmctl, "attached", ds.shm_nattch), V(shmctl, "mode", ds.shm_perm.mode);
    E(shmctl, "bad pointer", id, IPC_STAT, BAD);
    E(shmctl, "bad id", 9999, IPC_STAT, &ds);
    E(shmctl, "bad command", id, 99, &ds);
    E(shmctl, "remove", id, IPC_RMID, 0L);
    E(shmctl, "stat of a removed one in use", id, IPC_STAT, &ds);
    V(shmctl, "mode of a removed one", ds.shm_perm.mode);
    E(shmdt, "not a page", at + 1);
    E(shmdt, "ok", at);
    E(shmdt, "again", at);
    E(shmctl, "gone", id, IPC_STAT, &ds);
    E(shmctl, "remove by key", Q(shmget, 0x1234, 0L, 0), IPC_RMID, 0L);
}

void family_mem(void)
{
    maps();
    show_child("mmap", "touch beyond the file", faults_beyond);
    show_child("mprotect", "write to read-only", faults_read_only);
    show_child("mmap", "touch PROT_NONE", faults_none);
    show_child("mmap", "execute data", faults_exec);
    show_child("mmap", "write to address 0", faults_null);
    show_child("mmap", "write to the kernel", faults_kernel);
    show_child("munmap", "touch a hole", faults_hole);
    advice();
    segments();
}
