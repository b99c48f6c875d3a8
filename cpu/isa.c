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

#define ISA_G (ISA_BIT(i) | ISA_BIT(m) | ISA_BIT(a) | ISA_BIT(f) | ISA_BIT(d) | ISA_BIT(zicsr) | ISA_BIT(zifencei))
#define ISA_B (ISA_BIT(zba) | ISA_BIT(zbb) | ISA_BIT(zbs))

/* What RVA22S64 makes mandatory (rva22.adoc), less what this architecture version always has. */
#define ISA_RVA22S64                                                                                                   \
    (ISA_G | ISA_B | ISA_BIT(c) | ISA_BIT(s) | ISA_BIT(u) | ISA_BIT(zicntr) | ISA_BIT(zihpm) | ISA_BIT(ziccif) |       \
     ISA_BIT(ziccrse) | ISA_BIT(ziccamoa) | ISA_BIT(zicclsm) | ISA_BIT(za64rs) | ISA_BIT(zihintpause) |                \
     ISA_BIT(zic64b) | ISA_BIT(zicbom) | ISA_BIT(zicbop) | ISA_BIT(zicboz) | ISA_BIT(zfhmin) | ISA_BIT(zkt) |          \
     ISA_BIT(svade) | ISA_BIT(ssccptr) | ISA_BIT(sstvecd) | ISA_BIT(sstvala) | ISA_BIT(sscounterenw) | ISA_BIT(sv39) | \
     ISA_BIT(svpbmt) | ISA_BIT(svinval))

static const struct {
    const char *name;
    isa_set set;
    const char *help;
} cpu_bases[] = {
    {"rv64", ISA_ALL, "everything that is built (the default)"},
    {"max", ISA_ALL, "the same"},
    {"rva22s64", ISA_RVA22S64, "what the RVA22S64 profile makes mandatory"},
    {"rv64i", ISA_BIT(i) | ISA_BIT(zicsr), "the bare base, to add to"},
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

/* The extension called name[0..len), case ignored; -1 if there is none. */
static int ext_find(const char *name, size_t len)
{
    for (unsigned e = 0; e < EXT_COUNT; e++)
        if (strlen(ext_rows[e].name) == len && strncasecmp(ext_rows[e].name, name, len) == 0) return (int)e;
    return -1;
}

/* A name that stands for several: g, b. Else one extension, else 0. */
static isa_set ext_find_set(const char *name, size_t len)
{
    if (len == 1 && tolower((unsigned char)name[0]) == 'g') return ISA_G;
    if (len == 1 && tolower((unsigned char)name[0]) == 'b') return ISA_B;
    int e = ext_find(name, len);
    return e < 0 ? 0 : UINT64_C(1) << e;
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

bool isa_parse_string(const char *text, isa_set *set, struct err *err)
{
    if (strncasecmp(text, "rv64", 4) != 0)
        return err_set(err, "--isa=%s: only RV64 is built; the string must begin with rv64", text);
    const char *p = text + 4;
    int base = tolower((unsigned char)*p);
    if (base != 'i' && base != 'g') return err_set(err, "--isa=%s: rv64 must be followed by i or g", text);
    *set = ISA_SPIKE_BASE;
    while (*p) {
        if (*p == '_') {
            p++;
            continue;
        }
        size_t len = isa_token_length(p);
        isa_set found = ext_find_set(p, len);
        if (!found) return err_set(err, "--isa=%s: extension %.*s is not built; see -cpu help", text, (int)len, p);
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
    *which = ext_find_set(name, name_len);
    if (!*which) return err_set(err, "-cpu %.*s: no such extension; see -cpu help", (int)name_len, name);
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

bool isa_parse_cpu(const char *text, isa_set *set, struct err *err)
{
    size_t len = strcspn(text, ","), i = 0;
    while (i < ARRAY_LEN(cpu_bases) && (strlen(cpu_bases[i].name) != len || memcmp(cpu_bases[i].name, text, len) != 0))
        i++;
    if (i == ARRAY_LEN(cpu_bases))
        return err_set(err, "-cpu %.*s: unknown; known are rv64, max, rva22s64, rv64i (see -cpu help)", (int)len, text);
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
        return err_set(err, "-cpu zcd: c and d imply it; switch c off as well (zca can stay)");
    if (!set_without(set, off_asked, on_asked, err)) return false;
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
}
