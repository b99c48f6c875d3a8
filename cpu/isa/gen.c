/* Reads the rows of insn.def, refuses what is wrong with them, and writes the decoder's tables.
 *
 *   gen                       tables to stdout; exit 1 with a message per mistake
 *   gen --check-opcodes DIR   compares the rows with the extension files of riscv-opcodes (for developers)
 *
 * The decode tables: patterns[] by row; and for each width an index from a hash of the bits that usually decide (see HASH32, HASH16) to a list of
 * candidate rows, special cases first, ended by 0. */
#include "cpu/isa/rows.h"
#include "cpu/isa/hash.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *name, *picture, *operands;
    struct insn_pattern p;
    unsigned width;
    int refines; /* row that this one is a special case of, or 0 */
};

static struct row rows[INSN_COUNT] = {
#define ROW(id, needs, picture, operands, kind, tag) [INSN_##id] = {#id, picture, operands, {0}, 0, 0},
#include "cpu/isa/each_row.h"
};

static const struct {
    int a, b;
} refinements[] = {
#define REFINES(a, b) {INSN_##a, INSN_##b},
#include "cpu/isa/insn.def"
};

static int mistakes;
static void mistake(const struct row *r, const char *what, const char *detail)
{
    fprintf(stderr, "insn.def: %s: %s %s\n", r->name, what, detail);
    mistakes++;
}

/* ---- pictures ---- */

static void read_picture(struct row *r)
{
    for (const char *c = r->picture; *c; c++) {
        if (*c == ' ') continue;
        if (*c != '0' && *c != '1' && *c != '.') mistake(r, "picture has a strange character:", r->picture);
        r->p.match = r->p.match << 1 | (*c == '1');
        r->p.mask = r->p.mask << 1 | (*c != '.');
        r->width++;
    }
    if (r->width != 16 && r->width != 32) mistake(r, "picture is neither 16 nor 32 bits wide:", r->picture);
    bool long_form = (r->p.match & 3) == 3 && (r->p.mask & 3) == 3;
    if (long_form != (r->width == 32) || (r->p.mask & 3) != 3)
        mistake(r, "picture's lowest two bits do not fit its width:", r->picture);
}

/* ---- operands ---- */

static const char *const operand_names[] = {
#define OPERAND(id, field, value, style) [OPERAND_##id] = #id,
#include "cpu/isa/operand.def"
};
#define OPERAND_COUNT (sizeof operand_names / sizeof operand_names[0])

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

/* The bits that an operand is made of: those that change its value. */
static uint32_t operand_bits(unsigned operand)
{
    uint32_t bits = 0;
    for (unsigned b = 0; b < 32; b++)
        if (operand_value(operand, UINT32_C(1) << b) != operand_value(operand, 0)) bits |= UINT32_C(1) << b;
    return bits;
}

static unsigned operand_find(const char *name, size_t length)
{
    for (unsigned i = 1; i < OPERAND_COUNT; i++)
        if (strlen(operand_names[i]) == length && strncmp(operand_names[i], name, length) == 0) return i;
    return OPERAND_END;
}

static void read_operands(struct row *r)
{
    uint32_t width_mask = r->width == 16 ? 0xffff : 0xffffffff, covered = 0;
    unsigned n = 0;
    for (const char *c = r->operands; *c;) {
        size_t length = strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789_");
        if (length == 0) {
            if (!strchr(" ,;()!", *c)) mistake(r, "strange character in operands:", r->operands);
            c++;
            continue;
        }
        unsigned operand = operand_find(c, length);
        if (operand == OPERAND_END) mistake(r, "unknown operand in", r->operands);
        if (n == OPERANDS_MAX) {
            mistake(r, "too many operands:", r->operands);
            break;
        }
        uint32_t bits = operand_bits(operand);
        if (bits & r->p.mask & width_mask) mistake(r, "operand on fixed bits of the picture:", operand_names[operand]);
        if (bits & ~width_mask) mistake(r, "operand outside the instruction:", operand_names[operand]);
        if (bits & covered) mistake(r, "bits belong to two operands:", operand_names[operand]);
        covered |= bits;
        c += length;
        if (*c == '!') r->p.nonzero |= (uint8_t)(1u << n);
        r->p.operands[n++] = (uint8_t)operand;
    }
    if ((covered | r->p.mask) != width_mask) mistake(r, "picture has '.' bits that no operand takes:", r->picture);
}

/* ---- overlap ---- */

