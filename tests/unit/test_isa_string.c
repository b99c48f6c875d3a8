/* Extension sets and the strings that name them. */
#include "cpu/isa.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static isa_set parse_isa(const char *text)
{
    isa_set set = 0;
    struct err err = {{0}};
    cr_assert(isa_parse_string(text, &set, &err), "%s: %s", text, err.text);
    return set;
}

static isa_set parse_cpu(const char *text)
{
    isa_set set = 0;
    struct err err = {{0}};
    cr_assert(isa_parse_cpu(text, &set, &err), "%s: %s", text, err.text);
    return set;
}

static void refuse(bool (*parse)(const char *, isa_set *, struct err *), const char *text, const char *says)
{
    isa_set set = 0;
    struct err err = {{0}};
    cr_assert_not(parse(text, &set, &err), "%s was accepted", text);
    cr_assert(strstr(err.text, says), "%s: \"%s\" does not say \"%s\"", text, err.text, says);
}

Test(isa_string, spike_strings_start_from_nothing)
{
    isa_set s = parse_isa("RV64IMAC");
    cr_assert(isa_has(s, EXT_m) && isa_has(s, EXT_zaamo) && isa_has(s, EXT_zca) && isa_has(s, EXT_sv57));
    cr_assert(!isa_has(s, EXT_f) && !isa_has(s, EXT_zcd) && !isa_has(s, EXT_zba) && !isa_has(s, EXT_svadu) &&
              !isa_has(s, EXT_sstc));
    s = parse_isa("rv64gc_zba_zbb_svadu_sstc");
    cr_assert(isa_has(s, EXT_d) && isa_has(s, EXT_zcd) && isa_has(s, EXT_zifencei) && isa_has(s, EXT_zbb) &&
              isa_has(s, EXT_svadu));
    cr_assert(!isa_has(s, EXT_zbs));
    cr_assert_eq(parse_isa("rv64imafdcsu"), parse_isa("rv64imafdc"));
    cr_assert_eq(parse_isa("rv64imab"), parse_isa("rv64ima_zba_zbb_zbs"));
    cr_assert_eq(parse_isa("rv64imazicond"), parse_isa("rv64ima_zicond"));
}

Test(isa_string, spike_strings_refuse_what_is_not_built)
{
    refuse(isa_parse_string, "rv32imac", "rv64");
    refuse(isa_parse_string, "", "rv64");
    refuse(isa_parse_string, "rv64", "i or g");
    refuse(isa_parse_string, "rv64m", "i or g");
    refuse(isa_parse_string, "rv64gcq", "extension q");
    refuse(isa_parse_string, "rv64gc_zfoo_zba", "extension zfoo is");
    refuse(isa_parse_string, "rv64gc_xmine", "extension xmine");
}

Test(isa_string, cpu_names_and_switches)
{
    cr_assert_eq(parse_cpu("rv64"), isa_default());
    cr_assert_eq(parse_cpu("max"), isa_default());
    isa_set rva = parse_cpu("rva22s64");
    cr_assert(isa_has(rva, EXT_zicboz) && isa_has(rva, EXT_zcd) && isa_has(rva, EXT_svinval));
    cr_assert(!isa_has(rva, EXT_sstc) && !isa_has(rva, EXT_sv48) && !isa_has(rva, EXT_svadu) && !isa_has(rva, EXT_zbc));
    cr_assert_eq(parse_cpu("rva22s64,sstc=on,+sv57"), rva | ISA_BIT(sstc) | ISA_BIT(sv48) | ISA_BIT(sv57));
    cr_assert_eq(parse_cpu("rv64,zba=false,-zbb,zbs=off"),
                 isa_default() & ~(ISA_BIT(zba) | ISA_BIT(zbb) | ISA_BIT(zbs)));
    cr_assert_eq(parse_cpu("rv64,b=off"), isa_default() & ~(ISA_BIT(zba) | ISA_BIT(zbb) | ISA_BIT(zbs)));
    cr_assert_eq(parse_cpu("rv64,-zba,+zba"), isa_default(), "the last word about an extension holds");
}

