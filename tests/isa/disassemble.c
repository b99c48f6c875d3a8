/* For tests/isa/check_disassembly. Without arguments: reads instruction words in hexadecimal, one per line, and writes each one's text (at address
 * 0, every extension live). With `rows`: writes name, width, match, mask of every row. */
#include "cpu/insn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_rows(void)
{
    for (unsigned id = 1; id < INSN_COUNT; id++) {
        const struct insn_pattern *p = insn_pattern(id);
        printf("%s %zu %08x %08x\n", insn_info(id)->name, insn_length(p->match) * (size_t)8, p->match, p->mask);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "rows") == 0) {
        print_rows();
        return 0;
    }
    char line[64], text[128];
    while (fgets(line, sizeof line, stdin)) {
        struct insn insn;
        insn_decode((uint32_t)strtoul(line, NULL, 16), UINT64_MAX, &insn);
        insn_format(text, sizeof text, &insn, 0);
        puts(text);
    }
    return 0;
}
