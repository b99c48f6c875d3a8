/*
 * trap.c - signals that a script wants to handle itself.
 *
 * A signal may come at any moment, in the middle of anything; so the handler only notes it, and the command that `trap` names runs
 * later, between two commands of the script.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sh/sh.h"

enum { SIGNALS = 65 };
static char *actions[SIGNALS]; /* 0: at the end of the shell; "" ignores */
static volatile sig_atomic_t pending[SIGNALS], any_pending;
static bool ignored_at_start[SIGNALS];
volatile sig_atomic_t interrupted;

static void handler(int number)
{
    if (number == SIGINT && !actions[SIGINT]) {
        interrupted = 1;
        return;
    }
    pending[number] = 1;
    any_pending = 1;
}

static void install(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (ignored_at_start[number] && !sh.interactive) return;
    if (actions[number]) {
        action.sa_handler = *actions[number] ? handler : SIG_IGN;
    } else if (sh.interactive && number == SIGINT) {
        action.sa_handler = handler;
    } else if (sh.interactive && (number == SIGQUIT || number == SIGTERM)) {
        action.sa_handler = SIG_IGN;
    } else if (sh.jobcontrol && (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)) {
        action.sa_handler = SIG_IGN;
    }
    sigaction(number, &action, NULL); /* without SA_RESTART: `wait` and `read` are to notice */
}

void traps_start(void)
{
    struct sigaction old;
    for (int i = 1; i < SIGNALS; i++) ignored_at_start[i] = !sigaction(i, NULL, &old) && old.sa_handler == SIG_IGN;
    if (!sh.interactive) return;
    install(SIGINT);
    install(SIGQUIT);
    install(SIGTERM);
}

/* A subshell has no traps, but what is ignored stays so. What the shell changed for itself goes as well. */
void traps_child(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        pending[i] = 0;
        if (actions[i] && *actions[i]) {
            free(actions[i]);
            actions[i] = NULL;
            if (i) signal(i, SIG_DFL);
        } else if (i && !actions[i] && !ignored_at_start[i] &&
                   (i == SIGINT || i == SIGQUIT || i == SIGTERM || i == SIGTSTP || i == SIGTTIN || i == SIGTTOU)) {
            signal(i, SIG_DFL);
        }
    }
    any_pending = 0;
    interrupted = 0;
}

bool traps_pending(void) { return any_pending || interrupted; }
bool trap_set_for(int number) { return actions[number] != NULL; }

void traps_run(void)
{
    if (interrupted) {
        interrupted = 0;
        if (!sh.leaving) sh.leaving = LEAVE_LINE;
        sh.status = 128 + SIGINT;
    }
    while (any_pending) {
        any_pending = 0;
        for (int i = 1; i < SIGNALS; i++) {
            if (!pending[i] || !actions[i]) continue;
            pending[i] = 0;
            int status = sh.status;
            enum leaving leaving = sh.leaving;
            char *action = xstrdup(actions[i]);
            sh.leaving = STAY;
            run_string(action, "trap");
            free(action);
            if (!sh.leaving) {
                sh.leaving = leaving;
                sh.status = status;
            }
        }
    }
}

/* The end of the shell, with the trap for it. */
void trap_exit(void)
{
    int status = sh.status;
    if (actions[0]) {
        char *action = actions[0];
        actions[0] = NULL;
        sh.leaving = STAY;
        run_string(action, "trap");
        if (sh.leaving == LEAVE_SHELL) status = sh.status;
        free(action);
    }
    fflush(stdout);
    _exit(status);
}

static void print_traps(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        if (!actions[i]) continue;
        struct text line = {0};
        put_quoted(&line, actions[i]);
        printf("trap -- %s %s\n", text_str(&line), i ? signal_word(i) : "EXIT");
        text_free(&line);
    }
}

int builtin_trap(int argc, char **argv)
{
    int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1, status = 0;
    long long number;
    if (first >= argc) {
        print_traps();
        return 0;
    }
    const char *action = argv[first];
    if (parse_number(action, &number))
        action = "-"; /* trap 2: as at the start */
    else
        first++;
    for (int i = first; i < argc; i++) {
        int n = signal_number(argv[i]);
        if (n < 0 || n >= SIGNALS) {
            sh_error("trap: %s: no such signal", argv[i]);
            status = 1;
            continue;
        }
        free(actions[n]);
        actions[n] = strcmp(action, "-") ? xstrdup(action) : NULL;
        if (n) install(n);
    }
    return status;
}
