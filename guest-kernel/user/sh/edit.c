/*
 * edit.c - the line that is being typed.
 *
 * Usually the terminal itself gathers a line and knows Backspace, and a program gets the line when it is finished. An editor wants every
 * key at once and draws the line itself: so for the time of one line it switches the terminal's modes (no ICANON, no ECHO, no ISIG)
 * and puts them back afterwards. Keys that are not characters arrive as several bytes that begin with Escape.
 *
 *      arrows, Home, End, Ctrl-A Ctrl-E Ctrl-B Ctrl-F     move          Backspace, Delete, Ctrl-D   delete a character
 *      up, down, Ctrl-P Ctrl-N                            history       Ctrl-K Ctrl-U Ctrl-W        delete to end, all before, a word
 *      Ctrl-R                                             search it     Ctrl-Y                      put back what was deleted
 *      Tab                                                complete      Ctrl-L                      clear the screen
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "sh/sh.h"

enum key { KEY_UP = 256, KEY_DOWN, KEY_RIGHT, KEY_LEFT, KEY_HOME, KEY_END, KEY_DELETE, KEY_NONE };
#define CONTROL(c) ((c)-64)

struct edit {
    const char *prompt;
    struct text line;
    size_t at;     /* the cursor, in bytes */
    size_t back;   /* in the history; 0: the new line */
    char *unsent;  /* the new line, while an older one is shown */
    char *removed; /* for Ctrl-Y */
    bool ended, done, tab;
};

bool edit_possible(void)
{
    struct termios modes;
    const char *term = getenv("TERM");
    return isatty(0) && isatty(2) && !(term && !strcmp(term, "dumb")) && !tcgetattr(0, &modes) &&
           !tcsetattr(0, TCSADRAIN, &modes);
}

static void put(const char *s, size_t n) { write_all(2, s, n); }

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
} /* UTF-8: not the first byte of a character */

static size_t columns_of(const char *s, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\033') { /* a colour takes no room */
            while (i < n && !isalpha((unsigned char)s[i])) i++;
            continue;
        }
        columns += !continues(s[i]);
    }
    return columns;
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return !ioctl(2, TIOCGWINSZ, &size) && size.ws_col > 10 ? size.ws_col : 80;
}

/* Draws one row: the prompt and as much of the line around the cursor as there is room for. */
static void draw(struct edit *e)
{
    const char *last = strrchr(e->prompt, '\n'), *prompt = last ? last + 1 : e->prompt;
    size_t used = columns_of(prompt, strlen(prompt)), width = terminal_columns();
    size_t room = width > used + 10 ? width - used - 1 : 10, from = 0, to;
    while (columns_of(e->line.s + from, e->at - from) > room) from++;
    while (from < e->at && continues(e->line.s[from])) from++;
    for (to = from; to < e->line.n && columns_of(e->line.s + from, to - from) < room; to++) {
    }
    while (to < e->line.n && continues(e->line.s[to])) to++;
    struct text out = {0};
    text_print(&out, "\r%s%.*s\033[K\r", prompt, (int)(to - from), e->line.s + from);
    size_t column = used + columns_of(e->line.s + from, e->at - from);
    if (column) text_print(&out, "\033[%zuC", column);
    put(out.s, out.n);
    text_free(&out);
}

/* Keys */

static int read_byte(void)
{
    unsigned char c;
    for (;;) {
        ssize_t n = read(0, &c, 1);
        if (n == 1) return c;
        if (n == 0) return -1;
        if (errno != EINTR) return -1;
        if (traps_pending() && !interrupted) traps_run();
        interrupted = 0;
    }
}

