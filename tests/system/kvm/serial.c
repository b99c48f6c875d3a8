/*
 * serial.c - an ns16550a whose other end is this program's standard input and output.
 *
 * Transmission takes no time: the transmitter is always empty. A received byte is looked for when the guest asks the
 * line status register whether there is one. With a prefix, output goes out in whole lines, each in one write, so that
 * the consoles of several guests can share a terminal.
 */
#include "kvmrun.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCRATCH };
enum { LCR_DLAB = 0x80, MCR_LOOP = 0x10, LSR_READY = 0x01, LSR_EMPTY = 0x60, MSR_CTS_DSR_DCD = 0xb0 };
enum { IER_RECEIVED = 0x01, IER_EMPTY = 0x02, IIR_NONE = 0x01, IIR_EMPTY = 0x02, IIR_RECEIVED = 0x04 };
enum { IIR_FIFOS = 0xc0, FCR_ENABLE = 0x01 };

#define LINE_MAX 1024

static struct {
    uint8_t ier, fcr, lcr, mcr, scratch, divisor[2];
    int received;     /* -1: none */
    bool has_emptied; /* the transmitter became empty and nobody was told: an interrupt is due if IER wants it */
    bool input_ended;
    const char *prefix;
    char line[LINE_MAX];
    size_t line_bytes, prefix_bytes;
    bool terminal;
    struct termios saved;
} serial = {.received = -1};

static void output(const char *text, size_t bytes)
{
    while (bytes) {
        ssize_t done = write(STDOUT_FILENO, text, bytes);
        if (done <= 0) return; /* nobody listens: the guest need not know */
        text += done;
        bytes -= (size_t)done;
    }
}

static void flush_line(void)
{
    if (serial.line_bytes > serial.prefix_bytes) output(serial.line, serial.line_bytes);
    serial.line_bytes = serial.prefix_bytes;
}

static void put(char byte)
{
    if (!serial.prefix) {
        output(&byte, 1);
        return;
    }
    if (byte == '\r') return;
    serial.line[serial.line_bytes++] = byte;
    if (byte == '\n' || serial.line_bytes == LINE_MAX) flush_line();
}

void serial_print(const uint8_t *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) put((char)text[i]);
}

static void look_for_input(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    uint8_t byte;
    if (serial.received >= 0 || serial.input_ended || poll(&input, 1, 0) <= 0) return;
    if (read(STDIN_FILENO, &byte, 1) == 1)
        serial.received = byte;
    else
        serial.input_ended = true;
}

static uint8_t take_received(void)
{
    uint8_t byte = serial.received < 0 ? 0 : (uint8_t)serial.received;
    serial.received = -1;
    return byte;
}

/* No interrupt line is there, but the identification is as if: a driver that polls asks for it at each tick of its timer. */
static uint8_t interrupt_identification(void)
{
    uint8_t fifos = serial.fcr & FCR_ENABLE ? IIR_FIFOS : 0;
    look_for_input();
    if ((serial.ier & IER_RECEIVED) && serial.received >= 0) return fifos | IIR_RECEIVED;
    if (!(serial.ier & IER_EMPTY) || !serial.has_emptied) return fifos | IIR_NONE;
    serial.has_emptied = false; /* told now */
    return fifos | IIR_EMPTY;
}

static void set_interrupt_enable(uint8_t value)
{
    if (value & ~serial.ier & IER_EMPTY) serial.has_emptied = true;
    serial.ier = value & 0x0f;
}

static void transmit(uint8_t value)
{
    serial.has_emptied = true;
    if (serial.mcr & MCR_LOOP)
        serial.received = value;
    else
        put((char)value);
}

/* In loop-back mode the modem status mirrors the modem control: RTS, DTR, OUT1, OUT2 to CTS, DSR, RI, DCD. */
static uint8_t modem_status(void)
{
    uint8_t mcr = serial.mcr;
    if (!(mcr & MCR_LOOP)) return MSR_CTS_DSR_DCD;
    return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4);
}

uint8_t serial_read(unsigned offset)
{
    bool divisor = serial.lcr & LCR_DLAB;
    switch (offset) {
    case REG_DATA: return divisor ? serial.divisor[0] : take_received();
    case REG_IER: return divisor ? serial.divisor[1] : serial.ier;
    case REG_IIR_FCR: return interrupt_identification();
    case REG_LCR: return serial.lcr;
    case REG_MCR: return serial.mcr;
    case REG_LSR: look_for_input(); return LSR_EMPTY | (serial.received >= 0 ? LSR_READY : 0);
    case REG_MSR: return modem_status();
    case REG_SCRATCH: return serial.scratch;
    default: return 0;
    }
}

void serial_write(unsigned offset, uint8_t value)
{
    bool divisor = serial.lcr & LCR_DLAB;
    switch (offset) {
    case REG_DATA:
        if (divisor)
            serial.divisor[0] = value;
        else
            transmit(value);
        break;
    case REG_IER:
        if (divisor)
            serial.divisor[1] = value;
        else
            set_interrupt_enable(value);
        break;
    case REG_IIR_FCR: serial.fcr = value; break;
    case REG_LCR: serial.lcr = value; break;
    case REG_MCR: serial.mcr = value & 0x1f; break;
    case REG_SCRATCH: serial.scratch = value; break;
    default: break;
    }
}

static void end_by_signal(int number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &serial.saved);
    _exit(128 + number);
}

void serial_open(const char *prefix)
{
    if (prefix && *prefix) {
        serial.prefix = prefix;
        serial.prefix_bytes = strnlen(prefix, LINE_MAX / 2);
        memcpy(serial.line, prefix, serial.prefix_bytes);
        serial.line_bytes = serial.prefix_bytes;
    }
    /* Characters go to the guest as they are typed, and the guest echoes them; ^C still ends this program. */
    if (tcgetattr(STDIN_FILENO, &serial.saved)) return;
    struct termios raw = serial.saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_iflag &= ~(tcflag_t)ICRNL;
    serial.terminal = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    signal(SIGINT, end_by_signal);
    signal(SIGTERM, end_by_signal);
}

void serial_close(void)
{
    if (serial.prefix && serial.line_bytes > serial.prefix_bytes) put('\n');
    if (serial.terminal) tcsetattr(STDIN_FILENO, TCSANOW, &serial.saved);
}
