/*
 * exec.c - a new program in an old process.
 *
 * exec replaces everything that belongs to the program (memory, registers, signal handlers) and keeps what belongs to the process (pid,
 * parent, directory, open files). Arguments and environment must survive the change of address spaces, so they are first
 * copied into the kernel, then to the top of the new stack:
 *
 *      STACK_TOP  | file name, environment strings, argument strings | 16 random bytes |
 *                 | auxiliary vector: pairs (type, value), what the kernel tells the C library |
 *                 | environment pointers, 0 | argument pointers, 0 |
 *      sp  ---->  | argc |
 *
 * Up to the point of no return everything is done aside, so that a failure leaves the old program as it was. After it the process
 * can only go on with the new program or die.
 */
#include "arch/layout.h"
#include "arch/riscv.h"
#include "arch/time.h"
#include "base/errno.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/memdev.h"
#include "fs/vfs.h"
#include "kern/elf.h"
#include "kern/print.h"
#include "kern/process_internal.h"
#include "kern/ptimer.h"
#include "kern/ptrace.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/usercopy.h"

#define STRING_MAX   131072u /* bytes of one argument, as in Linux */
#define CHUNK        4096u
#define CHUNKS_MAX   512u /* 2 MiB of strings in all */
#define SCRIPT_DEPTH 4
#define SCRIPT_LINE  256

struct exec_strings {
    char *chunk[CHUNKS_MAX];
    size_t bytes;
    unsigned arguments, environment;
};

struct exec_strings *exec_strings_create(void) { return kzalloc(sizeof(struct exec_strings)); }

void exec_strings_free(struct exec_strings *strings)
{
    for (unsigned i = 0; i < CHUNKS_MAX; i++) kfree(strings->chunk[i]);
    kfree(strings);
}

/* Room for more bytes at the end: a pointer to it, and how much of it is in one piece. */
static char *string_room(struct exec_strings *strings, size_t *room)
{
    size_t index = strings->bytes / CHUNK;
    if (index >= CHUNKS_MAX) return ERR_PTR(-E2BIG);
    if (!strings->chunk[index]) strings->chunk[index] = kmalloc(CHUNK);
    if (!strings->chunk[index]) return ERR_PTR(-ENOMEM);
    *room = CHUNK - strings->bytes % CHUNK;
    return strings->chunk[index] + strings->bytes % CHUNK;
}

static int add_bytes(struct exec_strings *strings, const char *kernel, uint64_t user, size_t n)
{
    while (n) {
        size_t room;
        char *to = string_room(strings, &room);
        if (IS_ERR(to)) return (int)PTR_ERR(to);
        room = MIN(room, n);
        if (kernel)
            memcpy(to, kernel, room), kernel += room;
        else if (copy_from_user(to, user, room))
            return -EFAULT;
        else
            user += room;
        strings->bytes += room;
        n -= room;
    }
    return 0;
}

static void count_string(struct exec_strings *strings, bool environment)
{
    if (environment)
        strings->environment++;
    else
        strings->arguments++;
}

int exec_add_kernel(struct exec_strings *strings, const char *text, bool environment)
{
    count_string(strings, environment);
    return add_bytes(strings, text, 0, strlen(text) + 1);
}

int exec_add_user(struct exec_strings *strings, uint64_t vector, bool environment)
{
    for (uint64_t at; vector; vector += sizeof at) {
        if (copy_from_user(&at, vector, sizeof at)) return -EFAULT;
        if (!at) break;
        if (signal_fatal_pending()) return -EINTR;
        long n = user_string_length(at, STRING_MAX);
        if (n < 0) return n == -ENAMETOOLONG ? -E2BIG : (int)n;
        /* The terminator is ours: another thread may change the string between the two looks. */
        int error = add_bytes(strings, NULL, at, (size_t)n);
        if (!error) error = add_bytes(strings, "", 0, 1);
        if (error) return error;
        count_string(strings, environment);
    }
    /* Programs rely on having a name. */
    return environment || strings->arguments ? 0 : exec_add_kernel(strings, "", false);
}

/* The new program while it is being put together. */
struct new_program {
    struct exec_strings *strings;
    char name[TASK_NAME_MAX]; /* of the file that was asked for: a script's, not its interpreter's */
    char *path;               /* of the file that is executed in the end */
    struct file *file;
    struct mm *mm;
    struct elf_image image;
    uint64_t sp;
    uint64_t arguments_at, environment_at, strings_end; /* user addresses, for /proc */
    struct cred cred;
    bool privileged; /* set-id: the C library must not trust the environment */
};

/* Opening and interpreters */

