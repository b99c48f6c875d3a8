/* races.h - children that get into each other's way until the parent is through. */
#ifndef RACES_H
#define RACES_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child[4];
static unsigned children;

/* A child that does `work` again and again until stop(); at most four. */
static void start(void (*work)(unsigned step))
{
    pid_t pid = fork();
    if (pid) {
        child[children++] = pid;
        return;
    }
    for (unsigned step = 0;; step++) work(step);
}

/* Ends all children. */
static void stop(void)
{
    while (children) {
        kill(child[--children], SIGKILL);
        waitpid(child[children], 0, 0);
    }
}

#endif
