/*
 * top.c - the processes that use the processor most, again and again. q ends it. -b prints plainly, -n N times, -d SECONDS apart.
 *
 * /proc tells how much time each process has used since it began; the share of now is the difference between two looks.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"

struct row {
    struct process process;
    double share;
};

static struct termios old_modes;
static bool raw;

static void restore(void)
{
    if (raw) tcsetattr(0, TCSADRAIN, &old_modes);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long long memory(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static int by_share(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->share != y->share) return x->share < y->share ? 1 : -1;
    return x->process.pid - y->process.pid;
}

static void print_head(const struct row *rows, size_t n, const char *end)
{
    struct text mem = {0}, load = {0}, up = {0};
    int running = 0;
    read_file("/proc/meminfo", &mem);
    read_file("/proc/loadavg", &load);
    read_file("/proc/uptime", &up);
    for (size_t i = 0; i < n; i++) running += rows[i].process.state == 'R';
    printf("up %.0f s, load %.*s, %zu processes, %d running%s", strtod(text_str(&up), NULL),
           (int)strcspn(text_str(&load), "\n"), text_str(&load), n, running, end);
    printf("memory %llu KiB, free %llu, cached %llu, swap %llu of %llu used%s%s", memory(text_str(&mem), "MemTotal:"),
           memory(text_str(&mem), "MemFree:"), memory(text_str(&mem), "\nCached:"),
           memory(text_str(&mem), "SwapTotal:") - memory(text_str(&mem), "SwapFree:"),
           memory(text_str(&mem), "SwapTotal:"), end, end);
    text_free(&mem);
    text_free(&load);
    text_free(&up);
}

static void show(struct row *rows, size_t n, bool batch)
{
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    const char *end = batch ? "\n" : "\033[K\n";
    if (!batch) {
        ioctl(1, TIOCGWINSZ, &window);
        printf("\033[H");
    }
    if (n) qsort(rows, n, sizeof *rows, by_share);
    print_head(rows, n, end);
    printf("  PID USER     S   %%CPU     RSS  TIME COMMAND%s", end);
    size_t most = batch || window.ws_row < 8 ? n : (size_t)window.ws_row - 5;
    for (size_t i = 0; i < n && i < most; i++) {
        const struct process *p = &rows[i].process;
        int width = window.ws_col > 50 ? window.ws_col - 42 : 20;
        printf("%5d %-8.8s %c %6.1f %6lluK %5.1f %.*s%s", p->pid, user_name(p->uid), p->state, rows[i].share * 100,
               p->resident_bytes / 1024, (double)(p->user_ticks + p->system_ticks) / (double)sysconf(_SC_CLK_TCK),
               width, p->command, end);
    }
    if (!batch)
        printf("\033[J");
    else
        putchar('\n');
    fflush(stdout);
}

/* Waits; true when the user wants to leave. */
static bool wait_for_key(double seconds, bool batch)
{
    struct pollfd in = {.fd = 0, .events = POLLIN};
    char key;
    if (batch) {
        usleep((useconds_t)(seconds * 1e6));
        return false;
    }
    return poll(&in, 1, (int)(seconds * 1000)) > 0 && (read(0, &key, 1) <= 0 || key == 'q' || key == 3);
}

static void raw_terminal(void)
{
    struct termios modes;
    if (tcgetattr(0, &old_modes)) return;
    modes = old_modes;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    raw = !tcsetattr(0, TCSADRAIN, &modes);
    atexit(restore);
}

int main(int argc, char **argv)
{
    long long rounds = 0;
    double delay = 2;
    bool batch = false;
    size_t before_count = 0;
    struct process *before = NULL;
    util_start(argv);
    for (int c; (c = getopt(argc, argv, "bn:d:")) != -1;) {
        if (c == 'b')
            batch = true;
        else if (c == 'n' ? !parse_number(optarg, &rounds) : c == 'd' ? !parse_seconds(optarg, &delay) : true)
            fail_usage("[-b] [-n TIMES] [-d SECONDS]");
    }
    if (!isatty(1)) batch = true;
    if (!batch) raw_terminal();
    if (!batch) printf("\033[2J");
    double then = now() - 1e9;
    for (long long round = 1;; round++) {
        size_t n;
        struct process *list = process_list(&n);
        struct row *rows = xmalloc((n + 1) * sizeof *rows);
        double time = now(), span = (time - then) * (double)sysconf(_SC_CLK_TCK);
        for (size_t i = 0, k = 0; i < n; i++) {
            unsigned long long used = list[i].user_ticks + list[i].system_ticks, old = 0;
            while (k < before_count && before[k].pid < list[i].pid) k++;
            if (k < before_count && before[k].pid == list[i].pid && before[k].start_ticks == list[i].start_ticks)
                old = before[k].user_ticks + before[k].system_ticks;
            rows[i] = (struct row){list[i], span > 0 ? (double)(used - old) / span : 0};
        }
        show(rows, n, batch);
        free(rows);
        free(before);
        before = list;
        before_count = n;
        then = time;
        if (round == rounds || wait_for_key(delay, batch)) break;
    }
    free(before);
    return util_end(0);
}
