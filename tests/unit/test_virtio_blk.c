/* "Block Device": requests as a driver makes them, against an image that is an array, so that each write and flush can be seen. */
#include "devices/virtio/blk.h"
#include "virtio_driver.h"
#include <stdlib.h>

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2 };
#define F(n)           (UINT64_C(1) << (n))
#define F_RO           5
#define F_FLUSH        9
#define F_CONFIG_WCE   11
#define F_MQ           12
#define F_DISCARD      13
#define F_WRITE_ZEROES 14
#define SECTORS        256

/* ---- an image in memory ---- */

struct memory_image {
    struct image image;
    uint8_t bytes[SECTORS * SECTOR_BYTES];
    unsigned flushes, unflushed; /* writes since the last flush */
    bool fail;
};
static struct memory_image image;

static bool mem_move(uint64_t sector, const struct iovec *iov, unsigned n, bool write)
{
    uint8_t *at = image.bytes + sector * SECTOR_BYTES;
    for (unsigned i = 0; i < n; at += iov[i++].iov_len) {
        cr_assert(at + iov[i].iov_len <= image.bytes + sizeof image.bytes, "the front end checks ranges");
        memcpy(write ? (void *)at : iov[i].iov_base, write ? iov[i].iov_base : (void *)at, iov[i].iov_len);
    }
    return !image.fail;
}
static bool mem_read(struct image *i, uint64_t sector, const struct iovec *iov, unsigned n)
{
    (void)i;
    return mem_move(sector, iov, n, false);
}
static bool mem_write(struct image *i, uint64_t sector, const struct iovec *iov, unsigned n)
{
    cr_assert(!i->read_only);
    image.unflushed++;
    return mem_move(sector, iov, n, true);
}
static bool mem_flush(struct image *i)
{
    (void)i;
    image.flushes++;
    image.unflushed = 0;
    return !image.fail;
}
static bool mem_zero(struct image *i, uint64_t sector, uint64_t count, bool may_unmap)
{
    (void)may_unmap;
    cr_assert(!i->read_only && sector + count <= SECTORS);
    memset(image.bytes + sector * SECTOR_BYTES, 0, count * SECTOR_BYTES);
    image.unflushed++;
    return !image.fail;
}
static void mem_discard(struct image *i, uint64_t sector, uint64_t count)
{
    cr_assert(!i->read_only && sector + count <= SECTORS);
    memset(image.bytes + sector * SECTOR_BYTES, 0xdd, count * SECTOR_BYTES);
}
static void mem_close(struct image *i) { (void)i; }
static const struct image_ops mem_ops = {"memory", mem_read,    mem_write, mem_flush,
                                         mem_zero, mem_discard, NULL,      mem_close};

/* ---- the bench ---- */

static struct driver d;

static struct virtio_device *make(struct virtio_blk_config c, bool read_only, struct err *err)
{
    memset(&image, 0, sizeof image);
    image.image = (struct image){&mem_ops, SECTORS, read_only};
    for (unsigned i = 0; i < sizeof image.bytes; i++) image.bytes[i] = (uint8_t)(i / SECTOR_BYTES);
    c.medium = medium_none_create(&d.bench.events, &image.image, MEDIUM_NONE_LATENCY_PS);
    return virtio_blk_create(&c, err);
}

static void plug(struct virtio_blk_config c, bool read_only)
{
    struct err err;
    driver_host(&d);
    struct virtio_device *dev = make(c, read_only, &err);
    cr_assert(dev, "%s", err.text);
    driver_plug(&d, dev);
}

static void setup(void) { plug((struct virtio_blk_config){.serial = "disk-0"}, false); }
static void teardown(void) { driver_finish(&d); }
TestSuite(virtio_blk, .init = setup, .fini = teardown);
TestSuite(virtio_blk_hostile, .init = setup, .fini = teardown);

#define HEADER DATA
#define BYTES  (DATA + 0x1000)
#define STATUS (DATA + 0xff000)

static void header_at(gpa_t at, uint32_t type, uint64_t sector)
{
    store_le32(ram(&d, at), type);
    store_le32(ram(&d, at + 4), 0);
    store_le64(ram(&d, at + 8), sector);
}

