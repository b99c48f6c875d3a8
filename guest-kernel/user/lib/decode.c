/*
 * decode.c - a system call as a line of text: read(3, "root:x:0"..., 4096) = 812
 *
 * The kernel's table says of each argument of which kind it is. Kinds of numbers are printed at once, and so are
 * things in memory that the kernel reads (they may be changed while the call runs). What the kernel writes can only be printed
 * when the call has ended; so the line is made in two parts, and the first one ends at the first such argument.
 *
 * Another process's memory is read with process_vm_readv, of which nothing is expected: an address that cannot be read is printed as it
 * is, as a program may pass any number.
 */
#include "lib/decode.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#define CALLS      512
#define STRING_MAX 32 /* bytes shown of data; names are shown whole */
#define NAME_BYTES 256
#define LIST_MAX   16

struct entry {
    const char *name;
    unsigned count;
    const char *kind[6];
};

#define SYSCALL0(n, name)                   [n] = {#name, 0, {NULL}},
#define SYSCALL1(n, name, a)                [n] = {#name, 1, {#a}},
#define SYSCALL2(n, name, a, b)             [n] = {#name, 2, {#a, #b}},
#define SYSCALL3(n, name, a, b, c)          [n] = {#name, 3, {#a, #b, #c}},
#define SYSCALL4(n, name, a, b, c, d)       [n] = {#name, 4, {#a, #b, #c, #d}},
#define SYSCALL5(n, name, a, b, c, d, e)    [n] = {#name, 5, {#a, #b, #c, #d, #e}},
#define SYSCALL6(n, name, a, b, c, d, e, f) [n] = {#name, 6, {#a, #b, #c, #d, #e, #f}},
static const struct entry entries[CALLS] = {
#include "abi/syscall.def"
};

/* Calls that C libraries try and do without: the kernel has them not, but they have names. */
static const struct entry absent[] = {{"riscv_hwprobe", 5, {"PTR", "SIZE", "SIZE", "PTR", "FLAGS"}},
                                      {"rseq", 4, {"PTR", "UINT", "FLAGS", "HEX"}}};

static const struct entry *entry_of(unsigned long number)
{
    if (number == 258) return &absent[0];
    if (number == 293) return &absent[1];
    return number < CALLS && entries[number].name ? &entries[number] : NULL;
}

const char *decode_name(unsigned long number)
{
    const struct entry *entry = entry_of(number);
    return entry ? entry->name : NULL;
}

/* Memory of the other process: bytes read, up to the first that cannot be. */
static size_t fetch(pid_t pid, uint64_t from, void *to, size_t n)
{
    size_t done = 0;
    while (done < n) { /* page by page: what lies behind an unreadable one is not needed */
        size_t step = 4096 - (from + done) % 4096;
        if (step > n - done) step = n - done;
        struct iovec here = {(char *)to + done, step}, there = {(void *)(from + done), step};
        ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
        if (got <= 0) break;
        done += (size_t)got;
    }
    return done;
}

static bool fetch_all(const struct call *call, uint64_t from, void *to, size_t n)
{
    return from && fetch(call->pid, from, to, n) == n;
}

/* What an argument needs to know to be printed. */
struct place {
    struct text *to;
    const struct call *call;
    unsigned index;
    uint64_t value;
    int64_t result; /* outputs only */
};

static uint64_t next_argument(const struct place *p) { return p->index < 5 ? p->call->argument[p->index + 1] : 0; }
static void print_address(const struct place *p)
{
    if (p->value)
        text_print(p->to, "%#lx", p->value);
    else
        text_add(p->to, "NULL");
}

static void quote(struct text *to, const unsigned char *bytes, size_t n, bool more)
{
    text_put(to, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = bytes[i];
        static const char letters[] = "\nn\tt\rr\"\"\\\\";
        const char *letter = NULL;
        for (const char *l = letters; *l && !letter; l += 2)
            if ((unsigned char)*l == c) letter = l + 1;
        bool digit_follows = i + 1 < n && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
        if (letter)
            text_print(to, "\\%c", *letter);
        else if (c >= 32 && c < 127)
            text_put(to, (char)c);
        else
            text_print(to, digit_follows ? "\\%03o" : "\\%o", c);
    }
    text_add(to, more ? "\"..." : "\"");
}

static void print_data(const struct place *p, uint64_t bytes)
{
    unsigned char block[STRING_MAX];
    size_t n = bytes < STRING_MAX ? (size_t)bytes : STRING_MAX;
    if (!p->value || fetch(p->call->pid, p->value, block, n) != n)
        print_address(p);
    else
        quote(p->to, block, n, bytes > n);
}