static int read_key(void)
{
    int c = read_byte();
    if (c != 27) return c;
    c = read_byte();
    if (c != '[' && c != 'O') return KEY_NONE;
    int number = 0;
    while ((c = read_byte()) >= 0 && (isdigit(c) || c == ';'))
        if (isdigit(c) && number < 100) number = number * 10 + c - '0';
    switch (c) {
    case 'A': return KEY_UP;
    case 'B': return KEY_DOWN;
    case 'C': return KEY_RIGHT;
    case 'D': return KEY_LEFT;
    case 'H': return KEY_HOME;
    case 'F': return KEY_END;
    case '~':
        return number == 1 || number == 7   ? KEY_HOME
               : number == 4 || number == 8 ? KEY_END
               : number == 3                ? KEY_DELETE
                                            : KEY_NONE;
    default: return c < 0 ? -1 : KEY_NONE;
    }
}

/* Changes of the line */

static void insert(struct edit *e, const char *s, size_t n)
{
    text_add_n(&e->line, s, n);
    memmove(e->line.s + e->at + n, e->line.s + e->at, e->line.n - n - e->at);
    memcpy(e->line.s + e->at, s, n);
    e->at += n;
}

static void erase(struct edit *e, size_t from, size_t to, bool keep)
{
    if (from >= to) return;
    if (keep) {
        free(e->removed);
        e->removed = xprintf("%.*s", (int)(to - from), e->line.s + from);
    }
    memmove(e->line.s + from, e->line.s + to, e->line.n - to + 1);
    e->line.n -= to - from;
    e->at = from;
}

static size_t left_of(const struct edit *e)
{
    size_t at = e->at;
    if (at) at--;
    while (at && continues(e->line.s[at])) at--;
    return at;
}

static size_t right_of(const struct edit *e)
{
    size_t at = e->at;
    if (at < e->line.n) at++;
    while (at < e->line.n && continues(e->line.s[at])) at++;
    return at;
}

static void show(struct edit *e, const char *line)
{
    e->line.n = 0;
    text_add(&e->line, line);
    e->at = e->line.n;
}

static void move_in_history(struct edit *e, bool older)
{
    const char *line = older ? history_get(e->back + 1) : e->back > 1 ? history_get(e->back - 1) : NULL;
    if (older ? !line : !e->back) return;
    if (!e->back) {
        free(e->unsent);
        e->unsent = xstrdup(e->line.s);
    }
    e->back += older ? 1 : -(size_t)1;
    show(e, line ? line : e->unsent);
}

/* Ctrl-R: what is typed is searched for in older and older lines. Any other key takes the line that was found. The key, to be done. */
static int search(struct edit *e)
{
    struct text wanted = {0};
    char *before = xstrdup(e->line.s);
    size_t back = 0;
    int key;
    for (;;) {
        struct text out = {0};
        text_print(&out, "\r(search `%s') %s\033[K", text_str(&wanted), e->line.s);
        put(out.s, out.n);
        text_free(&out);
        key = read_key();
        if (key == CONTROL('R'))
            back++;
        else if ((key == 127 || key == 8) && wanted.n)
            wanted.s[--wanted.n] = 0, back = 1;
        else if (key >= 32 && key < 256 && key != 127)
            text_put(&wanted, (char)key), back = back ? back : 1;
        else
            break;
        const char *line = NULL;
        if (!back) back = 1;
        for (size_t i = back; wanted.n && (line = history_get(i)); i++) {
            if (!strstr(line, wanted.s)) continue;
            back = i;
            show(e, line);
            break;
        }
    }
    if (key == CONTROL('G') || key == CONTROL('C')) show(e, before);
    if (key == CONTROL('G')) key = KEY_NONE;
    free(before);
    text_free(&wanted);
    return key;
}

static void list_choices(const struct strings *choices)
{
    size_t widest = 1, width = terminal_columns();
    for (size_t i = 0; i < choices->n; i++)
        if (strlen(path_base(choices->at[i])) + 1 > widest) widest = strlen(path_base(choices->at[i])) + 1;
    size_t per_row = width / widest ? width / widest : 1;
    struct text out = {0};
    text_add(&out, "\r\n");
    for (size_t i = 0; i < choices->n; i++) {
        text_print(&out, "%-*s", (int)widest, path_base(choices->at[i]));
        if ((i + 1) % per_row == 0 || i + 1 == choices->n) text_add(&out, "\r\n");
    }
    put(out.s, out.n);
    text_free(&out);
}

