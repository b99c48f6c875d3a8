/*
 * host_fs.c - the kernel around the file systems, as the host has it: one task that never has to wait, memory from malloc, a page cache
 * that is a radix tree and nothing more. With it VFS, journal and KFS run in an ordinary program, byte for byte the code of
 * the kernel.
 */
#include "host_fs.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/time.h"
#include "base/errno.h"
#include "base/string.h"
#include "blk/blkfile.h"
#include "fs/notify.h"
#include "fs/vfs.h"
#include "kern/print.h"
#include "kern/process.h"
#include "kern/task.h"
#include "kern/wait.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

struct task host_task = {.pid = 1, .tgid = 1};
long host_objects;
bool host_quiet = true;
bool host_no_memory;
unsigned long host_requests, host_fail_from, host_fail_count;
static uint64_t now_ns = 1000000000;

/* Locks: there is one task. A mutex that is taken twice is a deadlock in the kernel and an error here. */
void spin_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    *lock = (struct spinlock){.name = name, .rank = rank};
}
void spin_lock(struct spinlock *lock) { (void)lock; }
void (*host_unlocked)(struct spinlock *lock);
void spin_unlock(struct spinlock *lock)
{
    if (host_unlocked) host_unlocked(lock);
}
void mutex_init(struct mutex *mutex, const char *name) { *mutex = (struct mutex){.name = name}; }
void mutex_lock(struct mutex *mutex)
{
    if (mutex->owner) panic("mutex %s taken twice\n", mutex->name);
    mutex->owner = &host_task;
}
void mutex_unlock(struct mutex *mutex) { mutex->owner = 0; }
void waitq_init(struct waitq *queue) { list_init(&queue->waiters); }
void wake_one(struct waitq *queue) { (void)queue; }
void wake_all(struct waitq *queue) { (void)queue; }
void waiter_add(struct waiter *waiter, struct waitq *queue) { (void)waiter, (void)queue; }
void waiter_remove(struct waiter *waiter) { (void)waiter; }
int wait_any(struct waiter *waiters[], size_t n, bool interruptible, uint64_t deadline_ns)
{
    (void)waiters, (void)n, (void)interruptible, (void)deadline_ns;
    return -EINTR;
}
/* A kernel thread runs when somebody waits for it; ours end at once when they are told to. */
static struct {
    void (*f)(void *);
    void *arg;
} threads[16];
static unsigned thread_count;
struct task *kthread_start(const char *name, void (*f)(void *), void *arg)
{
    (void)name;
    if (thread_count == 16) panic("too many threads\n");
    threads[thread_count].f = f;
    threads[thread_count++].arg = arg;
    return &host_task;
}
void host_forget_threads(void) { thread_count = 0; }
bool (*host_wait)(void);
int wait_on(struct waitq *queue, struct spinlock *held, bool interruptible, uint64_t deadline_ns)
{
    (void)queue, (void)held, (void)interruptible, (void)deadline_ns;
    if (host_wait && host_wait()) return 0;
    if (!thread_count) panic("waits for ever\n");
    thread_count--;
    threads[thread_count].f(threads[thread_count].arg);
    return 0;
}
bool signal_pending(void) { return false; }
bool signal_fatal_pending(void) { return false; }
void signal_send_task(struct task *task, int signal, const struct siginfo *info)
{
    (void)task, (void)signal, (void)info;
}
bool cred_in_group(uint32_t gid) { return gid == 0; }
uint64_t process_limit(enum rlimit_number number) { return number == RLIMIT_NOFILE ? 1024 : UINT64_MAX; }

uint64_t time_ns(void) { return now_ns += 1000; }
uint64_t time_wall_ns(void) { return 0; }
void blkfile_add(struct blkdev *device) { (void)device; }
const struct file_ops fifo_ops = {.flags = FOPS_STREAM};

void printk(const char *text, ...)
{
    va_list list;
    va_start(list, text);
    if (!host_quiet) vfprintf(stderr, text, list);
    va_end(list);
}
_Noreturn void panic(const char *text, ...)
{
    va_list list;
    va_start(list, text);
    fprintf(stderr, "panic: ");
    vfprintf(stderr, text, list);
    abort();
}

