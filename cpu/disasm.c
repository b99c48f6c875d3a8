#include "cpu/insn.h"

#include "cpu/isa/hash.h"
#include "cpu/priv.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
    char *at;
    size_t room;
    int length; /* as if there were room */
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->room, format, args);
    va_end(args);
    size_t step = (size_t)n < t->room ? (size_t)n : t->room ? t->room - 1 : 0;
    t->at += step;
    t->room -= step;
    t->length += n;
}

static const char *const x_names[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
                                        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
static const char *const f_names[32] = {"ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
                                        "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
                                        "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};
static const char *const rm_names[8] = {"rne", "rtz", "rdn", "rup", "rmm", "rm5", "rm6", "dyn"};

/* The constants of Zfa's fli, in objdump's words (zfa.adoc, table of FLI). */
static const char *const fli_names[32] = {
    "-1.0", "min",    "0.0000152588", "0.0000305176", "0.00390625", "0.0078125", "0.0625", "0.125",
    "0.25", "0.3125", "0.375",        "0.4375",       "0.5",        "0.625",     "0.75",   "0.875",
    "1.0",  "1.25",   "1.5",          "1.75",         "2.0",        "2.5",       "3.0",    "4.0",
    "8.0",  "16.0",   "128.0",        "256.0",        "32768.0",    "65536.0",   "inf",    "nan"};

enum style {
    STYLE_X,
    STYLE_F,
    STYLE_D,
    STYLE_H,
    STYLE_T,
    STYLE_CSR,
    STYLE_RM,
    STYLE_RTZ,
    STYLE_FENCE,
    STYLE_SP,
    STYLE_ZIMM,
    STYLE_FLI,
    STYLE_UPPER,
    STYLE_HIDE
};

static const uint8_t styles[] = {
#define OPERAND(id, field, value, style) [OPERAND_##id] = STYLE_##style,
#include "cpu/isa/operand.def"
};

static int64_t operand_value(unsigned operand, uint32_t insn)
{
    /* clang-format off */
    switch (operand) {
#define OPERAND(id, field, value, style) case OPERAND_##id: return (int64_t)(value);
#include "cpu/isa/operand.def"
    default: return 0;
    }
    /* clang-format on */
}

static void put_fence_set(struct text *t, int64_t set)
{
    if (set == 0) text_add(t, "0");
    for (unsigned i = 0; i < 4; i++)
        if (set & 8 >> i) text_add(t, "%c", "iorw"[i]);
}

static void put_csr(struct text *t, unsigned number)
{
    const char *name = csr_name(number);
    if (name)
        text_add(t, "%s", name);
    else
        text_add(t, "0x%x", number);
}

static void put_operand(struct text *t, unsigned operand, uint32_t raw, uint64_t pc)
{
    int64_t v = operand_value(operand, raw);
    switch ((enum style)styles[operand]) {
    case STYLE_X: text_add(t, "%s", x_names[v & 31]); break;
    case STYLE_F: text_add(t, "%s", f_names[v & 31]); break;
    case STYLE_D: text_add(t, "%" PRId64, v); break;
    case STYLE_ZIMM: text_add(t, "%" PRId64, v); break;
    case STYLE_H: text_add(t, "0x%" PRIx64, v); break;
    case STYLE_UPPER: text_add(t, "0x%x", (uint32_t)v >> 12 & 0xfffff); break;
    case STYLE_T: text_add(t, "0x%" PRIx64, pc + (uint64_t)v); break;
    case STYLE_CSR: put_csr(t, (unsigned)v); break;
    case STYLE_RM: text_add(t, "%s", rm_names[v & 7]); break;
    case STYLE_RTZ: text_add(t, "rtz"); break;
    case STYLE_FENCE: put_fence_set(t, v); break;
    case STYLE_SP: text_add(t, "sp"); break;
    case STYLE_FLI: text_add(t, "%s", fli_names[v & 31]); break;
    case STYLE_HIDE: break;
    }
}

static void put_name(struct text *t, const char *id)
{
    for (; *id; id++) text_add(t, "%c", *id == '_' ? '.' : *id);
}

/* The row's operand text with every name replaced; ends at ';'. A rounding mode that is dynamic is not written. */
static void put_operands(struct text *t, const struct insn *insn, uint64_t pc)
{
    const struct insn_pattern *p = insn_pattern(insn->row);
    const char *c = insn_info(insn->row)->operands;
    const char *before = " "; /* what stands in front of the next operand */
    bool first = true;
    for (unsigned i = 0; *c && *c != ';';) {
        size_t length = strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789_");
        if (length == 0) {
            if (*c == ',') before = ",";
            if (*c == '(') text_add(t, first ? " (" : before[0] == ',' ? ",(" : "("), before = "";
            if (*c == ')') text_add(t, ")");
            c++;
            continue;
        }
        unsigned operand = p->operands[i++];
        c += length;
        if (operand == OPERAND_rm && insn->rm == 7) continue;
        text_add(t, "%s", before);
        before = "";
        first = false;
        put_operand(t, operand, insn->raw, pc);
    }
}

int insn_format(char *to, size_t room, const struct insn *insn, uint64_t pc)
{
    struct text t = {to, room, 0};
    if (room) *to = 0;
    if (insn->row == INSN_ILLEGAL) {
        text_add(&t, insn->length == 4 ? ".4byte 0x%08x" : ".2byte 0x%04x", insn->raw);
        return t.length;
    }
    put_name(&t, insn_info(insn->row)->name);
    enum insn_kind kind = insn_info(insn->row)->kind;
    if (kind == KIND_AMO || kind == KIND_LR || kind == KIND_SC)
        text_add(&t, "%s%s", insn->rm & 2 ? ".aq" : "", insn->rm & 1 ? insn->rm & 2 ? "rl" : ".rl" : "");
    put_operands(&t, insn, pc);
    return t.length;
}
