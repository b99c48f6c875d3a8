#include "emu/gdb/packet.h"
#include <criterion/criterion.h>
#include <string.h>

static struct packet_reader reader;

static enum packet_event feed(const char *bytes, size_t n)
{
    enum packet_event last = PACKET_NOTHING;
    for (size_t i = 0; i < n; i++) last = packet_feed(&reader, (uint8_t)bytes[i]);
    return last;
}

static enum packet_event feed_text(const char *text) { return feed(text, strlen(text)); }

Test(gdb_packet, reads_what_it_frames_whatever_the_bytes)
{
    struct reply out = {0};
    static char wire[2 * GDB_PACKET_BYTES + 8];
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    reply_binary(&out, all, sizeof all);
    size_t n = reply_frame(&out, wire);
    memset(&reader, 0, sizeof reader);
    cr_assert_eq(feed(wire, n), PACKET_READY);
    cr_assert_eq(reader.length, sizeof all);
    cr_assert_arr_eq(reader.data, all, sizeof all);
}

Test(gdb_packet, known_frame)
{
    struct reply out = {0};
    char wire[64];
    reply_text(&out, "OK");
    size_t n = reply_frame(&out, wire);
    cr_assert_eq(n, 6);
    cr_assert_arr_eq(wire, "$OK#9a", 6);
}

Test(gdb_packet, wrong_checksum_and_overlong_packets_are_refused)
{
    memset(&reader, 0, sizeof reader);
    cr_assert_eq(feed_text("$OK#9b"), PACKET_BAD);
    cr_assert_eq(feed_text("$OK#zz"), PACKET_NOTHING); /* bad at the first digit, then noise */
    cr_assert_eq(feed_text("$OK#9a"), PACKET_READY);
    feed_text("$");
    unsigned sum = 0;
    for (size_t i = 0; i < GDB_PACKET_BYTES + 1; i++) sum += 'a', feed_text("a");
    char end[4] = {'#', "0123456789abcdef"[sum >> 4 & 15], "0123456789abcdef"[sum & 15], 0};
    cr_assert_eq(feed_text(end), PACKET_BAD);
    cr_assert_eq(feed_text("$OK#9a"), PACKET_READY);
}

Test(gdb_packet, interrupt_byte_counts_only_between_packets)
{
    memset(&reader, 0, sizeof reader);
    cr_assert_eq(feed_text("\x03"), PACKET_INTERRUPT);
    cr_assert_eq(feed_text("+$g"), PACKET_NOTHING);
    cr_assert_eq(feed_text("\x03"), PACKET_NOTHING);
}

Test(gdb_packet, replies_are_cut_at_their_room)
{
    static struct reply out;
    char block[1000];
    memset(block, '$', sizeof block);
    for (int i = 0; i < 100; i++) reply_binary(&out, block, sizeof block);
    cr_assert_eq(out.length, GDB_PACKET_BYTES);
    static char wire[2 * GDB_PACKET_BYTES + 8];
    cr_assert_leq(reply_frame(&out, wire), sizeof wire);
}

Test(gdb_packet, parsers_stop_where_the_text_is_wrong)
{
    const char *at = "12ab,";
    uint64_t v;
    cr_assert(parse_hex(&at, &v));
    cr_assert_eq(v, 0x12ab);
    cr_assert(parse_char(&at, ','));
    cr_assert(!parse_hex(&at, &v));
    at = "11112222333344445";
    cr_assert(parse_hex(&at, &v));
    cr_assert_eq(*at, '5', "no more than 64 bits");
    uint8_t bytes[2];
    cr_assert(!parse_hex_bytes("1", 1, bytes));
    cr_assert(!parse_hex_bytes("", 2, bytes));
    cr_assert(parse_hex_bytes("a0FF", 2, bytes));
    cr_assert_eq(bytes[1], 0xff);
}
