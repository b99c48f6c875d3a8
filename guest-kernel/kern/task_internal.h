/* task_internal.h - what the files of kern/, arch/ and sched/ share about tasks and nobody else needs. */
#ifndef KEPLER_KERN_TASK_INTERNAL_H
#define KEPLER_KERN_TASK_INTERNAL_H

#include "kern/process.h"
#include "kern/task.h"

/* arch/ */
struct task *context_switch(struct task *from, struct task *to);
void floating_save(struct fpstate *state);
void floating_load(const struct fpstate *state);
void task_begin(void);
void task_first_run(struct task *previous);
void task_return_first(struct trapframe *frame);
void hart_setup(unsigned number, struct task *idle);

/* A PCB with a kernel stack, state NEW, one reference; NULL when out of memory. */
struct task *task_create(const char *name);
/* Gives it a pid and makes it findable. */
void task_publish(struct task *task);
void task_unpublish(struct task *task);
struct task *task_create_idle(unsigned hart);
_Noreturn void task_idle(void);
void task_set_name(struct task *task, const char *name);
/* exec in another thread than the first: the current task becomes the process's first task, under its pid. */
void task_take_over_pid(struct task *leader);
/* The kernel thread that becomes process 1 gives its place to pid 1. */
void task_take_first_pid(void);
/* Takes the terminated task off the hart for ever. */
_Noreturn void task_finish(void);
/* Frees what a terminated task cannot free itself: called by whoever runs next on the hart. */
void task_after_switch(struct task *previous);

/* wait.c; sched_lock held */
void wake_task_locked(struct task *task, int result);
/* Wakes a task that sleeps interruptibly, because it has a signal. */
void wake_for_signal(struct task *task, bool fatal);

#endif
