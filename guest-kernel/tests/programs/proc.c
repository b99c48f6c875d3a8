/* What /proc tells of processes: states, queues, the trace; and the kernel's messages. What only Kepler has is skipped on Linux. */
#define _GNU_SOURCE
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

static char text[1 << 20];

static const char *slurp(const char *format, ...)
{
    char path[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path, sizeof path, format, arguments);
    va_end(arguments);
    int fd = open(path, O_RDONLY);
    size_t n = 0;
    for (ssize_t got; fd >= 0 && (got = read(fd, text + n, sizeof text - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    if (fd >= 0) close(fd);
    return text;
}

static int put(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    ssize_t n = write(fd, line, strlen(line));
    close(fd);
    return n == (ssize_t)strlen(line);
}

static int fits(const char *what, const char *pattern)
{
    regex_t regex;
    regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);
    int result = !regexec(&regex, what, 0, NULL, 0);
    regfree(&regex);
    if (!result) printf("does not fit %s: %.2000s\n", pattern, what);
    return result;
}

static void spin(void)
{
    for (volatile int i = 0;; i++) {
    }
}
static void wait_for_ever(void)
{
    for (;;) pause();
}
static pid_t start(void (*work)(void))
{
    pid_t pid = fork();
    if (!pid) work(), _exit(0);
    return pid;
}
static void end(pid_t pid) { kill(pid, SIGKILL), waitpid(pid, NULL, 0); }

/* The part of /proc/queues from `title` to the next line that begins at the margin. */
static int listed(const char *title, pid_t pid)
{
    char word[32];
    const char *at = strstr(slurp("/proc/queues"), title);
    if (!at) return 0;
    char *stop = strchr(at, '\n');
    while (stop && stop[1] == ' ') stop = strchr(stop + 1, '\n');
    if (stop) *stop = 0;
    snprintf(word, sizeof word, " %d ", pid);
    return strstr(at, word) != NULL;
}

static void test_states(void)
{
    int queues = access("/proc/queues", F_OK) == 0, harts = (int)sysconf(_SC_NPROCESSORS_ONLN), busy = 0, waiting = 0;
    pid_t sleeper = start(wait_for_ever), stopped = start(wait_for_ever), zombie = fork(), spinner[16];
    if (!zombie) _exit(0);
    usleep(30000);
    kill(stopped, SIGSTOP);
    waitpid(stopped, NULL, WUNTRACED);
    CHECK(fits(slurp("/proc/%d/status", sleeper), "^State:.S "));
    CHECK(fits(slurp("/proc/%d/status", stopped), "^State:.T "));
    CHECK(fits(slurp("/proc/%d/status", zombie), "^State:.Z "));
    CHECK(fits(slurp("/proc/self/status"), "^State:.R "));
    CHECK(fits(slurp("/proc/%d/stat", sleeper), "^[0-9]+ \\(proc\\) S [0-9]+ "));
    CHECK(fits(slurp("/proc/%d/stat", zombie), "^[0-9]+ \\(proc\\) Z "));
    if (queues) {
        CHECK(listed("device queues", sleeper) && !listed("stopped", sleeper));
        CHECK(listed("stopped", stopped) && listed("terminated", zombie));
        CHECK(fits(slurp("/proc/%d/status", sleeper), "^State:.S \\(waiting\\)"));
        CHECK(fits(slurp("/proc/queues"), "^ready queue \\((rr|fcfs|sjf|stcf|mlfq)\\):"));
        for (int i = 0; i < harts + 2; i++) spinner[i] = start(spin);
        usleep(50000);
        for (int i = 0; i < harts + 2; i++) {
            waiting += listed("ready queue", spinner[i]);
            busy += listed("running", spinner[i]);
        }
        CHECK(waiting >= 1 && waiting + busy >= 2 && (harts == 1 || busy >= 1));
        for (int i = 0; i < harts + 2; i++) end(spinner[i]);
        CHECK(listed("running", getpid()));
    }
    end(sleeper), end(stopped);
    waitpid(zombie, NULL, 0);
    CHECK(access("/proc/queues", F_OK) || !listed("terminated", zombie));
}

static int has_line(const char *format, ...)
{
    char pattern[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(pattern, sizeof pattern, format, arguments);
    va_end(arguments);
    return fits(text, pattern);
}

static void nothing(int signal) { (void)signal; }

static void test_trace(void)
{
    if (access("/proc/trace", F_OK)) return;
    signal(SIGUSR1, nothing);
    CHECK(put("/proc/trace", "switch,ready,signal,syscall,sysret\n"));
    int pid = getpid();
    kill(pid, SIGUSR1);
    usleep(2000);
    CHECK(put("/proc/trace", "none\n"));
    slurp("/proc/trace");
    CHECK(has_line("^[0-9]+\\.[0-9]{9} [0-9]+ %d signal number=10 to=%d$", pid, pid));
    CHECK(has_line("^[0-9.]+ [0-9]+ %d switch from=%d to=[0-9]+ state=3$", pid, pid)); /* away, waiting */
    CHECK(has_line("^[0-9.]+ [0-9]+ [0-9]+ ready task=%d$", pid));
    CHECK(has_line("^[0-9.]+ [0-9]+ [0-9]+ switch from=[0-9]+ to=%d state=", pid));
    CHECK(has_line("^[0-9.]+ [0-9]+ %d syscall number=129 ", pid));
    CHECK(has_line("^[0-9.]+ [0-9]+ %d sysret number=129 result=0", pid));
    int fd = open("/proc/trace", O_WRONLY);
    CHECK(write(fd, "nonsense\n", 9) == -1 && errno == EINVAL);
    close(fd);
}

/* A page fault for which the disk has to be asked: the process waits meanwhile, and another could run. */
static void test_fault_wait(void)
{
    int fd = open("/dev/vda", O_RDONLY), pid = getpid();
    if (fd < 0 || access("/proc/trace", F_OK)) return;
    CHECK(put("/proc/trace", "switch,ready,fault,faultwait,block\n"));
    volatile char *disk = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1 << 20);
    CHECK(disk != MAP_FAILED && disk[100] == 'x');
    CHECK(put("/proc/trace", "none\n"));
    slurp("/proc/trace");
    char line[64];
    snprintf(line, sizeof line, "faultwait address=%#lx waited_ns=", (unsigned long)disk + 100);
    char *waited = strstr(text, line);
    CHECK(waited && strtol(waited + strlen(line), NULL, 10) > 0);
    /* Before it, in this order: the request, away from the hart, ready again. */
    char *request = strstr(text, " block sector=2048 ");
    snprintf(line, sizeof line, " switch from=%d ", pid);
    char *away = request ? strstr(request, line) : NULL;
    snprintf(line, sizeof line, " ready task=%d\n", pid);
    char *ready = away ? strstr(away, line) : NULL;
    CHECK(request && away && ready && waited && ready < waited);
    close(fd);
}

static void test_files(void)
{
    char path[64];
    int fd = open("/proc/self/exe", O_RDONLY);
    lseek(fd, 123, SEEK_SET);
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    CHECK(fits(slurp("%s", path), "^pos:.123$") && fits(text, "^flags:.0[0-9]+$"));
    close(fd);
    CHECK(open(path, O_RDONLY) == -1 && errno == ENOENT);
    CHECK(fits(slurp("/proc/version"), "^Linux version [0-9.]+"));
    CHECK(fits(slurp("/proc/loadavg"), "^[0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2} [0-9]+/[0-9]+ [0-9]+$"));
    CHECK(fits(slurp("/proc/uptime"), "^[0-9]+\\.[0-9]{2} [0-9]+\\.[0-9]{2}$"));
    CHECK(fits(slurp("/proc/stat"), "^cpu  [0-9]+ [0-9]+ [0-9]+ [0-9]+ ") && fits(text, "^cpu0 ") &&
          fits(text, "^btime [0-9]+$"));
    CHECK(fits(text, "^processes [0-9]+$"));
    CHECK(fits(slurp("/proc/meminfo"), "^MemTotal: +[0-9]+ kB$"));
    CHECK(fits(slurp("/proc/sys/kernel/ostype"), "^Linux$") && atoi(slurp("/proc/sys/kernel/pid_max")) > 1000);
    CHECK(fits(slurp("/proc/sys/kernel/random/uuid"),
               "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"));
    CHECK(fits(slurp("/proc/self/limits"), "^Max open files +[0-9]+ +[0-9]+"));
    int fields = 0;
    for (const char *c = slurp("/proc/self/stat"); *c; c++) fields += *c == ' ';
    CHECK(fields >= 51);
    CHECK(fits(slurp("/proc/self/maps"), "^[0-9a-f]+-[0-9a-f]+ r[-w]xp [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ [0-9]+ +/"));
    CHECK(fits(slurp("/proc/self/task/%d/comm", getpid()), "^proc$"));
    snprintf(path, sizeof path, "/proc/self/task/%d/task", getpid());
    CHECK(access(path, F_OK) == -1 && errno == ENOENT); /* or a walk through /proc would have no end */
    snprintf(path, sizeof path, "/proc/self/task/%d/..", getpid());
    struct stat above, tasks;
    CHECK(!stat(path, &above) && !stat("/proc/self/task", &tasks) && above.st_ino == tasks.st_ino);
    pid_t other = fork();
    if (!other) pause();
    snprintf(path, sizeof path, "/proc/self/task/%d", other);
    CHECK(access(path, F_OK) == -1 && errno == ENOENT); /* it is a thread of another process */
    kill(other, SIGKILL);
    waitpid(other, 0, 0);
}

/* The terminal and its foreground group, as ps shows them. */
static void test_terminal_field(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), status;
    char name[64], pattern[128];
    grantpt(master), unlockpt(master), ptsname_r(master, name, sizeof name);
    pid_t pid = fork();
    if (!pid) {
        setsid();
        int fd = open(name, O_RDWR);
        unsigned minor_number = (unsigned)atoi(strrchr(name, '/') + 1);
        snprintf(pattern, sizeof pattern, "^[0-9]+ \\(proc\\) R [0-9]+ %d %d %d %d ", getpid(), getpid(),
                 (int)(136 << 8 | (minor_number & 0xff)), getpid());
        _exit(fd < 0 ? 2 : !fits(slurp("/proc/self/stat"), pattern));
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(master);
}

static void test_messages(void)
{
    if (getuid() || access("/proc/queues", F_OK))
        return; /* the messages of the machine on which Linux runs are not ours */
    char line[1024];
    int fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK), found = 0;
    CHECK(fd >= 0 && write(fd, "a message of the test\n", 22) == 22);
    long last = -1;
    for (ssize_t n; (n = read(fd, line, sizeof line - 1)) > 0;) {
        line[n] = 0;
        long number = -1, us = -1;
        CHECK(sscanf(line, "6,%ld,%ld,-;", &number, &us) == 2 && number > last && us >= 0);
        last = number;
        found += strstr(line, "a message of the test\n") != NULL;
    }
    CHECK(errno == EAGAIN && found == 1);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, line, sizeof line) > 0 && strstr(line, "Kepler"));
    close(fd);
    int n = klogctl(3, text, sizeof text - 1);
    CHECK(n > 0 && (text[n] = 0, strstr(text, "a message of the test")));
    CHECK(klogctl(10, NULL, 0) > 0);
}

