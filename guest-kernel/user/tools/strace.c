/*
 * strace - prints the system calls that a program makes, as they happen.
 *
 *      strace [-f] [-c] [-o FILE] [-e NAME,...] PROGRAM [ARGUMENT...]      runs the program
 *      strace [-f] [-c] [-o FILE] [-e NAME,...] -p PID                     looks at one that runs already, until ^C
 *
 * -f follows its children and threads; then each line begins with the number of the task. -c prints no calls, but at the end a table of how
 * often each was made, how often it failed and how long it took. -e prints only the calls named.
 *
 * The kernel stops a traced task at the beginning and at the end of every call and tells this program (ptrace(2)). Between
 * the two another task may have something to say: then the unfinished line is ended with "<unfinished ...>" and taken up
 * later with "<... read resumed>".
 */
#include "lib/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS        512
#define CALL_STOP    (SIGTRAP | 0x80)
#define STOP_OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)
#define FOLLOW       (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

struct tracee {
    struct tracee *next;
    pid_t pid;
    struct call call;
    bool in_call, shown; /* the call is to be printed */
    double since;
};

static struct tracee *tracees;
static struct tracee *open_line; /* whose line is not finished */
static bool follow, count_only;
static FILE *output;
static bool chosen[CALLS], choose;
static struct {
    unsigned long calls, errors;
    double seconds;
} statistics[CALLS];
static volatile sig_atomic_t stop_asked;
static pid_t starting; /* has not come to its exec yet: what it does until then is ours, not the program's */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct tracee *tracee_of(pid_t pid)
{
    struct tracee *t = tracees;
    while (t && t->pid != pid) t = t->next;
    if (t) return t;
    t = xmalloc(sizeof *t);
    *t = (struct tracee){.next = tracees, .pid = pid};
    tracees = t;
    return t;
}

static void forget(pid_t pid)
{
    for (struct tracee **at = &tracees; *at; at = &(*at)->next) {
        if ((*at)->pid != pid) continue;
        struct tracee *gone = *at;
        *at = gone->next;
        if (open_line == gone) open_line = NULL;
        free(gone);
        return;
    }
}

/* Lines */

static void prefix(const struct tracee *t)
{
    if (follow) fprintf(output, "[%d] ", t->pid);
}

static void interrupt_line(void)
{
    if (!open_line) return;
    fputs(" <unfinished ...>\n", output);
    open_line = NULL;
}

static void say(const struct tracee *t, const char *text)
{
    interrupt_line();
    prefix(t);
    fprintf(output, "%s\n", text);
}

static void call_begins(struct tracee *t, const struct __ptrace_syscall_info *info)
{
    struct text line = {0};
    if (starting == t->pid) {
        const char *name = decode_name(info->entry.nr);
        if (!name || strcmp(name, "execve")) return;
        starting = 0;
    }
    t->in_call = true;
    t->since = now();
    t->call = (struct call){.pid = t->pid, .number = info->entry.nr};
    memcpy(t->call.argument, info->entry.args, sizeof t->call.argument);
    t->shown = !count_only && (!choose || (t->call.number < CALLS && chosen[t->call.number]));
    if (!t->shown) return;
    interrupt_line();
    decode_begin(&line, &t->call);
    prefix(t);
    fputs(text_str(&line), output);
    fflush(output);
    text_free(&line);
    open_line = t;
}

static void call_ends(struct tracee *t, const struct __ptrace_syscall_info *info)
{
    struct text line = {0};
    if (!t->in_call) return;
    t->in_call = false;
    if (t->call.number < CALLS) {
        statistics[t->call.number].calls++;
        statistics[t->call.number].errors += info->exit.is_error;
        statistics[t->call.number].seconds += now() - t->since;
    }
    if (!t->shown) return;
    if (open_line != t) {
        interrupt_line();
        prefix(t);
        const char *name = decode_name(t->call.number);
        fprintf(output, "<... %s resumed>", name ? name : "call");
    }
    decode_end(&line, &t->call, info->exit.rval, info->exit.is_error);
    fprintf(output, "%s\n", text_str(&line));
    text_free(&line);
    open_line = NULL;
}

