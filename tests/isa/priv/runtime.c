/* Checks, HTIF, page tables. */
#include "priv.h"

volatile uint64_t tohost __attribute__((section(".tohost"), aligned(64)));
volatile uint64_t fromhost __attribute__((section(".tohost"), aligned(64)));
uint64_t failures;
uint64_t page_root[512] __attribute__((aligned(4096)));
static uint64_t page_middle[512] __attribute__((aligned(4096)));
static uint64_t page_tables[16][512] __attribute__((aligned(4096)));
static unsigned page_tables_used;

static void tell_host(uint64_t word)
{
    while (tohost) {
    }
    tohost = word;
    while (tohost) {
    }
}

static void put(char c) { tell_host(UINT64_C(1) << 56 | UINT64_C(1) << 48 | (uint8_t)c); }
void say(const char *text)
{
    while (*text) put(*text++);
}
void say_number(uint64_t v, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    if (base == 16) say("0x");
    while (n) put(digits[--n]);
}

__attribute__((noreturn)) void htif_exit(uint64_t code);
void htif_exit(uint64_t code)
{
    for (;;) tohost = code << 1 | 1;
}

void check(bool ok, const char *what, int line)
{
    if (ok) return;
    failures++;
    say("line ");
    say_number((unsigned)line, 10);
    say(": ");
    say(what);
    say("  (cause ");
    say_number(m.cause, 16);
    say(" epc ");
    say_number(m.epc, 16);
    say(" tval ");
    say_number(m.tval, 16);
    say(")\n");
}

void check_equal(uint64_t got, uint64_t want, const char *what, int line)
{
    if (got == want) return;
    check(false, what, line);
    say("    is ");
    say_number(got, 16);
    say(", should be ");
    say_number(want, 16);
    say("\n");
}

void pmp_open(void)
{
    csr_write(pmpaddr0, UINT64_MAX);
    csr_write(pmpcfg0, 0x1f);
}

void paging_start(bool user)
{
    for (unsigned i = 0; i < 512; i++) page_root[i] = page_middle[i] = 0;
    page_tables_used = 0;
    page_root[0] = (uint64_t)page_middle >> 12 << 10 | V;
    page_root[2] = UINT64_C(0x80000000) >> 12 << 10 | (uint64_t)(user ? U : 0) | V | R | W | X | A | D;
    sfence();
}

volatile uint64_t *page_map(uint64_t va, uint64_t pa, uint64_t bits)
{
    uint64_t *middle = &page_middle[va >> 21 & 511];
    if (!*middle) {
        uint64_t *table = page_tables[page_tables_used++];
        for (unsigned i = 0; i < 512; i++) table[i] = 0;
        *middle = (uint64_t)table >> 12 << 10 | V;
    }
    uint64_t *table = (uint64_t *)(*middle >> 10 << 12);
    table[va >> 12 & 511] = pa >> 12 << 10 | bits;
    return &table[va >> 12 & 511];
}
