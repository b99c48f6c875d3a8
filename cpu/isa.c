#include "cpu/isa.h"

#include "emu/base/bits.h"
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

struct ext_row {
    const char *name;
    isa_set implies;
    const char *help;
};

static const struct ext_row ext_rows[EXT_COUNT] = {
#define EXT(id, name, implies, help) [EXT_##id] = {name, implies, help},
#include "cpu/isa/ext.def"
#undef EXT
};

#define ISA_ALL (UINT64_MAX >> (64 - EXT_COUNT))

/* Always there, whatever a Spike string says. Zicntr and Zihpm were part of I when most of those strings were coined. */
#define ISA_SPIKE_BASE                                                                                                 \
    (ISA_BIT(i) | ISA_BIT(zicntr) | ISA_BIT(zihpm) | ISA_BIT(s) | ISA_BIT(u) | ISA_BIT(sv39) | ISA_BIT(sv48) |         \
     ISA_BIT(sv57) | ISA_BIT(svade))

#define ISA_IMAFD (ISA_BIT(i) | ISA_BIT(m) | ISA_BIT(a) | ISA_BIT(f) | ISA_BIT(d) | ISA_BIT(zicsr))
#define ISA_G     (ISA_IMAFD | ISA_BIT(zifencei))
#define ISA_B     (ISA_BIT(zba) | ISA_BIT(zbb) | ISA_BIT(zbs))

/* What profiles make mandatory (rva20.adoc, rva22.adoc), less what this architecture version always has. U64 profiles are about programs:
 * a hart with no more than that has no supervisor mode and no Zifencei, which is mandatory in the S64 profiles only. */
#define ISA_RVA20U64                                                                                                   \
    (ISA_IMAFD | ISA_BIT(c) | ISA_BIT(u) | ISA_BIT(zicntr) | ISA_BIT(ziccif) | ISA_BIT(ziccrse) | ISA_BIT(ziccamoa) |  \
     ISA_BIT(zicclsm) | ISA_BIT(za64rs))
#define ISA_RVA20S64                                                                                                   \
    (ISA_RVA20U64 | ISA_BIT(zifencei) | ISA_BIT(s) | ISA_BIT(sv39) | ISA_BIT(svade) | ISA_BIT(ssccptr) |               \
     ISA_BIT(sstvecd) | ISA_BIT(sstvala))
#define ISA_RVA22U64                                                                                                   \
    (ISA_RVA20U64 | ISA_B | ISA_BIT(zihpm) | ISA_BIT(zihintpause) | ISA_BIT(zic64b) | ISA_BIT(zicbom) |                \
     ISA_BIT(zicbop) | ISA_BIT(zicboz) | ISA_BIT(zfhmin) | ISA_BIT(zkt))
#define ISA_RVA22S64 (ISA_RVA22U64 | ISA_RVA20S64 | ISA_BIT(sscounterenw) | ISA_BIT(svpbmt) | ISA_BIT(svinval))

struct isa_word {
    const char *name;
    isa_set set;
    const char *help;
};

static const struct isa_word cpu_bases[] = {
    {"rv64", ISA_ALL, "everything that is built (the default)"},
    {"max", ISA_ALL, "the same"},
    {"rva22s64", ISA_RVA22S64, "what the RVA22S64 profile makes mandatory"},
    {"rva22u64", ISA_RVA22U64, "what RVA22U64 does: no supervisor mode, no zifencei"},
    {"rva20s64", ISA_RVA20S64, "what the RVA20S64 profile makes mandatory"},
    {"rva20u64", ISA_RVA20U64, "what RVA20U64 does: no supervisor mode, no zifencei"},
    {"rv64i", ISA_BIT(i) | ISA_BIT(zicsr), "the bare base, to add to"},
};
#define PROFILES_FROM 2 /* those in between are profiles */
#define PROFILES_END  6

/* Names for what other names say already. */
static const struct isa_word synonyms[] = {
    {"g", ISA_G, "i, m, a, f, d, zicsr and zifencei"},
    {"b", ISA_B, "zba, zbb and zbs"},
    {"za128rs", ISA_BIT(za64rs), "reservation sets are at most 128 bytes (they are of 64 at most)"},
};

