/* blkfile.h - makes a registered block device appear in /dev. */
#ifndef KEPLER_BLK_BLKFILE_H
#define KEPLER_BLK_BLKFILE_H

struct blkdev;
void blkfile_add(struct blkdev *device);

#endif
