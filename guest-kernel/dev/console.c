/*
 * console.c - the terminal at the serial line: /dev/console, /dev/ttyS0, and /dev/tty.
 *
 * The three names differ in how they are found. /dev/ttyS0 is the line; a session leader that opens it gets it as its controlling
 * terminal. /dev/console is wherever the kernel's messages go, here the same line, but opening it changes nothing, so
 * that daemons can write to it. /dev/tty is for every process the terminal of its own session, if it has one.
 *
 * Bytes come by the interrupt of the serial chip. On a machine without one the firmware is asked for them now and then.
 */
#include "arch/machine.h"
#include "arch/sbi.h"
#include "arch/time.h"
#include "dev/tty.h"
#include "dev/uart.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/task.h"
#include "kern/wait.h"

#define ASK_EVERY_NS 20000000ul

static struct tty console;

static size_t line_write(struct tty *tty, const char *bytes, size_t n)
{
    (void)tty;
    if (n) console_write(bytes, n);
    return n;
}

/* The line's own speed is all there is to wait for, and console_write does that. */
static size_t line_room(struct tty *tty)
{
    (void)tty;
    return SIZE_MAX;
}

static const struct tty_driver line_driver = {.write = line_write, .room = line_room};

static void receive(char byte) { tty_receive(&console, &byte, 1); }

static void ask_firmware(void *unused)
{
    (void)unused;
    for (char byte;;) {
        while (sbi_console_read(&byte)) receive(byte);
        sleep_until(time_ns() + ASK_EVERY_NS, false);
    }
}

static int open_console(struct file *file) { return tty_open(file, &console, false); }
static int open_line(struct file *file) { return tty_open(file, &console, true); }

static int open_own(struct file *file)
{
    struct tty *tty = job_terminal();
    if (!tty) return -ENXIO;
    int error = tty_open(file, tty, false);
    tty_put(tty);
    return error;
}

static const struct file_ops console_ops = {.open = open_console, .flags = FOPS_STREAM};
static const struct file_ops line_ops = {.open = open_line, .flags = FOPS_STREAM};
static const struct file_ops own_ops = {.open = open_own, .flags = FOPS_STREAM};

static int add(const char *name, unsigned mode, unsigned major, unsigned minor, const struct file_ops *ops)
{
    int error = device_register(false, major, minor, 1, ops);
    return error ? error : devfs_add(name, S_IFCHR | mode, DEV_MAKE(major, minor));
}

static void console_start(void)
{
    tty_init(&console, &line_driver, DEV_MAKE(4, 64));
    console.window = (struct winsize){.rows = 24, .columns = 80};
    int error = add("console", 0600, 5, 1, &console_ops);
    if (!error) error = add("ttyS0", 0620, 4, 64, &line_ops);
    if (!error) error = add("tty", 0666, 5, 0, &own_ops);
    if (error) printk("console: error %d\n", -error);
    uart_set_receiver(receive);
    if (!machine.uart.bytes && !kthread_start("console", ask_firmware, NULL)) printk("console: no input\n");
}
INIT(INIT_DEVICE, console_start);