/* Memory. */
static bool refused(void)
{
    host_requests++;
    return host_no_memory ||
           (host_fail_from && host_requests >= host_fail_from && host_requests - host_fail_from < host_fail_count);
}
void *kmalloc(size_t n)
{
    if (refused()) return 0;
    host_objects++;
    return malloc(n);
}
void *kzalloc(size_t n)
{
    if (refused()) return 0;
    host_objects++;
    return calloc(1, n ? n : 1);
}
void *krealloc(void *old, size_t n)
{
    if (refused()) return 0;
    if (!old) host_objects++;
    return realloc(old, n);
}
char *kstrdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = kmalloc(n);
    return copy ? memcpy(copy, text, n) : 0;
}
void kfree(void *p)
{
    if (p) host_objects--;
    free(p);
}

#define FRAMES 16384
static uint8_t *arena;
static struct page *frames;
static uint32_t free_frame[FRAMES], free_frames;
struct page *page_alloc(unsigned order, unsigned want)
{
    if (!arena) {
        arena = aligned_alloc(PAGE_SIZE, (size_t)FRAMES * PAGE_SIZE);
        frames = calloc(FRAMES, sizeof *frames);
        for (uint32_t i = 0; i < FRAMES; i++) free_frame[free_frames++] = i;
    }
    if (refused()) return 0;
    if (order || !free_frames) panic("out of frames\n");
    struct page *page = &frames[free_frame[--free_frames]];
    page->refs = 1;
    memset(page_va(page), want & PAGE_ZEROED ? 0 : 0xa5, PAGE_SIZE);
    return page;
}
void page_get(struct page *page) { page->refs++; }
void page_put(struct page *page)
{
    if (--page->refs == 0) free_frame[free_frames++] = (uint32_t)(page - frames);
}
void *page_va(const struct page *page) { return arena + (size_t)(page - frames) * PAGE_SIZE; }
struct page *page_of_va(const void *va) { return &frames[((const uint8_t *)va - arena) / PAGE_SIZE]; }
struct frame_stats frame_stats(void) { return (struct frame_stats){.total = FRAMES, .free = free_frames}; }
uint32_t host_frames_free(void)
{
    if (!arena) page_put(page_alloc(0, 0));
    return free_frames;
}

int copy_to_user(uint64_t to, const void *from, size_t n) { return (void)to, (void)from, (void)n, -EFAULT; }
int copy_from_user(void *to, uint64_t from, size_t n) { return (void)to, (void)from, (void)n, -EFAULT; }
int clear_user(uint64_t to, size_t n) { return (void)to, (void)n, -EFAULT; }
size_t copy_to_user_rest(uint64_t to, const void *from, size_t n) { return (void)to, (void)from, n; }
size_t copy_from_user_rest(void *to, uint64_t from, size_t n) { return (void)to, (void)from, n; }