/* A program that executes itself through /proc/self/exe has opened a file without a name: it keeps the one it had. */
static struct file *with_name(struct file *file)
{
    struct file *named = current->process->exe;
    if (file->parent || !named || named->inode != file->inode) return file;
    file_put(file);
    return file_get(named);
}

static struct file *open_program(const char *path)
{
    struct file *file = vfs_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    if (IS_ERR(file)) return file;
    int error = !S_ISREG(file->inode->mode) ? -EACCES : inode_permission(file->inode, 1);
    if (!error && (file->inode->sb->flags & MS_NOEXEC)) error = -EACCES;
    if (!error) error = file_deny_write(file);
    if (!error) return with_name(file);
    file_put(file);
    return ERR_PTR(error);
}

static void close_program(struct file *file)
{
    file_allow_write(file);
    file_put(file);
}

/* "#! interpreter argument": the arguments become interpreter, argument, path, and the old ones without the first. */
static int read_script_line(char *line, char **interpreter, char **argument)
{
    char *end = memchr(line, '\n', SCRIPT_LINE);
    bool whole = end;
    if (!end) end = memchr(line, 0, SCRIPT_LINE);
    if (!end) return -ENOEXEC;
    *end = 0;
    while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t')) *--end = 0;
    char *at = line + 2;
    while (*at == ' ' || *at == '\t') at++;
    if (!*at) return whole ? -ENOEXEC : -EACCES; /* as Linux says it */
    *interpreter = at;
    while (*at && *at != ' ' && *at != '\t') at++;
    *argument = NULL;
    if (!*at) return 0;
    *at++ = 0;
    while (*at == ' ' || *at == '\t') at++;
    if (*at) *argument = at;
    return 0;
}

/* Copies all strings but the first argument behind new first ones. */
static int rebuild_strings(struct new_program *p, const char *interpreter, const char *argument)
{
    struct exec_strings *old = p->strings, *new = exec_strings_create();
    if (!new) return -ENOMEM;
    int error = exec_add_kernel(new, interpreter, false);
    if (!error && argument) error = exec_add_kernel(new, argument, false);
    if (!error) error = exec_add_kernel(new, p->path, false);
    size_t skip = 0;
    if (old->arguments)
        while (old->chunk[skip / CHUNK][skip % CHUNK]) skip++;
    skip += old->arguments != 0;
    for (size_t at = skip; at < old->bytes && !error;) {
        size_t step = MIN(CHUNK - at % CHUNK, old->bytes - at);
        error = add_bytes(new, old->chunk[at / CHUNK] + at % CHUNK, 0, step);
        at += step;
    }
    if (error) {
        exec_strings_free(new);
        return error;
    }
    new->arguments += old->arguments ? old->arguments - 1 : 0;
    new->environment = old->environment;
    exec_strings_free(old);
    p->strings = new;
    return 0;
}

static int follow_script(struct new_program *p, char *line)
{
    char *interpreter, *argument;
    int error = read_script_line(line, &interpreter, &argument);
    if (!error) error = rebuild_strings(p, interpreter, argument);
    if (error) return error;
    char *path = kstrdup(interpreter);
    if (!path) return -ENOMEM;
    kfree(p->path);
    p->path = path;
    close_program(p->file);
    p->file = open_program(path);
    if (!IS_ERR(p->file)) return 0;
    error = (int)PTR_ERR(p->file);
    p->file = NULL;
    return error;
}

static int find_program(struct new_program *p)
{
    const char *base = strrchr(p->path, '/');
    text_copy(p->name, base ? base + 1 : p->path, sizeof p->name);
    p->file = open_program(p->path);
    if (IS_ERR(p->file)) {
        int error = (int)PTR_ERR(p->file);
        p->file = NULL;
        return error;
    }
    for (int depth = 0;; depth++) {
        char line[SCRIPT_LINE + 1] = {0};
        long n = file_pread_kernel(p->file, line, SCRIPT_LINE, 0);
        if (n < 0) return (int)n;
        if (n < 2 || line[0] != '#' || line[1] != '!') return 0;
        if (depth == SCRIPT_DEPTH) return -ELOOP;
        int error = follow_script(p, line);
        if (error) return error;
    }
}

/* The stack */

enum {
    AT_NULL,
    AT_PHDR = 3,
    AT_PHENT,
    AT_PHNUM,
    AT_PAGESZ,
    AT_BASE,
    AT_FLAGS,
    AT_ENTRY,
    AT_UID = 11,
    AT_EUID,
    AT_GID,
    AT_EGID,
    AT_HWCAP = 16,
    AT_CLKTCK,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_EXECFN = 31,
};

