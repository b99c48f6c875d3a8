/* Images and media: what reaches the host's file, what never does, and when. */
#include "device_bench.h"
#include "devices/storage/medium.h"
#include "emu/base/bits.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void make_file(uint64_t bytes)
{
    strcpy(path, "/tmp/orrery-test-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    for (uint64_t i = 0; i < bytes; i++) {
        uint8_t b = (uint8_t)(i / SECTOR_BYTES + 1);
        if (write(fd, &b, 1) != 1) abort();
    }
    close(fd);
}

static uint8_t file_byte(uint64_t at)
{
    uint8_t b = 0;
    int fd = open(path, O_RDONLY);
    cr_assert_eq(pread(fd, &b, 1, (off_t)at), 1);
    close(fd);
    return b;
}

static void remove_file(void) { unlink(path); }

TestSuite(image, .fini = remove_file);
TestSuite(medium, .fini = remove_file);

static struct image *open_raw(bool read_only)
{
    struct err err;
    struct image *i = image_open_raw("-drive", path, read_only, &err);
    cr_assert(i, "%s", err.text);
    return i;
}

static void put(struct image *i, uint64_t sector, uint64_t count, uint8_t value)
{
    uint8_t *bytes = malloc(count * SECTOR_BYTES);
    memset(bytes, value, count * SECTOR_BYTES);
    struct iovec iov[3] = {{bytes, 100}, {bytes + 100, 3}, {bytes + 103, count * SECTOR_BYTES - 103}};
    cr_assert(i->ops->write(i, sector, iov, 3));
    free(bytes);
}

/* The value that fills the sector, read in odd pieces. */
static int get(struct image *i, uint64_t sector)
{
    uint8_t b[SECTOR_BYTES];
    struct iovec iov[4] = {{b, 1}, {b + 1, 255}, {b + 256, 200}, {b + 456, 56}};
    cr_assert(i->ops->read(i, sector, iov, 4));
    for (unsigned n = 1; n < SECTOR_BYTES; n++) cr_assert_eq(b[n], b[0]);
    return b[0];
}

Test(image, raw_reads_and_writes_the_file)
{
    make_file(16 * SECTOR_BYTES);
    struct image *i = open_raw(false);
    cr_assert_eq(i->sectors, 16);
    cr_assert_eq(get(i, 0), 1);
    cr_assert_eq(get(i, 15), 16);
    put(i, 3, 2, 0xaa);
    cr_assert_eq(file_byte(3 * SECTOR_BYTES - 1), 3);
    cr_assert_eq(file_byte(3 * SECTOR_BYTES), 0xaa);
    cr_assert_eq(file_byte(5 * SECTOR_BYTES - 1), 0xaa);
    cr_assert_eq(file_byte(5 * SECTOR_BYTES), 6);
    cr_assert(i->ops->flush(i));
    image_close(i);
}

Test(image, raw_zeroes_and_discards_exactly_the_range)
{
    for (int unmap = 0; unmap < 2; unmap++) {
        make_file(64 * SECTOR_BYTES);
        struct image *i = open_raw(false);
        cr_assert(i->ops->zero(i, 5, 30, unmap));
        for (uint64_t s = 0; s < 64; s++)
            cr_assert_eq(get(i, s), s >= 5 && s < 35 ? 0 : (int)s + 1, "sector %u", (unsigned)s);
        i->ops->discard(i, 40, 10);
        for (uint64_t s = 35; s < 64; s++) {
            int v = get(i, s);
            cr_assert(v == (int)s + 1 || (v == 0 && s >= 40 && s < 50));
        }
        image_close(i);
        remove_file();
    }
}

Test(image, raw_discard_gives_the_space_back)
{
    make_file(SECTOR_BYTES);
    cr_assert_eq(truncate(path, 1 << 20), 0);
    struct image *i = open_raw(false);
    put(i, 0, 2048, 7);
    cr_assert(i->ops->flush(i));
    struct stat before, after;
    cr_assert_eq(stat(path, &before), 0);
    i->ops->discard(i, 0, 2048);
    cr_assert_eq(stat(path, &after), 0);
    cr_assert_eq(after.st_size, 1 << 20);
    if (before.st_blocks) cr_assert_lt(after.st_blocks, before.st_blocks);
    image_close(i);
}