/* Names of what the machine is anyway, and of what other names say. */
Test(isa_string, ratified_names_are_known)
{
    static const char *const spike[] = {
        "rv64gc_zmmul",
        "rv64gc_zaamo_zalrsc",
        "rv64gc_zca_zcd_zcb",
        "rv64gc_zicntr_zihpm",
        "rv64gc_ziccif_ziccrse_ziccamoa_zicclsm",
        "rv64gc_za64rs",
        "rv64gc_za128rs",
        "rv64gc_svade_svadu",
        "rv64gc_svbare_sv39",
        "rv64gc_ssccptr_sstvecd_sstvala",
        "rv64gc_ss1p13",
        "rv64gc_sm1p11",
        "rv64gc_svvptc",
        "rv64gch_sha",
        "rv64gc_sscounterenw_ssstateen_ssu64xl",
        "rva20u64",
        "rva20s64_zba",
        "RVA22U64_zbc",
        "rva22s64_sstc",
    };
    for (size_t i = 0; i < sizeof spike / sizeof *spike; i++) parse_isa(spike[i]);
    cr_assert(isa_has(parse_isa("rv64im"), EXT_zmmul));
    isa_set s = parse_isa("rv64i_zmmul");
    cr_assert(isa_has(s, EXT_zmmul) && !isa_has(s, EXT_m));
    cr_assert(isa_has(parse_isa("rv64ia_za128rs"), EXT_za64rs));
    s = parse_isa("rva22s64_zbc");
    cr_assert(isa_has(s, EXT_zbc) && isa_has(s, EXT_svinval) && !isa_has(s, EXT_zfa));
    cr_assert(!isa_has(parse_cpu("rva22u64"), EXT_s) && isa_has(parse_cpu("rva22u64"), EXT_zicboz));
    cr_assert(!isa_has(parse_cpu("rva20u64") | parse_cpu("rva22u64") | parse_isa("rva22u64"), EXT_zifencei));
    cr_assert(isa_has(parse_cpu("rva20s64") & parse_cpu("rva22s64") & parse_isa("rva20s64"), EXT_zifencei));
    cr_assert(isa_has(parse_cpu("rva20s64"), EXT_sv39) && !isa_has(parse_cpu("rva20s64"), EXT_zba));
    cr_assert_eq(parse_cpu("rv64,svbare=on,+ss1p12,za128rs=on"), isa_default());
    cr_assert(!isa_has(parse_cpu("rv64,za128rs=off"), EXT_za64rs));
    cr_assert(isa_has(parse_cpu("rv64,m=off,zmmul=on"), EXT_zmmul) && !isa_has(parse_cpu("rv64,zmmul=off"), EXT_m));
}

Test(isa_string, refusals_name_what_is_near)
{
    refuse(isa_parse_string, "rv64gc_zbx", "extension zbx is not built; near it: zba, zbb, zbc, zbs; see");
    refuse(isa_parse_string, "rv64gc_zicntrr", "near it: zicntr");
    refuse(isa_parse_string, "rv64gcv", "extension v is not built; see");
    refuse(isa_parse_string, "rva23u64", "profile rva23u64 is not built; rva20 and rva22");
    refuse(isa_parse_cpu, "rv64,svabe=on", "-cpu svabe: no such extension; near it: svade; see");
    refuse(isa_parse_cpu, "rv64,zvkt=on", "no such extension; near it: zkt");
    refuse(isa_parse_cpu, "rva23s64", "-cpu rva23s64: unknown; near it: rva22s64, rva22u64, rva20s64, rva20u64; see");
    refuse(isa_parse_cpu, "rv64,svbare=off", "-cpu svbare: it cannot be switched off alone");
}

