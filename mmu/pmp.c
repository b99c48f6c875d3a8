#include "mmu/pmp.h"

#include "emu/base/bits.h"

#define PMP_LOCKED    0x80u
#define PMP_CFG_LEGAL 0x9fu
#define PMP_RWX       (PMP_R | PMP_W | PMP_X)
#define PMP_ADDR_MASK (UINT64_MAX >> 10) /* norm:pmp_addr_encoding: address bits 55:2 */

enum { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };

static unsigned pmp_mode(uint8_t cfg) { return (unsigned)bits_get(cfg, 4, 3); }

/* What entry i matches (pmpcfg-napot): a NAPOT address ends in 0 followed by k ones for 2^(k+3) bytes. */
static void pmp_derive_entry(struct pmp *p, unsigned i)
{
    uint64_t addr = p->addr[i];
    p->first[i] = UINT64_MAX; /* above every access */
    p->last[i] = 0;
    switch (pmp_mode(p->cfg[i])) {
    case PMP_TOR: {
        uint64_t bottom = i ? p->addr[i - 1] : 0;
        if (bottom < addr) {
            p->first[i] = bottom << 2;
            p->last[i] = (addr << 2) - 1;
        }
        break;
    }
    case PMP_NA4:
        p->first[i] = addr << 2;
        p->last[i] = p->first[i] + 3;
        break;
    case PMP_NAPOT: {
        uint64_t inside = addr ^ (addr + 1); /* k + 1 ones */
        p->first[i] = (addr & ~inside) << 2;
        p->last[i] = p->first[i] + ((inside << 2) | 3);
        break;
    }
    default: return;
    }
    p->active = i + 1;
}

void pmp_derive(struct pmp *p)
{
    p->active = 0;
    for (unsigned i = 0; i < p->count; i++) pmp_derive_entry(p, i);
}

void pmp_reset(struct pmp *p) { *p = (struct pmp){.count = p->count}; }

uint64_t pmp_read_cfg(const struct pmp *p, unsigned index)
{
    unsigned entry = index * 4;
    return entry + 8 <= PMP_ENTRIES ? load_le64(&p->cfg[entry]) : 0;
}

bool pmp_write_cfg(struct pmp *p, unsigned index, uint64_t value)
{
    bool changed = false;
    for (unsigned i = 0; i < 8; i++) {
        unsigned entry = index * 4 + i;
        if (entry >= p->count) break;
        uint8_t cfg = (uint8_t)(value >> (8 * i)) & PMP_CFG_LEGAL;
        if (!(cfg & PMP_R)) cfg &= (uint8_t)~PMP_W; /* norm:pmp_rwx_warl: R=0, W=1 is reserved */
        if ((p->cfg[entry] & PMP_LOCKED) || p->cfg[entry] == cfg) continue;
        p->cfg[entry] = cfg;
        changed = true;
    }
    if (changed) pmp_derive(p);
    return changed;
}

uint64_t pmp_read_addr(const struct pmp *p, unsigned index) { return index < PMP_ENTRIES ? p->addr[index] : 0; }

/* norm:pmp_l_bit_write_protection */
static bool pmp_addr_locked(const struct pmp *p, unsigned i)
{
    if (p->cfg[i] & PMP_LOCKED) return true;
    return i + 1 < p->count && (p->cfg[i + 1] & PMP_LOCKED) && pmp_mode(p->cfg[i + 1]) == PMP_TOR;
}

bool pmp_addr_is_writable(const struct pmp *p, unsigned index)
{
    return index < p->count && !pmp_addr_locked(p, index);
}

bool pmp_is_legal(const struct pmp *p)
{
    for (unsigned i = 0; i < PMP_ENTRIES; i++) {
        if (i >= p->count && (p->cfg[i] || p->addr[i])) return false;
        if (p->cfg[i] & ~PMP_CFG_LEGAL || p->addr[i] & ~PMP_ADDR_MASK) return false;
        if ((p->cfg[i] & PMP_W) && !(p->cfg[i] & PMP_R)) return false;
    }
    return true;
}

bool pmp_write_addr(struct pmp *p, unsigned index, uint64_t value)
{
    if (!pmp_addr_is_writable(p, index)) return false;
    value &= PMP_ADDR_MASK;
    if (p->addr[index] == value) return false;
    p->addr[index] = value;
    pmp_derive(p);
    return true;
}

/* What the matching entry permits; norm:pmp_rwx_check. */
static unsigned pmp_entry_rights(const struct pmp *p, unsigned i, bool machine)
{
    return machine && !(p->cfg[i] & PMP_LOCKED) ? PMP_RWX : p->cfg[i] & PMP_RWX;
}

/* The first entry that matches any byte decides (norm:pmp_entry_priority). false: it does not match all of them. */
static bool pmp_rights(const struct pmp *p, gpa_t gpa, uint64_t len, bool machine, unsigned *rights)
{
    gpa_t end = gpa + (len - 1);
    for (unsigned i = 0; i < p->active; i++) {
        if (p->first[i] > end || p->last[i] < gpa) continue;
        *rights = pmp_entry_rights(p, i, machine);
        return p->first[i] <= gpa && end <= p->last[i];
    }
    *rights = machine || p->count == 0 ? PMP_RWX : 0; /* norm:pmp_no_entry_match */
    return true;
}

bool pmp_check(const struct pmp *p, gpa_t gpa, uint64_t len, unsigned need, bool machine)
{
    unsigned rights;
    return pmp_rights(p, gpa, len, machine, &rights) && (rights & need) == need;
}

bool pmp_page_rights(const struct pmp *p, gpa_t page, bool machine, unsigned *rights)
{
    return pmp_rights(p, page & GUEST_PAGE_MASK, GUEST_PAGE_BYTES, machine, rights);
}