/* Facts that come with a set and cannot be without it or be taken from it. The architecture's later versions supersede the earlier ones. */
static const struct isa_word facts[] = {
    {"svbare", ISA_BIT(s), "satp can be Bare"},
    {"sm1p11", ISA_BIT(i), "version of the machine-level architecture"},
    {"sm1p12", ISA_BIT(i), "the same"},
    {"sm1p13", ISA_BIT(i), "the same"},
    {"ss1p11", ISA_BIT(s), "version of the supervisor-level architecture"},
    {"ss1p12", ISA_BIT(s), "the same"},
    {"ss1p13", ISA_BIT(s), "the same"},
};

isa_set isa_default(void) { return ISA_ALL; }

const char *isa_name(enum isa_ext e) { return ext_rows[e].name; }

/* Everything that `set` implies, itself included. */
static isa_set set_closure(isa_set set)
{
    for (isa_set before = 0; before != set;) {
        before = set;
        for (unsigned e = 0; e < EXT_COUNT; e++)
            if (isa_has(set, e)) set |= ext_rows[e].implies;
        if (isa_has(set, EXT_c) && isa_has(set, EXT_d)) set |= ISA_BIT(zcd);
    }
    return set;
}

bool isa_close(isa_set *set, struct err *err)
{
    *set = set_closure(*set);
    if (!isa_has(*set, EXT_i)) return err_set(err, "extension i: it is the base; it cannot be switched off");
    if (isa_has(*set, EXT_sv39) && !isa_has(*set, EXT_svadu)) *set |= ISA_BIT(svade);
    return true;
}

static bool is_name(const char *known, const char *name, size_t len)
{
    return strlen(known) == len && strncasecmp(known, name, len) == 0;
}

static isa_set word_find(const struct isa_word *words, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (is_name(words[i].name, name, len)) return words[i].set;
    return 0;
}

/* What name[0..len), case ignored, stands for; 0 if there is no such name. *fixed: it is a fact. */
static isa_set ext_find_set(const char *name, size_t len, bool *fixed)
{
    for (unsigned e = 0; e < EXT_COUNT; e++)
        if (is_name(ext_rows[e].name, name, len)) return UINT64_C(1) << e;
    isa_set set = word_find(facts, ARRAY_LEN(facts), name, len);
    *fixed = set != 0;
    return set ? set : word_find(synonyms, ARRAY_LEN(synonyms), name, len);
}

/* ---- names that were meant, perhaps ---- */

#define NEAR_LENGTH_MAX 16
#define NEAR_NAMES      4

/* How many letters have to be replaced, added or left out (Levenshtein); both names are short. */
static unsigned name_distance(const char *a, size_t a_len, const char *b)
{
    unsigned row[NEAR_LENGTH_MAX + 1];
    size_t b_len = strlen(b);
    if (a_len > NEAR_LENGTH_MAX || b_len > NEAR_LENGTH_MAX) return NEAR_LENGTH_MAX;
    for (size_t j = 0; j <= b_len; j++) row[j] = (unsigned)j;
    for (size_t i = 0; i < a_len; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < b_len; j++) {
            unsigned replaced = corner + (tolower((unsigned char)a[i]) != b[j]);
            unsigned shorter = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            corner = row[j + 1];
            row[j + 1] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[b_len];
}

struct near {
    char text[NEAR_NAMES * (NEAR_LENGTH_MAX + 2) + 16];
    unsigned count;
};

static void near_add(struct near *n, const char *name, size_t len, const char *known)
{
    if (len < 3 || n->count == NEAR_NAMES || name_distance(name, len, known) > (len < 6 ? 1 : 2)) return;
    size_t used = strlen(n->text);
    snprintf(n->text + used, sizeof n->text - used, "%s%s", n->count++ ? ", " : "; near it: ", known);
}

static struct near near_bases(const char *name, size_t len)
{
    struct near n = {{0}, 0};
    for (size_t i = 0; i < ARRAY_LEN(cpu_bases); i++) near_add(&n, name, len, cpu_bases[i].name);
    return n;
}

static struct near near_extensions(const char *name, size_t len)
{
    struct near n = {{0}, 0};
    for (unsigned e = 0; e < EXT_COUNT; e++) near_add(&n, name, len, ext_rows[e].name);
    for (size_t i = 0; i < ARRAY_LEN(synonyms); i++) near_add(&n, name, len, synonyms[i].name);
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) near_add(&n, name, len, facts[i].name);
    return n;
}

