/* Paging and protection as a running hart sees them: A and D, fences, NAPOT, superpages, PBMT, PMP on data, fetches and tables; stimecmp. */
#include "priv.h"

static volatile uint64_t frame[2][512] __attribute__((aligned(4096)));
static volatile uint64_t big[8192] __attribute__((aligned(65536)));
#define ADUE  BIT(61)
#define PBMTE BIT(62)
#define STCE  BIT(63)

static uint64_t seen;
static uint8_t code[64] __attribute__((aligned(4)));
static uint64_t run32(unsigned mode, uint32_t insn, uint64_t argument)
{
    uint32_t words[] = {insn, 0x00000073};
    for (unsigned i = 0; i < 8; i++) code[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    __asm__ volatile("fence.i");
    return enter_at(mode, (uint64_t)code, argument);
}
/* Success is the ecall behind the access. */
static uint64_t try_load(unsigned mode, uint64_t va) { return run32(mode, 0x00053583, va); }
static uint64_t try_store(unsigned mode, uint64_t va) { return run32(mode, 0x00053023, va); } /* sd zero */
static uint64_t try_fetch(unsigned mode, uint64_t va) { return enter_at(mode, va, 0); }
#define OK_U ECALL_U
#define OK_S ECALL_S

static void accessed_and_dirty(void)
{
    volatile uint64_t *pte = page_map(0x21000, (uint64_t)frame[0], V | R | W | U);
    sfence();
    csr_write(menvcfg, 0);
    EQUAL(try_load(MODE_U, 0x21000), LOAD_PAGE);
    EQUAL(m.tval, 0x21000);
    EQUAL(*pte & (A | D), 0);
    csr_set(menvcfg, ADUE);
    EQUAL(try_load(MODE_U, 0x21000), OK_U);
    EQUAL(*pte & (A | D), A);
    EQUAL(try_store(MODE_U, 0x21ff8), OK_U);
    EQUAL(*pte & (A | D), A | D);
    *pte &= ~(uint64_t)D;
    csr_write(menvcfg, 0);
    sfence();
    EQUAL(try_store(MODE_U, 0x21000), STORE_PAGE);
    EQUAL(try_load(MODE_U, 0x21000), OK_U);
    EQUAL(*pte & (A | D), A);
    *pte = (*pte & ~(uint64_t)(R | W)) | R; /* read-only: no D even where hardware would set it */
    csr_set(menvcfg, ADUE);
    sfence();
    EQUAL(try_store(MODE_U, 0x21000), STORE_PAGE);
    EQUAL(*pte & (A | D), A);
    csr_write(menvcfg, 0);
}

static void fences(void)
{
    volatile uint64_t *pte = page_map(0x21000, (uint64_t)frame[0], V | R | W | U | A | D);
    page_map(0x22000, (uint64_t)frame[0], V | R | W | U | A | D);
    sfence();
    frame[0][0] = 11;
    frame[1][0] = 22;
    EQUAL(try_load(MODE_U, 0x21000), OK_U);
    *pte = (uint64_t)frame[1] >> 12 << 10 | V | R | U | A;
    uint64_t va = 0x21008;
    __asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
    EQUAL(try_store(MODE_U, 0x21000), STORE_PAGE);
    EQUAL(try_store(MODE_U, 0x22000), OK_U);
    *pte = 0;
    __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(UINT64_C(0)) : "memory"); /* ASID 0 is the present one */
    EQUAL(try_load(MODE_U, 0x21000), LOAD_PAGE);
    EQUAL(try_load(MODE_U, 0x22000), OK_U);
    /* satp with another ASID and no table: nothing of the old space shows through. */
    csr_write(satp, SATP_SV39 | UINT64_C(7) << 44);
    EQUAL(try_load(MODE_U, 0x22000), OK_U);
    csr_write(satp, SATP_SV39);
}

