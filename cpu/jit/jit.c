/* When blocks become native, where their code lies, how they are linked and how they die. */
#define _GNU_SOURCE
#include "cpu/jit/jit.h"

#include "cpu/interp.h"
#include "emu/base/bits.h"
#include "emu/base/host_mem.h"
#include <cpuid.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if ORRERY_HOSTILE
#define CODE_DEFAULT_BYTES (256u << 10)
#define WARM_DEFAULT       2
#else
#define CODE_DEFAULT_BYTES (8u << 20)
#define WARM_DEFAULT       24
#endif

#define WRITTEN_KEPT_BYTES (512u << 10)

/* ---- code memory ---- */

/* Address space for both views. The executable one begins at a large page; the other does not, so that no more of it is resident than was
 * written. */
static uint64_t place_bytes(const struct jit *j) { return 2 * (uint64_t)j->bytes + HOST_LARGE_PAGE_BYTES; }
static size_t write_offset(const struct jit *j)
{
    return (size_t)(align_up(j->bytes, GUEST_PAGE_BYTES) + HOST_LARGE_PAGE_BYTES / 2);
}

static uint8_t *map_code(uint8_t *at, size_t bytes, int access, int fd)
{
    void *p = mmap(at, bytes, access, MAP_SHARED | MAP_FIXED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

static bool map_twice(struct jit *j)
{
    int fd = memfd_create("orrery-code", MFD_CLOEXEC);
    if (fd < 0) return false;
    j->place = ftruncate(fd, (off_t)j->bytes) == 0 ? host_mem_reserve(place_bytes(j)) : NULL;
    if (j->place) {
        j->exec = map_code(j->place, j->bytes, PROT_READ | PROT_EXEC, fd);
        j->write = map_code(j->place + write_offset(j), j->bytes, PROT_READ | PROT_WRITE, fd);
    }
    close(fd);
    return j->write && j->exec;
}

/* Code is spread over more pages than the host's TLB has entries for. */
static void make_large(struct jit *j)
{
    size_t used = (size_t)(j->code.at - j->write), large = HOST_LARGE_PAGE_BYTES;
    size_t worth = (used + large / 2) / large * large;
    if (worth > j->bytes) worth = j->bytes;
    if (worth <= j->large_bytes) return;
    host_mem_make_large(j->exec + j->large_bytes, worth - j->large_bytes);
    j->large_bytes = worth;
}

/* lzcnt, tzcnt and popcnt; compilers do not all know the first by name. Intel SDM volume 2, CPUID. */
static bool host_has_counts(void)
{
    unsigned a, b, c, d;
    bool lzcnt = __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & 1u << 5);
    return lzcnt && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

struct jit *jit_create(struct engine *e, size_t bytes, unsigned warm)
{
    struct jit *j = calloc(1, sizeof *j);
    if (!j) return NULL;
    static const struct ram_region none;
    j->engine = e;
    j->ram = &none;
    j->bytes = bytes ? bytes : CODE_DEFAULT_BYTES;
    j->warm = warm ? warm : WARM_DEFAULT;
    j->has_fma = __builtin_cpu_supports("fma");
    j->has_avx = __builtin_cpu_supports("avx");
    j->has_counts = host_has_counts();
    if (!map_twice(j)) {
        jit_destroy(j);
        return NULL;
    }
    j->code = (struct code){.at = j->write, .to_exec = j->exec - j->write};
    jit_emit_stubs(j);
    j->blocks = j->code.at;
    return j;
}

void jit_destroy(struct jit *j)
{
    if (!j) return;
    region_flush(j);
    host_mem_release(j->place, place_bytes(j));
    free(j);
}

void jit_flush(struct jit *j)
{
    region_flush(j);
    j->code.at = j->blocks;
    j->full = false;
    j->engine->stats.blocks_flushed += j->native_blocks;
    j->engine->stats.code_bytes = 0;
    j->native_blocks = 0;
}

bool jit_code(const struct jit *j, const uint8_t **code, size_t *bytes)
{
    *code = j->exec;
    *bytes = j->bytes;
    return true;
}

void jit_on_translation(struct jit *j, void (*told)(void *self, const struct translation *t), void *self)
{
    j->told = told;
    j->told_self = self;
}

/* ---- blocks ---- */

static bool has_room(const struct jit *j) { return (size_t)(j->code.at - j->write) + JIT_BLOCK_ROOM <= j->bytes; }

static void tell(struct jit *j, const struct block *b)
{
    j->made.live = j->engine->modes[b->mode].live;
    j->made.code = b->native;
    j->made.insns = j->insns;
    j->told(j->told_self, &j->made);
}

/* The writable view would stay resident beside the executable one, and count twice. What is written through it is in the file. */
static void give_up_written(struct jit *j, size_t written)
{
    j->unseen += written;
    if (j->unseen < WRITTEN_KEPT_BYTES) return;
    j->unseen = 0;
    madvise(j->write, j->bytes, MADV_DONTNEED);
    make_large(j);
}

/* The jump that led here leads to host code from now on. */
static void note_native(struct hart *h, struct block *b)
{
    struct jump_entry *e = mmu_jump(&h->mmu, h->pc);
    if (e->pc == h->pc && e->block == b) e->target = b->native;
}

static bool translate(struct jit *j, struct hart *h, struct block *b)
{
    struct engine_stats *stats = &j->engine->stats;
    uint8_t *before = j->code.at;
    j->engine->activity = ENGINE_TRANSLATES;
    j->made.pc = h->pc;
    j->made.blocks = 0;
    bool made = jit_emit_block(j, b, j->engine->modes[b->mode].live);
    j->engine->activity = ENGINE_RUNS;
    if (!made) return false;
    note_native(h, b);
    j->native_blocks++;
    stats->blocks_translated++;
    stats->code_bytes += (uint64_t)(j->code.at - before);
    stats->code_bytes_made += (uint64_t)(j->code.at - before);
    give_up_written(j, (size_t)(j->code.at - before));
    if (j->told) tell(j, b);
    return true;
}

/* First handler of a block that may become native. */
static const struct dinsn *block_warm(HANDLER_ARGS)
{
    struct block *b = (struct block *)(uintptr_t)block_of(d);
    struct jit *j = h->engine->jit;
    if (LIKELY(b->heat > 0)) {
        b->heat--;
        TAIL_RETURN b->first(h, d, bank);
    }
    if (!has_room(j)) {
        j->full = true; /* the run loop flushes and comes back */
        h->budget += b->count;
        return NULL;
    }
    b->code[0].fn = translate(j, h, b) ? j->enter : b->first;
    TAIL_RETURN b->code[0].fn(h, d, bank);
}

void jit_block_made(struct jit *j, struct block *b, bool cached)
{
    b->native = code_exec(&j->code, j->enter_interp);
    b->first = b->code[0].fn;
    const struct mode *mode = &j->engine->modes[b->mode];
    if (!cached || b->straddles || mode->single || !isa_has(mode->live, EXT_zca)) return;
    b->heat = j->warm;
    b->code[0].fn = block_warm;
}

void jit_block_killed(struct jit *j, struct block *b)
{
    region_block_killed(j, b);
    if (b->native == code_exec(&j->code, j->enter_interp)) return;
    struct code at = {.at = (uint8_t *)b->native - j->code.to_exec, .to_exec = j->code.to_exec};
    x_jmp_to(&at, at.at - JIT_DEAD_BYTES);
}

void jit_block_dropped(struct jit *j, struct block *b)
{
    const uint8_t *interpreted = code_exec(&j->code, j->enter_interp);
    if (b->native == interpreted) return;
    b->native = interpreted;
    b->regions = 0; /* they go as well */
    b->region_entered = false;
    b->samples = 0;
    b->code[0].fn = block_warm;
    b->heat = j->warm;
}

/* ---- links ---- */

const struct block *jit_link(struct hart *h, uint8_t *site)
{
    struct jit *j = h->engine->jit;
    const struct block *b;
    struct trap t;
    bool cached;
    if (engine_find(h->engine, h, &b, &t, &cached) != FIND_OK) return NULL; /* the run loop finds out again */
    h->engine->stats.links_asked++;
    if (site && cached && b->native != code_exec(&j->code, j->enter_interp)) {
        h->engine->stats.links_made++;
        x_aim(site, b->native - j->code.to_exec);
    }
    return b;
}
