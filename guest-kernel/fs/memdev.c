/*
 * memdev.c - the devices that are not there: null, zero, full, random, urandom.
 *
 * Random bytes come from a generator (ChaCha20 as in RFC 8439, keyed by everything unpredictable the kernel meets: arrival times,
 * and what a hardware generator gives through random_add). After each use the key is replaced by output, so that bytes
 * already given out cannot be computed from a later state.
 */
#include "fs/memdev.h"

#include "arch/time.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/task.h"

static ssize_t null_read(struct file *file, struct uio *uio)
{
    (void)file, (void)uio;
    return 0;
}

static ssize_t null_write(struct file *file, struct uio *uio)
{
    (void)file;
    size_t n = uio->left;
    uio_advance(uio, n);
    return (ssize_t)n;
}

static ssize_t zero_read(struct file *file, struct uio *uio)
{
    (void)file;
    ssize_t done = 0;
    while (uio->left && !signal_fatal_pending()) {
        ssize_t n = uio_put_zeros(uio, MIN(uio->left, (uint64_t)(64 << 10)));
        if (n < 0) return done ? done : n;
        done += n;
        if (!n) break;
    }
    return done;
}

static int zero_map(struct file *file, struct mapping **mapping)
{
    (void)file;
    *mapping = 0;
    return 0;
}

static ssize_t full_write(struct file *file, struct uio *uio)
{
    (void)file, (void)uio;
    return -ENOSPC;
}

/* Seeking does nothing, as in Linux. */
static int64_t null_seek(struct file *file, int64_t offset, int whence)
{
    (void)offset, (void)whence;
    file->position = 0;
    return 0;
}

static struct spinlock random_lock = SPINLOCK_INIT("random", RANK_DEVICE);
static uint32_t random_key[8];
static uint64_t random_counter;

static uint32_t rotate(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

/* One block of 64 bytes: RFC 8439, section 2.3, with a 64-bit counter and no nonce. */
static void chacha_block(uint32_t out[16])
{
    uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(in + 4, random_key, sizeof random_key);
    in[12] = (uint32_t)random_counter;
    in[13] = (uint32_t)(random_counter >> 32);
    random_counter++;
    memcpy(out, in, sizeof in);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++) quarter(&out[i], &out[4 + i], &out[8 + i], &out[12 + i]);
        for (int i = 0; i < 4; i++)
            quarter(&out[i], &out[4 + (i + 1) % 4], &out[8 + (i + 2) % 4], &out[12 + (i + 3) % 4]);
    }
    for (int i = 0; i < 16; i++) out[i] += in[i];
}

void random_add(const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    uint32_t block[16];
    spin_lock(&random_lock);
    for (size_t i = 0; i < n; i++) ((uint8_t *)random_key)[i % sizeof random_key] ^= from[i];
    uint64_t now = time_ns();
    random_key[0] ^= (uint32_t)now;
    random_key[1] ^= (uint32_t)(now >> 32);
    chacha_block(block);
    memcpy(random_key, block, sizeof random_key);
    spin_unlock(&random_lock);
}

void random_bytes(void *to, size_t n)
{
    uint8_t *at = to;
    random_add(0, 0);
    while (n) {
        uint32_t block[16];
        spin_lock(&random_lock);
        chacha_block(block);
        memcpy(random_key, block, sizeof random_key);
        spin_unlock(&random_lock);
        size_t part = MIN(n, sizeof block - sizeof random_key);
        memcpy(at, block + 8, part);
        at += part;
        n -= part;
    }
}

static ssize_t random_read(struct file *file, struct uio *uio)
{
    (void)file;
    ssize_t done = 0;
    uint8_t buffer[256];
    while (uio->left && !signal_fatal_pending()) {
        size_t part = MIN(uio->left, (uint64_t)sizeof buffer);
        random_bytes(buffer, part);
        ssize_t n = uio_put(uio, buffer, part);
        if (n < 0) return done ? done : n;
        done += n;
        if ((size_t)n < part) break;
    }
    return done;
}

static ssize_t random_write(struct file *file, struct uio *uio)
{
    (void)file;
    ssize_t done = 0;
    uint8_t buffer[256];
    while (uio->left) {
        ssize_t n = uio_get(uio, buffer, sizeof buffer);
        if (n < 0) return done ? done : n;
        random_add(buffer, (size_t)n);
        done += n;
    }
    return done;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .seek = null_seek};
static const struct file_ops zero_ops = {.read = zero_read, .write = null_write, .seek = null_seek, .map = zero_map};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .seek = null_seek};
static const struct file_ops random_ops = {.read = random_read, .write = random_write, .seek = null_seek};

static void memdev_init(void)
{
    static const struct {
        const char *name;
        unsigned minor;
        const struct file_ops *ops;
    } devices[] = {{"null", 3, &null_ops},
                   {"zero", 5, &zero_ops},
                   {"full", 7, &full_ops},
                   {"random", 8, &random_ops},
                   {"urandom", 9, &random_ops}};
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        device_register(false, 1, devices[i].minor, 1, devices[i].ops);
        devfs_add(devices[i].name, S_IFCHR | 0666, DEV_MAKE(1, devices[i].minor));
    }
    uint64_t now[2] = {time_wall_ns(), time_ns()};
    random_add(now, sizeof now);
}
INIT(INIT_DEVICE, memdev_init);
