/*
 * cuts.h - the work of the power-cut test in the running system: what cuts.c does and recorded.c expects afterwards.
 *
 * Step k: a<k> is made, filled, fsynced; renamed to b<k> and the directory fsynced; linked to c<k>, grown, fdatasynced; and three steps
 * later it is cut short, both names are deleted, and sync is called. After each of these stages its number goes to a place of its own on
 * the disk, so that a record of all disk writes shows when the stage had returned.
 */
#ifndef CUTS_H
#define CUTS_H

#define CUTS_STEPS  12
#define CUTS_STAGES 4
#define CUTS_MAGIC  0x4b524d53544f5043ull
/* Stages are numbered k * CUTS_STAGES + 1 ...; stage 4 of step k deletes the file of step k - 3. */
static inline unsigned cuts_size(unsigned step) { return 700 + step * 2900 % 11000; }
#define CUTS_GROWTH 5000
static inline unsigned char cuts_byte(unsigned step, unsigned at)
{
    return (unsigned char)(1 + (step * 31 + at * 7 + at / 256) % 255);
}

#endif
