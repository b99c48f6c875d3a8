/* support.c - serial port, result lines, traps, and the life of a secondary hart. */
#include "kernel.h"

#define UART ((volatile uint8_t *)0x10000000)

union cpu_slot cpus[CPU_MAX];
static uint8_t stacks[CPU_MAX][STACK_BYTES] __attribute__((aligned(16)));
static bool failed;
bool hypervisor_there;

void put_string(const char *text)
{
    for (; *text; text++) {
        while (!(UART[5] & 0x20)) {
        }
        UART[0] = (uint8_t)*text;
    }
}

void put_hex(unsigned long value)
{
    char digits[2] = {0};
    int shift = 60;
    while (shift && !(value >> shift)) shift -= 4;
    for (; shift >= 0; shift -= 4) {
        digits[0] = "0123456789abcdef"[value >> shift & 15];
        put_string(digits);
    }
}

void check(const char *name, bool good)
{
    put_string(good ? "PASS " : "FAIL ");
    put_string(name);
    put_string("\n");
    if (!good) failed = true;
}

void check_equal(const char *name, long got, long wanted)
{
    if (got != wanted) {
        put_string("got 0x");
        put_hex((unsigned long)got);
        put_string(" wanted 0x");
        put_hex((unsigned long)wanted);
        put_string("\n");
    }
    check(name, got == wanted);
}

bool all_passed(void) { return !failed; }

unsigned long now(void)
{
    unsigned long time;
    __asm__ volatile("rdtime %0" : "=r"(time));
    return time;
}

void wait_ms(unsigned long ms)
{
    for (unsigned long end = now() + ms * TICKS_PER_MS; now() < end;) {
    }
}

bool wait_until(volatile unsigned long *word, unsigned long value)
{
    for (unsigned long end = now() + 2000 * TICKS_PER_MS; now() < end;)
        if (*word == value) return true;
    return false;
}

struct cpu *this_cpu(void)
{
    struct cpu *self;
    __asm__ volatile("mv %0, tp" : "=r"(self));
    return self;
}

unsigned long handle_trap(unsigned long cause, unsigned long value, unsigned long pc, struct cpu *self);
unsigned long handle_trap(unsigned long cause, unsigned long value, unsigned long pc, struct cpu *self)
{
    if (cause == (1ul << 63 | 5)) {
        self->timer_irqs++;
        SBI(TIME, 0, -1);
        return pc;
    }
    if (cause == (1ul << 63 | 1)) {
        self->software_irqs++;
        __asm__ volatile("csrc sip, 2");
        return pc;
    }
    self->cause = cause;
    self->value = value;
    self->pc = pc;
    if (hypervisor_there) {
        __asm__ volatile("csrr %0, 0x600\n\tcsrr %1, 0x643" : "=r"(self->hstatus), "=r"(self->htval));
        __asm__ volatile("csrc 0x600, %0" ::"r"(1ul << 7)); /* SPV: nor in VS-mode */
        if (cause == (1ul << 63 | 2)) {
            __asm__ volatile("csrw 0x645, zero"); /* hvip */
            return pc;
        }
    }
    if (self->resume) {
        __asm__ volatile("csrs sstatus, %0" ::"r"(1ul << 8)); /* SPP: the resume point is in S-mode */
        return self->resume;
    }
    put_string("FAIL unexpected trap: scause 0x");
    put_hex(cause);
    put_string(" stval 0x");
    put_hex(value);
    put_string(" sepc 0x");
    put_hex(pc);
    put_string("\n");
    SBI(SRST, 0, 0, 1);
    for (;;) __asm__ volatile("wfi");
}

void secondary(unsigned long id, struct cpu *self, unsigned long satp, unsigned long sstatus);
void secondary(unsigned long id, struct cpu *self, unsigned long satp, unsigned long sstatus)
{
    self->arrival_a0 = id;
    self->arrival_satp = satp;
    self->arrival_sstatus = sstatus;
    __atomic_fetch_add(&self->arrivals, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        void (*job)(struct cpu *) = __atomic_load_n(&self->job, __ATOMIC_ACQUIRE);
        if (!job) continue;
        job(self);
        __atomic_store_n(&self->job, NULL, __ATOMIC_RELEASE);
    }
}

/* Is the firmware's node in the device tree? A search for its text will do; the tree itself is checked by the boots of real kernels. */
bool tree_mentions(const uint8_t *tree, const char *text)
{
    unsigned long bytes = (unsigned long)tree[4] << 24 | tree[5] << 16 | tree[6] << 8 | tree[7];
    for (unsigned long at = 0; at < bytes; at++) {
        unsigned long i = 0;
        while (text[i] && at + i < bytes && tree[at + i] == (uint8_t)text[i]) i++;
        if (!text[i]) return true;
    }
    return false;
}

static int read_command(void)
{
    static uint8_t byte;
    put_string("COMMAND?\n");
    for (;;) {
        struct sbiret ret = SBI(DBCN, 1, 1, &byte, 0);
        if (ret.error) return -1;
        if (ret.value == 1) return byte;
    }
}

void main(unsigned long id, const uint8_t *tree);
void main(unsigned long id, const uint8_t *tree)
{
    unsigned long count = 0;
    for (unsigned long i = 0; i < CPU_MAX; i++) {
        cpus[i].cpu.id = i;
        cpus[i].cpu.stack_top = (unsigned long)stacks[i] + STACK_BYTES;
        if (SBI(HSM, 2, i).error == OK) count++;
    }
    put_string("\nHARTS ");
    put_hex(count);
    put_string("\n");
    check("device tree: firmware reserved", tree_mentions(tree, "mmode_resv"));
    check_equal("boot: the boot hart is started", SBI(HSM, 2, id).value, 0);
    try_hstatus(); /* exists exactly on harts with the H extension */
    hypervisor_there = cpus[id].cpu.cause == 0;
    check("device tree: h is in riscv,isa exactly if the harts have it",
          tree_mentions(tree, "rv64imafdch") == hypervisor_there);
    check_single(&cpus[id].cpu);
    check_hypervisor(&cpus[id].cpu, tree);
    check_counters(&cpus[id].cpu);
    check_harts(&cpus[id].cpu, count);
    check_random(&cpus[id].cpu);
    put_string(all_passed() ? "ALL-PASSED\n" : "SOME-FAILED\n");

    switch (read_command()) {
    case 'c': SBI(SRST, 0, 1, 0); break;
    case 'w': SBI(SRST, 0, 2, 1); break;
    case 'q': SBI(SRST, 0, 0, 0); break;
    case 'f': SBI(SRST, 0, 0, 1); break;
    case 'l': SBI(8, 0, 0); break;
    }
    put_string("FAIL still here after the command\n");
}