/* A row of /proc/self/smaps for the area that begins at `address`, KiB; -1: not there. */
static long area_kib(const char *address, const char *row)
{
    static char text[65536];
    int fd = open("/proc/self/smaps", O_RDONLY);
    long n = 0, more, kib = -1;
    while (n < (long)sizeof text - 1 && (more = read(fd, text + n, sizeof text - 1 - n)) > 0) n += more;
    close(fd);
    text[n] = 0;
    int inside = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = from <= (unsigned long)address && (unsigned long)address < to;
        if (inside && !strncmp(line, row, strlen(row)) && line[strlen(row)] == ':')
            sscanf(line + strlen(row) + 1, "%ld", &kib);
    }
    return kib;
}

/* Sharing, frame by frame: the program, what a fork shares, and what is copied when one of the two writes. */
static void test_sharing(void)
{
    enum { PAGES = 16 };
    char *area = mmap(NULL, (PAGES + 2) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte;
    char *memory = area + 4096; /* with a hole on each side, so that it stays an area of its own */
    mprotect(memory, PAGES * 4096, PROT_READ | PROT_WRITE);
    memset(memory, 1, PAGES * 4096);
    CHECK(area_kib(memory, "Rss") == 64 && area_kib(memory, "Private_Dirty") == 64 && area_kib(memory, "Pss") == 64);
    int end[2];
    pipe(end);
    pid_t pid = fork();
    if (!pid) {
        close(end[1]);
        read(end[0], &byte, 1);
        _exit(0);
    }
    CHECK(area_kib(memory, "Rss") == 64 && area_kib(memory, "Shared_Dirty") == 64 && area_kib(memory, "Pss") == 32);
    CHECK(area_kib((char *)test_files, "Pss") <
          area_kib((char *)test_files, "Rss")); /* the program itself: one copy for both */
    memset(memory, 2, 4 * 4096);
    CHECK(area_kib(memory, "Private_Dirty") == 16 && area_kib(memory, "Shared_Dirty") == 48);
    close(end[1]);
    waitpid(pid, NULL, 0);
    CHECK(area_kib(memory, "Private_Dirty") == 64 && area_kib(memory, "Anonymous") == 64);
    munmap(area, (PAGES + 2) * 4096);
    CHECK(fits(slurp("/proc/self/mountinfo"), "^[0-9]+ [0-9]+ [0-9]+:[0-9]+ / /proc rw.* - proc none rw"));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getpid() == 1) mount("none", "/proc", "proc", 0, NULL);
    test_states();
    test_trace();
    test_fault_wait();
    test_files();
    test_terminal_field();
    test_messages();
    test_sharing();
    return finish();
}
