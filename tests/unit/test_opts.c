/* Comma lists and sizes of the command line. */
#include "emu/opts.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct opts parse(const char *text, const char *first)
{
    struct opts o;
    struct err err = {{0}};
    cr_assert(opts_parse(&o, "-x", text, first, &err), "%s: %s", text, err.text);
    return o;
}

Test(opts, first_value_belongs_to_the_first_key)
{
    struct opts o = parse("virtio-blk-device,drive=d0", "driver");
    cr_assert_str_eq(opts_get(&o, "driver"), "virtio-blk-device");
    cr_assert_str_eq(opts_get(&o, "drive"), "d0");
    cr_assert_null(opts_get(&o, "id"));
    opts_finish(&o);
}

Test(opts, doubled_comma_is_part_of_the_value)
{
    struct opts o = parse("file=a,,b,,,format=raw", NULL);
    cr_assert_str_eq(opts_get(&o, "file"), "a,b,");
    cr_assert_str_eq(opts_get(&o, "format"), "raw");
    opts_finish(&o);
}

Test(opts, last_of_equal_keys_counts)
{
    struct opts o = parse("a=1,a=2", NULL);
    cr_assert_str_eq(opts_get(&o, "a"), "2");
    opts_finish(&o);
}

Test(opts, booleans)
{
    struct err err;
    bool v;
    struct opts o = parse("a=on,b=off,c,d=maybe", NULL);
    cr_assert(opts_bool(&o, "a", false, &v, &err) && v);
    cr_assert(opts_bool(&o, "b", true, &v, &err) && !v);
    cr_assert(opts_bool(&o, "c", false, &v, &err) && v);
    cr_assert(opts_bool(&o, "none", true, &v, &err) && v);
    cr_assert_not(opts_bool(&o, "d", true, &v, &err));
    cr_assert_str_eq(err.text, "-x a=on,b=off,c,d=maybe: d=maybe: must be on or off");
    opts_finish(&o);
}

Test(opts, unknown_key_is_named)
{
    static const char *const keys[] = {"a", NULL};
    struct err err;
    struct opts o = parse("a=1,zz=2", NULL);
    cr_assert_not(opts_only(&o, keys, &err));
    cr_assert_str_eq(err.text, "-x a=1,zz=2: unknown property 'zz'");
    opts_finish(&o);
}

Test(opts, empty_item_and_too_many_are_refused)
{
    struct opts o;
    struct err err;
    cr_assert_not(opts_parse(&o, "-x", "a=1,", NULL, &err));
    opts_finish(&o);
    char many[200] = "a";
    for (int i = 0; i < 40; i++) strcat(many, ",b=1");
    cr_assert_not(opts_parse(&o, "-x", many, NULL, &err));
    opts_finish(&o);
}

Test(opts, sizes)
{
    static const struct {
        const char *text;
        uint64_t unit, bytes;
    } good[] = {{"512", 1 << 20, UINT64_C(512) << 20},
                {"1G", 1, UINT64_C(1) << 30},
                {"64g", 1 << 20, UINT64_C(64) << 30},
                {"256MiB", 1, UINT64_C(256) << 20},
                {"128MB", 1, 128 << 20},
                {"0x100000b", 1 << 20, 0x100000b * UINT64_C(1048576)}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t v;
        cr_expect(parse_size(good[i].text, good[i].unit, &v) && v == good[i].bytes, "%s", good[i].text);
    }
    static const char *const bad[] = {"", "x", "-1", "12Q", "1GG", "99999999999999999999", "17592186044416M"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t v;
        cr_expect_not(parse_size(bad[i], 1 << 20, &v), "%s", bad[i]);
    }
}

Test(opts, numbers)
{
    uint64_t v;
    cr_expect(parse_number("18446744073709551615", &v) && v == UINT64_MAX);
    cr_expect(parse_number("0x1F", &v) && v == 31);
    cr_expect(parse_number("010", &v) && v == 10);
    cr_expect_not(parse_number("18446744073709551616", &v));
    cr_expect_not(parse_number("1 ", &v));
    cr_expect_not(parse_number(" 1", &v));
    cr_expect_not(parse_number("+1", &v));
}
