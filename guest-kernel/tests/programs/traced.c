/* Runs strace on small programs and looks at what it prints. As the first process it starts the others; named so, it is what is traced. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char text[1 << 20];
static int failed;

/* What a known program does: file, pipe, signal, child, errors, sleep. */
static int program(void)
{
    char buffer[64];
    int ends[2], fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0640);
    write(fd, "a\tline\n\"quoted\" 1234567890 1234567890", 37);
    lseek(fd, 2, SEEK_SET);
    read(fd, buffer, 4);
    open("/no/such/file", O_RDONLY | O_CLOEXEC);
    pipe2(ends, O_NONBLOCK);
    read(ends[0], buffer, 1);
    signal(SIGUSR1, SIG_IGN);
    kill(getpid(), SIGUSR1);
    struct timespec t = {0, 1000};
    nanosleep(&t, NULL);
    pid_t pid = fork();
    if (!pid) _exit(5);
    waitpid(pid, NULL, 0);
    syscall(499, 1);
    return 3;
}

static int run(char *const argv[], pid_t *started)
{
    int status = -1;
    pid_t pid = fork();
    if (!pid) {
        execv(argv[0], argv);
        _exit(127);
    }
    if (started) {
        *started = pid;
        return 0;
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void slurp(void)
{
    int fd = open("/tmp/out", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    close(fd);
}

static void expect(const char *pattern)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE) || regexec(&regex, text, 0, NULL, 0)) {
        printf("FAILED: no line like %s in:\n%.6000s\n", pattern, text);
        failed++;
    }
    regfree(&regex);
}
static void expect_status(int status, int wanted)
{
    if (status != wanted) printf("FAILED: status %d, not %d\n", status, wanted), failed++;
}

int main(int argc, char **argv)
{
    if (argc > 1) return program();
    setvbuf(stdout, NULL, _IOLBF, 0);
    expect_status(run((char *[]){"/bin/strace", "-f", "-o", "/tmp/out", "/bin/traced", "program", NULL}, NULL), 3);
    slurp();
    expect("^\\[[0-9]+\\] execve\\(\"/bin/traced\", \\[\"/bin/traced\", \"program\"\\], 0x[0-9a-f]+(\\) = 0| "
           "<unfinished \\.\\.\\.>)$");
    expect("openat\\(AT_FDCWD, \"/tmp/file\", O_RDWR\\|O_CREAT\\|O_TRUNC, 0640\\) = 3$");
    expect("write\\(3, \"a\\\\tline\\\\n\\\\\"quoted\\\\\" 1234567890 12345\"\\.\\.\\., 37\\) = 37$");
    expect("lseek\\(3, 2, SEEK_SET\\) = 2$");
    expect("read\\(3, \"line\", 4\\) = 4$");
    expect("openat\\(AT_FDCWD, \"/no/such/file\", O_RDONLY\\|O_CLOEXEC, 0[0-7]*\\) = -1 ENOENT \\(No such file or "
           "directory\\)$");
    expect("pipe2\\(\\[4, 5\\], O_NONBLOCK\\) = 0$");
    expect("read\\(4, 0x[0-9a-f]+, 1\\) = -1 EAGAIN ");
    expect("rt_sigaction\\(SIGUSR1, \\{sa_handler=SIG_IGN, sa_mask=\\[USR1\\], sa_flags=SA_RESTART\\}");
    expect("kill\\([0-9]+, SIGUSR1\\) = 0$");
    expect("^\\[[0-9]+\\] --- SIGUSR1 from [0-9]+ ---$");
    expect("nanosleep\\((CLOCK_REALTIME, 0, )?\\{tv_sec=0, tv_nsec=1000\\}, ");
    expect("clone\\((CLONE_CHILD_CLEARTID\\|CLONE_CHILD_SETTID\\|)SIGCHLD, ");
    expect("wait4\\(|wait4 resumed");
    expect("^\\[[0-9]+\\] \\+\\+\\+ exited with 5 \\+\\+\\+$");
    expect("syscall_499\\(.*\\) = -1 ENOSYS ");
    expect("mmap\\(NULL, [0-9]+, PROT_READ\\|PROT_WRITE, MAP_PRIVATE\\|MAP_ANONYMOUS|brk\\(NULL\\) = 0x");
    expect("^\\[[0-9]+\\] \\+\\+\\+ exited with 3 \\+\\+\\+$");
    expect_status(run((char *[]){"/bin/strace", "-c", "-o", "/tmp/out", "/bin/traced", "program", NULL}, NULL), 3);
    slurp();
    expect("^% time +seconds +usecs/call +calls +errors syscall$");
    expect("^ *[0-9.]+ +[0-9.]+ +[0-9]+ +2 +1 openat$");
    expect("^100\\.00 +[0-9.]+ +[0-9]+ +[0-9]+ total$");
    /* Only some calls; a whole pipeline of a shell. */
    run((char *[]){"/bin/strace", "-f", "-e", "execve,pipe2", "-o", "/tmp/out", "/bin/sh", "-c",
                   "cat /tmp/file | cat >/tmp/copy", NULL},
        NULL);
    slurp();
    expect("^\\[[0-9]+\\] execve\\(\"/bin/cat\", \\[\"cat\", \"/tmp/file\"\\], 0x[0-9a-f]+(\\) = 0| <unfinished "
           "\\.\\.\\.>)$");
    expect("^\\[[0-9]+\\] execve\\(\"/bin/cat\", \\[\"cat\"\\], 0x[0-9a-f]+(\\) = 0| <unfinished \\.\\.\\.>)$");
    /* One that runs already; it goes on when strace is told to end. */
    pid_t pid = fork(), tracer;
    if (!pid) {
        for (int i = 0; i < 60; i++) usleep(10000);
        _exit(4);
    }
    char number[16];
    snprintf(number, sizeof number, "%d", pid);
    run((char *[]){"/bin/strace", "-o", "/tmp/out", "-p", number, NULL}, &tracer);
    usleep(200000);
    kill(tracer, SIGINT);
    int status;
    waitpid(tracer, &status, 0);
    expect_status(status, 0);
    waitpid(pid, &status, 0);
    expect_status(WEXITSTATUS(status), 4);
    slurp();
    expect("nanosleep\\(CLOCK_REALTIME, 0, \\{tv_sec=0, tv_nsec=10000000\\}, .*\\) = 0$");
    printf("%d failed\n", failed);
    fflush(stdout);
    if (getpid() == 1) reboot(RB_POWER_OFF);
    return failed != 0;
}
