#include "emu/gdb/packet.h"

#include <stdio.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static void take(struct packet_reader *r, uint8_t byte)
{
    if (r->length < GDB_PACKET_BYTES)
        r->data[r->length++] = (char)byte;
    else
        r->overlong = true;
}

static void begin(struct packet_reader *r)
{
    r->state = PACKET_DATA;
    r->sum = 0;
    r->length = 0;
    r->overlong = false;
}

enum packet_event packet_feed(struct packet_reader *r, uint8_t byte)
{
    int digit = hex_value((char)byte);
    switch (r->state) {
    case PACKET_IDLE:
        if (byte == '$') begin(r);
        return byte == 0x03 ? PACKET_INTERRUPT : PACKET_NOTHING; /* '+' and '-' carry nothing over TCP */
    case PACKET_DATA:
        if (byte == '$') {
            begin(r);
            return PACKET_NOTHING;
        }
        if (byte == '#') {
            r->state = PACKET_SUM1;
            return PACKET_NOTHING;
        }
        r->sum = (uint8_t)(r->sum + byte);
        if (byte == '}')
            r->state = PACKET_ESCAPE;
        else
            take(r, byte);
        return PACKET_NOTHING;
    case PACKET_ESCAPE:
        r->sum = (uint8_t)(r->sum + byte);
        take(r, byte ^ 0x20);
        r->state = PACKET_DATA;
        return PACKET_NOTHING;
    case PACKET_SUM1:
        r->want = (uint8_t)((digit & 15) << 4);
        r->state = digit < 0 ? PACKET_IDLE : PACKET_SUM2;
        return digit < 0 ? PACKET_BAD : PACKET_NOTHING;
    case PACKET_SUM2:
        r->state = PACKET_IDLE;
        r->data[r->length] = 0;
        if (digit < 0 || (r->want | digit) != r->sum || r->overlong) return PACKET_BAD;
        return PACKET_READY;
    }
    return PACKET_NOTHING;
}

void reply_binary(struct reply *r, const char *bytes, size_t n)
{
    size_t room = GDB_PACKET_BYTES - r->length;
    if (n > room) n = room;
    memcpy(r->data + r->length, bytes, n);
    r->length += n;
    r->data[r->length] = 0;
}

void reply_text(struct reply *r, const char *text) { reply_binary(r, text, strlen(text)); }

void reply_format(struct reply *r, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    reply_text(r, line);
}

void reply_hex(struct reply *r, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < n; i++) reply_binary(r, (char[]){hex_digits[b[i] >> 4], hex_digits[b[i] & 15]}, 2);
}

size_t reply_frame(const struct reply *r, char *to)
{
    size_t n = 0;
    uint8_t sum = 0;
    to[n++] = '$';
    for (size_t i = 0; i < r->length; i++) {
        char c = r->data[i];
        if (c == '$' || c == '#' || c == '}' || c == '*') {
            to[n++] = '}';
            sum = (uint8_t)(sum + '}');
            c ^= 0x20;
        }
        to[n++] = c;
        sum = (uint8_t)(sum + (uint8_t)c);
    }
    to[n++] = '#';
    to[n++] = hex_digits[sum >> 4];
    to[n++] = hex_digits[sum & 15];
    return n;
}

bool parse_hex(const char **at, uint64_t *value)
{
    const char *start = *at;
    *value = 0;
    for (int d; (d = hex_value(**at)) >= 0 && *at - start < 16; ++*at) *value = *value << 4 | (unsigned)d;
    return *at != start;
}

bool parse_hex_bytes(const char *hex, size_t n, uint8_t *to)
{
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(hex[2 * i]);
        int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);
        if (low < 0) return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool parse_char(const char **at, char c)
{
    if (**at != c) return false;
    ++*at;
    return true;
}

bool parse_word(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0) return false;
    *at += n;
    return true;
}
