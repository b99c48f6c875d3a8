/* A hostile driver of virtio-blk; see virtio_fuzz.h. The image is an array that refuses to be left. */
#include "devices/virtio/blk.h"
#include "virtio_fuzz.h"

#define SECTORS 64u

static uint8_t disk[SECTORS * SECTOR_BYTES];

static uint8_t *place(uint64_t sector, uint64_t bytes)
{
    if (sector > SECTORS || bytes > (SECTORS - sector) * SECTOR_BYTES) abort();
    return disk + sector * SECTOR_BYTES;
}

static uint64_t total(const struct iovec *iov, unsigned n)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) sum += iov[i].iov_len;
    if (!n || sum % SECTOR_BYTES) abort();
    return sum;
}

static bool disk_read(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n)
{
    (void)image;
    uint8_t *at = place(sector, total(iov, n));
    for (unsigned i = 0; i < n; at += iov[i++].iov_len) memcpy(iov[i].iov_base, at, iov[i].iov_len);
    return sector != 13;
}

static bool disk_write(struct image *image, uint64_t sector, const struct iovec *iov, unsigned n)
{
    (void)image;
    uint8_t *at = place(sector, total(iov, n));
    for (unsigned i = 0; i < n; at += iov[i++].iov_len) memcpy(at, iov[i].iov_base, iov[i].iov_len);
    return sector != 13;
}

static bool disk_flush(struct image *image)
{
    (void)image;
    return true;
}

static bool disk_zero(struct image *image, uint64_t sector, uint64_t count, bool may_unmap)
{
    (void)image, (void)may_unmap;
    memset(place(sector, count * SECTOR_BYTES), 0, count * SECTOR_BYTES);
    return true;
}

static void disk_discard(struct image *image, uint64_t sector, uint64_t count)
{
    disk_zero(image, sector, count, true);
}
static void disk_close(struct image *image) { (void)image; }

static const struct image_ops disk_ops = {"array",   disk_read,    disk_write, disk_flush,
                                          disk_zero, disk_discard, NULL,       disk_close};
static struct image image = {&disk_ops, SECTORS, false};

static struct virtio_device *fuzz_device(struct fuzz *f)
{
    struct err err;
    struct virtio_blk_config c = {
        .medium = medium_none_create(&f->events, &image, MEDIUM_NONE_LATENCY_PS), .serial = "fuzz", .queues = 3};
    return virtio_blk_create(&c, &err);
}

static void fuzz_input(struct fuzz *f, const uint8_t *bytes, size_t n) { (void)f, (void)bytes, (void)n; }

static void request(struct seed *s, unsigned q, unsigned i, uint32_t type, uint64_t sector, unsigned bytes, bool in)
{
    uint8_t header[16] = {0};
    unsigned at = FIRST_BUFFER + 0x1000 * i;
    store_le32(header, type);
    store_le64(header + 8, sector);
    seed_memory(s, at, header, sizeof header);
    seed_desc(s, q, 3 * i, at, 16, DESC_NEXT, 3 * i + 1);
    seed_desc(s, q, 3 * i + 1, at + 0x100, bytes, in ? DESC_NEXT | DESC_WRITE : DESC_NEXT, 3 * i + 2);
    seed_desc(s, q, 3 * i + 2, at + 0xf00, 1, DESC_WRITE, 0);
    seed_offer(s, q, 3 * i);
}

size_t fuzz_seed(unsigned n, uint8_t *to, size_t room)
{
    static const struct {
        uint32_t type;
        uint64_t sector;
        unsigned bytes;
        bool in;
    } kinds[] = {
        {0, 5, 1024, true}, {1, 6, 1024, false}, {4, 0, 0, false},   {8, 0, 20, true},
        {11, 0, 32, false}, {13, 0, 32, false},  {99, 0, 512, true},
    };
    static const uint8_t ranges[32] = {3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1};
    struct seed s = {to, 0, room};
    if (n > 2) return 0;
    seed_start(&s, n ? 0x7e44 | 1u << 28 | 1u << 29 : 0, 5); /* all, or nothing */
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        seed_memory(&s, FIRST_BUFFER + 0x1000 * i + 0x100, ranges, sizeof ranges);
        request(&s, n == 2 ? i % 3 : 0, i, kinds[i].type, kinds[i].sector, kinds[i].bytes, kinds[i].in);
        if (i == 1) seed_op(&s, SAVE);
        if (i == 3) seed_time(&s, 20);
    }
    seed_op(&s, READ);
    seed_op(&s, CONFIG);
    seed_put(&s, 32, 1);
    seed_put(&s, 0, 5);
    seed_time(&s, 5);
    seed_op(&s, REGISTER);
    seed_put(&s, 0xc0 / 4, 1);
    seed_put(&s, 1, 4);
    return s.n;
}