static void call_stop(struct tracee *t)
{
    struct __ptrace_syscall_info info;
    long n = ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof info, &info);
    if (n < 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) call_begins(t, &info);
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) call_ends(t, &info);
}

/* Events */

static void show_signal(struct tracee *t, int signal)
{
    siginfo_t info = {0};
    char line[128];
    if (count_only || starting == t->pid) return;
    if (ptrace(PTRACE_GETSIGINFO, t->pid, 0, &info) == 0 && info.si_code <= 0)
        snprintf(line, sizeof line, "--- %s from %d ---", decode_signal(signal), (int)info.si_pid);
    else if (signal == SIGCHLD && info.si_code <= CLD_DUMPED)
        snprintf(line, sizeof line, "--- SIGCHLD: %d has ended, %s %d ---", (int)info.si_pid,
                 info.si_code == CLD_EXITED ? "status" : "signal", info.si_status);
    else if (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE)
        snprintf(line, sizeof line, "--- %s at %p ---", decode_signal(signal), info.si_addr);
    else
        snprintf(line, sizeof line, "--- %s ---", decode_signal(signal));
    say(t, line);
}

/* A stop that is neither a call nor an end. The signal with which the tracee goes on. */
static int other_stop(struct tracee *t, int status)
{
    int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_STOP) {
        bool job = signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
        return job ? -1 : 0;
    }
    if (event == PTRACE_EVENT_EXEC) t->in_call = t->in_call && t->shown; /* the call's end is still to come */
    if (event) return 0;
    show_signal(t, signal);
    return signal;
}

static void show_end(pid_t pid, int status)
{
    char line[64];
    if (count_only) return;
    if (WIFEXITED(status))
        snprintf(line, sizeof line, "+++ exited with %d +++", WEXITSTATUS(status));
    else
        snprintf(line, sizeof line, "+++ killed by %s +++", decode_signal(WTERMSIG(status)));
    struct tracee *t = tracee_of(pid);
    if (open_line == t) {
        fputs(") = ?\n", output);
        open_line = NULL;
    }
    say(t, line);
}

static void detach_all(void)
{
    for (struct tracee *t = tracees, *next; t; t = next) {
        next = t->next;
        int status;
        if (ptrace(PTRACE_INTERRUPT, t->pid, 0, 0) == 0 && waitpid(t->pid, &status, __WALL) == t->pid &&
            WIFSTOPPED(status)) {
            int signal = status >> 16 || WSTOPSIG(status) == CALL_STOP ? 0 : WSTOPSIG(status);
            ptrace(PTRACE_DETACH, t->pid, 0, (long)signal);
        }
    }
}

/* Until all tracees have ended. The exit status of `first`. */
static int watch(pid_t first)
{
    int result = 0, status;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) {
            if (!stop_asked) continue;
            interrupt_line();
            detach_all();
            return 0;
        }
        if (pid < 0) return result;
        if (!WIFSTOPPED(status)) {
            show_end(pid, status);
            if (pid == first) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            forget(pid);
            continue;
        }
        struct tracee *t = tracee_of(pid);
        int signal = 0;
        if (WSTOPSIG(status) == CALL_STOP)
            call_stop(t);
        else
            signal = other_stop(t, status);
        if (signal < 0)
            ptrace(PTRACE_LISTEN, pid, 0, 0);
        else
            ptrace(PTRACE_SYSCALL, pid, 0, (long)signal);
    }
}

static void seize(pid_t pid)
{
    if (ptrace(PTRACE_SEIZE, pid, 0, (long)(STOP_OPTIONS | (follow ? FOLLOW : 0)))) fail_errno("process %d", pid);
    tracee_of(pid);
}