/* One request with its data in BYTES; returns the status, checks the used length against the writable bytes. */
static int request(uint32_t type, uint64_t sector, uint32_t bytes)
{
    header_at(HEADER, type, sector);
    *ram(&d, STATUS) = 0x99;
    bool in = type == IN || type == GET_ID;
    struct piece p[3] = {{HEADER, 16, 0}, {BYTES, bytes, in ? WRITE : 0}, {STATUS, 1, WRITE}};
    uint32_t used = driver_do(&d, 0, p, 3);
    cr_assert_eq(used, in ? bytes + 1 : 1);
    return *ram(&d, STATUS);
}

static void put_range(unsigned i, uint64_t sector, uint32_t count, uint32_t flags)
{
    uint8_t *p = ram(&d, BYTES + 16 * i);
    store_le64(p, sector);
    store_le32(p + 8, count);
    store_le32(p + 12, flags);
}

static bool sector_is(unsigned sector, uint8_t value)
{
    for (unsigned i = 0; i < SECTOR_BYTES; i++)
        if (image.bytes[sector * SECTOR_BYTES + i] != value) return false;
    return true;
}

/* ---- configuration ---- */

Test(virtio_blk, configuration_tells_the_disk)
{
    cr_assert_eq(rd(&d, R_DEVICE_ID), 2);
    cr_assert_eq(rd(&d, R_CONFIG), SECTORS);
    cr_assert_eq(rd(&d, R_CONFIG + 4), 0);
    cr_assert_eq(rd_sized(&d, R_CONFIG, 8), SECTORS);
    cr_assert_eq(rd(&d, R_CONFIG + 12), 254, "seg_max");
    cr_assert_eq(rd(&d, R_CONFIG + 20), 512, "blk_size");
    cr_assert_eq(rd_sized(&d, R_CONFIG + 24, 1), 3, "8 logical blocks per physical one");
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 1, "writeback");
    cr_assert_eq(rd_sized(&d, R_CONFIG + 33, 1), 0, "unused0");
    cr_assert_eq(rd_sized(&d, R_CONFIG + 34, 2), 1, "num_queues");
    cr_assert_neq(rd(&d, R_CONFIG + 36), 0, "max_discard_sectors");
    cr_assert_eq(rd_sized(&d, R_CONFIG + 56, 4), 1, "write_zeroes_may_unmap, unused1");
    cr_assert_eq(rd(&d, R_CONFIG + 60), 0);
}

Test(virtio_blk, offers_flush_with_config_wce_and_no_secrets)
{
    uint64_t f = driver_offered(&d);
    cr_assert(f & F(F_FLUSH) && f & F(F_CONFIG_WCE) && f & F(F_DISCARD) && f & F(F_WRITE_ZEROES));
    cr_assert(!(f & F(F_RO)) && !(f & F(F_MQ)));
}

/* ---- reads and writes ---- */

Test(virtio_blk, reads_and_writes_sectors)
{
    driver_start(&d, F(F_FLUSH), 1, 64);
    cr_assert_eq(request(IN, 7, 1024), OK);
    cr_assert_eq(*ram(&d, BYTES), 7);
    cr_assert_eq(*ram(&d, BYTES + 1023), 8);
    memset(ram(&d, BYTES), 0xab, 512);
    cr_assert_eq(request(OUT, 255, 512), OK);
    cr_assert(sector_is(255, 0xab) && sector_is(254, 254));
}

Test(virtio_blk, framing_is_of_no_importance)
{
    driver_start(&d, 0, 1, 64);
    header_at(HEADER, OUT, 2);
    memset(ram(&d, BYTES), 0x42, 512);
    struct piece w[5] = {{HEADER, 3, 0}, {HEADER + 3, 13, 0}, {BYTES, 1, 0}, {BYTES + 1, 511, 0}, {STATUS, 1, WRITE}};
    cr_assert_eq(driver_do(&d, 0, w, 5), 1);
    cr_assert_eq(*ram(&d, STATUS), OK);
    cr_assert(sector_is(2, 0x42));
    /* header with the data in one piece, status in one piece with the data */
    header_at(BYTES - 16, OUT, 3);
    struct piece joined[2] = {{BYTES - 16, 528, 0}, {STATUS, 1, WRITE}};
    cr_assert_eq(driver_do(&d, 0, joined, 2), 1);
    cr_assert(sector_is(3, 0x42));
    header_at(HEADER, IN, 3);
    struct piece r[2] = {{HEADER, 16, 0}, {BYTES + 0x1000, 513, WRITE}};
    *ram(&d, BYTES + 0x1000 + 512) = 9;
    cr_assert_eq(driver_do(&d, 0, r, 2), 513);
    cr_assert_eq(*ram(&d, BYTES + 0x1000 + 511), 0x42);
    cr_assert_eq(*ram(&d, BYTES + 0x1000 + 512), OK);
}

