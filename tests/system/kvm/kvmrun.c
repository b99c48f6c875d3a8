/* kvmrun.c - the command line. */
#include "kvmrun.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MIB       (1ul << 20)
#define MIB_LEAST 64ul
#define MIB_MOST  4096ul

static const char usage[] =
    "usage: kvmrun --kernel IMAGE [--initrd FILE] [--append TEXT] [--memory MIB] [--smp N] [--prefix TEXT] "
    "[--huge-pages]\n"
    "Runs a RISC-V Linux kernel under KVM, its serial port on standard input and output.\n"
    "Exit status: 0 powered off, 1 failed, 2 wrong usage, 3 asked for a restart.\n";

void fail(enum exit_status status, const char *format, ...)
{
    va_list arguments;
    serial_close();
    va_start(arguments, format);
    fputs("kvmrun: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

static unsigned long number(const char *option, const char *text, unsigned long least, unsigned long most)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value < least || value > most)
        fail(STATUS_USAGE, "--%s %s: give a number from %lu to %lu", option, text, least, most);
    return value;
}

static void parse(struct guest *guest, int argc, char **argv)
{
    static const struct option options[] = {
        {"kernel", required_argument, 0, 'k'},
        {"initrd", required_argument, 0, 'i'},
        {"append", required_argument, 0, 'a'},
        {"memory", required_argument, 0, 'm'},
        {"smp", required_argument, 0, 's'},
        {"prefix", required_argument, 0, 'p'},
        {"huge-pages", no_argument, 0, 'h'},
        {"help", no_argument, 0, '?' + 256},
        {0, 0, 0, 0},
    };
    int letter;
    opterr = 0;
    while ((letter = getopt_long(argc, argv, ":", options, 0)) != -1) {
        switch (letter) {
        case 'k': guest->kernel = optarg; break;
        case 'i': guest->initrd = optarg; break;
        case 'a': guest->command_line = optarg; break;
        case 'm': guest->memory_bytes = MIB * number("memory", optarg, MIB_LEAST, MIB_MOST); break;
        case 's': guest->vcpus = (unsigned)number("smp", optarg, 1, VCPU_MAX); break;
        case 'p': guest->prefix = optarg; break;
        case 'h': guest->huge_pages = true; break;
        case '?' + 256: fputs(usage, stdout); exit(0);
        case ':': fail(STATUS_USAGE, "%s: needs a value; --help shows the usage", argv[optind - 1]);
        default: fail(STATUS_USAGE, "%s: unknown option; --help shows the usage", argv[optind - 1]);
        }
    }
    if (optind < argc) fail(STATUS_USAGE, "%s: unexpected argument; --help shows the usage", argv[optind]);
    if (!guest->kernel) fail(STATUS_USAGE, "--kernel is missing; --help shows the usage");
    if (guest->memory_bytes % (2 * MIB)) fail(STATUS_USAGE, "--memory: give an even number of MiB");
}

int main(int argc, char **argv)
{
    struct guest guest = {.command_line = "console=ttyS0", .vcpus = 1, .memory_bytes = 128 * MIB};
    parse(&guest, argc, argv);
    load_guest(&guest);
    vm_create(&guest);
    load_tree(&guest);
    serial_open(guest.prefix);
    vm_run(&guest);
}