static void expect_refused(uint64_t bytes, const char *words)
{
    struct err err;
    make_file(bytes);
    cr_assert_null(image_open_raw("-drive", path, false, &err));
    cr_assert(strstr(err.text, words), "%s", err.text);
    cr_assert_eq(strncmp(err.text, "-drive /tmp/", 12), 0, "%s", err.text);
    remove_file();
}

Test(image, odd_sizes_are_refused_with_the_size)
{
    expect_refused(1000, "1000 bytes is not a multiple of 512");
    expect_refused(511, "511 bytes is not a multiple of 512");
    expect_refused(0, "empty");
}

Test(image, missing_and_strange_files_are_refused)
{
    struct err err;
    strcpy(path, "/tmp");
    cr_assert_null(image_open_raw("-drive", path, false, &err));
    cr_assert_null(image_open_raw("-drive", path, true, &err));
    cr_assert(strstr(err.text, "neither a file nor a block device"), "%s", err.text);
    cr_assert_null(image_open_raw("-drive", "/dev/null", true, &err));
    cr_assert_null(image_open_raw("-drive", "/nonexistent/x", true, &err));
    cr_assert(strstr(err.text, "No such file"), "%s", err.text);
    strcpy(path, "/nonexistent/x");
}

Test(image, a_file_is_written_by_one_emulator_at_a_time)
{
    struct err err;
    make_file(SECTOR_BYTES);
    struct image *a = open_raw(false);
    cr_assert_null(image_open_raw("-drive", path, false, &err));
    cr_assert(strstr(err.text, "another emulator is using it"), "%s", err.text);
    cr_assert_null(image_open_raw("-drive", path, true, &err));
    image_close(a);
    a = open_raw(true);
    struct image *b = open_raw(true);
    cr_assert_null(image_open_raw("-drive", path, false, &err));
    image_close(a);
    image_close(b);
}

static struct image *open_overlay(void)
{
    struct err err;
    struct image *i = image_open_overlay(open_raw(true), &err);
    cr_assert(i, "%s", err.text);
    return i;
}

/* Random writes, zeroes, discards and reads against a plain array; the base never changes. */
Test(image, overlay_is_a_disk_whose_base_never_changes)
{
    enum { SECTORS = 300 };
    make_file(SECTORS * SECTOR_BYTES);
    struct image *i = open_overlay();
    cr_assert(!i->read_only);
    int model[SECTORS];
    for (int s = 0; s < SECTORS; s++) model[s] = (s + 1) & 0xff;
    srand(1);
    for (int step = 0; step < 3000; step++) {
        uint64_t sector = (uint64_t)rand() % SECTORS, count = 1 + (uint64_t)rand() % (SECTORS - sector);
        if (count > 20 && step % 10) count = 1 + count % 20;
        int what = rand() % 8, value = what == 0 ? 0 : step & 0xff;
        if (what == 0)
            cr_assert(i->ops->zero(i, sector, count, step & 1));
        else if (what < 4)
            put(i, sector, count, (uint8_t)value);
        else {
            uint8_t *b = malloc(count * SECTOR_BYTES);
            struct iovec iov = {b, count * SECTOR_BYTES};
            cr_assert(i->ops->read(i, sector, &iov, 1));
            for (uint64_t n = 0; n < count * SECTOR_BYTES; n++) cr_assert_eq(b[n], model[sector + n / SECTOR_BYTES]);
            free(b);
            continue;
        }
        for (uint64_t s = sector; s < sector + count; s++) model[s] = value;
    }
    for (unsigned s = 0; s < SECTORS; s++) cr_assert_eq(get(i, s), model[s]);
    i->ops->discard(i, 10, 20);
    cr_assert(i->ops->flush(i));
    image_close(i);
    for (unsigned s = 0; s < SECTORS; s++) cr_assert_eq(file_byte(s * SECTOR_BYTES + 77), (s + 1) & 0xff);
    struct stat st;
    cr_assert(!stat(path, &st) && st.st_size == SECTORS * SECTOR_BYTES);
}

