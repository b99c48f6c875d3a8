/*
 * reset.c - the end of the world, by writing a word to the test finisher (SRST extension).
 *
 * The finisher understands three words: 0x5555 ends the machine well, 0x3333 with a code in the upper half ends it with
 * that exit status, 0x7777 starts it anew. Cold and warm reboot are the same here: there is nothing beside the machine
 * that could stay warm.
 */
#include "hart.h"
#include "platform.h"
#include "riscv.h"
#include "sbi.h"

#define FINISHER_PASS  0x5555u
#define FINISHER_RESET 0x7777u
#define FINISHER_FAIL  (0x3333u | 1u << 16)

enum { RESET_SHUTDOWN, RESET_COLD_REBOOT, RESET_WARM_REBOOT, RESET_TYPES };
enum { REASON_NONE, REASON_SYSTEM_FAILURE, REASONS };

bool reset_probe(void) { return platform.finisher != 0; }

static void finish(uint32_t word)
{
    fence_all();
    mmio_write32(platform.finisher, word);
}

_Noreturn void reset_fail(void)
{
    if (platform.finisher) finish(FINISHER_FAIL);
    csr_write(CSR_MIE, 0);
    for (;;) wait_for_interrupt();
}

void reset_shutdown(void)
{
    if (platform.finisher) finish(FINISHER_PASS);
}

struct sbiret reset_ecall(struct hart *self, unsigned long function, const unsigned long *arguments)
{
    (void)self;
    if (function != 0) return sbi_error(SBI_ERR_NOT_SUPPORTED);
    uint32_t type = (uint32_t)arguments[0], reason = (uint32_t)arguments[1];
    if (type >= RESET_TYPES || reason >= REASONS) return sbi_error(SBI_ERR_INVALID_PARAM);
    if (type != RESET_SHUTDOWN)
        finish(FINISHER_RESET);
    else
        finish(reason == REASON_SYSTEM_FAILURE ? FINISHER_FAIL : FINISHER_PASS);
    return sbi_error(SBI_ERR_FAILED); /* the finisher did not */
}