Test(isa_string, switching_off_takes_dependents_along)
{
    isa_set s = parse_cpu("rv64,f=off");
    cr_assert(!isa_has(s, EXT_f) && !isa_has(s, EXT_d) && !isa_has(s, EXT_zcd) && !isa_has(s, EXT_zfa) &&
              isa_has(s, EXT_c));
    s = parse_cpu("rv64,s=off");
    cr_assert(isa_has(s, EXT_u) && !isa_has(s, EXT_sv39) && !isa_has(s, EXT_sstc) && !isa_has(s, EXT_smstateen));
    s = parse_cpu("rv64,c=off");
    cr_assert(!isa_has(s, EXT_c) && !isa_has(s, EXT_zca) && !isa_has(s, EXT_zcb));
    s = parse_cpu("rv64,c=off,zca=on");
    cr_assert(!isa_has(s, EXT_c) && isa_has(s, EXT_zca), "Zca is an extension of its own");
    s = parse_cpu("rv64,a=off,m=off,zaamo=on");
    cr_assert(isa_has(s, EXT_zaamo) && !isa_has(s, EXT_zalrsc) && !isa_has(s, EXT_za64rs) && !isa_has(s, EXT_zmmul));
    s = parse_cpu("rv64,zca=off");
    cr_assert(!isa_has(s, EXT_c) && !isa_has(s, EXT_zcb) && !isa_has(s, EXT_zcd) && isa_has(s, EXT_d));
    s = parse_cpu("rv64,svadu=off");
    cr_assert(isa_has(s, EXT_svade) && !isa_has(s, EXT_svadu));
}

Test(isa_string, cpu_refuses_contradictions_and_nonsense)
{
    refuse(isa_parse_cpu, "rv64,+d,-f", "-cpu d");
    refuse(isa_parse_cpu, "rv64,zcd=off", "zcd");
    refuse(isa_parse_cpu, "rv64,-i", "extension i");
    refuse(isa_parse_cpu, "rv64,svade=off,svadu=off", "svade");
    refuse(isa_parse_cpu, "cortex-a53", "cortex-a53");
    refuse(isa_parse_cpu, "", "unknown");
    refuse(isa_parse_cpu, "rv64,", "expected");
    refuse(isa_parse_cpu, "rv64,zba", "expected");
    refuse(isa_parse_cpu, "rv64,zba=1", "on, off");
    refuse(isa_parse_cpu, "rv64,zxx=on", "zxx");
    refuse(isa_parse_cpu, "rv64,+", "no such");
}

Test(isa_string, every_extension_is_switchable_and_the_rest_is_closed)
{
    for (unsigned e = 0; e < EXT_COUNT; e++) {
        if (e == EXT_i || e == EXT_zicsr || e == EXT_zcd) continue;
        char text[64];
        snprintf(text, sizeof text, "rv64,%s=off", isa_name(e));
        isa_set s = parse_cpu(text), closed = s;
        struct err err;
        cr_assert(!isa_has(s, e), "%s", text);
        cr_assert(isa_close(&closed, &err) && closed == s, "%s", text);
    }
}

Test(isa_string, format_is_canonical_and_truncates_like_snprintf)
{
    char text[1024];
    int n = isa_format_string(parse_isa("rv64gc_zba"), text, sizeof text);
    cr_assert_str_eq(text, "rv64imafdc_zicntr_zicsr_zifencei_zihpm_zmmul_zaamo_zalrsc_zca_zcd_zba_svade");
    cr_assert_eq((size_t)n, strlen(text));
    char small[9];
    cr_assert_eq(isa_format_string(parse_isa("rv64gc_zba"), small, sizeof small), n);
    cr_assert_str_eq(small, "rv64imaf");
    cr_assert_eq(isa_format_string(parse_isa("rv64gc_zba"), NULL, 0), n);
    isa_format_string(isa_default(), text, sizeof text);
    cr_assert_eq(parse_isa(text), isa_default(), "a printed set parses back to itself");
}
