/* Experiments, CSR access by number, two stages of page tables, and the list of tests. */
#include "hyp.h"

uint8_t code[4096] __attribute__((aligned(4096)));
static uint32_t stub[16] __attribute__((aligned(64)));
volatile uint64_t frame[4][512] __attribute__((aligned(4096)));
extern uint64_t failures;
static const char *now_running;

/* ---- Experiments ---- */

void enter_asm(unsigned mode, uint64_t pc, uint64_t a0, uint64_t a1, uint64_t alias);

uint64_t run_at(unsigned mode, uint64_t pc, uint64_t a0, uint64_t a1)
{
    uint64_t alias = mode == IN_VU && csr_read(0x280) >> 60 ? ALIAS : 0;
    enter_asm(mode, pc + alias, a0, a1, alias);
    return t.cause;
}

uint64_t run(unsigned mode, void (*fn)(void))
{
    uint64_t alias = mode == IN_VU && csr_read(0x280) >> 60 ? ALIAS : 0;
    enter_asm(mode, (uint64_t)fn + alias, 0, 0, alias);
    return t.cause;
}

uint64_t run_exactly(unsigned mode, uint64_t pc)
{
    enter_asm(mode, pc, 0, 0, 0);
    return t.cause;
}

static uint64_t try_code(unsigned mode, unsigned bytes, uint64_t a0, uint64_t a1)
{
    __asm__ volatile("fence.i" ::: "memory");
    uint64_t alias = mode == IN_VU && csr_read(0x280) >> 60 ? ALIAS : 0;
    enter_asm(mode, (uint64_t)code + alias, a0, a1, alias);
    bool call = t.cause >= ECALL_U && t.cause <= ECALL_M;
    return call && t.epc == (uint64_t)code + alias + bytes ? NO_TRAP : t.cause;
}

static void put16(unsigned at, uint32_t v) { code[at] = (uint8_t)v, code[at + 1] = (uint8_t)(v >> 8); }

uint64_t try_insn(unsigned mode, uint32_t insn, uint64_t a0, uint64_t a1)
{
    put16(0, insn), put16(2, insn >> 16), put16(4, ECALL), put16(6, 0);
    return try_code(mode, 4, a0, a1);
}

uint64_t try_insn16(unsigned mode, uint16_t insn, uint64_t a0, uint64_t a1)
{
    put16(0, insn), put16(2, ECALL), put16(4, 0);
    return try_code(mode, 2, a0, a1);
}

/* ---- CSRs ---- */

typedef uint64_t leaf(uint64_t);
static leaf *csr_leaf(unsigned csr, unsigned f3)
{
    /* csrrw or csrrs a0, csr, a0; ret */
    stub[0] = INSN_I(csr, f3 == 2 ? X0 : A0, f3, A0, 0x73);
    stub[1] = 0x00008067;
    __asm__ volatile("fence.i" ::: "memory");
    return (leaf *)stub;
}
uint64_t m_read(unsigned csr) { return m_call(csr_leaf(csr, 2), 0); }
void m_write(unsigned csr, uint64_t value) { m_call(csr_leaf(csr, 1), value); }
void m_set(unsigned csr, uint64_t bits) { m_write(csr, m_read(csr) | bits); }
void m_clear(unsigned csr, uint64_t bits) { m_write(csr, m_read(csr) & ~bits); }
uint64_t h_read(unsigned csr) { return csr_leaf(csr, 2)(0); }
void h_write(unsigned csr, uint64_t value) { csr_leaf(csr, 1)(value); }

uint64_t h_try(unsigned csr, uint64_t value)
{
    uint64_t old = h_read(csr);
    h_write(csr, value);
    uint64_t got = h_read(csr);
    h_write(csr, old);
    return got;
}

uint64_t m_try(unsigned csr, uint64_t value)
{
    uint64_t old = m_read(csr);
    m_write(csr, value);
    uint64_t got = m_read(csr);
    m_write(csr, old);
    return got;
}

void quiet(void)
{
    static const unsigned zero[] = {MIE_,      HVIP,       HIDELEG,   HEDELEG,  VSATP,  HGATP, VSSTATUS,
                                    HENVCFG,   HTIMEDELTA, SENVCFG,   VSCAUSE,  VSTVAL, VSEPC, HSTATUS,
                                    VSSCRATCH, SATP,       MSTATEEN0, SSCRATCH, HTVAL,  HTINST};
    m_clear(MSTATUS, SIE | MIE | SPIE | MPIE | SPP | MPRV | SUM | MXR | TVM | TW | TSR | M_MPV);
    m_set(MSTATUS, FS);
    m_write(MEDELEG, GROUND_IS_HS ? DELEGATE_ALL : 0);
    m_write(MIDELEG, BIT(1) | BIT(5) | BIT(9));
    m_write(MENVCFG, ENV_STCE | ENV_PBMTE | 0xf0);
    for (unsigned i = 0; i < 4; i++) m_write(MSTATEEN0 + i, ~UINT64_C(0));
    for (unsigned i = 0; i < sizeof zero / sizeof zero[0]; i++)
        if (zero[i] != MSTATEEN0) m_write(zero[i], 0);
    m_clear(MIP_, BIT(1) | BIT(5) | BIT(9));
    for (unsigned i = 0; i < 4; i++) h_write(HSTATEEN0 + i, ~UINT64_C(0));
    m_write(MCOUNTEREN, ~UINT64_C(0));
    h_write(HCOUNTEREN, ~UINT64_C(0));
    h_write(SCOUNTEREN, ~UINT64_C(0));
    h_write(STIMECMP, ~UINT64_C(0));
    h_write(VSTIMECMP, ~UINT64_C(0));
    h_write(STVEC, (uint64_t)hs_direct);
    h_write(VSTVEC, (uint64_t)vs_direct);
    h_write(VSSTATUS, FS);
    vs_tables_offset = 0;
    fence_all();
}

