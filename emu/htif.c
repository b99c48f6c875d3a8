#include "emu/htif.h"

#include "emu/base/bits.h"
#include "emu/machine.h"
#include <stdlib.h>
#include <string.h>

enum { DEVICE_SYSCALL = 0, DEVICE_CONSOLE = 1 };
enum { CONSOLE_READ = 0, CONSOLE_WRITE = 1 };
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93 };
#define NO_SUCH_CALL   (-38)
#define BAD_DESCRIPTOR (-9)
#define BAD_ADDRESS    (-14)

#define INPUT_BYTES 256

struct htif {
    struct machine *machine;
    gpa_t tohost, fromhost;
    struct chardev *console;
    uint8_t input[INPUT_BYTES]; /* typed and not yet asked for */
    size_t input_count;
    unsigned reads_pending;
    uint64_t answer; /* to be put into fromhost when that is 0; 0 = none */
};

static void respond(struct htif *h, uint64_t command, uint64_t payload)
{
    h->answer = (command & ~bits_get(UINT64_MAX, 47, 0)) | bits_get(payload, 47, 0);
}

static void guest_exit(struct htif *h, uint64_t status)
{
    if (status) fprintf(stderr, "*** FAILED *** (tohost = %llu)\n", (unsigned long long)status);
    machine_stop_with(h->machine, MACHINE_EXIT, (int)(status & 0xff ? status & 0xff : status != 0));
}

static uint8_t take_input(struct htif *h)
{
    uint8_t c = h->input[0];
    memmove(h->input, h->input + 1, --h->input_count);
    return c;
}

static int64_t call_write(struct htif *h, const uint64_t *arg)
{
    if (arg[1] != 1 && arg[1] != 2) return BAD_DESCRIPTOR;
    const uint8_t *bytes = arg[3] ? bus_ram(&h->machine->bus, arg[2], arg[3]) : NULL;
    if (arg[3] && !bytes) return BAD_ADDRESS;
    if (arg[3] && arg[1] == 1) chardev_write(h->console, bytes, arg[3]);
    if (arg[3] && arg[1] == 2) fwrite(bytes, 1, arg[3], stderr);
    return (int64_t)arg[3];
}

static int64_t call_read(struct htif *h, const uint64_t *arg)
{
    if (arg[1] != 0) return BAD_DESCRIPTOR;
    uint64_t n = arg[3] < h->input_count ? arg[3] : h->input_count;
    if (n && !bus_dma_write(&h->machine->bus, arg[2], h->input, n)) return BAD_ADDRESS;
    for (uint64_t i = 0; i < n; i++) take_input(h);
    return (int64_t)n;
}

static void serve_syscall(struct htif *h, uint64_t command)
{
    gpa_t at = bits_get(command, 47, 0);
    if (at & 1) {
        guest_exit(h, at >> 1);
        return;
    }
    uint64_t arg[8];
    int64_t result = NO_SUCH_CALL;
    if (!bus_dma_read(&h->machine->bus, at, arg, sizeof arg)) {
        log_line(&h->machine->log, LOG_GUEST_ERROR, "htif: system call block at 0x%llx is outside memory",
                 (unsigned long long)at);
        return;
    }
    switch (arg[0]) {
    case SYS_WRITE: result = call_write(h, arg); break;
    case SYS_READ: result = call_read(h, arg); break;
    case SYS_EXIT: guest_exit(h, arg[1]); return;
    default: log_line(&h->machine->log, LOG_UNIMP, "htif: system call %llu", (unsigned long long)arg[0]);
    }
    bus_dma_write(&h->machine->bus, at, &result, sizeof result);
    respond(h, command, 1);
}

static void serve(struct htif *h, uint64_t command)
{
    unsigned device = (unsigned)bits_get(command, 63, 56), what = (unsigned)bits_get(command, 55, 48);
    if (device == DEVICE_SYSCALL && what == 0) {
        serve_syscall(h, command);
    } else if (device == DEVICE_CONSOLE && what == CONSOLE_WRITE) {
        uint8_t c = (uint8_t)command;
        chardev_write(h->console, &c, 1);
    } else if (device == DEVICE_CONSOLE && what == CONSOLE_READ) {
        h->reads_pending++;
    } else {
        log_line(&h->machine->log, LOG_GUEST_ERROR, "htif: unknown command 0x%llx", (unsigned long long)command);
    }
}

static void put(struct bus *bus, gpa_t at, uint64_t value)
{
    uint8_t bytes[8];
    store_le64(bytes, value);
    bus_dma_write(bus, at, bytes, sizeof bytes);
}

void htif_poll(struct htif *h)
{
    struct bus *bus = &h->machine->bus;
    uint64_t command, free_slot;
    if (!bus_read(bus, h->tohost, 8, &command)) return;
    if (command) {
        put(bus, h->tohost, 0);
        serve(h, command);
    }
    if (!h->answer && h->reads_pending && h->input_count) {
        h->reads_pending--;
        respond(h, (uint64_t)DEVICE_CONSOLE << 56, 0x100 | take_input(h));
    }
    if (h->answer && bus_read(bus, h->fromhost, 8, &free_slot) && !free_slot) {
        put(bus, h->fromhost, h->answer);
        h->answer = 0;
    }
}

static size_t htif_can_receive(void *frontend) { return INPUT_BYTES - ((const struct htif *)frontend)->input_count; }

static void htif_receive(void *frontend, const uint8_t *bytes, size_t n)
{
    struct htif *h = frontend;
    memcpy(h->input + h->input_count, bytes, n);
    h->input_count += n;
}

struct htif *htif_create(struct machine *m, gpa_t tohost, gpa_t fromhost, struct chardev *console)
{
    struct htif *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    *h = (struct htif){.machine = m, .tohost = tohost, .fromhost = fromhost, .console = console};
    if (console) {
        console->can_receive = htif_can_receive;
        console->receive = htif_receive;
        console->frontend = h;
    }
    return h;
}

void htif_destroy(struct htif *h) { free(h); }

bool signature_write(const struct bus *bus, gpa_t begin, gpa_t end, unsigned granularity, const char *path,
                     struct err *err)
{
    uint64_t length = end - begin;
    const uint8_t *bytes = length ? bus_ram(bus, begin, length) : NULL;
    if (end < begin || (length && !bytes))
        return err_set(err, "+signature: begin_signature … end_signature is not in guest memory");
    FILE *f = fopen(path, "w");
    if (!f) return err_set(err, "+signature=%s: cannot be opened for writing", path);
    for (uint64_t line = 0; line < length; line += granularity) {
        for (uint64_t i = granularity; i-- > 0;) fprintf(f, "%02x", line + i < length ? bytes[line + i] : 0);
        fputc('\n', f);
    }
    if (fclose(f)) return err_set(err, "+signature=%s: write failed", path);
    return true;
}