static void reserved(void)
{
    static const struct {
        uint64_t bits;
        bool good;
    } cases[] = {
        {V | R | W | U | A | D, true},
        {R | W | U | A | D, false},
        {V | W | U | A | D, false},
        {V | W | X | U | A | D, false},
        {BIT(54) | V | R | U | A | D, false},
        {BIT(60) | V | R | U | A | D, false},
        {BIT(61) | V | R | U | A | D, false},
        {BIT(63) | V | R | U | A | D, false},
        {BIT(8) | BIT(9) | V | R | U | A | D, true},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        page_map(0x21000, (uint64_t)frame[0], cases[i].bits);
        sfence();
        EQUAL(try_load(MODE_U, 0x21000), cases[i].good ? OK_U : LOAD_PAGE);
    }
    csr_set(menvcfg, PBMTE);
    for (uint64_t pbmt = 0; pbmt < 4; pbmt++) {
        page_map(0x21000, (uint64_t)frame[0], pbmt << 61 | V | R | U | A | D);
        sfence();
        EQUAL(try_load(MODE_U, 0x21000), pbmt < 3 ? OK_U : LOAD_PAGE);
    }
    csr_write(menvcfg, 0);
    uint64_t old = page_root[1];
    page_root[1] = UINT64_C(0x80001000) >> 12 << 10 | V | R | U | A | D; /* a gigapage that is not aligned */
    sfence();
    EQUAL(try_load(MODE_U, 0x40000000), LOAD_PAGE);
    page_root[1] = UINT64_C(0x80000000) >> 12 << 10 | V | R | U | A | D;
    sfence();
    EQUAL(try_load(MODE_U, 0x40000000 + ((uint64_t)frame[0] & 0x3fffffff)), OK_U);
    page_root[1] = old;
    sfence();
}

static void naturally_aligned_power_of_two(void)
{
    for (unsigned i = 0; i < 16; i++) {
        big[i * 512] = 100 + i;
        page_map(0x40000 + i * 0x1000, (uint64_t)big + 0x8000, BIT(63) | V | R | W | U | A | D);
    }
    sfence();
    csr_set(mstatus, SUM | MPRV | MPP(MODE_S));
    uint64_t sum = 0;
    for (unsigned i = 0; i < 16; i++) sum += *(volatile uint64_t *)(0x40000 + i * UINT64_C(0x1000)) == 100 + i;
    csr_clear(mstatus, SUM | MPRV);
    EQUAL(sum, 16);
    page_map(0x41000, (uint64_t)big + 0x4000, BIT(63) | V | R | U | A | D);
    sfence();
    EQUAL(try_load(MODE_U, 0x41000), LOAD_PAGE);
}

static void supervisor_and_user_pages(void)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        uint64_t u = bits & 1 ? U : 0, x = bits & 2 ? X : 0, r = bits & 4 ? R : 0, w = bits & 8 ? W : 0;
        if (!(r | x) || (w && !r)) continue;
        *(volatile uint32_t *)frame[0] = 0x00000073;
        __asm__ volatile("fence.i");
        page_map(0x21000, (uint64_t)frame[0], V | u | x | r | w | A | D);
        sfence();
        csr_clear(mstatus, SUM | MXR);
        EQUAL(try_fetch(MODE_U, 0x21000), u && x ? OK_U : FETCH_PAGE);
        EQUAL(try_load(MODE_U, 0x21000), u && r ? OK_U : LOAD_PAGE);
        EQUAL(try_store(MODE_U, 0x21008), u && w ? OK_U : STORE_PAGE);
    }
}

/* ---- PMP ---- */

static void pmp_entry0(uint64_t address, uint64_t bytes, unsigned cfg)
{
    csr_write(pmpaddr0, (address >> 2) | (bytes / 8 - 1));
    csr_write(pmpaddr1, UINT64_MAX);
    csr_write(pmpcfg0, 0x1f00 | 0x18 | cfg);
}