/* How many characters of an ISA string the next extension's name takes: 1, or up to '_' after z, s, x. A lone s is supervisor mode. */
static size_t isa_token_length(const char *p)
{
    int c = tolower((unsigned char)p[0]);
    bool lone_s = c == 's' &&
                  (p[1] == 0 || p[1] == '_' || (tolower((unsigned char)p[1]) == 'u' && !isalpha((unsigned char)p[2])));
    if ((c != 'z' && c != 's' && c != 'x') || lone_s) return 1;
    return strcspn(p, "_");
}

/* What the string begins with: rv64i or rv64g, which is left to be read, or a profile. */
static bool isa_parse_base(const char *text, const char **rest, isa_set *set, struct err *err)
{
    size_t len = strcspn(text, "_");
    isa_set profile = word_find(cpu_bases + PROFILES_FROM, PROFILES_END - PROFILES_FROM, text, len);
    *set = ISA_SPIKE_BASE | profile;
    *rest = text + len;
    if (profile) return true;
    if (strncasecmp(text, "rva", 3) == 0)
        return err_set(err, "--isa=%s: profile %.*s is not built; rva20 and rva22, u64 and s64, are", text, (int)len,
                       text);
    if (strncasecmp(text, "rv64", 4) != 0)
        return err_set(err, "--isa=%s: only RV64 is built; the string must begin with rv64", text);
    *rest = text + 4;
    int base = tolower((unsigned char)text[4]);
    return base == 'i' || base == 'g' || err_set(err, "--isa=%s: rv64 must be followed by i or g", text);
}

bool isa_parse_string(const char *text, isa_set *set, struct err *err)
{
    const char *p;
    if (!isa_parse_base(text, &p, set, err)) return false;
    while (*p) {
        if (*p == '_') {
            p++;
            continue;
        }
        size_t len = isa_token_length(p);
        bool fixed = false;
        isa_set found = ext_find_set(p, len, &fixed);
        if (!found)
            return err_set(err, "--isa=%s: extension %.*s is not built%s; see -cpu help", text, (int)len, p,
                           near_extensions(p, len).text);
        *set |= found;
        p += len;
    }
    return isa_close(set, err);
}

/* One of -cpu's words after the first: +name, -name, name=on. false: not of this form or no such extension (err says which). */
static bool cpu_parse_switch(const char *p, size_t len, isa_set *which, bool *on, struct err *err)
{
    const char *name = p;
    size_t name_len = len;
    const char *eq = memchr(p, '=', len);
    if (len > 0 && (p[0] == '+' || p[0] == '-') && !eq) {
        *on = p[0] == '+';
        name++;
        name_len--;
    } else if (eq) {
        static const struct {
            const char *word;
            bool on;
        } words[] = {{"true", true}, {"on", true}, {"false", false}, {"off", false}};
        name_len = (size_t)(eq - p);
        size_t value_len = len - name_len - 1, i = 0;
        while (i < ARRAY_LEN(words) &&
               (strlen(words[i].word) != value_len || memcmp(words[i].word, eq + 1, value_len) != 0))
            i++;
        if (i == ARRAY_LEN(words))
            return err_set(err, "-cpu %.*s: the value must be on, off, true or false", (int)len, p);
        *on = words[i].on;
    } else {
        return err_set(err, "-cpu %.*s: expected +name, -name or name=on|off", (int)len, p);
    }
    bool fixed = false;
    *which = ext_find_set(name, name_len, &fixed);
    if (!*which)
        return err_set(err, "-cpu %.*s: no such extension%s; see -cpu help", (int)name_len, name,
                       near_extensions(name, name_len).text);
    if (fixed && !*on) return err_set(err, "-cpu %.*s: it cannot be switched off alone", (int)name_len, name);
    return true;
}

isa_set isa_without(isa_set set, isa_set off)
{
    for (unsigned e = 0; e < EXT_COUNT; e++)
        if (set_closure(UINT64_C(1) << e) & off) set &= ~(UINT64_C(1) << e);
    return set;
}

