/*
 * procfs.c - files of /proc that stock programs read: who may do what with them, and their form. Numbers that differ from run to run are shown
 * as N, several spaces as one.
 */
#include "conformance.h"
#include <ctype.h>

static char text[1 << 18];

static long read_all(const char *path)
{
    long n = 0, more;
    int f = open(path, O_RDONLY);
    if (f < 0) return -1;
    while (n < (long)sizeof text - 1 && (more = read(f, text + n, sizeof text - 1 - n)) > 0) n += more;
    text[n] = 0;
    close(f);
    return n;
}

/* The form of a line: N for a number, one space for several. */
static void form(char *to, const char *line)
{
    int hexadecimal = strstr(line, "Cap") == line || strstr(line, "Sig") == line || strstr(line, "ShdPnd") == line;
    for (; *line && *line != '\n'; line++) {
        if (isdigit((unsigned char)*line) || (hexadecimal && to[-1] == 'N' && isxdigit((unsigned char)*line))) {
            if (to[-1] != 'N') *to++ = 'N';
        } else if (*line == ' ') {
            if (to[-1] != ' ') *to++ = ' ';
        } else {
            *to++ = *line == '\t' ? '>' : *line;
        }
    }
    *to = 0;
}

static void show_form(const char *path, const char *what, const char *line)
{
    char masked[1024] = "\0";
    form(masked + 1, line);
    show_text(path, what, masked + 1);
}

static void access_of(const char *path)
{
    struct stat s;
    if (lstat(path, &s)) {
        show("stat", path, -1);
        return;
    }
    V(stat, path, s.st_mode);
}

/* The form of each line with one of the names. */
static void keyed(const char *path, const char *const *name)
{
    char copy[1024];
    if (read_all(path) < 0) *text = 0;
    for (; *name; name++) {
        const char *at = text;
        size_t n = strlen(*name);
        while (at && (strncmp(at, *name, n) || isalnum((unsigned char)at[n]) || at[n] == '_'))
            at = (at = strchr(at, '\n')) ? at + 1 : 0;
        snprintf(copy, sizeof copy, "%s", at ? at : "not there");
        show_form(path, *name, copy);
    }
}
#define KEYED(path, ...) keyed(path, (const char *const[]){__VA_ARGS__, 0})

static void first_line(const char *path)
{
    if (read_all(path) < 0)
        show(path, "first line", -1);
    else
        show_form(path, "first line", text);
}

static void lines_like_the_first(const char *path)
{
    char want[1024] = "", got[1024] = "";
    int same = 0, other = 0;
    read_all(path);
    for (char *at = text; at && *at; at = (at = strchr(at, '\n')) ? at + 1 : 0) {
        form(got + 1, at);
        if (!want[1]) strcpy(want + 1, got + 1);
        strcmp(want + 1, got + 1) ? other++ : same++;
    }
    V(read, path, same > 0 && !other);
}

static void of_a_process(void)
{
    KEYED("/proc/self/status", "Name", "Umask", "State", "Tgid", "Ngid", "Pid", "PPid", "TracerPid", "Uid", "Gid",
          "FDSize", "Groups", "NStgid", "NSpid", "NSpgid", "NSsid", "Kthread", "VmPeak", "VmSize", "VmLck", "VmPin",
          "VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE", "VmSwap",
          "Threads", "SigQ", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd",
          "CapAmb", "NoNewPrivs", "Seccomp", "Cpus_allowed_list", "voluntary_ctxt_switches",
          "nonvoluntary_ctxt_switches");
    int fields = 0;
    read_all("/proc/self/stat");
    for (char *at = strrchr(text, ')'); at && *at; at++) fields += *at == ' ';
    V(read, "/proc/self/stat, fields behind the name", fields);
    text[strcspn(text, " ")] = 0;
    V(read, "/proc/self/stat, pid", atoi(text) == getpid());
    first_line("/proc/self/statm");
    first_line("/proc/self/comm");
    first_line("/proc/self/maps");
    first_line("/proc/self/limits");
    KEYED("/proc/self/limits", "Max cpu time", "Max open files", "Max stack size", "Max nice priority",
          "Max realtime timeout", "Max locked memory");
    KEYED("/proc/self/io", "rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes");
    KEYED("/proc/self/smaps_rollup", "Rss", "Pss", "Shared_Clean", "Private_Dirty", "Anonymous", "Swap", "Locked");
    KEYED("/proc/self/smaps", "Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean",
          "Shared_Dirty", "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "Swap", "SwapPss", "Locked",
          "VmFlags");
    first_line("/proc/self/oom_score_adj");
    first_line("/proc/self/oom_score");
    first_line("/proc/self/cgroup");
    first_line("/proc/self/loginuid");
    first_line("/proc/self/sessionid");
    first_line("/proc/self/personality");
    first_line("/proc/self/coredump_filter");
    first_line("/proc/self/schedstat");
    first_line("/proc/self/uid_map");
    V(read, "/proc/self/auxv", read_all("/proc/self/auxv") > 16 && *(long *)(void *)text > 0);
    V(read, "/proc/self/cmdline, ends with 0", text[read_all("/proc/self/cmdline") - 1]);
    V(read, "/proc/self/environ", read_all("/proc/self/environ") > 0);
    V(read, "/proc/self/task/N/children", read_all("/proc/thread-self/children") >= 0);
}

