/* The command line: what is understood, and that everything else is refused with a line that names it. */
#include "emu/cli.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 32
static struct machine_config config;
static struct err err;

static enum cli_result parse(const char *line)
{
    static char copy[512];
    char *argv[WORDS_MAX + 1] = {"orrery"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word && argc < WORDS_MAX; word = strtok(NULL, " ")) argv[argc++] = word;
    err.text[0] = 0;
    return cli_parse(&config, argc, argv, &err);
}

static void expect_wrong(const char *line, const char *text)
{
    cr_expect_eq(parse(line), CLI_WRONG, "%s", line);
    cr_expect_str_eq(err.text, text);
    config_finish(&config);
}

Test(cli, qemu_words)
{
    cr_assert_eq(parse("-M virt -cpu rv64 -smp 4 -m 1G -bios none -kernel k -initrd i -append root=/dev/vda -nographic "
                       "-no-reboot "),
                 CLI_RUN, "%s", err.text);
    cr_expect_eq(config.harts, 4);
    cr_expect_eq(config.ram_bytes, UINT64_C(1) << 30);
    cr_expect_str_eq(config.bios, "none");
    cr_expect_str_eq(config.kernel, "k");
    cr_expect_str_eq(config.append, "root=/dev/vda");
    cr_expect(config.nographic && config.no_reboot);
}

Test(cli, defaults)
{
    cr_assert_eq(parse("-kernel k"), CLI_RUN);
    cr_expect_eq(config.harts, 1);
    cr_expect_eq(config.ram_bytes, UINT64_C(128) << 20);
    cr_expect_eq(config.isa, isa_default());
    cr_assert_eq(parse("prog.elf"), CLI_RUN);
    cr_expect_eq(config.ram_bytes, UINT64_C(2) << 30);
    cr_expect_str_eq(config.program, "prog.elf");
}

Test(cli, own_options_take_either_form)
{
    cr_assert_eq(parse("--log-commits --log=/dev/stdout --seed 7 --cpi=1.5 --freq=100M --isa=rv64gc --engine interp "
                       "+signature=s +signature-granularity=4 p"),
                 CLI_RUN, "%s", err.text);
    cr_expect(config.log_commits);
    cr_expect_str_eq(config.commit_log_file, "/dev/stdout");
    cr_expect_eq(config.seed, 7u);
    cr_expect_eq(config.cpi_milli, 1500u);
    cr_expect_eq(config.freq_hz, 100000000u);
    cr_expect_str_eq(config.signature, "s");
    cr_expect_eq(config.signature_granularity, 4);
    cr_expect(isa_has(config.isa, EXT_c) && !isa_has(config.isa, EXT_zba));
}

Test(cli, lists_are_collected)
{
    cr_assert_eq(parse("-kernel k -drive file=a,id=x,if=none -device virtio-blk-device,drive=x -drive file=b -netdev "
                       "user,id=n -chardev null,id=c"),
                 CLI_RUN, "%s", err.text);
    cr_expect_eq(config.drives.count, 2);
    cr_expect_str_eq(opts_get(&config.drives.item[1], "file"), "b");
    cr_expect_str_eq(opts_get(&config.devices.item[0], "driver"), "virtio-blk-device");
    cr_expect_str_eq(opts_get(&config.netdevs.item[0], "type"), "user");
    cr_expect_str_eq(opts_get(&config.chardevs.item[0], "backend"), "null");
    config_finish(&config);
}

Test(cli, smp_topology_multiplies)
{
    cr_assert_eq(parse("-kernel k -smp sockets=2,cores=2"), CLI_RUN);
    cr_expect_eq(config.harts, 4);
    cr_assert_eq(parse("-kernel k -smp cpus=8"), CLI_RUN);
    cr_expect_eq(config.harts, 8);
}

Test(cli, smp_topology_must_come_out)
{
    cr_expect_eq(parse("-kernel k -smp 4,sockets=1,cores=4,threads=1,maxcpus=4"), CLI_RUN, "%s", err.text);
    cr_expect_eq(parse("-kernel k -smp 2,maxcpus=8"), CLI_RUN, "%s", err.text);
    cr_expect_eq(config.harts, 2);
    expect_wrong("-kernel k -smp 4,cores=3", "-smp 4,cores=3: sockets, cores and threads do not multiply to 4");
    expect_wrong("-kernel k -smp 4,sockets=1,cores=2,threads=1",
                 "-smp 4,sockets=1,cores=2,threads=1: sockets, cores and threads do not multiply to 4");
    expect_wrong("-kernel k -smp 2,maxcpus=x", "-smp 2,maxcpus=x: maxcpus=x: must be a number");
    expect_wrong("-kernel k -smp 2,maxcpus=1", "-smp 2,maxcpus=1: maxcpus= must be 2 to 8");
    expect_wrong("-kernel k -smp cores=0", "-smp cores=0: cores=0: must be 1 to 8");
}