static bool row_refines(int a, int b)
{
    for (int at = rows[a].refines; at; at = rows[at].refines)
        if (at == b) return true;
    return false;
}

static bool rows_overlap(const struct row *a, const struct row *b)
{
    return a->width == b->width && ((a->p.match ^ b->p.match) & a->p.mask & b->p.mask) == 0;
}

static void check_overlaps(void)
{
    for (unsigned i = 0; i < sizeof refinements / sizeof refinements[0]; i++) {
        struct row *a = &rows[refinements[i].a], *b = &rows[refinements[i].b];
        a->refines = refinements[i].b;
        bool special = (a->p.mask & b->p.mask) == b->p.mask && a->p.mask != b->p.mask;
        if (!special || !rows_overlap(a, b)) mistake(a, "is declared to refine, but is no special case of", b->name);
    }
    for (int i = 1; i < INSN_COUNT; i++)
        for (int j = i + 1; j < INSN_COUNT; j++)
            if (rows_overlap(&rows[i], &rows[j]) && !row_refines(i, j) && !row_refines(j, i))
                mistake(&rows[i], "overlaps with", rows[j].name);
}

/* ---- output ---- */

static int by_speciality(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    int bits_x = __builtin_popcount(rows[x].p.mask), bits_y = __builtin_popcount(rows[y].p.mask);
    return bits_x != bits_y ? bits_y - bits_x : x - y;
}

/* Prints the lists of candidates for one width and the index into them. Equal lists are shared. */
static void print_index(unsigned width, unsigned buckets, uint32_t (*sample)(uint32_t bucket), uint32_t deciding)
{
    static int lists[32768];
    unsigned used = 1; /* list 0 is empty */
    lists[0] = 0;
    printf("static const uint16_t insn_index%u[%u] = {", width, buckets);
    for (uint32_t bucket = 0; bucket < buckets; bucket++) {
        int found[INSN_COUNT + 1], n = 0;
        for (int i = 1; i < INSN_COUNT; i++)
            if (rows[i].width == width && ((rows[i].p.match ^ sample(bucket)) & rows[i].p.mask & deciding) == 0)
                found[n++] = i;
        qsort(found, (size_t)n, sizeof found[0], by_speciality);
        found[n++] = 0;
        unsigned at = 0;
        while (at < used && (at + (unsigned)n > used || memcmp(&lists[at], found, (size_t)n * sizeof found[0]) != 0))
            at++;
        if (at == used) {
            if (used + (unsigned)n > sizeof lists / sizeof lists[0]) {
                fprintf(stderr, "insn.def: more candidate lists than gen.c has room for\n");
                exit(1);
            }
            memcpy(&lists[used], found, (size_t)n * sizeof found[0]);
            used += (unsigned)n;
        }
        printf("%s%u,", bucket % 16 == 0 ? "\n    " : " ", at);
    }
    printf("\n};\nstatic const uint16_t insn_lists%u[] = {", width);
    for (unsigned i = 0; i < used; i++) printf("%s%d,", i % 16 == 0 ? "\n    " : " ", lists[i]);
    printf("\n};\n");
}

static void print_tables(void)
{
    printf("/* Made by cpu/isa/gen.c from cpu/isa/insn.def. */\nstatic const struct insn_pattern "
           "insn_patterns[INSN_COUNT] = {\n");
    for (int i = 1; i < INSN_COUNT; i++) {
        const struct insn_pattern *p = &rows[i].p;
        printf("    [INSN_%s] = {0x%08x, 0x%08x, {", rows[i].name, p->match, p->mask);
        for (unsigned o = 0; p->operands[o]; o++) printf("OPERAND_%s, ", operand_names[p->operands[o]]);
        printf("0}, 0x%x},\n", p->nonzero);
    }
    printf("};\n");
    print_index(32, HASH32_BUCKETS, hash32_sample, HASH32_BITS);
    print_index(16, HASH16_BUCKETS, hash16_sample, HASH16_BITS);
}

/* ---- riscv-opcodes ---- */

#include "cpu/isa/gen_opcodes.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < INSN_COUNT; i++) {
        read_picture(&rows[i]);
        read_operands(&rows[i]);
    }
    check_overlaps();
    if (mistakes) return 1;
    if (argc == 3 && strcmp(argv[1], "--check-opcodes") == 0) return check_opcodes(argv[2]) ? 0 : 1;
    if (argc != 1) {
        fprintf(stderr, "usage: gen [--check-opcodes DIR]\n");
        return 2;
    }
    print_tables();
    return 0;
}