static void descriptors(void)
{
    char path[64];
    int p[2];
    long f = make_file("described", "0123456789"), e = Q(eventfd2, 3, 0), q = Q(epoll_create1, 0);
    pipe(p);
    lseek(f, 4, SEEK_SET);
    long kinds[] = {f, p[0], e, q, Q(inotify_init1, 0), Q(timerfd_create, 1, 0), Q(signalfd4, -1, &(long){8}, 8L, 0)};
    static const char *const names[] = {"file", "pipe", "eventfd", "epoll", "inotify", "timer", "signalfd"};
    Q(epoll_ctl, q, 1, p[0], &(long[]){1, 7});
    for (int i = 0; i < 7; i++) {
        snprintf(path, sizeof path, "/proc/self/fdinfo/%ld", kinds[i]);
        read_all(path);
        char keys[300] = "";
        for (char *at = text; at && *at; at = (at = strchr(at, '\n')) ? at + 1 : 0)
            sprintf(keys + strlen(keys), " %.*s", (int)strcspn(at, ":"), at);
        show_text("/proc/self/fdinfo/N", names[i], keys);
        char to[64] = {0};
        snprintf(path, sizeof path, "/proc/self/fd/%ld", kinds[i]);
        readlink(path, to, 63);
        show_form("/proc/self/fd/N", names[i], to);
    }
    struct stat s;
    snprintf(path, sizeof path, "/proc/self/fd/%ld", f), lstat(path, &s);
    V(stat, "/proc/self/fd/N, read and write", s.st_mode);
    snprintf(path, sizeof path, "/proc/self/fd/%d", open("described", O_RDONLY)), lstat(path, &s);
    V(stat, "/proc/self/fd/N, read", s.st_mode);
    snprintf(path, sizeof path, "/proc/self/fd/%d", open("described", O_WRONLY)), lstat(path, &s);
    V(stat, "/proc/self/fd/N, write", s.st_mode);
    V(stat, "/proc/self/fd/N, size of the link", s.st_size);
    unlink("described");
    snprintf(path, sizeof path, "/proc/self/fd/%ld", f);
    memset(text, 0, 200), readlink(path, text, 199);
    show_text("/proc/self/fd/N", "removed", text);
    K(openat, "removed file through /proc", AT_FDCWD, path, O_RDONLY);
    E(openat, "link of /proc, not followed", AT_FDCWD, path, O_RDONLY | O_NOFOLLOW);
    E(readlinkat, "/proc/self/fd/99", AT_FDCWD, "/proc/self/fd/99", text, 10L);
    E(unlinkat, "/proc/self/fd/0", AT_FDCWD, "/proc/self/fd/0", 0);
    E(unlinkat, "/proc/version", AT_FDCWD, "/proc/version", 0);
    E(mkdirat, "/proc/made", AT_FDCWD, "/proc/made", 0755);
    E(openat, "made in /proc", AT_FDCWD, "/proc/made", O_CREAT | O_WRONLY, 0644);
    E(renameat2, "/proc/version", AT_FDCWD, "/proc/version", AT_FDCWD, "/proc/other", 0);
    E(symlinkat, "/proc/link", "x", AT_FDCWD, "/proc/link");
    E(linkat, "/proc/version", AT_FDCWD, "/proc/version", AT_FDCWD, "/proc/other", 0);
    E(fchmodat, "/proc/self/status", AT_FDCWD, "/proc/self/status", 0600);
    E(truncate, "/proc/version", "/proc/version", 0L);
    E(openat, "/proc/version to write", AT_FDCWD, "/proc/version", O_WRONLY);
    E(openat, "/proc/self/status to write", AT_FDCWD, "/proc/self/status", O_WRONLY);
    E(openat, "/proc/none", AT_FDCWD, "/proc/none", O_RDONLY);
    E(openat, "/proc/0", AT_FDCWD, "/proc/0", O_RDONLY);
    E(openat, "/proc/99999", AT_FDCWD, "/proc/99999", O_RDONLY);
    E(openat, "/proc/01", AT_FDCWD, "/proc/01", O_RDONLY);
    E(openat, "/proc/self/none", AT_FDCWD, "/proc/self/none", O_RDONLY);
    E(openat, "/proc/self/task/1", AT_FDCWD, "/proc/self/task/1", O_RDONLY);
    long v = open("/proc/version", O_RDONLY);
    E(lseek, "/proc/version, from the end", v, 0L, SEEK_END);
    E(lseek, "/proc/version, negative", v, -1L, SEEK_SET);
    E(lseek, "/proc/version, beyond", v, 100000L, SEEK_SET);
    E(read, "/proc/version, beyond", v, text, 10L);
    E(mmap, "/proc/version", 0L, 4096L, PROT_READ, MAP_PRIVATE, v, 0L);
    E(write, "/proc/version", v, "x", 1L);
    E(ftruncate, "/proc/version", v, 0L);
    E(fsync, "/proc/version", v);
}