Test(virtio_blk, the_largest_request_goes_through)
{
    driver_start(&d, VIRTIO_F_INDIRECT_DESC, 1, 256);
    header_at(HEADER, OUT, 1);
    gpa_t table = DATA + 0x200000;
    put_desc(&d, table, HEADER, 16, NEXT, 1);
    for (unsigned i = 1; i <= 254; i++) {
        *ram(&d, BYTES + i * 1024) = (uint8_t)~i;
        put_desc(&d, table + 16 * i, BYTES + i * 1024, 512, NEXT, (uint16_t)(i + 1));
    }
    put_desc(&d, table + 16 * 255, STATUS, 1, WRITE, 0);
    put_desc(&d, desc_gpa(0, 0), table, 256 * 16, INDIRECT, 0);
    make_available(&d, 0, 0);
    kick(&d, 0);
    bench_pass(&d.bench, PS_PER_S);
    cr_assert_eq(*ram(&d, STATUS), OK);
    for (unsigned i = 1; i <= 254; i++) cr_assert_eq(image.bytes[i * SECTOR_BYTES], (uint8_t)~i);
}

Test(virtio_blk, out_of_range_is_an_io_error_and_touches_nothing)
{
    static const struct {
        uint64_t sector;
        uint32_t bytes;
    } bad[] = {
        {SECTORS, 512},         {SECTORS - 1, 1024},      {SECTORS + 1, 0}, {UINT64_MAX, 512},
        {UINT64_MAX - 1, 1024}, {UINT64_C(1) << 55, 512}, {0, 511},         {0, 513},
    };
    driver_start(&d, 0, 1, 64);
    uint8_t before[sizeof image.bytes];
    memcpy(before, image.bytes, sizeof before);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        memset(ram(&d, BYTES), 0x5a, 1024);
        cr_assert_eq(request(OUT, bad[i].sector, bad[i].bytes), IOERR, "case %u", i);
        cr_assert_eq(request(IN, bad[i].sector, bad[i].bytes), IOERR, "case %u", i);
        for (unsigned n = 0; n < bad[i].bytes; n++)
            cr_assert_eq(*ram(&d, BYTES + n), 0, "no old memory is passed off as data");
    }
    cr_assert_arr_eq(before, image.bytes, sizeof before);
    cr_assert_eq(request(OUT, SECTORS, 0), OK, "nothing, at the very end");
    cr_assert(!broken(&d));
}

Test(virtio_blk, a_failing_medium_is_an_io_error)
{
    driver_start(&d, F(F_FLUSH) | F(F_WRITE_ZEROES), 1, 64);
    image.fail = true;
    cr_assert_eq(request(IN, 7, 512), IOERR);
    cr_assert_eq(*ram(&d, BYTES), 0);
    cr_assert_eq(request(OUT, 7, 512), IOERR);
    cr_assert_eq(request(FLUSH, 0, 0), IOERR);
    put_range(0, 1, 1, 0);
    cr_assert_eq(request(WRITE_ZEROES, 0, 16), IOERR);
    image.fail = false;
    cr_assert_eq(request(IN, 7, 512), OK);
}

Test(virtio_blk, unknown_requests_are_unsupported)
{
    static const uint32_t types[] = {2, 3, 5, 10, 14, 15, 16, 18, 24, 26, 0x80000000, UINT32_MAX};
    driver_start(&d, 0, 1, 64);
    for (unsigned i = 0; i < ARRAY_LEN(types); i++)
        cr_assert_eq(request(types[i], 0, 512), UNSUPP, "type %u", types[i]);
}

