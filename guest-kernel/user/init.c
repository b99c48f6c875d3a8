/*
 * init.c - the first process, the ancestor of all others.
 *
 * The kernel starts one program; everything else descends from it by fork. It has three duties. It starts what /etc/inittab names, and
 * starts the consoles' shells again when they end. It adopts orphans - a process whose parent has ended becomes init's child - and waits
 * for them, or they would stay in the process table as zombies for ever. And it ends the system in order: asks all processes to
 * end, kills the rest, writes out and unmounts the file systems, and only then switches the machine off.
 *
 *      /etc/inittab    TERMINAL ACTION COMMAND...    for each line; ACTION is `once` (init waits for it), `start` or `respawn`;
 *                      TERMINAL is a name below /dev, or - for the console; a command that begins with - is a login shell
 *      SIGUSR2 power off, SIGTERM reboot, SIGUSR1 halt: `poweroff`, `reboot` and `halt` send them; SIGINT (Ctrl-Alt-Del) reboots
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

enum { ENTRIES = 32, WORDS = 16 };

struct entry {
    char *terminal, *action, *words[WORDS + 1];
    pid_t pid;
    time_t started;
    int quick; /* how often in a row it ended within a second */
};

static struct entry entries[ENTRIES];
static int count;
static char default_table[] = "- respawn -/bin/sh\n";

static time_t seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* File systems */

static void mount_usual(void)
{
    static const struct {
        const char *type, *target, *options;
        bool must;
    } usual[] = {{"proc", "/proc", NULL, true},
                 {"devtmpfs", "/dev", NULL, true},
                 {"tmpfs", "/tmp", "mode=1777", true},
                 {"tmpfs", "/dev/shm", "mode=1777", true},
                 {"devpts", "/dev/pts", NULL, false}};
    struct text mounts = {0};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        char *line = xprintf(" %s ", usual[i].target);
        mounts.n = 0;
        bool there = read_file("/proc/mounts", &mounts) && strstr(text_str(&mounts), line);
        mkdir(usual[i].target, 0755);
        if (!there && mount("none", usual[i].target, usual[i].type, 0, usual[i].options) && usual[i].must &&
            errno != EBUSY)
            warn_errno("mount %s", usual[i].target);
        free(line);
    }
    text_free(&mounts);
}

/* Unmounts what can be unmounted, the latest first; what is busy is at least written out and can change no more. */
static void unmount_all(void)
{
    struct text mounts = {0};
    struct strings targets = {0};
    read_file("/proc/mounts", &mounts);
    for (char *line = mounts.s, *next; line && *line; line = next) {
        char target[256];
        next = strchr(line, '\n');
        next = next ? next + 1 : line + strlen(line);
        if (sscanf(line, "%*s %255s", target) == 1) strings_add(&targets, xstrdup(target));
    }
    sync();
    for (size_t i = targets.n; i-- > 0;) {
        const char *target = targets.at[i];
        if (!strcmp(target, "/") || umount2(target, 0)) mount("none", target, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    }
    sync();
    text_free(&mounts);
    strings_free(&targets);
}

static void set_host_name(void)
{
    struct text name = {0};
    if (read_file("/etc/hostname", &name) && name.n)
        sethostname(name.s, strcspn(name.s, "\n"));
    else
        sethostname("kepler", 6);
    text_free(&name);
}

/* The table */

static void read_table(char *text)
{
    char *line_at, *word_at;
    for (char *line = strtok_r(text, "\n", &line_at); line; line = strtok_r(NULL, "\n", &line_at)) {
        struct entry e = {0};
        int words = 0;
        if (*line == '#') continue;
        e.terminal = strtok_r(line, " \t", &word_at);
        e.action = strtok_r(NULL, " \t", &word_at);
        for (char *w; words < WORDS && (w = strtok_r(NULL, " \t", &word_at));) e.words[words++] = w;
        if (!e.terminal) continue;
        if (!words || count == ENTRIES) {
            warn_text("/etc/inittab: %s: %s", e.terminal,
                      words ? "too many lines" : "a line needs a terminal, an action and a command");
            continue;
        }
        entries[count++] = e;
    }
}

/* In the child: a session of its own with the terminal as its controlling one. */
static void open_terminal(const char *name)
{
    char *path = path_join("/dev", strcmp(name, "-") ? name : "console");
    setsid();
    int fd = open(path, O_RDWR);
    free(path);
    if (fd < 0) return; /* keep the console that init has */
    ioctl(fd, TIOCSCTTY, 1);
    for (int i = 0; i < 3; i++) dup2(fd, i);
    if (fd > 2) close(fd);
}

static void start(struct entry *e)
{
    e->started = seconds();
    e->pid = fork();
    if (e->pid < 0) warn_errno("fork");
    if (e->pid) return;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++) signal(i, SIG_DFL);
    open_terminal(e->terminal);
    const char *home = getenv("HOME");
    if (home && chdir(home)) chdir("/");
    const char *file = e->words[0] + (e->words[0][0] == '-');
    if (e->words[0][0] == '-') e->words[0] = xprintf("-%s", path_base(file));
    execv(file, e->words);
    warn_errno("%s", file);
    sleep(1);
    _exit(127);
}