/* The child waits, stopped, until it is traced; so not even its first call is missed. */
static pid_t start(char **argv)
{
    int status;
    pid_t pid = fork();
    if (pid < 0) fail_errno("fork");
    if (!pid) {
        if (output != stderr) fclose(output);
        raise(SIGSTOP);
        execvp(argv[0], argv);
        warn_errno("%s", argv[0]);
        _exit(127);
    }
    if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) fail_text("the child did not start");
    seize(pid);
    kill(pid, SIGCONT);
    return pid;
}

static int by_time(const void *a, const void *b)
{
    double x = statistics[*(const int *)a].seconds, y = statistics[*(const int *)b].seconds;
    return (x < y) - (x > y);
}

static void print_statistics(void)
{
    int order[CALLS];
    unsigned long calls = 0, errors = 0;
    double seconds = 0;
    for (int i = 0; i < CALLS; i++) {
        order[i] = i;
        calls += statistics[i].calls, errors += statistics[i].errors, seconds += statistics[i].seconds;
    }
    qsort(order, CALLS, sizeof *order, by_time);
    fprintf(output, "%% time     seconds  usecs/call     calls    errors syscall\n");
    for (int i = 0; i < CALLS; i++) {
        int n = order[i];
        if (!statistics[n].calls) continue;
        const char *name = decode_name((unsigned long)n);
        fprintf(output, "%6.2f %11.6f %11.0f %9lu %9lu %s\n", seconds > 0 ? statistics[n].seconds * 100 / seconds : 0,
                statistics[n].seconds, statistics[n].seconds * 1e6 / (double)statistics[n].calls, statistics[n].calls,
                statistics[n].errors, name ? name : "?");
    }
    fprintf(output, "%6.2f %11.6f %11s %9lu %9lu total\n", 100.0, seconds, "", calls, errors);
}

static void choose_calls(char *list)
{
    if (!strncmp(list, "trace=", 6)) list += 6;
    choose = true;
    for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
        bool known = false;
        for (unsigned long i = 0; i < CALLS; i++)
            if (decode_name(i) && !strcmp(decode_name(i), word)) chosen[i] = known = true;
        if (!known) fail_text("-e %s: there is no such call", word);
    }
}

static void ask_stop(int signal)
{
    (void)signal;
    stop_asked = 1;
}

int main(int argc, char **argv)
{
    static const char usage[] = "[-f] [-c] [-o FILE] [-e NAME,...] PROGRAM [ARGUMENT...] | -p PID";
    pid_t attach = 0;
    int option;
    util_start(argv);
    output = stderr;
    while ((option = getopt(argc, argv, "+fco:e:p:")) != -1) {
        long long number;
        switch (option) {
        case 'f': follow = true; break;
        case 'c': count_only = true; break;
        case 'e': choose_calls(optarg); break;
        case 'o':
            if (!(output = fopen(optarg, "we"))) fail_errno("%s", optarg);
            break;
        case 'p':
            if (!parse_number(optarg, &number) || number <= 0 || number > INT32_MAX)
                fail_text("-p %s: not a number of a process", optarg);
            attach = (pid_t)number;
            break;
        default: fail_usage(usage);
        }
    }
    if (!attach == !argv[optind]) fail_usage(usage);
    if (attach) {
        struct sigaction action = {.sa_handler = ask_stop};
        sigaction(SIGINT, &action, NULL), sigaction(SIGTERM, &action, NULL);
        seize(attach);
        if (ptrace(PTRACE_INTERRUPT, attach, 0, 0)) fail_errno("process %d", attach);
    } else {
        attach = starting = start(argv + optind);
        signal(SIGINT, SIG_IGN), signal(SIGQUIT, SIG_IGN); /* they are for the program */
    }
    int result = watch(attach);
    if (count_only) print_statistics();
    if (output != stderr && fclose(output)) fail_errno("closing the output");
    return result;
}