Test(virtio_blk, get_id_gives_the_serial_padded_with_nul)
{
    driver_start(&d, 0, 1, 64);
    memset(ram(&d, BYTES), 0xff, 20);
    cr_assert_eq(request(GET_ID, 0, 20), OK);
    cr_assert_str_eq((char *)ram(&d, BYTES), "disk-0");
    for (unsigned i = 6; i < 20; i++) cr_assert_eq(*ram(&d, BYTES + i), 0);
    cr_assert_eq(request(GET_ID, 0, 4), OK);
    cr_assert_eq(request(GET_ID, 0, 40), OK);
}

static gpa_t told_from, told_to;
static uint64_t told(void *watcher, gpa_t gpa, uint64_t len)
{
    (void)watcher;
    if (gpa < told_from) told_from = gpa;
    if (gpa + len > told_to) told_to = gpa + len;
    return UINT64_MAX;
}

Test(virtio_blk, engines_are_told_of_code_that_a_read_overwrites)
{
    driver_start(&d, 0, 1, 64);
    told_from = UINT64_MAX;
    d.bus.code_written = told;
    bus_mark_code(&d.bus, BYTES, 1);
    bus_mark_code(&d.bus, BYTES + 0x1000, 1);
    cr_assert_eq(request(IN, 3, 0x2000), OK);
    cr_assert(told_from <= BYTES && told_to >= BYTES + 0x2000);
}

/* ---- many in flight ---- */

Test(virtio_blk, requests_take_their_time_and_overlap)
{
    driver_start(&d, 0, 1, 64);
    for (unsigned i = 0; i < 16; i++) {
        header_at(HEADER + 16 * i, IN, i);
        struct piece p[3] = {{HEADER + 16 * i, 16, 0}, {BYTES + 512 * i, 512, WRITE}, {STATUS + i, 1, WRITE}};
        driver_add(&d, 0, p, 3);
        kick(&d, 0);
        bench_pass(&d.bench, 1000);
    }
    uint32_t id;
    cr_assert(!driver_used(&d, 0, &id, NULL), "nothing completes within the notification");
    bench_pass(&d.bench, MEDIUM_NONE_LATENCY_PS - 16 * 1000);
    cr_assert(driver_used(&d, 0, &id, NULL));
    cr_assert(!driver_used(&d, 0, &id, NULL));
    bench_pass(&d.bench, 15 * 1000);
    for (unsigned i = 1; i < 16; i++) cr_assert(driver_used(&d, 0, &id, NULL));
    for (unsigned i = 0; i < 16; i++) cr_assert_eq(*ram(&d, BYTES + 512 * i + 511), i);
}

Test(virtio_blk, several_queues_work_side_by_side)
{
    driver_finish(&d);
    plug((struct virtio_blk_config){.queues = 4}, false);
    cr_assert(driver_offered(&d) & F(F_MQ));
    cr_assert_eq(rd_sized(&d, R_CONFIG + 34, 2), 4);
    driver_start(&d, F(F_MQ), 4, 16);
    for (unsigned q = 0; q < 4; q++) {
        header_at(HEADER + 16 * q, IN, q + 10);
        struct piece p[3] = {{HEADER + 16 * q, 16, 0}, {BYTES + 512 * q, 512, WRITE}, {STATUS + q, 1, WRITE}};
        driver_add(&d, q, p, 3);
        kick(&d, q);
    }
    bench_pass(&d.bench, PS_PER_S);
    for (unsigned q = 0; q < 4; q++) {
        uint32_t id;
        cr_assert(driver_used(&d, q, &id, NULL));
        cr_assert_eq(*ram(&d, BYTES + 512 * q), q + 10);
    }
}

static void start_read(uint64_t sector)
{
    header_at(HEADER, IN, sector);
    memset(ram(&d, BYTES), 0xee, 512);
    struct piece p[3] = {{HEADER, 16, 0}, {BYTES, 512, WRITE}, {STATUS, 1, WRITE}};
    driver_add(&d, 0, p, 3);
    kick(&d, 0);
}