/* The page cache. */
void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner, uint64_t size)
{
    *m = (struct mapping){.ops = ops, .owner = owner, .size = size};
}
void mapping_init_memory(struct mapping *m, void *owner, uint64_t size)
{
    *m = (struct mapping){.owner = owner, .size = size, .memory = true};
}
int pagecache_get(struct mapping *m, uint64_t index, struct page **page)
{
    *page = radix_find(&m->pages, index);
    if (!*page) {
        *page = page_alloc(0, PAGE_ZEROED);
        if (!*page) return -ENOMEM;
        int error = m->ops ? m->ops->read_page(m, index, *page) : 0;
        if (!error) error = radix_set(&m->pages, index, *page);
        if (error) {
            page_put(*page);
            return error;
        }
        m->resident++;
    }
    page_get(*page);
    return 0;
}
void pagecache_dirty(struct mapping *m, struct page *page)
{
    uint64_t index = 0;
    for (struct page *p; (p = radix_next(&m->pages, &index)); index++)
        if (p == page) radix_mark(&m->pages, index, true);
}
long pagecache_read(struct mapping *m, uint64_t offset, uint64_t buffer, size_t n, bool user)
{
    (void)user;
    if (offset >= m->size) return 0;
    n = MIN(n, m->size - offset);
    for (size_t done = 0, part; done < n; done += part) {
        struct page *page;
        uint64_t at = offset + done;
        part = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);
        int error = pagecache_get(m, at / PAGE_SIZE, &page);
        if (error) return done ? (long)done : error;
        memcpy((char *)(uintptr_t)buffer + done, (char *)page_va(page) + at % PAGE_SIZE, part);
        page_put(page);
    }
    return (long)n;
}
bool (*host_midway)(struct mapping *m);
long pagecache_write(struct mapping *m, uint64_t offset, uint64_t buffer, size_t n, bool user)
{
    (void)user;
    for (size_t done = 0, part; done < n; done += part) {
        struct page *page;
        uint64_t at = offset + done;
        part = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);
        int error = pagecache_get(m, at / PAGE_SIZE, &page);
        if (error) return done ? (long)done : error;
        memcpy((char *)page_va(page) + at % PAGE_SIZE, (char *)(uintptr_t)buffer + done, part);
        if (at + part > m->size) m->size = at + part;
        radix_mark(&m->pages, at / PAGE_SIZE, true);
        page_put(page);
        if (host_midway && !host_midway(m)) return (long)(done + part);
    }
    return (long)n;
}
int pagecache_flush(struct mapping *m, uint64_t from, uint64_t to)
{
    uint64_t index = from / PAGE_SIZE;
    for (struct page *page; m->ops && (page = radix_next_marked(&m->pages, &index)); index++) {
        if (index > (to - 1) / PAGE_SIZE) break;
        int error = m->ops->write_page(m, index, page);
        if (error) return error;
        radix_mark(&m->pages, index, false);
    }
    return 0;
}
static void drop_from(struct mapping *m, uint64_t index)
{
    for (struct page *page; (page = radix_next(&m->pages, &index));) {
        radix_remove(&m->pages, index);
        page_put(page);
    }
}
void pagecache_truncate(struct mapping *m, uint64_t size)
{
    struct page *page;
    if (size < m->size) {
        drop_from(m, (size + PAGE_SIZE - 1) / PAGE_SIZE);
        if (size % PAGE_SIZE && !pagecache_get(m, size / PAGE_SIZE, &page)) {
            memset((char *)page_va(page) + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
            radix_mark(&m->pages, size / PAGE_SIZE, true);
            page_put(page);
        }
    }
    m->size = size;
}
void pagecache_destroy(struct mapping *m) { drop_from(m, 0); }
int pagecache_error(struct mapping *m) { return (void)m, 0; }
unsigned notify_watches;
unsigned notify_cookie(void) { return 1; }
void notify_send_inode(struct inode *inode, unsigned events) { (void)inode, (void)events; }
void notify_send_name(struct inode *directory, const struct name *name, unsigned events, unsigned cookie)
{
    (void)directory, (void)name, (void)events, (void)cookie;
}
void notify_send_gone(struct inode *inode, int others) { (void)inode, (void)others; }
void notify_file(struct file *file, unsigned events) { (void)file, (void)events; }
void notify_unmounted(struct superblock *sb) { (void)sb; }
uint64_t pagecache_drop(struct mapping *m, uint64_t from, uint64_t to) { return (void)m, (void)from, (void)to, 0; }
bool pagecache_periodic, pagecache_write_through;
void pagecache_throttle(void) {}
static void flush_one(struct inode *inode, void *list)
{
    struct inode ***end = list;
    if (inode->mapping.ops && S_ISREG(inode->mode) && inode_ref_unless_dying(inode)) *(*end)++ = inode;
}
int pagecache_flush_all(void)
{
    static struct inode *all[4096];
    struct inode **end = all;
    int error = 0;
    inode_each(flush_one, &end);
    for (struct inode **at = all; at < end; at++) {
        int one = pagecache_flush(&(*at)->mapping, 0, UINT64_MAX);
        if (!error) error = one;
        inode_put(*at);
    }
    return error;
}

/* Nothing watches files here. */
void epoll_file_closes(struct file *file);
void epoll_file_closes(struct file *file) { (void)file; }
