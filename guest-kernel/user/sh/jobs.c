/*
 * jobs.c - what the shell has started: jobs, their processes, and who owns the terminal.
 *
 * With job control every pipeline is a process group of its own. The terminal knows one group as the foreground: only its processes
 * may read, and Ctrl-C and Ctrl-Z send their signals to all of it and to nobody else. The shell makes a job's group the foreground one,
 * waits until the job has ended or stopped, and then takes the terminal back. A child's state arrives by wait: the kernel keeps it
 * until the parent has asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "sh/sh.h"

struct member {
    pid_t pid;
    int status; /* as wait gives it */
    bool ended, stopped;
};

struct job {
    struct job *next;
    int id;
    pid_t group;
    bool background, told, keep; /* keep: `wait` may still ask for its status */
    struct member *members;
    int n;
    char *text;
    struct termios modes;
    bool has_modes;
};

static struct job *jobs; /* the latest first */
static struct termios shell_modes;
static bool has_shell_modes;

int wait_status(int status)
{
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    return 128 + (WIFSTOPPED(status) ? WSTOPSIG(status) : WTERMSIG(status));
}

struct job *job_create(const struct node *node, bool background)
{
    struct job *job = xmalloc(sizeof *job);
    struct text text = {0};
    node_text(node, &text);
    *job = (struct job){.next = jobs, .background = background, .keep = background, .text = text_take(&text), .id = 1};
    for (struct job *j = jobs; j; j = j->next)
        if (j->id >= job->id) job->id = j->id + 1;
    return jobs = job;
}

static void job_free(struct job *job)
{
    for (struct job **at = &jobs; *at; at = &(*at)->next) {
        if (*at != job) continue;
        *at = job->next;
        break;
    }
    free(job->members);
    free(job->text);
    free(job);
}

void jobs_forget(void)
{
    while (jobs) job_free(jobs);
}

void job_add(struct job *job, pid_t pid)
{
    job->members = xrealloc(job->members, (size_t)(job->n + 1) * sizeof *job->members);
    job->members[job->n++] = (struct member){.pid = pid};
    if (!job->group) job->group = pid;
    if (!sh.jobcontrol) return;
    setpgid(pid, job->group); /* the child does so as well: whoever comes first */
    if (!job->background && sh.terminal >= 0) tcsetpgrp(sh.terminal, job->group);
}

void job_enter(struct job *job)
{
    if (!job || !sh.jobcontrol) return;
    pid_t group = job->group ? job->group : getpid();
    setpgid(0, group);
    if (!job->background && sh.terminal >= 0) {
        signal(SIGTTOU, SIG_IGN);
        tcsetpgrp(sh.terminal, group);
    }
}

void job_started(struct job *job)
{
    if (!job->n) {
        job_free(job);
        return;
    }
    sh.last_background = job->members[job->n - 1].pid;
    if (sh.interactive) fprintf(stderr, "[%d] %d\n", job->id, (int)sh.last_background);
}

static bool job_ended(const struct job *job)
{
    for (int i = 0; i < job->n; i++)
        if (!job->members[i].ended) return false;
    return true;
}

static bool job_stopped(const struct job *job)
{
    bool any = false;
    for (int i = 0; i < job->n; i++) {
        if (!job->members[i].ended && !job->members[i].stopped) return false;
        any |= job->members[i].stopped;
    }
    return any;
}

static int job_status(const struct job *job)
{
    int status = job->n ? wait_status(job->members[job->n - 1].status) : 1;
    for (int i = 0; i < job->n; i++) {
        const struct member *m = &job->members[i];
        if (sh.pipefail && m->ended && wait_status(m->status) && !status) status = wait_status(m->status);
        if (m->stopped) status = wait_status(m->status);
    }
    return status;
}

/* Takes one change of state of a child; false: there is none (or a signal came). */
static bool collect(int options)
{
    int status;
    pid_t pid = waitpid(-1, &status, options | WUNTRACED | WCONTINUED);
    if (pid <= 0) return false;
    for (struct job *job = jobs; job; job = job->next) {
        for (int i = 0; i < job->n; i++) {
            struct member *m = &job->members[i];
            if (m->pid != pid || m->ended) continue;
            m->stopped = WIFSTOPPED(status);
            m->ended = WIFEXITED(status) || WIFSIGNALED(status);
            if (!WIFCONTINUED(status)) m->status = status;
            job->told = false;
            return true;
        }
    }
    return true;
}

static const char *state_text(const struct job *job, char out[32])
{
    int status = job->n ? job->members[job->n - 1].status : 0;
    if (job_stopped(job)) return "Stopped";
    if (!job_ended(job)) return "Running";
    if (WIFSIGNALED(status)) return strsignal(WTERMSIG(status));
    if (!WEXITSTATUS(status)) return "Done";
    snprintf(out, 32, "Done(%d)", WEXITSTATUS(status));
    return out;
}

