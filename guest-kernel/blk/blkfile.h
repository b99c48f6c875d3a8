/* blkfile.h - makes a registered block device appear in /dev. */
#ifndef KEPLER_BLK_BLKFILE_H
#define KEPLER_BLK_BLKFILE_H

struct blkdev;
void blkfile_add(struct blkdev *device);
/* partition.c: reads the disk's table of parts again. -EBUSY: one is in use; -EINVAL: not a whole disk. Nobody may open a part meanwhile. */
int partitions_again(struct blkdev *disk);

#endif