static void print_string(const struct place *p)
{
    unsigned char block[NAME_BYTES];
    size_t n = p->value ? fetch(p->call->pid, p->value, block, sizeof block) : 0, length = strnlen((char *)block, n);
    if (!n || (length == n && n < sizeof block))
        print_address(p);
    else
        quote(p->to, block, length, length == n);
}

/* Numbers */
static void print_int(const struct place *p) { text_print(p->to, "%d", (int)p->value); }
static void print_uint(const struct place *p) { text_print(p->to, "%u", (unsigned)p->value); }
static void print_long(const struct place *p) { text_print(p->to, "%ld", (long)p->value); }
static void print_size(const struct place *p) { text_print(p->to, "%lu", p->value); }
static void print_hex(const struct place *p) { text_print(p->to, "%#lx", p->value); }
static void print_flags(const struct place *p) { text_print(p->to, "%#x", (unsigned)p->value); }
static void print_mode(const struct place *p) { text_print(p->to, "0%o", (unsigned)p->value); }
static void print_signal(const struct place *p) { text_add(p->to, decode_signal((int)p->value)); }
static void print_fd(const struct place *p)
{
    if ((int)p->value == AT_FDCWD)
        text_add(p->to, "AT_FDCWD");
    else
        print_int(p);
}
static void print_id(const struct place *p)
{
    if ((int)p->value == -1)
        text_add(p->to, "-1");
    else
        print_uint(p);
}

/* Things in memory */

static void print_buffer(const struct place *p) { print_data(p, next_argument(p)); }
static void print_result_data(const struct place *p) { print_data(p, p->result > 0 ? (uint64_t)p->result : 0); }

static void print_vector(const struct place *p)
{
    struct iovec vector[LIST_MAX];
    uint64_t count = next_argument(p), n = count < LIST_MAX ? count : LIST_MAX;
    if (!fetch_all(p->call, p->value, vector, n * sizeof *vector)) {
        print_address(p);
        return;
    }
    text_put(p->to, '[');
    for (uint64_t i = 0; i < n; i++) {
        struct place part = *p;
        part.value = (uint64_t)vector[i].iov_base;
        text_add(p->to, i ? ", {" : "{");
        print_data(&part, vector[i].iov_len);
        text_print(p->to, ", %zu}", vector[i].iov_len);
    }
    text_add(p->to, n < count ? ", ...]" : "]");
}

static void print_strings(const struct place *p)
{
    uint64_t pointer[LIST_MAX + 1];
    size_t got = p->value ? fetch(p->call->pid, p->value, pointer, sizeof pointer) / 8 : 0;
    if (!got) {
        print_address(p);
        return;
    }
    text_put(p->to, '[');
    size_t i = 0;
    for (; i < got && pointer[i] && i < LIST_MAX; i++) {
        struct place part = *p;
        part.value = pointer[i];
        if (i) text_add(p->to, ", ");
        print_string(&part);
    }
    text_add(p->to, i < got && pointer[i] ? ", ...]" : "]");
}

static void print_set_value(struct text *to, uint64_t set)
{
    bool first = true, inverse = __builtin_popcountll(set) > 40;
    text_add(to, inverse ? "~[" : "[");
    for (int signal = 1; signal <= 64; signal++) {
        if ((set >> (signal - 1) & 1) == inverse) continue;
        const char *name = decode_signal(signal);
        text_print(to, "%s%s", first ? "" : " ", strncmp(name, "SIG", 3) ? name : name + 3);
        first = false;
    }
    text_put(to, ']');
}

static void print_set(const struct place *p)
{
    uint64_t set;
    if (fetch_all(p->call, p->value, &set, sizeof set))
        print_set_value(p->to, set);
    else
        print_address(p);
}

static void print_action(const struct place *p)
{
    static const struct number_name flags[] = {{SA_NOCLDSTOP, "SA_NOCLDSTOP"}, {SA_NOCLDWAIT, "SA_NOCLDWAIT"},
                                               {SA_SIGINFO, "SA_SIGINFO"},     {SA_ONSTACK, "SA_ONSTACK"},
                                               {SA_RESTART, "SA_RESTART"},     {SA_NODEFER, "SA_NODEFER"},
                                               {SA_RESETHAND, "SA_RESETHAND"}, {0, NULL}};
    uint64_t action[3];
    if (!fetch_all(p->call, p->value, action, sizeof action)) {
        print_address(p);
        return;
    }
    text_add(p->to, "{sa_handler=");
    if (action[0] < 2)
        text_add(p->to, action[0] ? "SIG_IGN" : "SIG_DFL");
    else
        text_print(p->to, "%#lx", action[0]);
    text_add(p->to, ", sa_mask=");
    print_set_value(p->to, action[2]);
    text_add(p->to, ", sa_flags=");
    decode_flags(p->to, flags, action[1] & 0xffffffff);
    text_put(p->to, '}');
}

