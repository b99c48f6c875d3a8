/*
 * epoll.c - waiting for many files without looking at all of them each time.
 *
 * poll() gets the whole list of descriptors with each call and looks at each file. An epoll instance remembers the list and
 * hangs on the files' wait queues once. When a queue is woken, a function here puts the file's *item* on the instance's ready
 * list; epoll_wait looks only at that list.
 *
 *      file A --queue--> hook --> item (A, events, data) --+
 *      file B --queue--> hook --> item (B, events, data) --+--> ready list --> epoll_wait
 *
 * Level-triggered (usual): an item stays on the ready list as long as its file is ready; each epoll_wait reports it again.
 * Edge-triggered: it is taken off when it has been reported; only the next wake-up puts it back. One-shot: reported once, then
 * asleep until the program arms it again.
 *
 * An instance is a file itself and can be watched by another. Circles would wake each other for ever, and long chains would
 * need a deep stack, so a new link is refused (ELOOP) if it closes a circle or makes a chain of more than five.
 *
 * Locks. An instance's mutex protects its set of items and keeps each item's file from being freed (a file that closes takes
 * its items out under that mutex before anything else). The ready list changes in wake functions and so belongs to sched_lock. files_lock
 * protects the lists that lead from files to their items.
 */
#include "ipc/epoll.h"

#include "base/string.h"
#include "fs/poll.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/usercopy.h"

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)
#define HOW            (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET) /* bits that are no events */
#define EXCLUSIVE_OK   (POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define CHAIN_MAX      5u

struct epoll {
    struct refcount refs;
    struct mutex lock;
    struct rb_tree items; /* by file, then descriptor */
    struct list ready;    /* sched_lock */
    struct waitq queue;
    struct file *file; /* the instance itself; not counted */
    unsigned above, below,
        walk; /* length of the chains through this instance, as of walk number `walk`; nesting_lock */
};

struct item {
    struct rb_node node;
    struct epoll *epoll;
    struct file *file; /* not counted */
    int fd;
    uint32_t events;
    uint64_t data;
    struct list ready_link; /* sched_lock */
    struct list file_link;  /* in file->epolls; files_lock */
    struct list hooks;
};

struct hook {
    struct list link;
    struct waiter waiter;
    struct item *item;
};

static struct spinlock files_lock = SPINLOCK_INIT("files of epoll", RANK_EPOLL);
static struct mutex nesting_lock = MUTEX_INIT(nesting_lock, "epoll nesting");
static unsigned walks;

static const struct file_ops epoll_ops;

static struct epoll *epoll_of(struct file *file) { return file->ops == &epoll_ops ? file->private : 0; }

static void epoll_put(struct epoll *epoll)
{
    if (ref_put(&epoll->refs)) kfree(epoll);
}

/* The ready list */

/* sched_lock is held. An item that is on the list already has woken everybody. */
static void make_ready(struct item *item)
{
    if (!list_empty(&item->ready_link)) return;
    list_push_back(&item->epoll->ready, &item->ready_link);
    wake_all_locked(&item->epoll->queue);
}

static void file_woke(struct waiter *waiter)
{
    struct item *item = container_of(waiter, struct hook, waiter)->item;
    if (item->events & ~HOW) make_ready(item);
}

static unsigned item_poll(struct item *item, struct poll_table *table)
{
    unsigned wanted = item->events & ~HOW;
    return file_poll(item->file, table) & (wanted ? wanted | POLLERR | POLLHUP : 0);
}

static void look_now(struct item *item)
{
    if (!item_poll(item, 0)) return;
    spin_lock(&sched_lock);
    make_ready(item);
    spin_unlock(&sched_lock);
}

static struct item *take_ready(struct epoll *epoll)
{
    struct item *item = 0;
    spin_lock(&sched_lock);
    if (!list_empty(&epoll->ready)) {
        item = list_first(&epoll->ready, struct item, ready_link);
        list_remove(&item->ready_link);
    }
    spin_unlock(&sched_lock);
    return item;
}

static void give_back(struct item *item, bool first)
{
    spin_lock(&sched_lock);
    if (!list_empty(&item->ready_link)) list_remove(&item->ready_link);
    if (first)
        list_push_front(&item->epoll->ready, &item->ready_link);
    else
        list_push_back(&item->epoll->ready, &item->ready_link);
    spin_unlock(&sched_lock);
}

static unsigned ready_count(struct epoll *epoll)
{
    unsigned n = 0;
    spin_lock(&sched_lock);
    for (struct list *at = epoll->ready.next; at != &epoll->ready; at = at->next) n++;
    spin_unlock(&sched_lock);
    return n;
}

/* Items */

static int compare(const struct file *file, int fd, const struct item *item)
{
    if (file != item->file) return file < item->file ? -1 : 1;
    return fd < item->fd ? -1 : fd > item->fd;
}

