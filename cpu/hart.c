/* A hart's life: creation, reset, wires, debugger's memory, snapshot. How it runs is the engine's. */
#include "cpu/csr_internal.h"
#include "cpu/engine.h"

#include <stdlib.h>

struct hart *hart_create(const struct hart_config *c, struct bus *bus, struct engine *engine,
                         const struct hart_env *env, struct log *log)
{
    struct hart *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    h->id = c->id;
    h->isa = c->isa;
    h->engine = engine;
    h->env = env;
    h->log = log;
    mmu_init(&h->mmu, bus, log);
    h->mmu.svnapot = isa_has(c->isa, EXT_svnapot);
    h->mmu.pmp.count = c->pmp_count;
    hart_reset(h, c->reset_pc);
    if (engine && !engine_add_hart(engine, h)) {
        hart_destroy(h);
        return NULL;
    }
    return h;
}

void hart_destroy(struct hart *h)
{
    if (!h) return;
    if (h->engine) engine_remove_hart(h->engine, h);
    mmu_finish(&h->mmu);
    free(h);
}

/* machine.adoc, "Reset": M-mode, MIE and MPRV clear, PMP unlocked and off. The rest is ours to choose: zero. */
void hart_reset(struct hart *h, gpa_t pc)
{
    memset(h->x, 0, sizeof h->x);
    memset(h->f, 0, sizeof h->f);
    h->pc = pc;
    h->budget = 0;
    h->icount_end = 0;
    h->fs_dirty = 0;
    h->priv = PRIV_M;
    h->virt = false;
    h->waiting = false;
    h->reservation = 0;
    fp_init(&h->fp);
    pmp_reset(&h->mmu.pmp);
    csr_reset(h);
    mmu_flush_all(&h->mmu);
    priv_update(h);
}

void hart_set_irq(struct hart *h, unsigned irq, bool level)
{
    uint64_t bit = UINT64_C(1) << irq;
    if (irq == IRQ_SSI)
        h->csr.mip |= level ? bit : 0; /* norm:mip_ssip_intr_ctrl */
    else
        h->csr.mip_lines = level ? h->csr.mip_lines | bit : h->csr.mip_lines & ~bit;
    if (level) hart_kick(h);
}

void hart_irq_line(void *hart, unsigned irq, bool level) { hart_set_irq(hart, irq, level); }

/* wfi: "regardless of the global interrupt enables and delegation" (machine.adoc, WFI). */
bool hart_wakes(const struct hart *h) { return (csr_mip(h) & h->csr.mie) != 0; }

/* ---- Sstc ---- */

static uint64_t time_now(const struct hart *h) { return h->env->now(h->env->machine) / h->env->timebase_ps; }

static void timer_line(struct hart *h, unsigned irq, bool level)
{
    if (bit_test(h->csr.mip_lines, irq) != level) hart_set_irq(h, irq, level);
}

static bool stimer_on(const struct hart *h) { return h->csr.menvcfg & ENVCFG_STCE; }

/* norm:henvcfg_stce, norm:menvcfg_stce_op2 */
static bool vstimer_on(const struct hart *h)
{
    return isa_has(h->isa_live, EXT_h) && (h->csr.henvcfg & h->csr.menvcfg & ENVCFG_STCE);
}

/* How long until the comparison `clock >= compare` changes; a guest's clock may start anywhere and pass zero. UINT64_MAX: never. */
static uint64_t ticks_to_change(uint64_t clock, uint64_t compare)
{
    if (clock < compare) return compare - clock;
    return compare == 0 ? UINT64_MAX : -clock;
}

uint64_t hart_timer_deadline(const struct hart *h)
{
    uint64_t now = time_now(h), wait = UINT64_MAX;
    if (stimer_on(h) && now < h->csr.stimecmp) wait = h->csr.stimecmp - now;
    if (vstimer_on(h)) {
        uint64_t virtual = ticks_to_change(now + h->csr.htimedelta, h->csr.vstimecmp);
        if (virtual < wait) wait = virtual;
    }
    return wait > UINT64_MAX - now ? UINT64_MAX : now + wait;
}

/* norm:mip_sip_stip_op, norm:hip_vstip_op: VSTIP is defined while V = 0 as well */
void hart_timer_check(struct hart *h)
{
    uint64_t now = time_now(h);
    timer_line(h, IRQ_STI, stimer_on(h) && now >= h->csr.stimecmp);
    timer_line(h, IRQ_VSTI, vstimer_on(h) && now + h->csr.htimedelta >= h->csr.vstimecmp);
}

/* ---- the debugger's view of memory ---- */

