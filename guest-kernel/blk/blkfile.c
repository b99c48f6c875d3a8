/*
 * blkfile.c - block devices as files: /dev/vda.
 *
 * The content of the device goes through the page cache like that of a regular file. A mounted file system reads and writes the
 * device past this cache, so one should not write to the device of a mounted file system here.
 */
#include "blk/blkfile.h"

#include "blk/blk.h"
#include "fs/vfs.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "kern/task.h"

static int move_pages(struct mapping *mapping, enum blk_operation operation, uint64_t index, struct page **page,
                      unsigned n)
{
    struct blkdev *device = mapping->owner;
    struct blk_batch batch;
    blk_batch_init(&batch);
    for (unsigned i = 0; i < n; i++) {
        uint64_t sector = (index + i) * (PAGE_SIZE / SECTOR_BYTES);
        uint64_t left = device->sectors > sector ? (device->sectors - sector) * SECTOR_BYTES : 0;
        struct blk_segment segment = {page_va(page[i]), (uint32_t)MIN(left, (uint64_t)PAGE_SIZE)};
        if (operation == BLK_READ && left < PAGE_SIZE)
            __builtin_memset((char *)segment.address + left, 0, PAGE_SIZE - left);
        if (left) blk_batch_add(&batch, device, operation, sector, &segment, 1);
    }
    return blk_batch_wait(&batch);
}

static int read_page(struct mapping *mapping, uint64_t index, struct page *page)
{
    return move_pages(mapping, BLK_READ, index, &page, 1);
}
static int read_pages(struct mapping *mapping, uint64_t index, struct page **page, unsigned n)
{
    return move_pages(mapping, BLK_READ, index, page, n);
}
static int write_page(struct mapping *mapping, uint64_t index, struct page *page)
{
    return move_pages(mapping, BLK_WRITE, index, &page, 1);
}
static int write_pages(struct mapping *mapping, uint64_t index, struct page **page, unsigned n)
{
    return move_pages(mapping, BLK_WRITE, index, page, n);
}
static bool hold(struct mapping *mapping)
{
    (void)mapping; /* devices stay */
    return true;
}
static void release(struct mapping *mapping) { (void)mapping; }

static const struct mapping_ops blkfile_mapping = {.read_page = read_page,
                                                   .read_pages = read_pages,
                                                   .write_page = write_page,
                                                   .write_pages = write_pages,
                                                   .hold = hold,
                                                   .release = release};

static struct mutex open_lock = MUTEX_INIT(open_lock, "block device open");

static int blkfile_open(struct file *file)
{
    struct blkdev *device = blkdev_number(DEV_MAJOR(file->inode->rdev), DEV_MINOR(file->inode->rdev));
    int error = 0;
    if (!device) return -ENXIO;
    if (device->read_only && !device->made_read_only && file_writable(file)) return -EROFS;
    mutex_lock(&open_lock);
    if (device->whole && !device->sectors) error = -ENXIO; /* a part that is not any more */
    if (!error && !device->mapping) {
        struct mapping *mapping = kzalloc(sizeof *mapping);
        if (mapping) mapping_init(mapping, &blkfile_mapping, device, device->sectors * SECTOR_BYTES);
        device->mapping = mapping;
        if (!mapping) error = -ENOMEM;
    }
    if (!error) device->opens++;
    mutex_unlock(&open_lock);
    file->private = device;
    return error;
}

static void blkfile_release(struct file *file)
{
    struct blkdev *device = file->private;
    mutex_lock(&open_lock);
    device->opens--;
    mutex_unlock(&open_lock);
}

static ssize_t transfer(struct file *file, struct uio *uio, bool write)
{
    struct blkdev *device = file->private;
    uint64_t size = device->sectors * SECTOR_BYTES;
    ssize_t done = 0;
    if (uio->offset >= size) return write && uio->left ? -ENOSPC : 0;
    if (uio->left > size - uio->offset) uio->left = size - uio->offset;
    while (uio->left) {
        uint64_t bytes, at = uio_here(uio, &bytes);
        bytes = MIN(bytes, uio->left);
        long n = write ? pagecache_write(device->mapping, uio->offset, at, bytes, uio->user)
                       : pagecache_read(device->mapping, uio->offset, at, bytes, uio->user);
        if (n < 0 && !done) return n;
        if (n <= 0) break;
        uio_advance(uio, (size_t)n);
        done += n;
        if ((uint64_t)n < bytes) break;
    }
    if (write) pagecache_throttle();
    return done;
}

static ssize_t blkfile_read(struct file *file, struct uio *uio) { return transfer(file, uio, false); }
static ssize_t blkfile_write(struct file *file, struct uio *uio)
{
    return blk_read_only(file->private) ? -EPERM : transfer(file, uio, true);
}