Test(virtio_blk, reset_and_queue_reset_drop_requests_in_flight)
{
    driver_start(&d, VIRTIO_F_RING_RESET, 1, 16);
    start_read(1);
    wr(&d, R_STATUS, 0);
    bench_pass(&d.bench, PS_PER_S);
    cr_assert_eq(*ram(&d, BYTES), 0xee, "a reset device leaves memory alone");
    driver_start(&d, VIRTIO_F_RING_RESET, 1, 16);
    start_read(1);
    wr(&d, R_QUEUE_RESET, 1);
    bench_pass(&d.bench, PS_PER_S);
    cr_assert_eq(*ram(&d, BYTES), 0xee);
    cr_assert(!interrupted(&d));
    cr_assert_eq(d.bench.events.count, 0);
}

Test(virtio_blk, requests_in_flight_survive_saving)
{
    driver_start(&d, F(F_WRITE_ZEROES), 1, 16);
    put_range(0, 50, 2, 1);
    header_at(HEADER + 16, WRITE_ZEROES, 0);
    struct piece z[3] = {{HEADER + 16, 16, 0}, {BYTES, 16, 0}, {STATUS + 1, 1, WRITE}};
    driver_add(&d, 0, z, 3);
    kick(&d, 0);
    bench_pass(&d.bench, 1000);
    start_read(9);
    driver_save_restore(&d);
    /* the driver's descriptors do not matter any more */
    memset(ram(&d, ring_gpa(0)), 0xff, 16 * 6);
    bench_pass(&d.bench, MEDIUM_NONE_LATENCY_PS - 1001);
    uint32_t id;
    cr_assert(!driver_used(&d, 0, &id, NULL));
    bench_pass(&d.bench, 1);
    cr_assert(driver_used(&d, 0, &id, NULL));
    cr_assert(sector_is(50, 0) && sector_is(51, 0) && sector_is(52, 52));
    bench_pass(&d.bench, 1000);
    cr_assert(driver_used(&d, 0, &id, NULL));
    cr_assert_eq(*ram(&d, BYTES), 9);
    cr_assert_eq(*ram(&d, STATUS), OK);
}

Test(virtio_blk, damaged_state_is_refused_without_harm)
{
    driver_start(&d, F(F_WRITE_ZEROES), 1, 16);
    start_read(9);
    struct state s;
    state_init_save(&s);
    virtio_mmio_device.state(d.slot, &s);
    uint8_t *copy = malloc(s.length);
    for (size_t i = 0; i < s.length; i++)
        for (unsigned v = 1; v < 256; v += 127) {
            struct state r;
            memcpy(copy, s.data, s.length);
            copy[i] ^= (uint8_t)v;
            state_init_restore(&r, copy, s.length);
            virtio_mmio_device.state(d.slot, &r);
            kick(&d, 0);
            d.bench.now = 0;
            bench_pass(&d.bench, PS_PER_S);
        }
    free(copy);
    state_finish(&s);
}

/* ---- the write cache ---- */

Test(virtio_blk, writes_are_volatile_until_flush_with_the_cache_on)
{
    driver_start(&d, F(F_FLUSH) | F(F_CONFIG_WCE), 1, 16);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 1);
    cr_assert_eq(request(OUT, 1, 512), OK);
    cr_assert_eq(image.flushes, 0);
    cr_assert_eq(request(FLUSH, 0, 0), OK);
    cr_assert_eq(image.flushes, 1);
    cr_assert_eq(image.unflushed, 0);
}

Test(virtio_blk, writeback_0_makes_each_write_durable)
{
    driver_start(&d, F(F_FLUSH) | F(F_CONFIG_WCE) | F(F_WRITE_ZEROES), 1, 16);
    wr_sized(&d, R_CONFIG + 32, 1, 0);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 0);
    cr_assert_eq(request(OUT, 1, 512), OK);
    cr_assert_eq(image.unflushed, 0);
    put_range(0, 1, 1, 0);
    cr_assert_eq(request(WRITE_ZEROES, 0, 16), OK);
    cr_assert_eq(image.unflushed, 0);
    wr_sized(&d, R_CONFIG + 32, 1, 1);
    cr_assert_eq(request(OUT, 1, 512), OK);
    cr_assert_eq(image.unflushed, 1);
    wr_sized(&d, R_CONFIG + 32, 1, 0);
    wr(&d, R_STATUS, 0);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 1, "reset turns it back");
}