static void protection(void)
{
    *(volatile uint32_t *)frame[1] = 0x00000073;
    __asm__ volatile("fence.i");
    for (unsigned rights = 0; rights < 8; rights++) {
        if ((rights & 3) == 2) continue;
        pmp_entry0((uint64_t)frame[1], 4096, rights);
        EQUAL(try_load(MODE_S, (uint64_t)frame[1]), rights & 1 ? OK_S : LOAD_ACCESS);
        EQUAL(try_store(MODE_U, (uint64_t)frame[1] + 8), rights & 2 ? OK_U : STORE_ACCESS);
        EQUAL(try_fetch(MODE_S, (uint64_t)frame[1]), rights & 4 ? OK_S : FETCH_ACCESS);
        EQUAL(try_load(MODE_M, (uint64_t)frame[1]), ECALL_M);
    }
    pmp_entry0((uint64_t)frame[1] + 64, 8, 0); /* eight bytes inside a page that is open otherwise */
    EQUAL(try_load(MODE_S, (uint64_t)frame[1] + 56), OK_S);
    EQUAL(try_load(MODE_S, (uint64_t)frame[1] + 64), LOAD_ACCESS);
    EQUAL(try_load(MODE_S, (uint64_t)frame[1] + 60), LOAD_ACCESS);
    EQUAL(try_load(MODE_M, (uint64_t)frame[1] + 60), LOAD_ACCESS); /* a partial match fails for everybody */
    EQUAL(try_load(MODE_S, (uint64_t)frame[1] + 72), OK_S);
    /* MPRV takes the rights of the mode it names. */
    pmp_open();
    /* Tables: a table that may not be read is an access fault of the original kind. */
    paging_start(true);
    volatile uint64_t *pte = page_map(0x21000, (uint64_t)frame[0], V | R | W | X | U | A | D);
    csr_write(satp, SATP_SV39);
    pmp_entry0((uint64_t)pte & ~UINT64_C(4095), 4096, 0);
    sfence();
    EQUAL(try_load(MODE_U, 0x21000), LOAD_ACCESS);
    EQUAL(try_store(MODE_U, 0x21000), STORE_ACCESS);
    EQUAL(try_fetch(MODE_U, 0x21000), FETCH_ACCESS);
    csr_set(menvcfg, ADUE);
    *pte &= ~(uint64_t)(A | D);
    pmp_entry0((uint64_t)pte & ~UINT64_C(4095), 4096, 1);
    sfence();
    EQUAL(try_load(MODE_U, 0x21000), LOAD_ACCESS); /* A cannot be written */
    pmp_entry0((uint64_t)pte & ~UINT64_C(4095), 4096, 3);
    EQUAL(try_load(MODE_U, 0x21000), OK_U);
    csr_write(menvcfg, 0);
    csr_write(satp, 0);
    pmp_open();
}

static void locked(void)
{
    csr_write(pmpaddr2, ((uint64_t)frame[1] >> 2) | 511);
    csr_write(pmpcfg0, 0x99001f); /* entry 2: NAPOT, R, locked; but entry 0 comes first */
    EQUAL(try_store(MODE_M, (uint64_t)frame[1]), ECALL_M);
    csr_write(pmpcfg0, 0);
    EQUAL(csr_read(pmpcfg0), 0x990000);
    EQUAL(try_store(MODE_M, (uint64_t)frame[1]), STORE_ACCESS);
    EQUAL(try_load(MODE_M, (uint64_t)frame[1]), ECALL_M);
    EQUAL(try_fetch(MODE_M, (uint64_t)frame[1]), FETCH_ACCESS);
    EQUAL(try_load(MODE_U, (uint64_t)&seen), FETCH_ACCESS); /* nothing matches: lower modes have nothing at all */
}

/* ---- stimecmp ---- */

static void wait(void)
{
    for (volatile int i = 0; i < 1000000; i++) {
    }
}

static void timer(void)
{
    csr_set(menvcfg, STCE);
    csr_write(mcounteren, 2);
    csr_write(mideleg, BIT(5));
    csr_write(mie, BIT(5));
    csr_write(stvec, s_direct);
    csr_set(mstatus, SIE);
    uint64_t deadline = csr_read(time) + 50;
    csr_write(stimecmp, deadline);
    EQUAL(csr_read(mip) & BIT(5), 0);
    enter(MODE_S, wait);
    CHECK(s.count == 1 && s.cause == (INTERRUPT | 5));
    CHECK(csr_read(time) >= deadline && csr_read(time) < deadline + 1000);
    EQUAL(csr_read(mip) & BIT(5), BIT(5));
    csr_clear(mip, BIT(5));
    EQUAL(csr_read(mip) & BIT(5), BIT(5)); /* the comparison's, not software's */
    csr_write(stimecmp, UINT64_MAX);
    EQUAL(csr_read(mip) & BIT(5), 0);
    csr_clear(menvcfg, STCE);
    csr_write(mie, 0);
}

int main(void)
{
    pmp_open();
    timer();
    paging_start(true);
    csr_write(satp, SATP_SV39);
    accessed_and_dirty();
    fences();
    reserved();
    naturally_aligned_power_of_two();
    supervisor_and_user_pages();
    csr_write(satp, 0);
    protection();
    locked(); /* last: it cannot be undone */
    return 0;
}