static int64_t blkfile_seek(struct file *file, int64_t offset, int whence)
{
    struct blkdev *device = file->private;
    int64_t base = whence == 0 ? 0 : whence == 1 ? (int64_t)file->position : (int64_t)(device->sectors * SECTOR_BYTES);
    if (whence < 0 || whence > 2) return -EINVAL;
    if (__builtin_add_overflow(base, offset, &base) || base < 0) return -EINVAL;
    file->position = (uint64_t)base;
    return base;
}

static int blkfile_map(struct file *file, struct mapping **mapping)
{
    *mapping = ((struct blkdev *)file->private)->mapping;
    return 0;
}

static int blkfile_fsync(struct file *file, bool data_only)
{
    struct blkdev *device = file->private;
    (void)data_only;
    int error = pagecache_flush(device->mapping, 0, UINT64_MAX);
    int flushed = blk_flush(device);
    return error ? error : flushed;
}

/* Something is mounted on the device, on the disk that it is a part of, or on a part of it. */
static bool is_held(const struct blkdev *device)
{
    if (device->holder || (device->whole && device->whole->holder)) return true;
    for (struct blkdev *part = blkdev_next(0); part; part = blkdev_next(part))
        if (part->whole == device && part->holder) return true;
    return false;
}

/* The bytes of the range lose their content, also in the cache. */
static long discard(struct file *file, uint64_t argument)
{
    struct blkdev *device = file->private;
    uint64_t range[2], bytes = device->sectors * SECTOR_BYTES;
    if (!file_writable(file)) return -EBADF;
    if (copy_from_user(range, argument, sizeof range)) return -EFAULT;
    if (!device->can_discard) return -EOPNOTSUPP;
    if (blk_read_only(device)) return -EPERM;
    if (is_held(device)) return -EBUSY;
    if ((range[0] | range[1]) % SECTOR_BYTES || range[0] > bytes || range[1] > bytes - range[0]) return -EINVAL;
    int error = pagecache_flush(device->mapping, 0, UINT64_MAX);
    if (error) return error;
    error = blk_discard(device, range[0] / SECTOR_BYTES, range[1] / SECTOR_BYTES);
    pagecache_drop(device->mapping, range[0], range[0] + range[1]);
    return error;
}

static long set_read_only(struct blkdev *device, uint64_t argument)
{
    int32_t wish;
    if (!cred_is_root()) return -EACCES;
    if (copy_from_user(&wish, argument, sizeof wish)) return -EFAULT;
    if (device->read_only && !device->made_read_only) return wish ? 0 : -EACCES; /* the device itself says so */
    device->read_only = device->made_read_only = wish != 0;
    return 0;
}

static long parts_again(struct blkdev *device)
{
    if (!cred_is_root()) return -EACCES;
    pagecache_flush(device->mapping, 0, UINT64_MAX);
    mutex_lock(&open_lock);
    int error = partitions_again(device);
    mutex_unlock(&open_lock);
    return error;
}

static long blkfile_ioctl(struct file *file, unsigned request, uint64_t argument)
{
    enum {
        BLKROSET = 0x125d,
        BLKROGET,
        BLKRRPART,
        BLKGETSIZE,
        BLKFLSBUF,
        BLKSSZGET = 0x1268,
        BLKDISCARD = 0x1277,
        BLKPBSZGET = 0x127b
    };
    const unsigned BLKGETSIZE64 = 0x80081272, BLKBSZGET = 0x80081270;
    struct blkdev *device = file->private;
    uint64_t bytes = device->sectors * SECTOR_BYTES, sectors = device->sectors;
    int small = request == BLKROGET ? blk_read_only(device) : request == BLKBSZGET ? (int)PAGE_SIZE : (int)SECTOR_BYTES;
    if (request == BLKGETSIZE64) return copy_to_user(argument, &bytes, sizeof bytes);
    if (request == BLKBSZGET) return copy_to_user(argument, &small, sizeof small);
    switch (request) {
    case BLKROSET: return set_read_only(device, argument);
    case BLKRRPART: return parts_again(device);
    case BLKDISCARD: return discard(file, argument);
    case BLKPBSZGET:
    case BLKGETSIZE: return copy_to_user(argument, &sectors, sizeof sectors);
    case BLKROGET:
    case BLKSSZGET: return copy_to_user(argument, &small, sizeof small);
    case BLKFLSBUF:
        if (!cred_is_root()) return -EACCES;
        pagecache_flush(device->mapping, 0, UINT64_MAX);
        pagecache_drop(device->mapping, 0, UINT64_MAX);
        return 0;
    default: return -ENOTTY;
    }
}

static const struct file_ops blkfile_ops = {.read = blkfile_read,
                                            .write = blkfile_write,
                                            .seek = blkfile_seek,
                                            .map = blkfile_map,
                                            .fsync = blkfile_fsync,
                                            .ioctl = blkfile_ioctl,
                                            .open = blkfile_open,
                                            .release = blkfile_release};

void blkfile_add(struct blkdev *device)
{
    device_register(true, device->major, device->minor, 1, &blkfile_ops);
    devfs_add(device->name, S_IFBLK | 0660, DEV_MAKE(device->major, device->minor));
}