Test(virtio_blk, without_flush_each_write_is_durable)
{
    driver_start(&d, 0, 1, 16);
    cr_assert_eq(request(OUT, 1, 512), OK);
    cr_assert_eq(image.unflushed, 0);
}

Test(virtio_blk, config_wce_without_flush_starts_write_through)
{
    driver_start(&d, F(F_CONFIG_WCE), 1, 16);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 0);
}

Test(virtio_blk, configuration_is_otherwise_read_only)
{
    driver_start(&d, F(F_FLUSH), 1, 16); /* no CONFIG_WCE */
    for (unsigned offset = 0; offset < 64; offset++) wr_sized(&d, R_CONFIG + offset, 1, 0x55);
    cr_assert_eq(rd(&d, R_CONFIG), SECTORS);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 1);
    driver_start(&d, F(F_FLUSH) | F(F_CONFIG_WCE), 1, 16);
    wr_sized(&d, R_CONFIG + 32, 1, 2);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 32, 1), 1);
}

/* ---- DISCARD and WRITE_ZEROES ---- */

Test(virtio_blk, discard_and_write_zeroes_take_several_segments)
{
    driver_start(&d, F(F_DISCARD) | F(F_WRITE_ZEROES), 1, 16);
    put_range(0, 10, 2, 0);
    put_range(1, 20, 0, 0);
    put_range(2, SECTORS - 1, 1, 0);
    cr_assert_eq(request(DISCARD, 0, 48), OK);
    cr_assert(sector_is(10, 0xdd) && sector_is(11, 0xdd) && sector_is(12, 12) && sector_is(20, 20) &&
              sector_is(255, 0xdd));
    put_range(0, 30, 1, 0);
    put_range(1, 40, 3, 1);
    cr_assert_eq(request(WRITE_ZEROES, 0, 32), OK);
    cr_assert(sector_is(30, 0) && sector_is(31, 31) && sector_is(40, 0) && sector_is(42, 0) && sector_is(43, 43));
}

Test(virtio_blk, unknown_flags_and_unmap_in_discard_are_unsupported)
{
    driver_start(&d, F(F_DISCARD) | F(F_WRITE_ZEROES), 1, 16);
    put_range(0, 1, 1, 1);
    cr_assert_eq(request(DISCARD, 0, 16), UNSUPP);
    for (unsigned bit = 1; bit < 32; bit++) {
        put_range(0, 1, 1, 1u << bit);
        cr_assert_eq(request(DISCARD, 0, 16), UNSUPP);
        cr_assert_eq(request(WRITE_ZEROES, 0, 16), UNSUPP);
    }
    cr_assert(sector_is(1, 1));
}

Test(virtio_blk, bad_segments_are_io_errors)
{
    driver_start(&d, F(F_DISCARD) | F(F_WRITE_ZEROES), 1, 16);
    static const uint32_t sizes[] = {0, 1, 15, 17, 17 * 16};
    for (unsigned i = 0; i < 32; i++) put_range(i, 1, 1, 0);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        cr_assert_eq(request(DISCARD, 0, sizes[i]), IOERR);
        cr_assert_eq(request(WRITE_ZEROES, 0, sizes[i]), IOERR);
    }
    put_range(1, SECTORS, 1, 0);
    cr_assert_eq(request(WRITE_ZEROES, 0, 32), IOERR);
    put_range(1, UINT64_MAX, 2, 0);
    cr_assert_eq(request(DISCARD, 0, 32), IOERR);
    put_range(1, 0, UINT32_MAX, 0);
    cr_assert_eq(request(DISCARD, 0, 32), IOERR);
    cr_assert(sector_is(1, 1), "all segments are checked before the first is carried out");
}

Test(virtio_blk, discard_needs_its_feature)
{
    driver_start(&d, 0, 1, 16);
    put_range(0, 1, 1, 0);
    cr_assert_eq(request(DISCARD, 0, 16), UNSUPP);
    cr_assert_eq(request(WRITE_ZEROES, 0, 16), UNSUPP);
    driver_finish(&d);
    plug((struct virtio_blk_config){.no_discard = true}, false);
    cr_assert(!(driver_offered(&d) & (F(F_DISCARD) | F(F_WRITE_ZEROES))));
}

