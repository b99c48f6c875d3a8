/*
 * ldisc.c - the line discipline: what happens to bytes between a line and a program.
 *
 * In *canonical* mode a program reads lines. Until its end is typed a line can be edited: VERASE rubs out a character,
 * VWERASE a word, VKILL all of it; VLNEXT takes the next byte as it is; VEOF ends the line without being part of it, so that
 * a read returns at once, with 0 bytes if nothing was typed: "end of file". In *raw* mode (ICANON off) every byte is there at
 * once, and the program does the editing itself, as shells and editors do.
 *
 * In both modes the keyboard can send signals (ISIG: VINTR, VQUIT, VSUSP), hold the output (IXON: VSTOP, VSTART), and what is
 * typed is echoed (ECHO), control characters as ^X. To rub out a character its width must be known: a tab is as wide as the way to
 * the next multiple of eight, so the column of the cursor is followed.
 *
 * Echo must never wait, since it happens in interrupts: what the driver does not take is kept for later.
 *
 * Source: POSIX.1-2017, chapter 11 (General Terminal Interface); details as Linux has them.
 */
#include "base/bitmap.h"
#include "base/string.h"
#include "dev/tty.h"
#include "kern/signal.h"
#include "kern/wait.h"

static bool mode_i(const struct tty *tty, uint32_t flag) { return tty->termios.iflag & flag; }
static bool mode_o(const struct tty *tty, uint32_t flag) { return tty->termios.oflag & flag; }
static bool mode_l(const struct tty *tty, uint32_t flag) { return tty->termios.lflag & flag; }
static bool is_cc(const struct tty *tty, char c, enum tty_cc which)
{
    return tty->termios.cc[which] && (uint8_t)c == tty->termios.cc[which];
}
static bool is_control(char c) { return (uint8_t)c < 32 || c == 127; }
static bool is_continuation(const struct tty *tty, char c) { return mode_i(tty, IUTF8) && (c & 0xc0) == 0x80; }

static uint32_t used(const struct tty *tty) { return tty->head - tty->tail; }
static char byte_at(const struct tty *tty, uint32_t position) { return tty->input[position % TTY_INPUT]; }
static bool ends_at(const struct tty *tty, uint32_t position) { return bitmap_test(tty->ends, position % TTY_INPUT); }

/* Output */

#define EXPANDED 8 /* bytes that one byte becomes at most */