#define HWCAP_LETTER(letter) (1ul << ((letter) - 'A'))
#define HWCAP                                                                                                          \
    (HWCAP_LETTER('I') | HWCAP_LETTER('M') | HWCAP_LETTER('A') | HWCAP_LETTER('F') | HWCAP_LETTER('D') |               \
     HWCAP_LETTER('C'))

static int write_strings(struct new_program *p, uint64_t to)
{
    for (size_t at = 0; at < p->strings->bytes; at += CHUNK) {
        size_t step = MIN((size_t)CHUNK, p->strings->bytes - at);
        if (mm_write(p->mm, to + at, p->strings->chunk[at / CHUNK], step) != (long)step) return -ENOMEM;
    }
    return 0;
}

/* Pointers to n strings from *text on; *text then stands behind them. */
static void fill_pointers(struct new_program *p, uint64_t *vector, unsigned n, size_t *offset, uint64_t strings)
{
    for (unsigned i = 0; i < n; i++) {
        vector[i] = strings + *offset;
        while (p->strings->chunk[*offset / CHUNK][*offset % CHUNK]) ++*offset;
        ++*offset;
    }
    vector[n] = 0;
}

static int build_stack(struct new_program *p)
{
    const struct exec_strings *s = p->strings;
    const struct elf_image *image = &p->image;
    uint8_t random[16];
    uint64_t name_bytes = strlen(p->path) + 1;
    uint64_t name = (STACK_TOP - 8 - name_bytes) & ~7ul, strings = (name - s->bytes) & ~7ul, random_at = strings - 16;
    random_bytes(random, sizeof random);
    const uint64_t auxiliary[][2] = {
        {AT_PHDR, image->headers},
        {AT_PHENT, 56},
        {AT_PHNUM, image->header_count},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_BASE, image->interpreter},
        {AT_FLAGS, 0},
        {AT_ENTRY, image->entry},
        {AT_UID, p->cred.uid},
        {AT_EUID, p->cred.euid},
        {AT_GID, p->cred.gid},
        {AT_EGID, p->cred.egid},
        {AT_HWCAP, HWCAP},
        {AT_CLKTCK, 100},
        {AT_SECURE, p->privileged},
        {AT_RANDOM, random_at},
        {AT_EXECFN, name},
        {AT_NULL, 0},
    };
    size_t words = 1 + s->arguments + 1 + s->environment + 1 + sizeof auxiliary / 8;
    p->sp = ALIGN_DOWN(random_at - words * 8, 16ul);
    uint64_t limit = MIN(MAX(process_limit(RLIMIT_STACK), 1ul << 17), 1ul << 30);
    if (STACK_TOP - p->sp > limit * 3 / 4) return -E2BIG;
    uint64_t *block = kmalloc(words * 8);
    if (!block) return -ENOMEM;
    size_t offset = 0;
    block[0] = s->arguments;
    fill_pointers(p, block + 1, s->arguments, &offset, strings);
    fill_pointers(p, block + 2 + s->arguments, s->environment, &offset, strings);
    memcpy(block + 3 + s->arguments + s->environment, auxiliary, sizeof auxiliary);
    p->arguments_at = strings;
    p->environment_at = s->environment ? block[2 + s->arguments] : strings + s->bytes;
    p->strings_end = strings + s->bytes;

    int error = mm_map_stack(p->mm, STACK_TOP, ALIGN_UP(STACK_TOP - p->sp, PAGE_SIZE) + (128 << 10), limit);
    if (!error) error = write_strings(p, strings);
    if (!error && mm_write(p->mm, name, p->path, name_bytes) != (long)name_bytes) error = -ENOMEM;
    if (!error && mm_write(p->mm, random_at, random, sizeof random) != sizeof random) error = -ENOMEM;
    if (!error && mm_write(p->mm, p->sp, block, words * 8) != (long)(words * 8)) error = -ENOMEM;
    kfree(block);
    return error;
}

