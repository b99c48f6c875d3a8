/*
 * format.c - printf into a buffer. See format.h.
 *
 * A conversion is first written into a small buffer of its own (`digits`), then padded into the output. The output
 * counts all characters but stores only those that have room, so a caller can ask for the length with room 0.
 */
#include "base/format.h"

#include "base/string.h"

struct output {
    char *to;
    size_t room, used;
};

struct conversion {
    bool left, zeros, plus, alternate;
    int width, precision; /* precision -1: none given */
    int size;             /* bytes of an integer argument */
};

static void put(struct output *out, char c)
{
    if (out->used + 1 < out->room) out->to[out->used] = c;
    out->used++;
}

static void put_many(struct output *out, char c, int times)
{
    while (times-- > 0) put(out, c);
}

static void put_padded(struct output *out, const struct conversion *how, const char *text, int n)
{
    if (!how->left) put_many(out, ' ', how->width - n);
    for (int i = 0; i < n; i++) put(out, text[i]);
    if (how->left) put_many(out, ' ', how->width - n);
}

static void put_number(struct output *out, const struct conversion *how, uint64_t value, unsigned base,
                       const char *sign, bool upper)
{
    const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[24];
    int n = 0, signs = (int)strlen(sign);
    do digits[n++] = alphabet[value % base];
    while (value /= base);
    int zeros = how->precision >= 0 ? how->precision - n : how->zeros && !how->left ? how->width - signs - n : 0;
    if (zeros < 0) zeros = 0;
    int pad = how->width - signs - zeros - n;
    if (!how->left) put_many(out, ' ', pad);
    while (*sign) put(out, *sign++);
    put_many(out, '0', zeros);
    while (n) put(out, digits[--n]);
    if (how->left) put_many(out, ' ', pad);
}

static const char *parse_number(const char *text, int *value)
{
    for (*value = 0; *text >= '0' && *text <= '9'; text++)
        if (*value < 100000) *value = *value * 10 + (*text - '0');
    return text;
}

static const char *parse_flags(const char *text, struct conversion *how)
{
    for (;; text++) {
        if (*text == '-')
            how->left = true;
        else if (*text == '0')
            how->zeros = true;
        else if (*text == '+')
            how->plus = true;
        else if (*text == '#')
            how->alternate = true;
        else if (*text != ' ')
            return text;
    }
}

static const char *parse_length(const char *text, struct conversion *how)
{
    how->size = 4;
    if (*text == 'h') {
        how->size = 2;
        if (*++text == 'h') how->size = 1, text++;
    }
    for (; *text == 'l' || *text == 'z'; text++) how->size = 8;
    return text;
}

static void put_integer(struct output *out, const struct conversion *how, char kind, uint64_t value)
{
    if (kind == 'd' || kind == 'i') {
        int64_t number = how->size == 8 ? (int64_t)value : (int32_t)value;
        const char *sign = number < 0 ? "-" : how->plus ? "+" : "";
        put_number(out, how, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10, sign, false);
        return;
    }
    if (how->size < 8) value &= (1ull << (how->size * 8)) - 1;
    unsigned base = kind == 'u' ? 10 : kind == 'o' ? 8 : 16;
    const char *prefix = how->alternate && value ? (base == 16 ? "0x" : base == 8 ? "0" : "") : "";
    put_number(out, how, value, base, prefix, kind == 'X');
}

int format_args(char *to, size_t room, const char *text, va_list arguments)
{
    struct output out = {.to = to, .room = room};
    va_list args;
    va_copy(args, arguments);
    for (; *text; text++) {
        if (*text != '%') {
            put(&out, *text);
            continue;
        }
        struct conversion how = {.precision = -1};
        text = parse_flags(text + 1, &how);
        if (*text == '*') {
            how.width = va_arg(args, int);
            if (how.width < 0) how.left = true, how.width = -how.width;
            text++;
        } else {
            text = parse_number(text, &how.width);
        }
        if (*text == '.') {
            if (*++text == '*')
                how.precision = va_arg(args, int), text++;
            else
                text = parse_number(text, &how.precision);
        }
        text = parse_length(text, &how);
        switch (*text) {
        case 'd':
        case 'i':
        case 'u':
        case 'x':
        case 'X':
        case 'o':
            put_integer(&out, &how, *text, how.size == 8 ? va_arg(args, uint64_t) : va_arg(args, uint32_t));
            break;
        case 'p':
            how.size = 8, how.alternate = true;
            put_integer(&out, &how, 'x', (uintptr_t)va_arg(args, void *));
            break;
        case 'c': {
            char c = (char)va_arg(args, int);
            put_padded(&out, &how, &c, 1);
            break;
        }
        case 's': {
            const char *s = va_arg(args, const char *);
            if (!s) s = "(null)";
            put_padded(&out, &how, s, (int)(how.precision >= 0 ? strnlen(s, (size_t)how.precision) : strlen(s)));
            break;
        }
        case '%': put(&out, '%'); break;
        case 0: text--; break;
        default: put(&out, '%'), put(&out, *text);
        }
    }
    va_end(args);
    if (room) to[MIN(out.used, room - 1)] = 0;
    return (int)out.used;
}

int format(char *to, size_t room, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    int n = format_args(to, room, text, arguments);
    va_end(arguments);
    return n;
}