/* ---- Page tables ---- */

static uint64_t pool[160][512] __attribute__((aligned(16384)));
static unsigned pool_used;
struct table vs_table, g_table;
uint64_t vs_tables_offset;

uint64_t *new_page(unsigned pages)
{
    pool_used = (pool_used + pages - 1) / pages * pages;
    uint64_t *page = pool[pool_used];
    pool_used += pages;
    check(pool_used <= sizeof pool / sizeof pool[0], "page tables left", __LINE__);
    for (unsigned i = 0; i < 512 * pages; i++) page[i] = 0;
    return page;
}

static uint64_t *entry(const struct table *table, uint64_t *page, uint64_t va, unsigned level)
{
    bool wide = table->gstage && level == table->levels - 1;
    return &page[va >> (12 + 9 * level) & (wide ? 2047 : 511)];
}

/* Walks down to a level; makes the tables on the way if `make`. */
static uint64_t *walk(struct table *table, uint64_t va, unsigned level, bool make)
{
    uint64_t *page = table->root;
    for (unsigned at = table->levels - 1; at > level; at--) {
        uint64_t *e = entry(table, page, va, at);
        if (!(*e & V) && make) *e = pte((uint64_t)new_page(1) + table->offset, V);
        if (!(*e & V) || (*e & (R | W | X))) return e;
        page = (uint64_t *)((*e >> 10 << 12) - table->offset);
    }
    return entry(table, page, va, level);
}

volatile uint64_t *map(struct table *table, uint64_t va, uint64_t pa, uint64_t bits, unsigned level)
{
    uint64_t *e = walk(table, va, level, true);
    *e = pte(pa, bits);
    return e;
}

volatile uint64_t *pte_of(struct table *table, uint64_t va, unsigned level) { return walk(table, va, level, false); }

static void table_start(struct table *table, unsigned mode, bool gstage)
{
    table->gstage = gstage;
    table->offset = 0;
    table->levels = mode == BARE ? 0 : mode - SV39 + 3;
    table->root = mode == BARE ? NULL : new_page(gstage ? 4 : 1);
}

void guest_start(unsigned vs_mode, unsigned g_mode)
{
    pool_used = 0;
    guest_more(vs_mode, g_mode, 1, 1);
}

void guest_more(unsigned vs_mode, unsigned g_mode, unsigned vmid, unsigned asid)
{
    h_write(VSATP, 0);
    table_start(&g_table, g_mode, true);
    table_start(&vs_table, vs_mode, false);
    vs_table.offset = vs_tables_offset;
    if (g_mode) map(&g_table, 0x80000000, 0x80000000, ALL, 2);
    if (vs_mode) {
        map(&vs_table, 0x80000000, 0x80000000, ALL & ~(uint64_t)U, 2);
        map(&vs_table, 0x80000000 + ALIAS, 0x80000000, ALL, 2);
    }
    if (vs_tables_offset)
        for (unsigned i = 0; i < sizeof pool / sizeof pool[0]; i++)
            map(&g_table, (uint64_t)pool[i] + vs_tables_offset, (uint64_t)pool[i], ALL, 0);
    h_write(HGATP, g_mode ? (uint64_t)g_mode << 60 | VMID(vmid) | (uint64_t)g_table.root >> 12 : 0);
    h_write(VSATP,
            vs_mode ? (uint64_t)vs_mode << 60 | ASID(asid) | ((uint64_t)vs_table.root + vs_tables_offset) >> 12 : 0);
    fence_all();
}

void map_both(uint64_t va, uint64_t vs_bits, uint64_t gpa, uint64_t g_bits, uint64_t pa)
{
    map(&vs_table, va, gpa, vs_bits, 0);
    map(&g_table, gpa, pa, g_bits, 0);
}

void fence_all(void) { __asm__ volatile("sfence.vma\n.word 0x22000073\n.word 0x62000073" ::: "memory"); }

/* ---- Checks ---- */

void expect_cause_at(int line, uint64_t got, uint64_t want) { check_equal(got, want, "cause", line); }

void expect_trap_at(int line, uint64_t cause, uint64_t tval, uint64_t tval2, uint64_t tinst, unsigned gva)
{
    check_equal(t.cause, cause, "cause", line);
    check_equal(t.tval, tval, "tval", line);
    check_equal(t.tval2, tval2, "tval2", line);
    check_equal(t.tinst, tinst, "tinst", line);
    check_equal(trap_gva(), gva, "GVA", line);
}

__attribute__((noreturn)) void htif_exit(uint64_t code);
__attribute__((noreturn)) void trap_in_main(void);
void trap_in_main(void)
{
    say(now_running ? now_running : "start");
    say(": main() trapped\n");
    check(false, "no experiment was on", __LINE__);
    htif_exit(99);
}

int run_tests(const struct test *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before = failures;
        now_running = tests[i].name;
        quiet();
        tests[i].run();
        if (failures == before) continue;
        say("FAILED ");
        say(now_running);
        say(": ");
        say_number(failures - before, 10);
        say(" of its checks\n");
    }
    quiet();
    say_number(count, 10);
    say(" tests, ");
    say_number(failures, 10);
    say(" failed checks\n");
    return 0;
}