/* What xv6's makefile says. */
Test(cli, qemu_globals_and_objects)
{
    cr_expect_eq(parse("-machine virt -bios none -kernel k -m 128M -smp 3 -nographic -global "
                       "virtio-mmio.force-legacy=false -drive file=fs.img,if=none,format=raw,id=x0 -device "
                       "virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0"),
                 CLI_RUN, "%s", err.text);
    config_finish(&config);
    cr_expect_eq(parse("-kernel k -object rng-random,filename=/dev/urandom,id=r"), CLI_RUN, "%s", err.text);
    cr_expect_str_eq(opts_get(&config.objects.item[0], "qom-type"), "rng-random");
    config_finish(&config);
    expect_wrong("-kernel k -global virtio-mmio.force-legacy=true",
                 "-global virtio-mmio.force-legacy=true: legacy devices are not built; only false is supported");
    expect_wrong("-kernel k -global a.b=c", "-global a.b=c: unknown property 'a.b'");
}

/* A card and its network in one word; nothing, in the words of those who want nothing. */
Test(cli, qemu_nics)
{
    cr_assert_eq(
        parse("-kernel k -nic user,model=virtio-net-device,mac=52:54:00:00:00:01,hostfwd=tcp::2222-:22 -nic user,id=n "
              "-net none -nic none"),
        CLI_RUN, "%s", err.text);
    cr_assert_eq(config.netdevs.count, 2);
    cr_assert_eq(config.devices.count, 2);
    const struct opts *net = config.netdevs.item, *card = config.devices.item;
    cr_expect_str_eq(opts_get(&net[0], "type"), "user");
    cr_expect_str_eq(opts_get(&net[0], "hostfwd"), "tcp::2222-:22");
    cr_expect_null(opts_get(&net[0], "mac"));
    cr_expect_str_eq(opts_get(&card[0], "driver"), "virtio-net-device");
    cr_expect_str_eq(opts_get(&card[0], "mac"), "52:54:00:00:00:01");
    cr_expect_str_eq(opts_get(&card[0], "netdev"), opts_get(&net[0], "id"));
    cr_expect_str_eq(opts_get(&card[1], "netdev"), "n");
    cr_expect_str_eq(opts_get(&net[1], "id"), "n");
    config_finish(&config);
    expect_wrong("-kernel k -nic tap", "-nic tap: unknown kind 'tap'; there are user and none");
    expect_wrong("-kernel k -nic user,model=e1000",
                 "-nic user,model=e1000: model=e1000 is not supported; virtio-net-device is");
    expect_wrong("-kernel k -nic none,id=n", "-nic none,id=n: nothing goes with none");
    expect_wrong("-kernel k -net nic", "-net nic: not supported; use -nic user, or -netdev and -device");
}

Test(cli, without_defaults)
{
    cr_assert_eq(parse("-kernel k -nographic -nodefaults"), CLI_RUN, "%s", err.text);
    cr_assert_eq(config.serial_count, 1);
    cr_expect_str_eq(config.serials[0], "null");
    cr_expect_str_eq(config.monitor, "none");
    cr_assert_eq(parse("-kernel k -nodefaults -serial stdio -monitor stdio"), CLI_RUN, "%s", err.text);
    cr_assert_eq(config.serial_count, 1);
    cr_expect_str_eq(config.serials[0], "stdio");
    cr_expect_str_eq(config.monitor, "stdio");
    cr_assert_eq(parse("-nodefaults p"), CLI_RUN, "%s", err.text);
    cr_expect_eq(config.serial_count, 0);
}

Test(cli, machine_properties_are_checked)
{
    cr_expect_eq(parse("-kernel k -M virt,aclint=on,aia=none,acpi=off,accel=tcg"), CLI_RUN, "%s", err.text);
    expect_wrong("-kernel k -M virt,aclint=x", "-machine virt,aclint=x: aclint=x: must be on or off");
    expect_wrong("-kernel k -M virt,aia=aplic", "-machine aia=aplic: not supported; only none is");
    expect_wrong("-kernel k -M virt,acpi=on", "-machine acpi=on: not supported; only off is");
    expect_wrong("-kernel k -M virt,accel=kvm", "-machine accel=kvm: not supported; only tcg is");
}

