/*
 * print.c - printk, its ring, and panic. See print.h.
 *
 * The ring keeps the last RING_BYTES bytes; positions count bytes since the start, so a reader notices what he missed.
 * Lines are stamped with the time as they begin. The console is the firmware's until the uart driver takes it over.
 */
#include "kern/print.h"

#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "base/atomic.h"
#include "base/format.h"
#include "base/string.h"
#include "kern/task.h"

#define RING_BYTES 65536u
#define LINE_BYTES 512

static struct spinlock print_lock = SPINLOCK_INIT("print", RANK_PRINT);
static char ring[RING_BYTES];
static uint64_t ring_end;
static struct waitq ring_queue = WAITQ_INIT(ring_queue);
static bool line_begins = true;
static bool quiet; /* boot argument: messages go to the ring only */
static void (*console_writer)(const char *text, size_t bytes);
static int panicking;

void console_set_writer(void (*writer)(const char *text, size_t bytes)) { atomic_store(&console_writer, writer); }

static void firmware_write(const char *text, size_t bytes)
{
    static char buffer[256]; /* the firmware wants physical addresses, and a stack's frames are scattered */
    while (bytes) {
        size_t step = MIN(bytes, sizeof buffer);
        memcpy(buffer, text, step);
        for (size_t done = 0; done < step;) {
            long n = sbi_console_write(buffer + done, step - done);
            if (n < 0) return;
            done += (size_t)n;
        }
        text += step;
        bytes -= step;
    }
}

static void console_write_locked(const char *text, size_t bytes)
{
    if (console_writer)
        console_writer(text, bytes);
    else
        firmware_write(text, bytes);
}

void console_write(const char *text, size_t bytes)
{
    spin_lock(&print_lock);
    console_write_locked(text, bytes);
    spin_unlock(&print_lock);
}

static void ring_put(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) ring[(ring_end + i) % RING_BYTES] = text[i];
    atomic_store(&ring_end, ring_end + bytes);
}

/* The terminal expects a carriage return before each line feed. */
static void print_text(const char *text, size_t bytes)
{
    while (bytes) {
        if (line_begins) {
            char stamp[32];
            uint64_t us = time_ns() / 1000;
            int n = format(stamp, sizeof stamp, "[%5lu.%06lu] ", us / 1000000, us % 1000000);
            ring_put(stamp, (size_t)n);
            if (!quiet) console_write_locked(stamp, (size_t)n);
        }
        const char *newline = memchr(text, '\n', bytes);
        size_t n = newline ? (size_t)(newline - text) : bytes;
        ring_put(text, n + (newline != NULL));
        if (!quiet) {
            console_write_locked(text, n);
            if (newline) console_write_locked("\r\n", 2);
        }
        line_begins = newline;
        n += newline != NULL;
        text += n;
        bytes -= n;
    }
}

static void print_args(const char *text, va_list arguments)
{
    static char line[LINE_BYTES]; /* under print_lock */
    bool locked = !atomic_load(&panicking);
    if (locked) spin_lock(&print_lock);
    int n = format_args(line, sizeof line, text, arguments);
    print_text(line, MIN((size_t)n, sizeof line - 1));
    if (locked) spin_unlock(&print_lock);
}

void printk(const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    print_args(text, arguments);
    va_end(arguments);
    /* The scheduler may be printing: its lock is then held, and readers of the ring look again later. */
    if (!panicking && !this_hart()->locks_held) wake_all(&ring_queue);
}

void print_set_quiet(bool on) { quiet = on; }

uint64_t print_ring_end(void) { return atomic_load(&ring_end); }
struct waitq *print_ring_queue(void) { return &ring_queue; }

size_t print_ring_read(uint64_t *from, char *to, size_t room)
{
    spin_lock(&print_lock);
    if (ring_end - *from > RING_BYTES || *from > ring_end) *from = ring_end > RING_BYTES ? ring_end - RING_BYTES : 0;
    size_t n = MIN(room, (size_t)(ring_end - *from));
    for (size_t i = 0; i < n; i++) to[i] = ring[(*from + i) % RING_BYTES];
    *from += n;
    spin_unlock(&print_lock);
    return n;
}

_Noreturn void panic(const char *text, ...)
{
    static struct hart *first;
    interrupts_off();
    if (atomic_swap(&panicking, 1)) {
        if (first == this_hart()) sbi_power_off(true); /* a panic in the panic */
        for (;;) wait_for_interrupt();
    }
    first = this_hart();
    quiet = false;
    for (unsigned i = 0; i < machine.harts; i++)
        if (harts[i].online && &harts[i] != this_hart()) hart_call(i, IPI_STOP);
    printk("panic on hart %u: ", this_hart()->number);
    va_list arguments;
    va_start(arguments, text);
    print_args(text, arguments);
    va_end(arguments);
    printk("\n");
    backtrace((uint64_t)__builtin_frame_address(0), 0);
    char how[16];
    boot_argument("panic", how, sizeof how);
    if (!strcmp(how, "hang"))
        for (;;) wait_for_interrupt();
    if (!strcmp(how, "reboot")) sbi_reboot();
    sbi_power_off(true);
}