static void reap(pid_t pid)
{
    for (int i = 0; i < count; i++) {
        struct entry *e = &entries[i];
        if (e->pid != pid) continue;
        e->pid = 0;
        e->quick = seconds() - e->started < 1 ? e->quick + 1 : 0;
    }
}

static void reap_all(void)
{
    for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) reap(pid);
}

static void run_once(struct entry *e)
{
    pid_t pid;
    start(e);
    pid_t wanted = e->pid;
    while (wanted > 0 && (pid = wait(NULL)) != wanted)
        if (pid > 0)
            reap(pid);
        else if (errno != EINTR)
            break;
    e->pid = 0;
}

/* Starts again what has ended; after five quick ends it waits a while. Whether something waits. */
static bool respawn(void)
{
    bool waits = false;
    for (int i = 0; i < count; i++) {
        struct entry *e = &entries[i];
        if (strcmp(e->action, "respawn") || e->pid > 0) continue;
        if (e->quick >= 5 && seconds() - e->started < 10) {
            waits = true;
            continue;
        }
        start(e);
    }
    return waits;
}

/* The end */

static _Noreturn void end_system(int command)
{
    const struct timespec step = {0, 20000000};
    static const char *const words[] = {"restarting", "switching off", "halted"};
    fprintf(stderr, "init: ending all processes\n");
    kill(-1, SIGTERM);
    kill(-1, SIGCONT);
    for (int i = 0; i < 50; i++) {
        pid_t pid;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        }
        if (pid < 0 && errno == ECHILD) break;
        nanosleep(&step, NULL);
    }
    kill(-1, SIGKILL);
    for (int i = 0; i < 50 && waitpid(-1, NULL, WNOHANG) >= 0; i++) nanosleep(&step, NULL);
    unmount_all();
    fprintf(stderr, "init: %s\n", words[command == RB_AUTOBOOT ? 0 : command == RB_POWER_OFF ? 1 : 2]);
    reboot(command);
    for (;;) pause();
}

int main(int argc, char **argv)
{
    struct text table = {0};
    sigset_t watched;
    (void)argc;
    util_start(argv);
    if (getpid() != 1) fail_text("only the kernel starts init; see poweroff, reboot and halt");
    sigemptyset(&watched);
    const int signals[] = {SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaddset(&watched, signals[i]);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    reboot(RB_DISABLE_CAD);
    umask(022);
    mount_usual();
    set_host_name();
    read_table(read_file("/etc/inittab", &table) && table.n ? table.s : default_table);
    for (int i = 0; i < count; i++) {
        if (!strcmp(entries[i].action, "once"))
            run_once(&entries[i]);
        else if (!strcmp(entries[i].action, "start"))
            start(&entries[i]);
    }
    for (;;) {
        const struct timespec while_waiting = {2, 0};
        bool waits = respawn();
        int number = waits ? sigtimedwait(&watched, NULL, &while_waiting) : sigwaitinfo(&watched, NULL);
        reap_all();
        if (number == SIGUSR1) end_system(RB_HALT_SYSTEM);
        if (number == SIGUSR2) end_system(RB_POWER_OFF);
        if (number == SIGTERM || number == SIGINT) end_system(RB_AUTOBOOT);
    }
}
