/*
 * checks_harts.c - what takes two: starting and stopping, pokes across harts, and fences whose effect is looked at.
 *
 * The other harts run `secondary` and do jobs that are handed to them through struct cpu.
 */
#include "kernel.h"

#define FENCE_ROUNDS 100

static struct cpu *cpu(unsigned long id) { return &cpus[id].cpu; }

static bool job_finished(struct cpu *who)
{
    for (unsigned long end = now() + 5000 * TICKS_PER_MS; now() < end;)
        if (!__atomic_load_n(&who->job, __ATOMIC_ACQUIRE)) return true;
    return false;
}

static void job_begin(struct cpu *who, void (*job)(struct cpu *))
{
    __atomic_store_n(&who->job, job, __ATOMIC_RELEASE);
}

bool job_run(struct cpu *who, void (*job)(struct cpu *))
{
    job_begin(who, job);
    return job_finished(who);
}

static bool state_becomes(unsigned long id, long state)
{
    for (unsigned long end = now() + 2000 * TICKS_PER_MS; now() < end;)
        if (SBI(HSM, 2, id).value == state) return true;
    return false;
}

static void job_stop(struct cpu *self)
{
    __atomic_store_n(&self->job, NULL, __ATOMIC_RELEASE);
    SBI(HSM, 1, 0);
    check("hsm: stop does not return", false);
}

static void check_start_stop(struct cpu *other)
{
    unsigned long id = other->id, before = other->arrivals;
    check_equal("hsm: stopped at first", SBI(HSM, 2, id).value, 1);
    check_equal("hsm: start in the firmware", SBI(HSM, 0, id, RAM_BASE, 0).error, INVALID_ADDRESS);
    check_equal("hsm: fence a stopped hart", SBI(RFENCE, 0, 1, id).error, OK);
    check_equal("ipi: poke a stopped hart", SBI(IPI, 0, 1, id).error, OK);
    check_equal("hsm: start", SBI(HSM, 0, id, hart_entry, other).error, OK);
    check_equal("hsm: start twice", SBI(HSM, 0, id, hart_entry, other).error, ALREADY_AVAILABLE);
    check("hsm: it arrives", wait_until(&other->arrivals, before + 1));
    check_equal("hsm: a0 is its id", (long)other->arrival_a0, (long)id);
    check_equal("hsm: satp is zero", (long)other->arrival_satp, 0);
    check_equal("hsm: interrupts are off", other->arrival_sstatus & 2, 0);
    check_equal("hsm: started", SBI(HSM, 2, id).value, 0);
}

static void job_wait_poke(struct cpu *self)
{
    __asm__ volatile("csrw sie, %0\n\tcsrsi sstatus, 2" ::"r"(2ul));
    wait_until(&self->software_irqs, 1);
    __asm__ volatile("csrci sstatus, 2\n\tcsrw sie, zero");
}

static void check_poke(struct cpu *other)
{
    other->software_irqs = 0;
    job_begin(other, job_wait_poke);
    check_equal("ipi: poke the other", SBI(IPI, 0, 1, other->id).error, OK);
    check("ipi: the other is done", job_finished(other));
    check_equal("ipi: it came once", (long)other->software_irqs, 1);
}

static void job_suspend(struct cpu *self)
{
    __asm__ volatile("csrw sie, %0" ::"r"(2ul));
    self->job_result = (unsigned long)SBI(HSM, 3, 0, 0, 0).error;
    __asm__ volatile("csrw sie, zero\n\tcsrc sip, 2");
}

static void check_suspend(struct cpu *other)
{
    job_begin(other, job_suspend);
    check("hsm: the other is suspended", state_becomes(other->id, 4));
    check_equal("rfence: fence a suspended hart", SBI(RFENCE, 1, 1, other->id, 0, 0).error, OK);
    check_equal("hsm: it sleeps on", SBI(HSM, 2, other->id).value, 4);
    check_equal("hsm: starting it is wrong", SBI(HSM, 0, other->id, hart_entry, 0).error, ALREADY_AVAILABLE);
    SBI(IPI, 0, 1, other->id);
    check("hsm: a poke wakes it", job_finished(other));
    check_equal("hsm: suspend returned well", (long)other->job_result, OK);
    check_equal("susp: denied while others run", SBI(SUSP, 0, 0, resume_entry, 0).error, DENIED);
}

/* --- remote fence.i: the other hart has executed the old code --- */
static uint32_t code[2] __attribute__((aligned(8))) = {0x00100513, 0x00008067}; /* li a0, 1; ret */

static void job_run_code(struct cpu *self) { self->job_result = ((unsigned long (*)(void))(uintptr_t)code)(); }

static void check_fence_i(struct cpu *other)
{
    code[0] = 0x00100513;
    SBI(RFENCE, 0, 0, -1);
    job_run(other, job_run_code);
    check_equal("rfence: old code", (long)other->job_result, 1);
    code[0] = 0x00200513;
    check_equal("rfence: fence.i", SBI(RFENCE, 0, 1, other->id).error, OK);
    job_run(other, job_run_code);
    check_equal("rfence: new code", (long)other->job_result, 2);
}

/* --- remote sfence.vma: the other hart has the old translation in its TLB --- */
#define PAGE     4096ul
#define PTE_LEAF 0xcful /* D A X W R V */
#define VIRTUAL  0xc0000000ul
static uint64_t root[512] __attribute__((aligned(4096))), middle[512] __attribute__((aligned(4096))),
    leaf[512] __attribute__((aligned(4096)));
