/* Packets of the GDB remote serial protocol ("Overview" in the GDB manual's appendix): $data#checksum, acknowledgements, escapes,
 * the interrupt byte. */
#ifndef ORRERY_EMU_GDB_PACKET_H
#define ORRERY_EMU_GDB_PACKET_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_BYTES 16384u /* our PacketSize: the longest data that either side may send */

/* Incoming side: bytes go in, packets come out. */
struct packet_reader {
    enum { PACKET_IDLE, PACKET_DATA, PACKET_ESCAPE, PACKET_SUM1, PACKET_SUM2 } state;
    uint8_t sum, want;
    size_t length;
    bool overlong;
    char data[GDB_PACKET_BYTES + 1]; /* unescaped, terminated with NUL (it may hold NULs itself) */
};

enum packet_event { PACKET_NOTHING, PACKET_READY, PACKET_BAD, PACKET_INTERRUPT };

enum packet_event packet_feed(struct packet_reader *r, uint8_t byte);

/* Outgoing side: a reply under construction. Overlong replies are cut, never overrun. */
struct reply {
    size_t length;
    char data[GDB_PACKET_BYTES + 1];
};

void reply_text(struct reply *r, const char *text);
void reply_format(struct reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_hex(struct reply *r, const void *bytes, size_t n);
void reply_binary(struct reply *r, const char *bytes, size_t n); /* stored raw; escaped by reply_frame */

/* Frames the reply as it goes on the wire; `to` has room for 2 * GDB_PACKET_BYTES + 8. Returns the length. */
size_t reply_frame(const struct reply *r, char *to);

/* Parsing helpers: each advances *at past what it took. */
bool parse_hex(const char **at, uint64_t *value);
bool parse_hex_bytes(const char *hex, size_t n, uint8_t *to); /* 2n hex digits */
bool parse_char(const char **at, char c);
bool parse_word(const char **at, const char *word);

#endif