Test(cli, spike_forms_only_on_request)
{
    cr_assert_eq(parse("--compat=spike -p4 -m512 p"), CLI_RUN, "%s", err.text);
    cr_expect_eq(config.harts, 4);
    cr_expect_eq(config.ram_bytes, UINT64_C(512) << 20);
    expect_wrong("-p4 p", "-p4: unknown option; orrery --help lists them");
    expect_wrong("-m512 p", "-m512: unknown option; orrery --help lists them");
}

Test(cli, bad_input_is_named)
{
    expect_wrong("", "nothing to run: give a program, -kernel or -bios FILE; orrery --help lists the options");
    expect_wrong("-frobnicate", "-frobnicate: unknown option; orrery --help lists them");
    expect_wrong("--frobnicate=1 p", "--frobnicate=1: unknown option; orrery --help lists them");
    expect_wrong("+frobnicate=1 p", "+frobnicate=1: unknown option; orrery --help lists them");
    expect_wrong("-kernel", "-kernel: needs a value: FILE");
    expect_wrong("-kernel k -smp 9", "-smp 9: the machine has 1 to 8 harts");
    expect_wrong("-kernel k -smp 0", "-smp 0: the machine has 1 to 8 harts");
    expect_wrong("-kernel k -smp x", "-smp x: cpus=x: must be a number");
    expect_wrong("-kernel k -m 65G", "-m 65G: the machine takes 1 MiB to 64 GiB");
    expect_wrong("-kernel k -m lots", "-m lots: is not a size; try 512M or 2G");
    expect_wrong("-kernel k -M spike", "-machine spike: unknown machine; there is virt");
    expect_wrong("-kernel k -M virt,foo=1", "-machine virt,foo=1: unknown property 'foo'");
    expect_wrong("-kernel k --engine=magic", "--engine=magic: unknown engine; there are interp and jit");
    expect_wrong("-kernel k --code-cache=1K", "--code-cache=1K: must be a size from 64K to 1G");
    expect_wrong("-kernel k --translate-after=0", "--translate-after=0: must be a number from 1 to 1000000");
    expect_wrong("-kernel k -gdb udp::1", "-gdb udp::1: must be tcp:127.0.0.1:PORT");
    expect_wrong("-kernel k -d nonsense", "-d nonsense: unknown item 'nonsense'; see -d help");
    expect_wrong("-kernel k p", "p: a program and -kernel exclude each other");
    expect_wrong("p q", "q: a program is given already (p)");
    expect_wrong("-initrd i p", "-initrd: needs -kernel");
    expect_wrong("--log=x p", "--log: needs --log-commits");
    expect_wrong("--log-commits=1 p", "--log-commits=1: takes no value");
    expect_wrong("+signature-granularity=3 p", "+signature-granularity=3: must be a power of 2 up to 64");
    expect_wrong("-kernel k --cpi=0", "--cpi=0: must be between 0.001 and 1000");
    expect_wrong("-kernel k --freq=fast", "--freq=fast: must be a frequency such as 100M or 1.5G");
    expect_wrong("-kernel k -display sdl", "-display sdl: there is no display; use none");
    expect_wrong("-kernel k -serial null -serial null", "-serial null: the board has one serial port");
}

/* Every row of the table must be complete, and no name may hide another. */
Test(cli, table_is_sound)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option *o = &cli_options[i];
        cr_expect(o->name && *o->name && o->help && *o->help && o->handle, "row %zu", i);
        for (size_t j = 0; j < i; j++)
            cr_expect(strcmp(o->name, cli_options[j].name) || o->style != cli_options[j].style, "%s stands twice",
                      o->name);
    }
}

/* The manual page lists each option in bold, and nothing that does not exist. */
Test(cli, manual_page_lists_the_table)
{
    static const char *const prefixes[] = {[CLI_QEMU] = "\\-", [CLI_LONG] = "\\-\\-", [CLI_PLUS] = "+"};
    char path[512];
    snprintf(path, sizeof path, "%.*s/docs/orrery.1", (int)(strlen(__FILE__) - strlen("/tests/unit/test_cli.c")),
             __FILE__);
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    static char page[65536];
    page[fread(page, 1, sizeof page - 1, f)] = 0;
    fclose(f);
    size_t listed = 0;
    for (const char *at = page; (at = strstr(at, ".TP\n\\fB")); at++) listed++;
    cr_expect_eq(listed, cli_option_count);
    for (size_t i = 0; i < cli_option_count; i++) {
        char item[128], *to = item + sprintf(item, ".TP\n\\fB%s", prefixes[cli_options[i].style]);
        for (const char *c = cli_options[i].name; *c; c++) to += sprintf(to, *c == '-' ? "\\-" : "%c", *c);
        sprintf(to, "\\fR");
        cr_expect(strstr(page, item), "docs/orrery.1 lacks %s", cli_options[i].name);
    }
}
