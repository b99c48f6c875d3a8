/*
 * softirq.c - soft-interrupt threads. See softirq.h.
 *
 * There are two threads, so that one request that sleeps does not hold up all others; each takes the next request from the common
 * queue. A request is never run by both at once: while it runs it is off the queue but marked busy, and raising it then
 * only notes that it has to be run again.
 */
#include "kern/softirq.h"

#include "base/atomic.h"
#include "kern/init.h"
#include "kern/lock.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/wait.h"

#define THREADS 2

static struct spinlock softirq_lock = SPINLOCK_INIT("soft interrupts", RANK_SOFTIRQ);
static struct list queue = LIST_INIT(queue);
static struct waitq work = WAITQ_INIT(work);

void softirq_init(struct softirq *request, const char *name, void (*function)(void *), void *context)
{
    *request = (struct softirq){.function = function, .context = context, .name = name};
    list_init(&request->link);
}

void softirq_raise(struct softirq *request)
{
    spin_lock(&softirq_lock);
    request->again = request->busy;
    if (!request->busy && list_empty(&request->link)) {
        list_push_back(&queue, &request->link);
        wake_one(&work);
    }
    spin_unlock(&softirq_lock);
}

static void run(struct softirq *request)
{
    request->busy = true;
    do {
        request->again = false;
        request->runs++;
        spin_unlock(&softirq_lock);
        request->function(request->context);
        spin_lock(&softirq_lock);
    } while (request->again);
    request->busy = false;
}

static void softirq_thread(void *unused)
{
    (void)unused;
    spin_lock(&softirq_lock);
    for (;;) {
        while (list_empty(&queue)) wait_on(&work, &softirq_lock, false, 0);
        struct softirq *request = list_first(&queue, struct softirq, link);
        list_remove(&request->link);
        run(request);
    }
}

static void softirq_start(void)
{
    static const char *const names[THREADS] = {"softirq/0", "softirq/1"};
    for (unsigned i = 0; i < THREADS; i++)
        if (!kthread_start(names[i], softirq_thread, NULL)) panic("no memory for the soft-interrupt threads");
}
INIT(INIT_SUBSYSTEM, softirq_start);
