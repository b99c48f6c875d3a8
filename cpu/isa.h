/* Extensions: which there are (isa/ext.def), which a hart has, and the strings that name them.
 *
 * A set is one 64-bit word. `--isa=` and `-cpu` strings parse to a set; the device tree's riscv,isa and riscv,isa-extensions are
 * printed from it. What a set implies (D implies F, Zcb implies Zca, …) is closed over, what contradicts is refused with text. */
#ifndef ORRERY_CPU_ISA_H
#define ORRERY_CPU_ISA_H

#include "emu/base/err.h"
#include "emu/base/types.h"

enum isa_ext {
#define EXT(id, name, implies, help) EXT_##id,
#include "cpu/isa/ext.def"
#undef EXT
    EXT_COUNT
};
_Static_assert(EXT_COUNT <= 64, "a set of extensions is one word");

typedef uint64_t isa_set;
#define ISA_BIT(id) (UINT64_C(1) << EXT_##id)

static inline bool isa_has(isa_set set, enum isa_ext e) { return (set >> e) & 1; }

/* What the default `-cpu rv64` has: everything that is built, RVA22S64 included. */
isa_set isa_default(void);

/* Spike's `--isa=`: rv64gc_zba_zbb…, case ignored. Starts from nothing; G stands for IMAFD_Zicsr_Zifencei. Privileged extensions that a
 * Spike string does not mention (Sv48, Svade, Sstc, …) are not switched on by it, but M/S/U modes and Sv39/48/57 are always there. */
bool isa_parse_string(const char *text, isa_set *set, struct err *err);

/* QEMU's `-cpu`: "rv64", "max", "rva22s64", followed by ",name=true|false|on|off" or ",+name" / ",-name" for any extension of ext.def. */
bool isa_parse_cpu(const char *text, isa_set *set, struct err *err);

/* Closes under implication; fails if the result contradicts itself (C without …). */
bool isa_close(isa_set *set, struct err *err);

/* set less `off` and less everything that cannot be without it. */
isa_set isa_without(isa_set set, isa_set off);

/* "rv64imafdc_zicsr_…" in canonical order; returns the length as snprintf does. */
int isa_format_string(isa_set set, char *to, size_t room);
/* Lower-case name ("zba", "i"); static. */
const char *isa_name(enum isa_ext e);
/* One line per extension for `-cpu help`. */
void isa_print_help(void *file);

#endif