static uint64_t page_a[512] __attribute__((aligned(4096))), page_b[512] __attribute__((aligned(4096)));

static uint64_t pte(const void *address, uint64_t bits) { return (uint64_t)(uintptr_t)address >> 12 << 10 | bits; }

static void job_paging_on(struct cpu *self)
{
    (void)self;
    __asm__ volatile("csrw satp, %0\n\tsfence.vma" ::"r"(8ul << 60 | (uintptr_t)root >> 12) : "memory");
}

static void job_paging_off(struct cpu *self)
{
    (void)self;
    __asm__ volatile("csrw satp, zero\n\tsfence.vma" ::: "memory");
}

static void job_read(struct cpu *self) { self->job_result = *(volatile unsigned long *)VIRTUAL; }

static void check_sfence(struct cpu *other, unsigned long function, unsigned long start, unsigned long size)
{
    root[0] = 0x00ul | PTE_LEAF;            /* devices, one to one */
    root[2] = 0x80000000ul >> 2 | PTE_LEAF; /* memory, one to one */
    root[3] = pte(middle, 1);
    middle[0] = pte(leaf, 1);
    leaf[0] = pte(page_a, PTE_LEAF);
    page_a[0] = 0xaaaa;
    page_b[0] = 0xbbbb;
    job_run(other, job_paging_on);
    job_run(other, job_read);
    check_equal("rfence: old page", (long)other->job_result, 0xaaaa);
    leaf[0] = pte(page_b, PTE_LEAF);
    check_equal("rfence: sfence.vma", SBI(RFENCE, function, 1, other->id, start, size, 0).error, OK);
    job_run(other, job_read);
    check_equal("rfence: new page", (long)other->job_result, 0xbbbb);
    job_run(other, job_paging_off);
}

static unsigned long harts_count;

/* Everybody fences and pokes everybody: with a queue or a lock done wrong, this is where it hangs. */
static void job_storm(struct cpu *self)
{
    self->job_result = 0;
    for (unsigned long i = 0; i < FENCE_ROUNDS; i++) {
        if (SBI(RFENCE, i % (hypervisor_there ? 7 : 3), 0, -1, VIRTUAL, PAGE * (i % 70), i % 16).error)
            self->job_result++;
        if (SBI(IPI, 0, 1, (self->id + i) % harts_count).error) self->job_result++;
    }
    SBI(3, 0, 0);
}

static void check_storm(struct cpu *self)
{
    for (unsigned long id = 0; id < harts_count; id++)
        if (id != self->id) job_begin(cpu(id), job_storm);
    job_storm(self);
    unsigned long errors = self->job_result;
    for (unsigned long id = 0; id < harts_count; id++) {
        if (id == self->id) continue;
        check("storm: hart survives", job_finished(cpu(id)));
        errors += cpu(id)->job_result;
    }
    check_equal("storm: no errors", (long)errors, 0);
}

/* A read of its mask through paged memory, and a fault there: only a hart with paging can see these. */
static void job_legacy_paged(struct cpu *self)
{
    self->job_result = 0;
    *(volatile unsigned long *)VIRTUAL = 1ul << self->id;
    if (SBI(4, 0, VIRTUAL).error) self->job_result |= 1;
    unsigned long pending;
    __asm__ volatile("csrr %0, sip" : "=r"(pending));
    if (!(pending & 2)) self->job_result |= 2;
    SBI(3, 0, 0);
    unsigned long at = try_legacy(4, VIRTUAL + PAGE);
    if (self->cause != 13 || self->value != VIRTUAL + PAGE || self->pc != at) self->job_result |= 4;
}

static void check_legacy_paged(struct cpu *other)
{
    leaf[0] = pte(page_a, PTE_LEAF);
    leaf[1] = 0;
    job_run(other, job_paging_on);
    check("legacy: paged mask", job_run(other, job_legacy_paged));
    check_equal("legacy: read through the page table", (long)other->job_result, 0);
    job_run(other, job_paging_off);
}

void check_harts(struct cpu *self, unsigned long count)
{
    harts_count = count;
    for (unsigned long id = 0; id < count; id++) {
        struct cpu *other = cpu(id);
        if (other == self) continue;
        check_start_stop(other);
        check_poke(other);
        check_suspend(other);
        check_fence_i(other);
        check_sfence(other, 1, VIRTUAL, PAGE);
        check_sfence(other, 1, 0, 0);
        check_sfence(other, 2, VIRTUAL + 4, 1);
        check_legacy_paged(other);
        check_hypervisor_hart(other);
    }
    if (count > 1) check_storm(self);
    for (unsigned long id = 0; id < count; id++) {
        struct cpu *other = cpu(id);
        if (other == self) continue;
        job_begin(other, job_stop);
        check("hsm: it stops", state_becomes(id, 1));
        check_start_stop(other);
        job_begin(other, job_stop);
        check("hsm: it stops again", state_becomes(id, 1));
    }
    __asm__ volatile("csrw sie, %0" ::"r"(1ul << 5));
    SBI(TIME, 0, now() + 5 * TICKS_PER_MS);
    check_equal("susp: with all others stopped", (long)call_and_resume(SUSP, 0, 0, 0x99, self->id), 0x99);
    __asm__ volatile("csrw sie, zero");
    SBI(TIME, 0, -1);
}