static void control(void)
{
    char name[32] = {0};
    long f = open("/proc/self/comm", O_WRONLY);
    V(write, "/proc/self/comm", write(f, "another name, too long", 22));
    Q(prctl, 16, name);
    show_text("/proc/self/comm", "then", name);
    f = open("/proc/self/oom_score_adj", O_RDWR);
    E(write, "/proc/self/oom_score_adj", f, "100", 3L);
    E(write, "/proc/self/oom_score_adj, too much", f, "2000", 4L);
    E(write, "/proc/self/oom_score_adj, no number", f, "x", 1L);
    first_line("/proc/self/oom_score_adj");
    f = open("/proc/sys/kernel/hostname", O_RDWR);
    E(write, "hostname", f, "conformance\n", 12L);
    first_line("/proc/sys/kernel/hostname");
    f = open("/proc/self/mem", O_RDWR);
    static char word[8] = "before";
    V(openat, "/proc/self/mem", f > 0);
    V(pwrite64, "/proc/self/mem", pwrite(f, "after", 6, (long)word));
    show_text("/proc/self/mem", "then", word);
    V(pread64, "/proc/self/mem", pread(f, name, 6, (long)word));
    E(pread64, "/proc/self/mem, nothing there", f, name, 6L, 8L);
}

static void user(void)
{
    syscall(SYS_setresgid, 1000, 1000, 1000), syscall(SYS_setresuid, 1000, 1000, 1000);
    static const char *const foreign[] = {
        "/proc/1/environ", "/proc/1/maps",   "/proc/1/fd",   "/proc/1/exe",    "/proc/1/cwd", "/proc/1/status",
        "/proc/1/cmdline", "/proc/1/limits", "/proc/1/stat", "/proc/1/mounts", "/proc/1/io",  "/proc/1/fdinfo",
        "/proc/1/mem",     "/proc/1/smaps",  "/proc/1/auxv", "/proc/1/comm",   "/proc/kmsg",  "/proc/slabinfo"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        char what[64];
        snprintf(what, sizeof what, "user: %s", foreign[i]);
        K(openat, what, AT_FDCWD, foreign[i], O_RDONLY);
    }
    E(openat, "user: /proc/1/comm to write", AT_FDCWD, "/proc/1/comm", O_WRONLY);
    E(openat, "user: hostname to write", AT_FDCWD, "/proc/sys/kernel/hostname", O_WRONLY);
    E(readlinkat, "user: /proc/1/exe", AT_FDCWD, "/proc/1/exe", text, 100L);
    K(readlinkat, "user: own", AT_FDCWD, "/proc/self/exe", text, 100L);
}