static struct item *find(struct epoll *epoll, struct file *file, int fd)
{
    for (struct rb_node *at = epoll->items.root; at;) {
        struct item *item = rb_entry(at, struct item, node);
        int order = compare(file, fd, item);
        if (!order) return item;
        at = order < 0 ? at->left : at->right;
    }
    return 0;
}

static struct item *find_any(struct epoll *epoll, struct file *file)
{
    for (struct rb_node *at = epoll->items.root; at;) {
        struct item *item = rb_entry(at, struct item, node);
        if (item->file == file) return item;
        at = file < item->file ? at->left : at->right;
    }
    return 0;
}

static void insert(struct epoll *epoll, struct item *item)
{
    struct rb_node **at = &epoll->items.root, *parent = 0;
    while (*at) {
        parent = *at;
        at = compare(item->file, item->fd, rb_entry(parent, struct item, node)) < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&epoll->items, &item->node, parent, at);
    spin_lock(&files_lock);
    list_push_back(&item->file->epolls, &item->file_link);
    spin_unlock(&files_lock);
}

/* epoll->lock is held. */
static void item_remove(struct item *item)
{
    struct hook *hook, *after;
    list_for_each_safe(hook, after, &item->hooks, link)
    {
        waiter_remove(&hook->waiter);
        kfree(hook);
    }
    spin_lock(&sched_lock);
    list_remove(&item->ready_link);
    spin_unlock(&sched_lock);
    spin_lock(&files_lock);
    list_remove(&item->file_link);
    spin_unlock(&files_lock);
    rb_remove(&item->epoll->items, &item->node);
    kfree(item);
}

struct hooking {
    struct poll_table table;
    struct item *item;
};

static void hook_on(struct poll_table *table, struct waitq *queue)
{
    struct item *item = container_of(table, struct hooking, table)->item;
    struct hook *hook = kmalloc(sizeof *hook);
    if (!hook) {
        table->failed = true;
        return;
    }
    hook->item = item;
    list_push_back(&item->hooks, &hook->link);
    waiter_add_function(&hook->waiter, queue, file_woke);
}

/* Nesting */

/* How many instances hang below this one, itself included. CHAIN_MAX + 1 stands for too many, circles too. */
static unsigned chain_below(struct epoll *epoll, struct epoll *forbidden, unsigned depth)
{
    if (epoll == forbidden || depth > CHAIN_MAX) return CHAIN_MAX + 1;
    if (epoll->walk == walks) return epoll->below;
    unsigned longest = 0;
    mutex_lock(&epoll->lock);
    for (struct rb_node *at = rb_first(&epoll->items); at; at = rb_next(at)) {
        struct epoll *inside = epoll_of(rb_entry(at, struct item, node)->file);
        if (inside) longest = MAX(longest, chain_below(inside, forbidden, depth + 1));
    }
    mutex_unlock(&epoll->lock);
    epoll->walk = walks;
    return epoll->below = longest + 1;
}

/* How many watch this one, and so on, itself included. files_lock is held. */
static unsigned chain_above(struct epoll *epoll, unsigned depth)
{
    if (depth > CHAIN_MAX) return CHAIN_MAX + 1;
    if (epoll->walk == walks) return epoll->above;
    unsigned longest = 0;
    struct item *item;
    list_for_each(item, &epoll->file->epolls, file_link) longest = MAX(longest, chain_above(item->epoll, depth + 1));
    epoll->walk = walks;
    return epoll->above = longest + 1;
}

/* May `epoll` watch `target`? nesting_lock is held, so no other link between instances is being made. */
static int check_nesting(struct epoll *epoll, struct epoll *target)
{
    walks++;
    unsigned below = chain_below(target, epoll, 1);
    walks++;
    spin_lock(&files_lock);
    unsigned above = chain_above(epoll, 1);
    spin_unlock(&files_lock);
    return below + above > CHAIN_MAX ? -ELOOP : 0;
}

/* Control */

static int add(struct epoll *epoll, struct file *file, int fd, uint32_t events, uint64_t data)
{
    struct item *item = kzalloc(sizeof *item);
    if (!item) return -ENOMEM;
    *item = (struct item){.epoll = epoll, .file = file, .fd = fd, .events = events | POLLERR | POLLHUP, .data = data};
    list_init(&item->ready_link);
    list_init(&item->file_link);
    list_init(&item->hooks);
    insert(epoll, item);
    struct hooking hooking = {.table = {.hook = hook_on}, .item = item};
    unsigned now = item_poll(item, &hooking.table);
    if (hooking.table.failed) {
        item_remove(item);
        return -ENOMEM;
    }
    if (now) look_now(item);
    return 0;
}

static int control(struct epoll *epoll, int op, struct file *file, int fd, const struct epoll_event *event)
{
    struct item *item = find(epoll, file, fd);
    switch (op) {
    case EPOLL_CTL_ADD: return item ? -EEXIST : add(epoll, file, fd, event->events, event->data);
    case EPOLL_CTL_DEL:
        if (!item) return -ENOENT;
        item_remove(item);
        return 0;
    case EPOLL_CTL_MOD:
        if (!item) return -ENOENT;
        if (item->events & EPOLLEXCLUSIVE) return -EINVAL;
        spin_lock(&sched_lock);
        item->events = event->events | POLLERR | POLLHUP;
        item->data = event->data;
        spin_unlock(&sched_lock);
        look_now(item);
        return 0;
    default: return -EINVAL;
    }
}