/* riscv64 programs bring no code to return from a signal handler; the kernel gives them some. */
static int map_sigreturn(struct mm *mm)
{
    static const uint32_t code[] = {0x08b00893 /* li a7, 139 */, 0x00000073 /* ecall */};
    long at =
        mm_map(mm, SIGRETURN_PAGE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
    if (at < 0) return (int)at;
    if (mm_write(mm, SIGRETURN_PAGE, code, sizeof code) != sizeof code) return -ENOMEM;
    return mm_protect(mm, SIGRETURN_PAGE, PAGE_SIZE, PROT_READ | PROT_EXEC);
}

/* Who is traced by another user's program would do with the owner's rights what that one says. process_lock is held. */
static bool is_watched(void) { return current->tracee && current->tracee->tracer->leader->cred.euid; }

static void choose_credentials(struct new_program *p)
{
    const struct inode *inode = p->file->inode;
    p->cred = current->cred;
    spin_lock(&process_lock);
    bool may = !current->no_new_privileges && !is_watched();
    spin_unlock(&process_lock);
    if (!(inode->sb->flags & MS_NOSUID) && may) {
        if (inode->mode & S_ISUID) p->cred.euid = inode->uid;
        if ((inode->mode & (S_ISGID | 0010)) == (S_ISGID | 0010)) p->cred.egid = inode->gid;
    }
    p->cred.suid = p->cred.fsuid = p->cred.euid;
    p->cred.sgid = p->cred.fsgid = p->cred.egid;
    p->privileged = p->cred.euid != p->cred.uid || p->cred.egid != p->cred.gid;
}

static int prepare(struct new_program *p)
{
    int error = find_program(p);
    if (error) return error;
    choose_credentials(p);
    p->mm = mm_create();
    if (!p->mm) return -ENOMEM;
    error = elf_load(p->mm, p->file, &p->image);
    if (!error) error = build_stack(p);
    if (!error) error = map_sigreturn(p->mm);
    if (!error) mm_set_brk(p->mm, p->image.end);
    return error;
}

/* The point of no return lies behind us. */

/* From the moment when the new memory can be seen, a privileged program's is nobody else's business. */
static void take_memory(struct mm *mm, bool privileged)
{
    struct mm *old = current->mm;
    struct process *process = current->process;
    spin_lock(&process_lock);
    if (privileged) process->dumpable = false, process->parent_death_signal = 0;
    atomic_store(&process->membarrier, false);
    current->mm = mm;
    mm_switch(mm);
    spin_unlock(&process_lock);
    vfork_release(current);
    if (old) mm_put(old);
}

static void own_files(void)
{
    if (fdtable_shared(current->files)) {
        struct fdtable *copy = fdtable_fork(current->files);
        if (!copy) process_exit(SIGKILL);
        struct fdtable *old = current->files;
        spin_lock(&process_lock); /* /proc looks */
        current->files = copy;
        spin_unlock(&process_lock);
        fdtable_put(old);
    }
    fdtable_exec(current->files);
}

static void own_handlers(void)
{
    struct sighand *old = current->process->sighand;
    if (ref_count(&old->refs) > 1) {
        struct sighand *copy = sighand_copy(old);
        if (!copy) process_exit(SIGKILL);
        spin_lock(&process_lock);
        current->process->sighand = copy;
        spin_unlock(&process_lock);
        sighand_put(old);
    }
    signal_exec_reset();
}

static void take_identity(struct new_program *p)
{
    struct process *process = current->process;
    spin_lock(&process_lock);
    struct file *old = process->exe;
    process->exe = p->file;
    p->file = NULL;
    process->did_exec = true;
    process->arg_start = p->arguments_at, process->arg_end = p->environment_at;
    process->env_start = p->environment_at, process->env_end = p->strings_end;
    process->dumpable = !p->privileged;
    if (!p->privileged || !is_watched()) current->cred = p->cred; /* a tracer may have come since choose_credentials */
    task_set_name(current, p->name);
    spin_unlock(&process_lock);
    if (old) close_program(old);
}

static void set_registers(const struct new_program *p)
{
    struct trapframe *frame = task_frame(current);
    interrupts_off();
    memset(frame, 0, sizeof *frame);
    frame->status = SSTATUS_SPIE;
    frame->pc = p->image.start;
    frame->sp = p->sp;
    current->fp_used = false;
    interrupts_on();
    current->robust_list = 0;
    current->clear_child_tid = 0;
    current->restart.function = NULL;
}

int task_exec(const char *path, struct exec_strings *strings)
{
    struct new_program p = {.strings = strings, .path = kstrdup(path)};
    int error = p.path ? 0 : -ENOMEM, old_pid = current->pid;
    if (!error) error = prepare(&p);
    if (!error) error = process_become_single();
    if (!error) {
        futex_task_exit();
        take_memory(p.mm, p.privileged);
        p.mm = NULL;
        own_files();
        own_handlers();
        ptimer_delete_all(current->process);
        take_identity(&p);
        set_registers(&p);
        ptrace_exec(old_pid);
    }
    if (p.mm) mm_put(p.mm);
    if (p.file) close_program(p.file);
    kfree(p.path);
    exec_strings_free(p.strings);
    return error;
}