static struct job *current_job(int nth) /* 0: %+, 1: %- */
{
    for (int stopped = 1; stopped >= 0; stopped--)
        for (struct job *job = jobs; job; job = job->next)
            if (job->n && job_stopped(job) == (bool)stopped && (stopped || !job_ended(job)) && nth-- == 0) return job;
    return NULL;
}

static void job_print(const struct job *job, FILE *out, bool pids)
{
    char room[32];
    char mark = job == current_job(0) ? '+' : job == current_job(1) ? '-' : ' ';
    fprintf(out, "[%d]%c  ", job->id, mark);
    if (pids) fprintf(out, "%d ", (int)job->group);
    fprintf(out, "%-22s %s%s\n", state_text(job, room), job->text,
            job->background && !job_stopped(job) && !job_ended(job) ? " &" : "");
}

void jobs_update(bool report)
{
    while (collect(WNOHANG)) {
    }
    struct job *next;
    for (struct job *job = jobs; job; job = next) {
        next = job->next;
        bool ended = job_ended(job);
        if (!ended && !job_stopped(job)) continue;
        if (report && !job->told && sh.interactive) job_print(job, stderr, false);
        job->told = true;
        if (ended && (sh.interactive || !job->keep)) job_free(job);
    }
}

static void take_terminal(struct job *job)
{
    if (!sh.jobcontrol || sh.terminal < 0) return;
    tcsetpgrp(sh.terminal, sh.group);
    if (job_stopped(job)) job->has_modes = !tcgetattr(sh.terminal, &job->modes);
    int status = job->n ? job->members[job->n - 1].status : 0;
    if (has_shell_modes && (job_stopped(job) || WIFSIGNALED(status)))
        tcsetattr(sh.terminal, TCSADRAIN, &shell_modes);
    else
        has_shell_modes = !tcgetattr(sh.terminal, &shell_modes);
}

static void tell_of_death(const struct job *job)
{
    int status = job->n ? job->members[job->n - 1].status : 0;
    if (!WIFSIGNALED(status)) return;
    int signal = WTERMSIG(status);
    if (signal == SIGINT) {
        if (sh.interactive) fputc('\n', stderr);
        if (sh.interactive) sh.leaving = LEAVE_LINE;
    } else if (signal != SIGPIPE && (sh.interactive || signal != SIGTERM)) {
        fprintf(stderr, "%s%s\n", strsignal(signal), WCOREDUMP(status) ? " (core dumped)" : "");
    }
}

int job_wait(struct job *job)
{
    while (!job_ended(job) && !job_stopped(job)) {
        if (!collect(0) && errno == ECHILD) break;
    }
    take_terminal(job);
    int status = job_status(job);
    if (job_stopped(job)) {
        job->background = true;
        job->told = true;
        if (sh.interactive) {
            fputc('\n', stderr);
            job_print(job, stderr, false);
        }
        return status;
    }
    tell_of_death(job);
    job_free(job);
    sh.status = status;
    return status;
}

void terminal_start(void)
{
    for (sh.terminal = -1; sh.terminal < 0;) {
        int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), source = fd < 0 ? (isatty(0) ? 0 : 2) : fd;
        sh.terminal = fcntl(source, F_DUPFD_CLOEXEC, 10);
        if (fd >= 0) close(fd);
        if (sh.terminal < 0) return;
        pid_t foreground = tcgetpgrp(sh.terminal);
        if (foreground < 0) { /* not a terminal, or not ours */
            close(sh.terminal);
            sh.terminal = -1;
            return;
        }
        if (foreground != getpgrp()) { /* started in the background: wait until somebody brings us forward */
            close(sh.terminal);
            sh.terminal = -1;
            kill(0, SIGTTIN);
        }
    }
    signal(SIGTSTP, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    setpgid(0, 0);
    sh.group = getpgrp();
    has_shell_modes = !tcgetattr(sh.terminal, &shell_modes);
    sh.jobcontrol = tcsetpgrp(sh.terminal, sh.group) == 0;
}

/* The built-ins that are about jobs */

static struct job *find_job(const char *spec)
{
    long long number;
    if (!spec || !strcmp(spec, "%%") || !strcmp(spec, "%+") || !strcmp(spec, "%")) return current_job(0);
    if (!strcmp(spec, "%-")) return current_job(1);
    bool by_id = *spec == '%';
    if (parse_number(spec + by_id, &number)) {
        for (struct job *job = jobs; job; job = job->next)
            for (int i = 0; i < job->n; i++)
                if (by_id ? job->id == number : job->members[i].pid == number) return job;
    } else if (by_id) {
        for (struct job *job = jobs; job; job = job->next)
            if (spec[1] == '?' ? strstr(job->text, spec + 2) != NULL : !strncmp(job->text, spec + 1, strlen(spec + 1)))
                return job;
    }
    return NULL;
}