int epoll_control(struct file *epoll_file, int op, struct file *file, int fd, const struct epoll_event *event)
{
    if (!file->ops->poll) return -EPERM;
    struct epoll *epoll = epoll_of(epoll_file), *target = epoll_of(file);
    if (!epoll || epoll_file == file) return -EINVAL;
    if (op != EPOLL_CTL_DEL && (event->events & EPOLLEXCLUSIVE)) {
        if (op == EPOLL_CTL_MOD) return -EINVAL;
        if (op == EPOLL_CTL_ADD && (target || (event->events & ~EXCLUSIVE_OK))) return -EINVAL;
    }
    bool nests = op == EPOLL_CTL_ADD && target;
    if (nests) mutex_lock(&nesting_lock);
    int error = nests ? check_nesting(epoll, target) : 0;
    if (!error) {
        mutex_lock(&epoll->lock);
        error = control(epoll, op, file, fd, event);
        mutex_unlock(&epoll->lock);
    }
    if (nests) mutex_unlock(&nesting_lock);
    return error;
}

/* Waiting */

/* Reports what is ready: the number of events, or -EFAULT. epoll->lock is held. */
static long report(struct epoll *epoll, uint64_t user, unsigned room)
{
    unsigned n = 0;
    for (unsigned look = ready_count(epoll); look && n < room; look--) {
        struct item *item = take_ready(epoll);
        if (!item) break;
        struct epoll_event event = {.events = item_poll(item, 0), .data = item->data};
        if (!event.events) continue;
        if (copy_to_user(user + n * sizeof event, &event, sizeof event)) {
            give_back(item, true);
            return n ? (long)n : -EFAULT;
        }
        n++;
        if (item->events & EPOLLONESHOT) {
            spin_lock(&sched_lock);
            item->events &= HOW;
            spin_unlock(&sched_lock);
        } else if (!(item->events & EPOLLET)) {
            give_back(item, false);
        }
    }
    return n;
}

long epoll_await(struct file *file, uint64_t user, unsigned room, uint64_t deadline_ns, bool now)
{
    struct epoll *epoll = epoll_of(file);
    for (int error = 0;;) {
        mutex_lock(&epoll->lock);
        long n = report(epoll, user, room);
        mutex_unlock(&epoll->lock);
        if (n || now || error == -ETIMEDOUT) return n;
        if (error) return error;
        spin_lock(&sched_lock);
        if (list_empty(&epoll->ready)) error = wait_on(&epoll->queue, &sched_lock, true, deadline_ns);
        spin_unlock(&sched_lock);
    }
}

/* As a file */

static unsigned epoll_poll(struct file *file, struct poll_table *table)
{
    struct epoll *epoll = epoll_of(file);
    unsigned events = 0;
    poll_wait(table, &epoll->queue);
    mutex_lock(&epoll->lock);
    for (unsigned look = ready_count(epoll); look && !events; look--) {
        struct item *item = take_ready(epoll);
        if (!item) break;
        if (!item_poll(item, 0)) continue;
        give_back(item, true);
        events = POLLIN | POLLRDNORM;
    }
    mutex_unlock(&epoll->lock);
    return events;
}

static void epoll_release(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    mutex_lock(&epoll->lock);
    for (struct rb_node *first; (first = rb_first(&epoll->items));) item_remove(rb_entry(first, struct item, node));
    mutex_unlock(&epoll->lock);
    epoll_put(epoll);
}

void epoll_file_closes(struct file *file)
{
    for (;;) {
        struct epoll *epoll = 0;
        spin_lock(&files_lock);
        if (!list_empty(&file->epolls)) {
            epoll = list_first(&file->epolls, struct item, file_link)->epoll;
            ref_get(&epoll->refs);
        }
        spin_unlock(&files_lock);
        if (!epoll) return;
        mutex_lock(&epoll->lock);
        for (struct item *item; (item = find_any(epoll, file));) item_remove(item);
        mutex_unlock(&epoll->lock);
        epoll_put(epoll);
    }
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll, .seek = event_seek, .release = epoll_release, .flags = FOPS_STREAM};

bool file_is_epoll(struct file *file) { return epoll_of(file); }

struct file *epoll_open(void)
{
    struct epoll *epoll = kzalloc(sizeof *epoll);
    if (!epoll) return 0;
    ref_init(&epoll->refs);
    mutex_init(&epoll->lock, "epoll");
    list_init(&epoll->ready);
    waitq_init(&epoll->queue);
    struct file *file = event_file(&epoll_ops, "anon_inode:[eventpoll]", O_RDWR, epoll);
    if (!file)
        kfree(epoll);
    else
        epoll->file = file;
    return file;
}
