/*
 * partition.h - the partition table in a disk's first sector (MBR), for the kernel and the tools alike.
 *
 *    byte 446  partition 1, 16 bytes     status, start (3 bytes, old form), type, end (3 bytes), first sector, sectors
 *         462  2
 *         478  3
 *         494  4
 *         510  55 aa
 *
 * Types used here: 83 a file system, 82 swap space.
 */
#ifndef KEPLER_BLK_PARTITION_H
#define KEPLER_BLK_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

struct partition {
    uint8_t type; /* 0: unused */
    uint64_t first_sector, sectors;
};

static inline uint32_t partition_number_at(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Entry `number` (1 to 4) of a disk of so many sectors. False: there is no table, or the entry is unused or reaches beyond the disk. */
static inline bool partition_read(const uint8_t *sector, unsigned number, uint64_t disk_sectors, struct partition *p)
{
    const uint8_t *entry = sector + 446 + 16 * (number - 1);
    if (sector[510] != 0x55 || sector[511] != 0xaa) return false;
    *p = (struct partition){entry[4], partition_number_at(entry + 8), partition_number_at(entry + 12)};
    return p->type && p->first_sector && p->sectors && p->first_sector < disk_sectors &&
           p->sectors <= disk_sectors - p->first_sector;
}

#endif