static void of_the_system(void)
{
    static const char *const paths[] = {"/proc/meminfo",
                                        "/proc/stat",
                                        "/proc/uptime",
                                        "/proc/loadavg",
                                        "/proc/version",
                                        "/proc/cmdline",
                                        "/proc/cpuinfo",
                                        "/proc/mounts",
                                        "/proc/filesystems",
                                        "/proc/partitions",
                                        "/proc/diskstats",
                                        "/proc/swaps",
                                        "/proc/vmstat",
                                        "/proc/buddyinfo",
                                        "/proc/slabinfo",
                                        "/proc/interrupts",
                                        "/proc/devices",
                                        "/proc/misc",
                                        "/proc/locks",
                                        "/proc/self",
                                        "/proc/thread-self",
                                        "/proc/tty/drivers",
                                        "/proc/sysvipc/msg",
                                        "/proc/sysvipc/sem",
                                        "/proc/sysvipc/shm",
                                        "/proc/modules",
                                        "/proc/kallsyms",
                                        "/proc/consoles",
                                        "/proc/net/unix",
                                        "/proc/sys/kernel/hostname",
                                        "/proc/sys/kernel/osrelease",
                                        "/proc/sys/kernel/pid_max",
                                        "/proc/sys/kernel/ngroups_max",
                                        "/proc/sys/kernel/random/uuid",
                                        "/proc/sys/kernel/random/boot_id",
                                        "/proc/sys/kernel/random/entropy_avail",
                                        "/proc/sys/kernel/cap_last_cap",
                                        "/proc/sys/kernel/threads-max",
                                        "/proc/sys/kernel/core_pattern",
                                        "/proc/sys/kernel/printk",
                                        "/proc/sys/kernel/shmmax",
                                        "/proc/sys/kernel/msgmnb",
                                        "/proc/sys/kernel/sem",
                                        "/proc/sys/vm/overcommit_memory",
                                        "/proc/sys/vm/swappiness",
                                        "/proc/sys/vm/max_map_count",
                                        "/proc/sys/fs/file-nr",
                                        "/proc/sys/fs/file-max",
                                        "/proc/sys/fs/nr_open",
                                        "/proc/sys/fs/inode-nr",
                                        "/proc/sys/fs/pipe-max-size",
                                        "/proc/sys/fs/inotify/max_user_watches",
                                        "/proc/sys/fs/mqueue/msg_max",
                                        "/proc/self/mountinfo",
                                        "/proc/self/mountstats",
                                        "/proc/self/attr",
                                        "/proc/self/ns",
                                        "/proc/self/stack",
                                        "/proc/self/syscall",
                                        "/proc/self/wchan",
                                        "/proc/self/exe",
                                        "/proc/self/cwd",
                                        "/proc/self/root",
                                        "/proc/self/task",
                                        "/proc/self/fd",
                                        "/proc/self/fdinfo",
                                        "/proc/self/maps",
                                        "/proc/self/environ",
                                        "/proc/self/cmdline",
                                        "/proc/self/comm",
                                        "/proc/self/status",
                                        "/proc/self/limits",
                                        "/proc/self/timers"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) access_of(paths[i]);
    KEYED("/proc/meminfo", "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active",
          "Inactive", "Mlocked", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped", "Shmem",
          "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables", "CommitLimit",
          "Committed_AS", "VmallocTotal", "VmallocUsed");
    KEYED("/proc/stat", "cpu", "cpu0", "ctxt", "btime", "processes", "procs_running", "procs_blocked", "softirq");
    KEYED("/proc/vmstat", "nr_free_pages", "nr_dirty", "nr_writeback", "pgpgin", "pgpgout", "pswpin", "pswpout",
          "pgfault", "pgmajfault", "oom_kill");
    KEYED("/proc/cpuinfo", "processor", "hart", "mmu");
    first_line("/proc/uptime");
    first_line("/proc/loadavg");
    first_line("/proc/swaps");
    first_line("/proc/partitions");
    first_line("/proc/net/unix");
    first_line("/proc/sysvipc/msg");
    first_line("/proc/sysvipc/sem");
    first_line("/proc/sysvipc/shm");
    first_line("/proc/devices");
    first_line("/proc/tty/drivers");
    first_line("/proc/locks");
    lines_like_the_first("/proc/sys/fs/file-nr");
    V(read, "/proc/sys/kernel/random/uuid", read_all("/proc/sys/kernel/random/uuid"));
    KEYED("/proc/filesystems", "nodev");
    KEYED("/proc/mounts", "proc", "tmpfs");
    text[0] = 0, read_all("/proc/version");
    V(read, "/proc/version", !strncmp(text, "Linux version ", 14));
    first_line("/proc/sys/kernel/ostype");
    first_line("/proc/sys/kernel/ngroups_max");
    first_line("/proc/sys/kernel/overflowuid");
    first_line("/proc/sys/vm/overcommit_memory");
}

void family_procfs(void)
{
    of_a_process();
    descriptors();
    of_the_system();
    control();
    show_child("proc", "user", user);
}
