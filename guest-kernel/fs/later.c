/* later.c - weak stand-ins until the files that hold the real functions (mm/, kern/) are there. */
#include "fs/vfs.h"
#include "kern/process.h"
#include "mm/usercopy.h"
#define WEAK __attribute__((weak))
WEAK int copy_to_user(uint64_t to, const void *from, size_t n) { return (void)to, (void)from, (void)n, -EFAULT; }
WEAK int copy_from_user(void *to, uint64_t from, size_t n) { return (void)to, (void)from, (void)n, -EFAULT; }
WEAK int clear_user(uint64_t to, size_t n) { return (void)to, (void)n, -EFAULT; }
WEAK size_t copy_to_user_rest(uint64_t to, const void *from, size_t n) { return (void)to, (void)from, n; }
WEAK size_t copy_from_user_rest(void *to, uint64_t from, size_t n) { return (void)to, (void)from, n; }
WEAK long copy_string_from_user(char *to, uint64_t from, size_t n) { return (void)to, (void)from, (void)n, -EFAULT; }
WEAK void mapping_init(struct mapping *m, const struct mapping_ops *o, void *w, uint64_t s)
{
    (void)s, m->ops = o, m->owner = w;
}
WEAK void mapping_init_memory(struct mapping *m, void *w, uint64_t s) { (void)s, m->owner = w; }
WEAK void pagecache_throttle(void) {}
WEAK int pagecache_flush(struct mapping *m, uint64_t a, uint64_t b) { return (void)m, (void)a, (void)b, 0; }
WEAK int pagecache_flush_all(void) { return 0; }
WEAK int pagecache_error(struct mapping *m) { return (void)m, 0; }
WEAK uint64_t pagecache_drop(struct mapping *m, uint64_t a, uint64_t b) { return (void)m, (void)a, (void)b, 0; }
WEAK void pagecache_destroy(struct mapping *m) { (void)m; }
WEAK void pagecache_ahead(struct mapping *m, uint64_t a, uint64_t b) { (void)m, (void)a, (void)b; }
WEAK void pagecache_truncate(struct mapping *m, uint64_t s) { (void)m, (void)s; }
WEAK long pagecache_read(struct mapping *m, uint64_t o, uint64_t b, size_t n, bool u)
{
    return (void)m, (void)o, (void)b, (void)n, (void)u, -EIO;
}
WEAK long pagecache_write(struct mapping *m, uint64_t o, uint64_t b, size_t n, bool u)
{
    return (void)m, (void)o, (void)b, (void)n, (void)u, -EIO;
}
WEAK uint64_t process_limit(enum rlimit_number n) { return (void)n, 1024; }
WEAK bool cred_in_group(uint32_t g) { return current->cred.fsgid == g; }
WEAK void signal_send_task(struct task *t, int s, const struct siginfo *i) { (void)t, (void)s, (void)i; }
WEAK bool signal_fatal_pending(void) { return false; }
WEAK void signal_mask_begin(sigset m) { (void)m; }
WEAK void signal_mask_end(void) {}
WEAK struct spinlock process_lock = SPINLOCK_INIT("process", RANK_PROCESS);
WEAK void process_describe(struct task *t, bool w, struct process_view *v)
{
    (void)t, (void)w;
    *v = (struct process_view){.state_name = ""};
}
WEAK struct task *task_find(int pid) { return (void)pid, NULL; }
WEAK struct task *task_next(int *pid) { return (void)pid, NULL; }
