/*
 * partition.c - parts of a disk as disks of their own: vda1, vda2 ...
 *
 * One disk often has to hold several things: a file system and swap space. A table in its first sector (partition.h) says where each
 * begins and ends. Every part becomes a block device whose requests are moved by its first sector and handed to the whole disk
 * (blk_submit), after they were checked against the part's own length: nothing done to one part can reach another. A program that has
 * written a new table has it read again (partitions_again), unless one of the parts is in use.
 */
#include "blk/partition.h"

#include "base/format.h"
#include "blk/blk.h"
#include "blk/blkfile.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "kern/print.h"
#include "mm/slab.h"

/* What is known of a part stays when the part goes, so that nobody has to ask whether a device still exists: it has no sectors then.
 * Its mapping stays as well, empty: the flusher may be looking at it. */
static void place(struct blkdev *part, uint64_t first_sector, uint64_t sectors)
{
    if (part->mapping) {
        pagecache_flush(part->mapping, 0, UINT64_MAX);
        pagecache_truncate(part->mapping, 0); /* waits for pages that are being written */
    }
    part->first_sector = first_sector;
    part->sectors = sectors;
    if (part->mapping) pagecache_truncate(part->mapping, sectors * SECTOR_BYTES);
}

static struct blkdev *part_of(struct blkdev *whole, unsigned number)
{
    struct blkdev *part = blkdev_number(whole->major, whole->minor + number);
    return part && part->whole == whole ? part : 0;
}

static void add(struct blkdev *whole, unsigned number, const struct partition *p)
{
    struct blkdev *part = part_of(whole, number);
    if (part) {
        place(part, p->first_sector, p->sectors);
        devfs_add(part->name, S_IFBLK | 0660, DEV_MAKE(part->major, part->minor));
        return;
    }
    part = kzalloc(sizeof *part);
    if (!part) return;
    format(part->name, sizeof part->name, "%s%u", whole->name, number);
    part->major = whole->major;
    part->minor = whole->minor + number;
    part->sectors = p->sectors;
    part->first_sector = p->first_sector;
    part->whole = whole;
    part->read_only = whole->read_only && !whole->made_read_only;
    part->can_flush = whole->can_flush;
    part->can_discard = whole->can_discard;
    part->discard_most = whole->discard_most;
    blkdev_register(part);
    blkfile_add(part);
    printk("%s: %lu MiB, type %x\n", part->name, part->sectors >> 11, p->type);
}

static void look(struct blkdev *disk)
{
    uint8_t *sector = kmalloc(SECTOR_BYTES);
    struct partition p;
    if (sector && disk->sectors && !blk_transfer(disk, BLK_READ, 0, sector, SECTOR_BYTES))
        for (unsigned number = 1; number <= 4; number++)
            if (partition_read(sector, number, disk->sectors, &p)) add(disk, number, &p);
    kfree(sector);
}

/* The caller keeps others from opening the parts, and the claims keep them from being mounted. */
int partitions_again(struct blkdev *disk)
{
    struct blkdev *part[4];
    unsigned claimed = 0;
    if (disk->whole) return -EINVAL;
    for (; claimed < 4; claimed++) {
        part[claimed] = part_of(disk, claimed + 1);
        if (!part[claimed]) continue;
        if (part[claimed]->opens || !blkdev_claim(part[claimed], disk)) break;
    }
    bool busy = claimed < 4;
    for (unsigned i = 0; i < 4 && !busy; i++) {
        if (!part[i] || !part[i]->sectors) continue;
        devfs_remove(part[i]->name);
        place(part[i], 0, 0);
    }
    if (!busy) look(disk);
    while (claimed-- > 0)
        if (part[claimed]) blkdev_release(part[claimed]);
    return busy ? -EBUSY : 0;
}

/* Parts are added behind the whole disks in the list, and are looked at as well: they have no parts, as they have a `whole'. */
static void partitions_find(void)
{
    for (struct blkdev *disk = blkdev_next(0); disk; disk = blkdev_next(disk))
        if (!disk->whole) look(disk);
}
INIT(INIT_FILESYSTEM, partitions_find);