/* The host address for [va, …) up to the page's end, *part bytes of it at most; NULL if it is not mapped to RAM. */
static uint8_t *debug_translate(struct hart *h, gva_t va, size_t *part, bool write)
{
    size_t room = (size_t)(GUEST_PAGE_BYTES - (va & ~GUEST_PAGE_MASK));
    if (*part > room) *part = room;
    struct mmu_result r = mmu_probe(&h->mmu, &h->code->info.regime, va);
    if (r.fault != MMU_OK) return NULL;
    return write ? bus_dma_map_write(h->mmu.bus, r.gpa, *part) : bus_ram(h->mmu.bus, r.gpa, *part);
}

bool hart_debug_read(struct hart *h, gva_t va, void *to, size_t len)
{
    for (size_t done = 0, part; done < len; done += part) {
        part = len - done;
        const uint8_t *host = debug_translate(h, va + done, &part, false);
        if (!host) return false;
        memcpy((uint8_t *)to + done, host, part);
    }
    return true;
}

bool hart_debug_write(struct hart *h, gva_t va, const void *from, size_t len)
{
    for (size_t done = 0, part; done < len; done += part) {
        part = len - done;
        uint8_t *host = debug_translate(h, va + done, &part, true);
        if (!host) return false;
        memcpy(host, (const uint8_t *)from + done, part);
    }
    return true;
}

/* ---- snapshot ---- */

static void hart_state_csr(struct csr_state *c, struct state *s)
{
    uint64_t *const fields[] = {
        &c->mstatus,
        &c->misa,
        &c->mie,
        &c->mip,
        &c->mtvec,
        &c->mscratch,
        &c->mepc,
        &c->mcause,
        &c->mtval,
        &c->medeleg,
        &c->mideleg,
        &c->mcounteren,
        &c->mcountinhibit,
        &c->menvcfg,
        &c->stvec,
        &c->sscratch,
        &c->sepc,
        &c->scause,
        &c->stval,
        &c->scounteren,
        &c->senvcfg,
        &c->satp,
        &c->stimecmp,
        &c->mstateen[0],
        &c->mstateen[1],
        &c->mstateen[2],
        &c->mstateen[3],
        &c->hstatus,
        &c->hedeleg,
        &c->hideleg,
        &c->htimedelta,
        &c->hcounteren,
        &c->henvcfg,
        &c->htval,
        &c->hvip,
        &c->htinst,
        &c->hgatp,
        &c->hstateen[0],
        &c->hstateen[1],
        &c->hstateen[2],
        &c->hstateen[3],
        &c->vsstatus,
        &c->vstvec,
        &c->vsscratch,
        &c->vsepc,
        &c->vscause,
        &c->vstval,
        &c->vstimecmp,
        &c->vsatp,
        &c->mtval2,
        &c->mtinst,
        &c->mcycle_offset,
        &c->minstret_offset,
        &c->mip_lines,
    };
    _Static_assert(sizeof fields / sizeof fields[0] == sizeof(struct csr_state) / sizeof(uint64_t),
                   "every field is saved");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) state_u64(s, fields[i]);
}

void hart_state(struct hart *h, struct state *s)
{
    if (!s->restoring) priv_sync_fp(h);
    uint64_t icount = hart_icount(h);
    uint8_t frm = (uint8_t)fp_frm(&h->fp), flags = (uint8_t)fp_flags(&h->fp);
    state_tag(s, "hart", 2);
    state_u64(s, &icount);
    for (unsigned i = 1; i < 32; i++) state_u64(s, &h->x[i]);
    for (unsigned i = 0; i < 32; i++) state_u64(s, &h->f[i]);
    state_u64(s, &h->pc);
    state_u8(s, &h->priv);
    state_bool(s, &h->virt);
    state_u8(s, &h->fs_dirty);
    state_bool(s, &h->waiting);
    state_u64(s, &h->reservation);
    state_u8(s, &frm);
    state_u8(s, &flags);
    hart_state_csr(&h->csr, s);
    state_bytes(s, h->mmu.pmp.cfg, sizeof h->mmu.pmp.cfg);
    for (unsigned i = 0; i < PMP_ENTRIES; i++) state_u64(s, &h->mmu.pmp.addr[i]);
    if (!s->restoring || !state_ok(s)) return;
    bool own = frm <= 7 && flags <= 31 && h->fs_dirty <= 1 && (!h->reservation || (h->reservation - 1) % 8 == 0);
    if (!own || !pmp_is_legal(&h->mmu.pmp) || !csr_state_is_legal(h)) {
        state_refuse(s, "a hart is in a state that it cannot be in");
        return;
    }
    h->icount_end = icount;
    h->budget = 0;
    fp_set_frm(&h->fp, frm);
    fp_set_flags(&h->fp, flags);
    pmp_derive(&h->mmu.pmp);
    mmu_flush_all(&h->mmu);
    csr_restored(h);
}
