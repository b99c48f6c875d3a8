/* main.c - runs each family in a child with a directory of its own and a time limit; as the first process, it powers off at the end. */
#include "conformance.h"
#include <sys/mount.h>
#include <sys/reboot.h>

char *read_only, *edge;

void show(const char *call, const char *what, long result)
{
    int error = errno;
    if (result == -1)
        printf("@ %s %s = -1 %s\n", call, what, strerrorname_np(error) ? strerrorname_np(error) : "?");
    else
        printf("@ %s %s = %ld\n", call, what, result);
    fflush(stdout);
}

void show_ok(const char *call, const char *what, long result)
{
    if (result == -1)
        show(call, what, result);
    else
        show_text(call, what, "ok");
}

void show_text(const char *call, const char *what, const char *text)
{
    printf("@ %s %s = %s\n", call, what, text);
    fflush(stdout);
}

void show_child(const char *call, const char *what, void (*f)(void))
{
    char text[40];
    int status;
    pid_t child = fork();
    if (!child) {
        f();
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
    else
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    show_text(call, what, text);
}

long make_file(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    write(fd, text, strlen(text));
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static const struct family {
    const char *name;
    void (*run)(void);
} families[] = {
    {"fd", family_fd},         {"path", family_path},     {"stat", family_stat},       {"mem", family_mem},
    {"proc", family_proc},     {"ids", family_ids},       {"signal", family_signal},   {"time", family_time},
    {"sched", family_sched},   {"socket", family_socket}, {"event", family_event},     {"ipc", family_ipc},
    {"mqueue", family_mqueue}, {"misc", family_misc},     {"inotify", family_inotify}, {"trace", family_trace},
    {"tty", family_tty},       {"procfs", family_procfs}, {"more", family_more},
};

static void run(const struct family *f)
{
    char directory[64];
    snprintf(directory, sizeof directory, "/tmp/%s", f->name);
    mkdir(directory, 0755);
    pid_t child = fork();
    if (!child) {
        chdir(directory);
        char *pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        strcpy(pages, "read-only");
        read_only = pages;
        edge = pages + 2 * 4096 - EDGE_ROOM;
        munmap(pages + 2 * 4096, 4096);
        mprotect(pages, 4096, PROT_READ);
        alarm(60);
        setvbuf(stdout, 0, _IOLBF, 0);
        f->run();
        exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status) printf("@ family %s = ended with status %#x\n", f->name, status);
}

int main(int count, char **words)
{
    if (getpid() == 1) {
        mkdir("/proc", 0755), mkdir("/tmp", 0777), mkdir("/dev", 0755);
        mount("proc", "/proc", "proc", 0, 0);
        mount("tmpfs", "/tmp", "tmpfs", 0, 0);
        mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
        mkdir("/dev/pts", 0755);
        mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666");
        umask(022);
    }
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (count < 2 || getpid() == 1 || !strcmp(words[1], families[i].name)) run(&families[i]);
    printf("@ end = 0\n");
    fflush(stdout);
    sync();
    if (getpid() == 1) reboot(RB_POWER_OFF);
    return 0;
}