/* Takes `off` out of *set, with all that cannot be without it, unless the user asked for that. */
static bool set_without(isa_set *set, isa_set off, isa_set asked, struct err *err)
{
    for (unsigned e = 0; e < EXT_COUNT; e++) {
        isa_set one = UINT64_C(1) << e;
        if (!(*set & one) || !(set_closure(one) & off)) continue;
        if (asked & one)
            return err_set(err, "-cpu %s: it needs an extension that is switched off; leave one of the two away",
                           ext_rows[e].name);
        *set &= ~one;
    }
    return true;
}

/* Who switches a letter off means its parts, too, but for those that he asked for. */
static isa_set with_parts(isa_set off, isa_set asked)
{
    static const struct {
        isa_set whole, parts;
    } letters[] = {
        {ISA_BIT(m), ISA_BIT(zmmul)}, {ISA_BIT(a), ISA_BIT(zaamo) | ISA_BIT(zalrsc)}, {ISA_BIT(c), ISA_BIT(zca)}};
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (off & letters[i].whole) off |= letters[i].parts & ~asked;
    return off;
}

bool isa_parse_cpu(const char *text, isa_set *set, struct err *err)
{
    size_t len = strcspn(text, ","), i = 0;
    while (i < ARRAY_LEN(cpu_bases) && (strlen(cpu_bases[i].name) != len || memcmp(cpu_bases[i].name, text, len) != 0))
        i++;
    if (i == ARRAY_LEN(cpu_bases))
        return err_set(err, "-cpu %.*s: unknown%s; see -cpu help", (int)len, text, near_bases(text, len).text);
    isa_set on_asked = 0, off_asked = 0;
    for (const char *p = text + len; *p == ','; p += len) {
        isa_set which = 0;
        bool on = false;
        len = strcspn(++p, ",");
        if (!cpu_parse_switch(p, len, &which, &on, err)) return false;
        on_asked = on ? on_asked | which : on_asked & ~which;
        off_asked = on ? off_asked & ~which : off_asked | which;
    }
    *set = cpu_bases[i].set | on_asked;
    if (!isa_close(set, err)) return false;
    /* C and D together are what makes Zcd: without Zcd neither can go on saying what it says. The user has to choose. */
    if ((off_asked & ISA_BIT(zcd)) && !(off_asked & (ISA_BIT(c) | ISA_BIT(d))) && isa_has(*set, EXT_c) &&
        isa_has(*set, EXT_d))
        return err_set(err, "-cpu zcd: c and d imply it; switch c off as well (zca=on keeps the rest of it)");
    if (!set_without(set, with_parts(off_asked, on_asked), on_asked, err)) return false;
    if (isa_has(off_asked, EXT_svade) && isa_has(*set, EXT_sv39) && !isa_has(*set, EXT_svadu))
        return err_set(err, "-cpu svade: without svadu there is no other way to treat A and D bits");
    return isa_close(set, err);
}

int isa_format_string(isa_set set, char *to, size_t room)
{
    /* Not part of an ISA string: privilege modes are misa's, Sv39 … stand in mmu-type. */
    set &= ~(ISA_BIT(s) | ISA_BIT(u) | ISA_BIT(sv39) | ISA_BIT(sv48) | ISA_BIT(sv57));
    int n = snprintf(to, room, "rv64");
    for (unsigned e = 0; e < EXT_COUNT; e++) {
        if (!isa_has(set, e)) continue;
        const char *name = ext_rows[e].name;
        size_t at = (size_t)n < room ? (size_t)n : room;
        n += snprintf(room ? to + at : to, room - at, "%s%s", name[1] ? "_" : "", name);
    }
    return n;
}

void isa_print_help(void *file)
{
    fprintf(file, "-cpu NAME[,+EXT][,-EXT][,EXT=on|off]...\n\n");
    for (size_t i = 0; i < ARRAY_LEN(cpu_bases); i++)
        fprintf(file, "  %-13s %s\n", cpu_bases[i].name, cpu_bases[i].help);
    fprintf(file, "\nextensions:\n");
    for (unsigned e = 0; e < EXT_COUNT; e++) fprintf(file, "  %-13s %s\n", ext_rows[e].name, ext_rows[e].help);
    fprintf(file, "\nother names:\n");
    for (size_t i = 0; i < ARRAY_LEN(synonyms); i++) fprintf(file, "  %-13s %s\n", synonyms[i].name, synonyms[i].help);
    fprintf(file, "\nfacts that are accepted and cannot be switched off:\n");
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) fprintf(file, "  %-13s %s\n", facts[i].name, facts[i].help);
}