static void print_time(const struct place *p)
{
    int64_t t[2];
    if (fetch_all(p->call, p->value, t, sizeof t))
        text_print(p->to, "{tv_sec=%ld, tv_nsec=%ld}", t[0], t[1]);
    else
        print_address(p);
}

static void print_limit(const struct place *p)
{
    uint64_t limit[2];
    if (!fetch_all(p->call, p->value, limit, sizeof limit)) {
        print_address(p);
        return;
    }
    for (int i = 0; i < 2; i++) {
        text_add(p->to, i ? ", rlim_max=" : "{rlim_cur=");
        if (limit[i] == UINT64_MAX)
            text_add(p->to, "RLIM64_INFINITY");
        else
            text_print(p->to, "%lu", limit[i]);
    }
    text_put(p->to, '}');
}

static void print_descriptors(const struct place *p)
{
    int fd[2];
    if (fetch_all(p->call, p->value, fd, sizeof fd))
        text_print(p->to, "[%d, %d]", fd[0], fd[1]);
    else
        print_address(p);
}

static void print_status(const struct place *p)
{
    int status;
    if (p->result <= 0 || !fetch_all(p->call, p->value, &status, sizeof status))
        print_address(p);
    else if (WIFEXITED(status))
        text_print(p->to, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        text_print(p->to, "[{WIFSIGNALED(s) && WTERMSIG(s) == %s}]", decode_signal(WTERMSIG(status)));
    else if (WIFSTOPPED(status))
        text_print(p->to, "[{WIFSTOPPED(s) && WSTOPSIG(s) == %s}]", decode_signal(WSTOPSIG(status)));
    else
        text_add(p->to, "[{WIFCONTINUED(s)}]");
}

static void print_stat(const struct place *p)
{
    static const char *const types[16] = {[1] = "S_IFIFO", [2] = "S_IFCHR",  [4] = "S_IFDIR",  [6] = "S_IFBLK",
                                          [8] = "S_IFREG", [10] = "S_IFLNK", [12] = "S_IFSOCK"};
    uint64_t word
        [7]; /* dev, ino, mode and nlink, uid and gid, rdev, padding, size: the same on all 64-bit machines of today */
    if (!fetch_all(p->call, p->value, word, sizeof word)) {
        print_address(p);
        return;
    }
    unsigned mode = (unsigned)word[2];
    const char *type = types[mode >> 12 & 15];
    text_print(p->to, "{st_mode=%s|0%o, st_size=%ld, ...}", type ? type : "0", mode & 07777, (long)word[6]);
}

static void print_poll(const struct place *p)
{
    static const struct number_name events[] = {{POLLIN, "POLLIN"},
                                                {POLLPRI, "POLLPRI"},
                                                {POLLOUT, "POLLOUT"},
                                                {POLLERR, "POLLERR"},
                                                {POLLHUP, "POLLHUP"},
                                                {POLLNVAL, "POLLNVAL"},
                                                {0, NULL}};
    struct pollfd fds[LIST_MAX];
    uint64_t count = next_argument(p), n = count < LIST_MAX ? count : LIST_MAX;
    if (!fetch_all(p->call, p->value, fds, n * sizeof *fds)) {
        print_address(p);
        return;
    }
    text_put(p->to, '[');
    for (uint64_t i = 0; i < n; i++) {
        text_print(p->to, "%s{fd=%d, events=", i ? ", " : "", fds[i].fd);
        decode_flags(p->to, events, (unsigned short)fds[i].events);
        text_put(p->to, '}');
    }
    text_add(p->to, n < count ? ", ...]" : "]");
}

static void print_socket_address(const struct place *p)
{
    struct sockaddr_un address = {0};
    uint64_t n = next_argument(p);
    if (n > sizeof address) n = sizeof address;
    if (n < 2 || !fetch_all(p->call, p->value, &address, n) || address.sun_family != AF_UNIX) {
        print_address(p);
        return;
    }
    text_add(p->to, "{sa_family=AF_UNIX, sun_path=");
    bool abstract = n > 2 && !address.sun_path[0];
    if (abstract) text_put(p->to, '@');
    size_t room = n - 2, length = abstract ? room - 1 : strnlen(address.sun_path, room);
    quote(p->to, (unsigned char *)address.sun_path + abstract, length, false);
    text_put(p->to, '}');
}

/* How a kind is printed, and whether the kernel writes it. Kinds that are not here and have no names are addresses. */
static const struct printer {
    const char *kind;
    void (*print)(const struct place *p);
    bool output;
} printers[] = {
    {"FD", print_fd, false},           {"INT", print_int, false},
    {"PID", print_int, false},         {"SIG", print_signal, false},
    {"UINT", print_uint, false},       {"FLAGS", print_flags, false},
    {"MODE", print_mode, false},       {"ID", print_id, false},
    {"LONG", print_long, false},       {"SIZE", print_size, false},
    {"HEX", print_hex, false},         {"PATH", print_string, false},
    {"STR", print_string, false},      {"BUF", print_buffer, false},
    {"IOV", print_vector, false},      {"ARGV", print_strings, false},
    {"SET", print_set, false},         {"ACT", print_action, false},
    {"TIME", print_time, false},       {"LIMIT", print_limit, false},
    {"POLL", print_poll, false},       {"ADDR", print_socket_address, false},
    {"DATA", print_result_data, true}, {"OSTR", print_string, true},
    {"FDS", print_descriptors, true},  {"STATUS", print_status, true},
    {"STAT", print_stat, true},        {"OSET", print_set, true},
    {"OACT", print_action, true},      {"OTIME", print_time, true},
    {"OLIMIT", print_limit, true},     {"OUT", print_address, true},
};

static const struct printer *printer_of(const char *kind)
{
    for (size_t i = 0; i < sizeof printers / sizeof *printers; i++)
        if (!strcmp(kind, printers[i].kind)) return &printers[i];
    return NULL;
}

static void print_named(const struct place *p, const struct name_table *table)
{
    unsigned long value = strcmp(table->kind, "CLONEFLAGS") ? (unsigned)p->value : p->value;
    const struct number_name *name = table->names;
    if (!strcmp(table->kind, "CLONEFLAGS")) { /* the lowest byte is a signal */
        if (value & ~0xfful) decode_flags(p->to, table->names, value & ~0xfful);
        if (value & 0xff) text_print(p->to, "%s%s", value & ~0xfful ? "|" : "", decode_signal((int)value & 0xff));
        return;
    }
    if (!strcmp(table->kind, "PROT") && !value) {
        text_add(p->to, "PROT_NONE");
    } else if (table->flags && !value && strcmp(table->kind, "OFLAGS")) {
        text_put(p->to, '0');
    } else if (table->flags) {
        decode_flags(p->to, table->names, value);
    } else {
        while (name->name && name->value != value) name++;
        if (name->name)
            text_add(p->to, name->name);
        else
            text_print(p->to, "%#lx", value);
    }
}

static void print_argument(struct text *to, const struct call *call, const char *kind, unsigned index, int64_t result,
                           bool failed)
{
    struct place place = {to, call, index, call->argument[index], result};
    const struct name_table *table = decode_names(kind);
    const struct printer *printer = printer_of(kind);
    if (index) text_add(to, ", ");
    if (table)
        print_named(&place, table);
    else if (printer && !(failed && printer->output))
        printer->print(&place);
    else
        print_address(&place);
}

void decode_begin(struct text *to, struct call *call)
{
    const struct entry *entry = entry_of(call->number);
    call->printed = 0;
    if (!entry) {
        text_print(to, "syscall_%lu(", call->number);
        for (; call->printed < 6; call->printed++) print_argument(to, call, "HEX", call->printed, 0, false);
        return;
    }
    text_print(to, "%s(", entry->name);
    for (; call->printed < entry->count; call->printed++) {
        const struct printer *printer = printer_of(entry->kind[call->printed]);
        if (printer && printer->output) break;
        print_argument(to, call, entry->kind[call->printed], call->printed, 0, false);
    }
}

static bool is_address(const char *name)
{
    return !strcmp(name, "mmap") || !strcmp(name, "brk") || !strcmp(name, "mremap") || !strcmp(name, "shmat");
}

void decode_end(struct text *to, struct call *call, int64_t result, bool is_error)
{
    const struct entry *entry = entry_of(call->number);
    for (; entry && call->printed < entry->count; call->printed++)
        print_argument(to, call, entry->kind[call->printed], call->printed, result, is_error);
    text_add(to, ") = ");
    if (is_error && result <= -512 && decode_errno((int)-result))
        text_print(to, "? %s (the call is to be made again)", decode_errno((int)-result));
    else if (is_error && decode_errno((int)-result))
        text_print(to, "-1 %s (%s)", decode_errno((int)-result), strerror((int)-result));
    else if (entry && is_address(entry->name))
        text_print(to, "%#lx", (unsigned long)result);
    else
        text_print(to, "%ld", (long)result);
}