static struct job *find_job_or_tell(const char *command, const char *spec)
{
    struct job *job = find_job(spec);
    if (!job) sh_error("%s: %s: no such job", command, spec ? spec : "current");
    return job;
}

static void job_continue(struct job *job)
{
    for (int i = 0; i < job->n; i++) job->members[i].stopped = false;
    kill(sh.jobcontrol ? -job->group : job->group, SIGCONT);
}

int builtin_fg(int argc, char **argv)
{
    struct job *job = find_job_or_tell("fg", argc > 1 ? argv[1] : NULL);
    if (!job) return 1;
    if (!sh.jobcontrol) {
        sh_error("fg: no job control");
        return 1;
    }
    printf("%s\n", job->text);
    fflush(stdout);
    job->background = false;
    tcsetpgrp(sh.terminal, job->group);
    if (job->has_modes) tcsetattr(sh.terminal, TCSADRAIN, &job->modes);
    job_continue(job);
    return job_wait(job);
}

int builtin_bg(int argc, char **argv)
{
    struct job *job = find_job_or_tell("bg", argc > 1 ? argv[1] : NULL);
    if (!job) return 1;
    job->background = true;
    job_continue(job);
    printf("[%d] %s &\n", job->id, job->text);
    return 0;
}

static void print_from_oldest(struct job *job, bool pids, bool only_pids)
{
    if (!job) return;
    print_from_oldest(job->next, pids, only_pids);
    if (only_pids)
        printf("%d\n", (int)job->group);
    else
        job_print(job, stdout, pids);
    job->told = true;
}

int builtin_jobs(int argc, char **argv)
{
    bool pids = argc > 1 && !strcmp(argv[1], "-l"), only_pids = argc > 1 && !strcmp(argv[1], "-p");
    while (collect(WNOHANG)) {
    }
    print_from_oldest(jobs, pids, only_pids);
    jobs_update(false);
    return 0;
}

/* Waits for one job; 128 + a signal's number if a trap interrupts. */
static int wait_for(struct job *job)
{
    while (!job_ended(job) && !(sh.jobcontrol && job_stopped(job))) {
        if (!collect(0) && errno == EINTR && (traps_pending() || interrupted)) {
            interrupted = 0;
            return 128 + SIGINT;
        }
        if (errno == ECHILD && !job_ended(job)) break;
    }
    int status = job_status(job);
    if (job_ended(job)) job_free(job);
    return status;
}

int builtin_wait(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc; i++) {
        struct job *job = find_job(argv[i]);
        status = job ? wait_for(job) : 127;
    }
    while (argc < 2) {
        struct job *running = NULL;
        for (struct job *job = jobs; job; job = job->next)
            if (!job_ended(job) && !job_stopped(job)) running = job;
        if (!running) break;
        if (!collect(0) && errno == EINTR && (traps_pending() || interrupted)) {
            interrupted = 0;
            return 128 + SIGINT;
        }
        if (errno == ECHILD) break;
    }
    if (argc < 2) {
        struct job *next;
        for (struct job *job = jobs; job; job = next) {
            next = job->next;
            if (job_ended(job)) job_free(job);
        }
    }
    return status;
}

static int kill_list(void)
{
    for (int i = 1; i < 32; i++) printf("%2d %s\n", i, signal_word(i));
    return 0;
}

int builtin_kill(int argc, char **argv)
{
    int number = SIGTERM, i = 1, status = 0;
    if (argc > 1 && !strcmp(argv[1], "-l")) {
        if (argc < 3) return kill_list();
        long long value;
        bool good = parse_number(argv[2], &value);
        if (good)
            puts(signal_word((int)(value > 128 ? value - 128 : value)));
        else
            printf("%d\n", signal_number(argv[2]));
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "--"))
        i++;
    else if (argc > 2 && !strcmp(argv[1], "-s"))
        number = signal_number(argv[2]), i = 3;
    else if (argc > 1 && argv[1][0] == '-')
        number = signal_number(argv[1] + 1), i = 2;
    if (i < argc && !strcmp(argv[i], "--")) i++;
    if (number < 0 || i >= argc) {
        sh_error(number < 0 ? "kill: no such signal" : "usage: kill [-SIGNAL] PID|%%JOB...");
        return 2;
    }
    for (; i < argc; i++) {
        long long pid = 0;
        struct job *job = argv[i][0] == '%' ? find_job_or_tell("kill", argv[i]) : NULL;
        if (argv[i][0] == '%' && !job) {
            status = 1;
            continue;
        }
        if (job) pid = sh.jobcontrol ? -job->group : job->group;
        if ((!job && !parse_number(argv[i], &pid)) || kill((pid_t)pid, number)) {
            sh_error("kill: %s: %s", argv[i], job || pid ? strerror(errno) : "not a process");
            status = 1;
        } else if (job && job_stopped(job) && (number == SIGTERM || number == SIGHUP)) {
            kill((pid_t)pid, SIGCONT);
        }
    }
    return status;
}
