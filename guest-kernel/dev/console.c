/*
 * console.c - /dev/console: the serial line as a file.
 *
 * A line is collected and echoed as it is typed (backspace rubs out) and handed to the reader when it is complete; Ctrl-D
 * on an empty line is the end of the file.
 */
#include "base/string.h"
#include "dev/uart.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "kern/wait.h"
#include "mm/usercopy.h"

#define LINE_BYTES 1024

static struct spinlock console_lock = SPINLOCK_INIT("console", RANK_TTY);
static struct waitq readers = WAITQ_INIT(readers);
static char line[LINE_BYTES];
static size_t length, taken;
static bool complete; /* the line is the readers'; typing waits */

static void receive(char byte)
{
    spin_lock(&console_lock);
    if (byte == '\r') byte = '\n';
    if (complete) {
    } else if (byte == '\b' || byte == 127) {
        if (length) length--, console_write("\b \b", 3);
    } else if (byte == 4) {
        complete = true;
    } else if (length < LINE_BYTES) {
        line[length++] = byte;
        console_write(byte == '\n' ? "\r\n" : &byte, byte == '\n' ? 2 : 1);
        complete = byte == '\n' || length == LINE_BYTES;
    }
    if (complete) wake_all(&readers);
    spin_unlock(&console_lock);
}

static ssize_t console_read(struct file *file, struct uio *uio)
{
    char block[256];
    (void)file;
    spin_lock(&console_lock);
    while (!complete) {
        if (wait_on(&readers, &console_lock, true, 0) == -EINTR) {
            spin_unlock(&console_lock);
            return -ERESTARTSYS;
        }
    }
    size_t n = MIN(MIN(length - taken, sizeof block), (size_t)uio->left);
    memcpy(block, line + taken, n);
    taken += n;
    if (taken == length) taken = length = 0, complete = false;
    spin_unlock(&console_lock);
    return uio_put(uio, block, n);
}

static ssize_t console_write_file(struct file *file, struct uio *uio)
{
    ssize_t done = 0;
    (void)file;
    while (uio->left) {
        char block[256];
        ssize_t n = uio_get(uio, block, sizeof block);
        if (n <= 0) return done ? done : n;
        for (ssize_t i = 0; i < n; i++) {
            if (block[i] == '\n') console_write("\r", 1);
            console_write(&block[i], 1);
        }
        done += n;
    }
    return done;
}

static long console_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    (void)file;
    static const uint32_t modes[9] = {0x500, 0x5, 0xbf, 0x8a3b};
    static const uint16_t window[4] = {24, 80, 0, 0};
    switch (request) {
    case 0x5401: return copy_to_user(argument, modes, sizeof modes);
    case 0x5413: return copy_to_user(argument, window, sizeof window);
    default: return -ENOTTY;
    }
}

static const struct file_ops console_ops = {
    .read = console_read,
    .write = console_write_file,
    .ioctl = console_ioctl,
    .flags = FOPS_STREAM,
};

static void console_start(void)
{
    uart_set_receiver(receive);
    int error = device_register(false, 5, 1, 1, &console_ops);
    if (!error) error = devfs_add("console", S_IFCHR | 0600, DEV_MAKE(5, 1));
    if (error) printk("console: error %d\n", -error);
}
INIT(INIT_DEVICE, console_start);