/* Tab: adds what all choices have in common; a second Tab lists them. */
static void add_completion(struct edit *e, bool again)
{
    struct strings choices = {0};
    size_t start;
    complete(e->line.s, e->at, &choices, &start);
    size_t common = choices.n ? strlen(choices.at[0]) : 0, typed = e->at - start;
    for (size_t i = 1; i < choices.n; i++)
        for (size_t k = 0; k < common; k++)
            if (choices.at[i][k] != choices.at[0][k]) common = k;
    if (common > typed)
        insert(e, choices.at[0] + typed, common - typed);
    else if (again && choices.n > 1)
        list_choices(&choices);
    strings_free(&choices);
}

static void finish(struct edit *e)
{
    e->at = e->line.n;
    draw(e);
    put("\r\n", 2);
    e->done = true;
}

static void interrupt(struct edit *e)
{
    put("^C\r\n", 4);
    e->line.n = 0;
    e->at = 0;
    e->back = 0;
    e->line.s[0] = 0;
    sh.status = 128 + SIGINT;
    e->done = true;
}

static void do_key(struct edit *e, int key)
{
    bool again = e->tab;
    e->tab = key == '\t';
    if (key == CONTROL('R')) key = search(e);
    switch (key) {
    case -1: e->ended = e->done = true; break;
    case '\r':
    case '\n': finish(e); break;
    case CONTROL('C'): interrupt(e); break;
    case CONTROL('D'):
        if (!e->line.n)
            e->ended = e->done = true;
        else
            erase(e, e->at, right_of(e), false);
        break;
    case KEY_DELETE: erase(e, e->at, right_of(e), false); break;
    case 8:
    case 127: erase(e, left_of(e), e->at, false); break;
    case CONTROL('A'):
    case KEY_HOME: e->at = 0; break;
    case CONTROL('E'):
    case KEY_END: e->at = e->line.n; break;
    case CONTROL('B'):
    case KEY_LEFT: e->at = left_of(e); break;
    case CONTROL('F'):
    case KEY_RIGHT: e->at = right_of(e); break;
    case CONTROL('P'):
    case KEY_UP: move_in_history(e, true); break;
    case CONTROL('N'):
    case KEY_DOWN: move_in_history(e, false); break;
    case CONTROL('K'): erase(e, e->at, e->line.n, true); break;
    case CONTROL('U'): erase(e, 0, e->at, true); break;
    case CONTROL('W'): {
        size_t from = e->at;
        while (from && e->line.s[from - 1] == ' ') from--;
        while (from && e->line.s[from - 1] != ' ') from--;
        erase(e, from, e->at, true);
        break;
    }
    case CONTROL('Y'):
        if (e->removed) insert(e, e->removed, strlen(e->removed));
        break;
    case CONTROL('L'): put("\033[H\033[2J", 7); break;
    case '\t': add_completion(e, again); break;
    default:
        if (key >= 32 && key < 256) {
            char c = (char)key;
            insert(e, &c, 1);
        }
    }
}

char *edit_line(const char *prompt)
{
    struct termios modes, raw;
    struct edit e = {.prompt = prompt};
    if (tcgetattr(0, &modes)) return NULL;
    raw = modes;
    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | IXON);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(0, TCSADRAIN, &raw);
    text_add(&e.line, "");
    const char *last = strrchr(prompt, '\n');
    if (last) put(prompt, (size_t)(last - prompt) + 1);
    while (!e.done) {
        draw(&e);
        do_key(&e, read_key());
    }
    tcsetattr(0, TCSADRAIN, &modes);
    free(e.unsent);
    free(e.removed);
    if (e.ended) {
        text_free(&e.line);
        return NULL;
    }
    text_put(&e.line, '\n');
    return text_take(&e.line);
}