Test(image, overlay_saves_what_was_written)
{
    make_file(200 * SECTOR_BYTES);
    struct image *i = open_overlay();
    put(i, 0, 1, 0x11);
    put(i, 70, 100, 0x22);
    put(i, 199, 1, 0x33);
    struct state s, r;
    state_init_save(&s);
    i->ops->state(i, &s);
    cr_assert(state_ok(&s));
    put(i, 0, 200, 0x44);
    state_init_restore(&r, s.data, s.length);
    i->ops->state(i, &r);
    cr_assert(state_ok(&r));
    for (unsigned n = 0; n < 200; n++)
        cr_assert_eq(get(i, n),
                     n == 0               ? 0x11
                     : n >= 70 && n < 170 ? 0x22
                     : n == 199           ? 0x33
                                          : (int)n + 1,
                     "sector %u", n);
    for (size_t n = 0; n < s.length; n += 777) {
        state_init_restore(&r, s.data, n);
        i->ops->state(i, &r);
        cr_assert(!state_ok(&r), "%zu bytes are too few", n);
    }
    state_finish(&s);
    image_close(i);
}

/* ---- medium `none` ---- */

static unsigned done_count;
static void done(struct medium_request *r)
{
    (void)r;
    done_count++;
}

Test(medium, none_answers_each_request_after_its_latency)
{
    struct bench b;
    bench_init(&b);
    make_file(8 * SECTOR_BYTES);
    struct medium *m = medium_none_create(&b.events, open_raw(false), 5000);
    uint8_t bytes[2][SECTOR_BYTES];
    memset(bytes, 0x77, sizeof bytes);
    struct iovec iov[2] = {{bytes[0], SECTOR_BYTES}, {bytes[1], SECTOR_BYTES}};
    struct medium_request w = {.op = MEDIUM_WRITE, .sector = 2, .iov = &iov[0], .iov_count = 1, .done = done};
    struct medium_request r = {.op = MEDIUM_READ, .sector = 7, .iov = &iov[1], .iov_count = 1, .done = done};
    struct medium_request f = {.op = MEDIUM_FLUSH, .done = done}, c = w;
    c.sector = 4;
    medium_submit(m, &w);
    medium_submit(m, &r);
    medium_submit(m, &f);
    medium_submit(m, &c);
    medium_cancel(m, &c);
    cr_assert_eq(done_count, 0);
    bench_pass(&b, 4999);
    cr_assert_eq(done_count, 0);
    cr_assert_eq(file_byte(2 * SECTOR_BYTES), 3, "not carried out early");
    bench_pass(&b, 1);
    cr_assert_eq(done_count, 3, "all in parallel");
    cr_assert(w.ok && r.ok && f.ok);
    cr_assert_eq(file_byte(2 * SECTOR_BYTES), 0x77);
    cr_assert_eq(file_byte(4 * SECTOR_BYTES), 5, "a cancelled request is not carried out");
    cr_assert_eq(bytes[1][0], 8);
    medium_destroy(m);
    event_queue_finish(&b.events);
}

Test(medium, a_failing_host_is_reported)
{
    struct bench b;
    bench_init(&b);
    make_file(8 * SECTOR_BYTES);
    struct medium *m = medium_none_create(&b.events, open_raw(false), 5000);
    cr_assert_eq(truncate(path, SECTOR_BYTES), 0); /* somebody cuts the file under us */
    uint8_t bytes[SECTOR_BYTES];
    struct iovec iov = {bytes, SECTOR_BYTES};
    struct medium_request r = {.op = MEDIUM_READ, .sector = 7, .iov = &iov, .iov_count = 1, .done = done};
    medium_submit(m, &r);
    bench_pass(&b, PS_PER_S);
    cr_assert(!r.ok);
    medium_destroy(m);
    event_queue_finish(&b.events);
}