/* ---- read-only ---- */

Test(virtio_blk, a_read_only_disk_is_never_written)
{
    driver_finish(&d);
    plug((struct virtio_blk_config){.serial = "x"}, true);
    cr_assert(driver_offered(&d) & F(F_RO));
    cr_assert(!(driver_offered(&d) & (F(F_DISCARD) | F(F_WRITE_ZEROES))));
    driver_start(&d, 0, 1, 16); /* even for a driver that overlooks RO; the image asserts */
    cr_assert_eq(request(OUT, 1, 512), IOERR);
    put_range(0, 1, 1, 0);
    cr_assert_eq(request(DISCARD, 0, 16), UNSUPP);
    cr_assert_eq(request(WRITE_ZEROES, 0, 16), UNSUPP);
    cr_assert_eq(request(FLUSH, 0, 0), OK);
    cr_assert_eq(request(IN, 1, 512), OK);
}

/* ---- values that make no disk ---- */

Test(virtio_blk, bad_configurations_are_refused)
{
    struct err err;
    cr_assert_null(make((struct virtio_blk_config){.queues = VIRTIO_BLK_QUEUES_MAX + 1}, false, &err));
    cr_assert(strstr(err.text, "num-queues=17"), "%s", err.text);
    cr_assert_null(make((struct virtio_blk_config){.block_bytes = 1000}, false, &err));
    cr_assert_null(make((struct virtio_blk_config){.block_bytes = 8192}, false, &err));
    cr_assert_null(make((struct virtio_blk_config){.serial = "123456789012345678901"}, false, &err));
    struct virtio_device *dev = make((struct virtio_blk_config){.block_bytes = 4096}, false, &err);
    cr_assert(dev);
    virtio_destroy(dev);
}

/* ---- requests that no driver may make ---- */

static void expect_broken(const struct piece *p, unsigned n)
{
    driver_start(&d, 0, 1, 16);
    driver_add(&d, 0, p, n);
    kick(&d, 0);
    bench_pass(&d.bench, PS_PER_S);
    cr_assert(broken(&d));
}

Test(virtio_blk_hostile, a_request_without_header_or_status_breaks_the_device)
{
    expect_broken((struct piece[]){{HEADER, 15, 0}, {STATUS, 1, WRITE}}, 2);
    expect_broken((struct piece[]){{STATUS, 1, WRITE}}, 1);
    expect_broken((struct piece[]){{HEADER, 16, 0}}, 1);
    expect_broken((struct piece[]){{HEADER, 16, 0}, {STATUS, 0, WRITE}}, 2);
    expect_broken((struct piece[]){{HEADER, 0, 0}}, 1);
}

Test(virtio_blk_hostile, the_same_buffer_submitted_again_and_again_is_bounded)
{
    driver_start(&d, 0, 1, 4);
    header_at(HEADER, IN, 1);
    struct piece p[3] = {{HEADER, 16, 0}, {BYTES, 512, WRITE}, {STATUS, 1, WRITE}};
    driver_add(&d, 0, p, 3);
    for (unsigned i = 0; i < 10; i++) {
        make_available(&d, 0, 0);
        kick(&d, 0);
    }
    cr_assert(broken(&d));
    cr_assert_leq(d.bench.events.count, 4);
    bench_pass(&d.bench, PS_PER_S);
}

Test(virtio_blk_hostile, a_request_may_read_over_its_own_rings)
{
    driver_start(&d, 0, 1, 16);
    header_at(HEADER, IN, 0);
    struct piece p[3] = {{HEADER, 16, 0}, {ring_gpa(0), 0x4000, WRITE}, {STATUS, 1, WRITE}};
    driver_add(&d, 0, p, 3);
    kick(&d, 0);
    bench_pass(&d.bench, PS_PER_S);
    for (unsigned i = 0; i < 8; i++) kick(&d, 0);
    bench_pass(&d.bench, PS_PER_S);
}
