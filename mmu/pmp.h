/* Physical memory protection: 64 entries, OFF, TOR, NA4, NAPOT, locking. Granularity 4 bytes (G = 0).
 * Source: machine.adoc, "Physical Memory Protection". */
#ifndef ORRERY_MMU_PMP_H
#define ORRERY_MMU_PMP_H

#include "emu/base/types.h"

#define PMP_ENTRIES 64

struct pmp {
    uint8_t cfg[PMP_ENTRIES];   /* L . . A A X W R, legal values only */
    uint64_t addr[PMP_ENTRIES]; /* address bits 55:2 */
    unsigned count;             /* implemented entries: 0, 16 or 64 */
    unsigned active;            /* highest entry with A != OFF, + 1: no later one matches anything */
    /* What each entry matches, derived from cfg and addr: bytes first … last; first > last matches nothing. */
    gpa_t first[PMP_ENTRIES], last[PMP_ENTRIES];
};

#define PMP_R 1u
#define PMP_W 2u
#define PMP_X 4u

/* Register access with WARL, locking and the reserved combination W without R handled. index: of pmpcfg (even for RV64) / pmpaddr. */
uint64_t pmp_read_cfg(const struct pmp *p, unsigned index);
bool pmp_write_cfg(struct pmp *p, unsigned index,
                   uint64_t value); /* true if anything changed: translations must be flushed */
uint64_t pmp_read_addr(const struct pmp *p, unsigned index);
bool pmp_write_addr(struct pmp *p, unsigned index, uint64_t value);
bool pmp_addr_is_writable(const struct pmp *p, unsigned index); /* it is there, and no locked entry uses it */
void pmp_reset(struct pmp *p);                                  /* all off and unlocked, addresses 0; count stays */
bool pmp_is_legal(
    const struct pmp *p);       /* whether cfg and addr, restored from a snapshot, hold what writes could have left */
void pmp_derive(struct pmp *p); /* and then what follows from them */

/* May an access of len bytes at gpa be made with all of `need` (PMP_R|W|X) at this privilege (machine: M-mode)? */
bool pmp_check(const struct pmp *p, gpa_t gpa, uint64_t len, unsigned need, bool machine);
/* The permissions that hold for every byte of the page alike; false if they differ within it (then each access is checked). */
bool pmp_page_rights(const struct pmp *p, gpa_t page, bool machine, unsigned *rights);

#endif
