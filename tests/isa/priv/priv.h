/* The ground for M-mode tests: each is one C file whose main() makes experiments and checks what came of them.
 *
 * An experiment is `enter(mode, fn)`: fn runs in that privilege mode with its own stack until something traps to M-mode; then the
 * registers of the trap stand in `m`, and enter returns. A function that just returns ends with the `ecall` of its mode. A trap that is
 * delegated to S-mode is recorded in `s`, and S-mode's handler then makes an `ecall`, which ends the experiment. The program leaves
 * through HTIF with the number of failed checks. */
#ifndef PRIV_H
#define PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODE_U = 0, MODE_S = 1, MODE_M = 3 };

struct record {
    uint64_t count; /* traps taken to this mode since enter() */
    uint64_t cause, epc, tval, status;
    uint64_t vector; /* which entry of a vectored table was used; 0 if direct */
};
extern volatile struct record m, s;

/* Runs fn in a mode. Returns m.cause. The caller sets what else of mstatus the
 * experiment needs (MPIE becomes MIE by the mret). */
uint64_t enter(unsigned mode, void (*fn)(void));

/* As enter, but starts at an address with a0 = argument. */
uint64_t enter_at(unsigned mode, uint64_t pc, uint64_t argument);

/* Trap vectors, direct and vectored. */
extern char m_direct[], m_vectored[], s_direct[], s_vectored[];

void check(bool ok, const char *what, int line);
#define CHECK(...) check((__VA_ARGS__), #__VA_ARGS__, __LINE__)
/* Compares and prints both values on failure. */
void check_equal(uint64_t got, uint64_t want, const char *what, int line);
#define EQUAL(got, want) check_equal((uint64_t)(got), (uint64_t)(want), #got, __LINE__)

/* What else a program wants to print. */
void say(const char *text);
void say_number(uint64_t v, unsigned base);

#define csr_read(name)                                                                                                 \
    ({                                                                                                                 \
        uint64_t v_;                                                                                                   \
        __asm__ volatile("csrr %0, " #name : "=r"(v_)::"memory");                                                      \
        v_;                                                                                                            \
    })
#define csr_write(name, v) ({ __asm__ volatile("csrw " #name ", %0" ::"rK"((uint64_t)(v)) : "memory"); })
#define csr_set(name, v)   ({ __asm__ volatile("csrs " #name ", %0" ::"rK"((uint64_t)(v)) : "memory"); })
#define csr_clear(name, v) ({ __asm__ volatile("csrc " #name ", %0" ::"rK"((uint64_t)(v)) : "memory"); })

#define BIT(n)    (UINT64_C(1) << (n))
#define SIE       BIT(1)
#define MIE       BIT(3)
#define SPIE      BIT(5)
#define MPIE      BIT(7)
#define SPP       BIT(8)
#define MPP(mode) ((uint64_t)(mode) << 11)
#define FS        (UINT64_C(3) << 13)
#define MPRV      BIT(17)
#define SUM       BIT(18)
#define MXR       BIT(19)
#define TVM       BIT(20)
#define TW        BIT(21)
#define TSR       BIT(22)
#define INTERRUPT BIT(63)

enum {
    FETCH_MISALIGNED,
    FETCH_ACCESS,
    ILLEGAL,
    BREAKPOINT,
    LOAD_MISALIGNED,
    LOAD_ACCESS,
    STORE_MISALIGNED,
    STORE_ACCESS,
    ECALL_U,
    ECALL_S,
    ECALL_M = 11,
    FETCH_PAGE,
    LOAD_PAGE,
    STORE_PAGE = 15
};

/* The machine. */
#define CLINT_MSIP     ((volatile uint32_t *)0x2000000)
#define CLINT_MTIMECMP ((volatile uint64_t *)0x2004000)
#define CLINT_MTIME    ((volatile uint64_t *)0x200bff8)
#define HOLE           UINT64_C(0x70000000) /* nothing is there */

/* Page tables: Sv39, three levels, for the first GiB of virtual space; the rest of the space is mapped to itself with gigapages. */
enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };
extern uint64_t page_root[512];
#define SATP_SV39 (UINT64_C(8) << 60 | (uint64_t)page_root >> 12)
/* Identity for M-mode's own memory (supervisor pages unless user), empty elsewhere. Fences. */
void paging_start(bool user);
/* One 4 KiB page below 1 GiB. Does not fence. */
volatile uint64_t *page_map(uint64_t va, uint64_t pa, uint64_t bits);
#define sfence() __asm__ volatile("sfence.vma" ::: "memory")

/* Everything is allowed for lower modes. */
void pmp_open(void);

#endif