/* What becomes of one byte on its way out; how many bytes. */
static size_t process(struct tty *tty, char c, char out[EXPANDED])
{
    size_t n = 0;
    if (mode_o(tty, OPOST)) {
        if (c == '\n' && mode_o(tty, ONLRET)) tty->column = 0;
        if (c == '\n' && mode_o(tty, ONLCR)) out[n++] = '\r', tty->column = 0;
        if (c == '\r' && mode_o(tty, ONOCR) && !tty->column) return 0;
        if (c == '\r' && mode_o(tty, OCRNL)) c = '\n';
        if (c == '\t' && (tty->termios.oflag & TABDLY) == TABDLY) {
            while (n < 8 - tty->column % 8) out[n++] = ' ';
            tty->column += (unsigned)n;
            return n;
        }
        if (mode_o(tty, OLCUC) && c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    }
    if (c == '\r')
        tty->column = 0;
    else if (c == '\t')
        tty->column += 8 - tty->column % 8;
    else if (c == '\b')
        tty->column -= tty->column != 0;
    else if (!is_control(c) && !is_continuation(tty, c))
        tty->column++;
    out[n++] = c;
    return n;
}

size_t ldisc_write(struct tty *tty, const char *bytes, size_t n)
{
    char out[256];
    size_t done = 0, filled = 0;
    if (tty->stopped) return 0;
    size_t room = MIN(tty->driver->room(tty), sizeof out);
    while (done < n && filled + EXPANDED <= room) filled += process(tty, bytes[done++], out + filled);
    tty->driver->write(tty, out, filled);
    return done;
}

/* Echo: through a queue of its own, that loses what comes when it is full. */

void ldisc_flush_echo(struct tty *tty)
{
    while (tty->echo_tail != tty->echo_head && !tty->stopped && tty->driver->room(tty)) {
        tty->driver->write(tty, &tty->echo[tty->echo_tail % TTY_ECHO], 1);
        tty->echo_tail++;
    }
}

static void echo_byte(struct tty *tty, char c)
{
    char out[EXPANDED];
    if (tty->echo_head - tty->echo_tail > TTY_ECHO - EXPANDED) return;
    size_t n = process(tty, c, out);
    for (size_t i = 0; i < n; i++) tty->echo[tty->echo_head++ % TTY_ECHO] = out[i];
}

static void echo_text(struct tty *tty, const char *text)
{
    while (*text) echo_byte(tty, *text++);
}

static void echo_visible(struct tty *tty, char c)
{
    if (mode_l(tty, ECHOCTL) && is_control(c) && c != '\t' && c != '\n') {
        echo_byte(tty, '^');
        c ^= 0100;
    }
    echo_byte(tty, c);
}

static void echo(struct tty *tty, char c)
{
    if (!mode_l(tty, ECHO)) return;
    if (tty->head == tty->lines) tty->prompt = tty->column;
    echo_visible(tty, c);
}

/* Editing. The line being typed is [lines, head). */

/* Where the cursor stands behind the bytes of the line up to `end`. */
static unsigned column_at(const struct tty *tty, uint32_t end)
{
    unsigned column = tty->prompt;
    for (uint32_t at = tty->lines; at != end; at++) {
        char c = byte_at(tty, at);
        if (c == '\t')
            column += 8 - column % 8;
        else if (is_control(c))
            column += mode_l(tty, ECHOCTL) ? 2 : 0;
        else
            column += !is_continuation(tty, c);
    }
    return column;
}

/* Takes the last character off the line and, with ECHOE, off the screen. */
static void rub_out(struct tty *tty)
{
    unsigned before = column_at(tty, tty->head);
    char c;
    do c = byte_at(tty, --tty->head);
    while (is_continuation(tty, c) && tty->head != tty->lines);
    if (!mode_l(tty, ECHO)) return;
    if (!mode_l(tty, ECHOE)) {
        echo_visible(tty, (char)tty->termios.cc[VERASE]);
        return;
    }
    for (unsigned width = before - column_at(tty, tty->head); width; width--)
        echo_text(tty, c == '\t' ? "\b" : "\b \b");
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (uint8_t)c >= 128;
}

static void erase_word(struct tty *tty)
{
    bool in_word = false;
    while (tty->head != tty->lines) {
        bool word = is_word(byte_at(tty, tty->head - 1));
        if (in_word && !word) return;
        in_word = word;
        rub_out(tty);
    }
}

static void erase_line(struct tty *tty)
{
    const uint32_t visibly = ECHO | ECHOE | ECHOK | ECHOKE;
    if ((tty->termios.lflag & visibly) == visibly) {
        while (tty->head != tty->lines) rub_out(tty);
        return;
    }
    tty->head = tty->lines;
    if (!mode_l(tty, ECHO)) return;
    echo_visible(tty, (char)tty->termios.cc[VKILL]);
    if (mode_l(tty, ECHOK)) echo_byte(tty, '\n');
}

static void reprint(struct tty *tty)
{
    echo_visible(tty, (char)tty->termios.cc[VREPRINT]);
    echo_byte(tty, '\n');
    tty->prompt = tty->column;
    for (uint32_t at = tty->lines; at != tty->head; at++) echo_visible(tty, byte_at(tty, at));
}

/* Input */

static void put(struct tty *tty, char c, bool end)
{
    if (used(tty) >= TTY_INPUT - !end) return; /* one place is kept for the end of an over-long line */
    bitmap_clear(tty->ends, tty->head % TTY_INPUT);
    if (end) bitmap_set(tty->ends, tty->head % TTY_INPUT);
    tty->input[tty->head++ % TTY_INPUT] = c;
    if (end || !mode_l(tty, ICANON)) tty->lines = tty->head;
}

/* True if the byte was an order and is no part of the line. */
static bool edit(struct tty *tty, char c)
{
    bool extended = mode_l(tty, IEXTEN), empty = tty->head == tty->lines;
    if (is_cc(tty, c, VERASE)) {
        if (!empty) rub_out(tty);
    } else if (is_cc(tty, c, VKILL)) {
        if (!empty) erase_line(tty);
    } else if (extended && is_cc(tty, c, VWERASE)) {
        erase_word(tty);
    } else if (extended && is_cc(tty, c, VLNEXT)) {
        tty->literal = true;
        if (mode_l(tty, ECHO) && mode_l(tty, ECHOCTL)) {
            if (empty) tty->prompt = tty->column;
            echo_text(tty, "^\b");
        }
    } else if (extended && mode_l(tty, ECHO) && is_cc(tty, c, VREPRINT)) {
        reprint(tty);
    } else if (is_cc(tty, c, VEOF)) {
        put(tty, 0, true);
    } else {
        return false;
    }
    return true;
}

static void receive_line_byte(struct tty *tty, char c)
{
    if (edit(tty, c)) return;
    bool end = c == '\n' || is_cc(tty, c, VEOL) || (mode_l(tty, IEXTEN) && is_cc(tty, c, VEOL2));
    if (!end && used(tty) >= TTY_INPUT - 1) {
        if (mode_l(tty, ECHO) && mode_i(tty, IMAXBEL)) echo_byte(tty, '\a');
        return;
    }
    if (c == '\n' && !mode_l(tty, ECHO) && mode_l(tty, ECHONL)) echo_byte(tty, c);
    echo(tty, c);
    put(tty, c, end);
}

static int signal_of(const struct tty *tty, char c)
{
    if (!mode_l(tty, ISIG)) return 0;
    return is_cc(tty, c, VINTR) ? SIGINT : is_cc(tty, c, VQUIT) ? SIGQUIT : is_cc(tty, c, VSUSP) ? SIGTSTP : 0;
}

static void start_output(struct tty *tty)
{
    tty->stopped = false;
    wake_all(&tty->writable);
}

static void keyboard_signal(struct tty *tty, char c, int signal, uint64_t *signals)
{
    *signals |= SIGBIT(signal);
    if (!mode_l(tty, NOFLSH)) {
        ldisc_flush_input(tty);
        tty->echo_tail = tty->echo_head;
        if (tty->driver->flush) tty->driver->flush(tty);
    }
    if (mode_i(tty, IXON)) start_output(tty);
    echo(tty, c);
}

static void receive_byte(struct tty *tty, char c, uint64_t *signals)
{
    if (mode_i(tty, ISTRIP)) c &= 0x7f;
    if (mode_i(tty, IUCLC) && mode_l(tty, IEXTEN) && c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
    if (tty->literal) {
        tty->literal = false;
        echo(tty, c);
        put(tty, c, false);
        return;
    }
    if (mode_i(tty, IXON) && is_cc(tty, c, VSTART)) {
        start_output(tty);
        return;
    }
    if (mode_i(tty, IXON) && is_cc(tty, c, VSTOP)) {
        tty->stopped = true;
        return;
    }
    int signal = signal_of(tty, c);
    if (signal) {
        keyboard_signal(tty, c, signal, signals);
        return;
    }
    if (tty->stopped && mode_i(tty, IXON) && mode_i(tty, IXANY)) start_output(tty);
    if (c == '\r') {
        if (mode_i(tty, IGNCR)) return;
        if (mode_i(tty, ICRNL)) c = '\n';
    } else if (c == '\n' && mode_i(tty, INLCR)) {
        c = '\r';
    }
    if (mode_l(tty, ICANON)) {
        receive_line_byte(tty, c);
    } else if (used(tty) < TTY_INPUT) {
        echo(tty, c);
        put(tty, c, false);
    }
}

/* Could another byte be lost? In canonical mode without a whole line it must be taken: only editing makes room. */
bool ldisc_is_full(const struct tty *tty)
{
    if (mode_l(tty, ICANON) && tty->lines == tty->tail) return false;
    return used(tty) >= TTY_INPUT - 1;
}

size_t ldisc_receive(struct tty *tty, const char *bytes, size_t n, uint64_t *signals)
{
    size_t done = 0;
    for (; done < n && !ldisc_is_full(tty); done++) receive_byte(tty, bytes[done], signals);
    ldisc_flush_echo(tty);
    if (ldisc_has_input(tty)) wake_all(&tty->readable);
    return done;
}

size_t tty_receive(struct tty *tty, const char *bytes, size_t n)
{
    uint64_t signals = 0;
    spin_lock(&tty->lock);
    size_t done = ldisc_receive(tty, bytes, n, &signals);
    spin_unlock(&tty->lock);
    if (signals) job_signal_foreground_set(tty, signals);
    return done;
}

/* Reading */

bool ldisc_has_input(const struct tty *tty) { return tty->lines != tty->tail; }

uint32_t ldisc_readable(const struct tty *tty)
{
    uint32_t n = tty->lines - tty->tail;
    for (uint32_t at = tty->tail; mode_l(tty, ICANON) && at != tty->lines; at++)
        n -= ends_at(tty, at) && !byte_at(tty, at);
    return n;
}

size_t ldisc_take(struct tty *tty, char *to, size_t n, bool *end)
{
    bool canonical = mode_l(tty, ICANON);
    size_t done = 0;
    *end = false;
    while (tty->tail != tty->lines && !*end) {
        char c = byte_at(tty, tty->tail);
        *end = canonical && ends_at(tty, tty->tail);
        if (*end && !c) { /* VEOF */
            tty->tail++;
            break;
        }
        if (done == n) {
            *end = false;
            break;
        }
        to[done++] = c;
        tty->tail++;
    }
    if (tty->driver->unthrottle) tty->driver->unthrottle(tty);
    return done;
}

void ldisc_flush_input(struct tty *tty)
{
    tty->tail = tty->lines = tty->head;
    tty->literal = false;
    if (tty->driver->unthrottle) tty->driver->unthrottle(tty);
}

void ldisc_set_modes(struct tty *tty, const struct termios *modes)
{
    bool changes = (tty->termios.lflag ^ modes->lflag) & ICANON;
    tty->termios = *modes;
    if (changes) { /* what is there counts as a whole line */
        memset(tty->ends, 0, sizeof tty->ends);
        if (tty->head != tty->tail) bitmap_set(tty->ends, (tty->head - 1) % TTY_INPUT);
        tty->lines = tty->head;
        tty->literal = false;
    }
    if (!mode_i(tty, IXON)) start_output(tty);
    wake_all(&tty->readable);
}
