#include "emu/gdb/registers.h"

#include "cpu/priv.h"
#include <stdio.h>
#include <stdlib.h>

/* The register `priv`, as dcsr has it: the privilege, and V in bit 2. */
#define PRIV_VIRT 4u

unsigned gdb_register_bytes(uint64_t number)
{
    if (number == GDB_REG_PRIV) return 1;
    return number > GDB_REG_CSR0 && number <= GDB_REG_CSR0 + 3 ? 4 : 8;
}

bool gdb_register_read(struct hart *h, uint64_t number, uint64_t *value)
{
    if (number < GDB_REG_PC)
        *value = h->x[number];
    else if (number == GDB_REG_PC)
        *value = h->pc;
    else if (number < GDB_REG_CSR0)
        *value = h->f[number - GDB_REG_F0];
    else if (number < GDB_REG_PRIV)
        return csr_peek(h, (unsigned)(number - GDB_REG_CSR0), value);
    else if (number == GDB_REG_PRIV)
        *value = h->priv | (h->virt ? PRIV_VIRT : 0);
    else
        return false;
    return true;
}

static bool write_mode(struct hart *h, uint64_t value)
{
    bool virt = value & PRIV_VIRT;
    uint64_t priv = value & ~(uint64_t)PRIV_VIRT;
    if (priv != PRIV_U && priv != PRIV_S && priv != PRIV_M) return false;
    if (virt && (priv == PRIV_M || !isa_has(h->isa_live, EXT_h))) return false;
    priv_set_mode(h, (enum priv)priv, virt);
    priv_update(h);
    return true;
}

bool gdb_register_write(struct hart *h, uint64_t number, uint64_t value)
{
    if (number < GDB_REG_PC) {
        if (number) h->x[number] = value;
    } else if (number == GDB_REG_PC) {
        h->pc = value & ~UINT64_C(1);
        h->waiting = false;
    } else if (number < GDB_REG_CSR0) {
        h->f[number - GDB_REG_F0] = value;
    } else if (number < GDB_REG_PRIV) {
        return csr_poke(h, (unsigned)(number - GDB_REG_CSR0), value);
    } else {
        return number == GDB_REG_PRIV && write_mode(h, value);
    }
    return true;
}

static void describe_integers(FILE *f)
{
    static const char *const names[] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "fp", "s1", "a0",
                                        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
                                        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
    fputs("<feature name=\"org.gnu.gdb.riscv.cpu\">", f);
    for (unsigned i = 0; i < 32; i++)
        fprintf(f, "<reg name=\"%s\" bitsize=\"64\" type=\"%s\" regnum=\"%u\"/>", names[i],
                i == 1                                 ? "code_ptr"
                : i == 2 || i == 3 || i == 4 || i == 8 ? "data_ptr"
                                                       : "int",
                i);
    fprintf(f, "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" regnum=\"%u\"/></feature>", GDB_REG_PC);
}

static void describe_floats(FILE *f)
{
    static const char *const names[] = {"ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
                                        "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
                                        "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};
    fputs("<feature name=\"org.gnu.gdb.riscv.fpu\"><union id=\"riscv_double\"><field name=\"float\" "
          "type=\"ieee_single\"/>"
          "<field name=\"double\" type=\"ieee_double\"/></union>",
          f);
    for (unsigned i = 0; i < 32; i++)
        fprintf(f, "<reg name=\"%s\" bitsize=\"64\" type=\"riscv_double\" regnum=\"%u\"/>", names[i], GDB_REG_F0 + i);
    for (unsigned n = 1; n <= 3; n++)
        fprintf(f, "<reg name=\"%s\" bitsize=\"32\" type=\"int\" regnum=\"%u\"/>", csr_name(n), GDB_REG_CSR0 + n);
    fputs("</feature>", f);
}

static void describe_csrs(FILE *f, struct hart *h, bool floats)
{
    uint64_t value;
    fputs("<feature name=\"org.gnu.gdb.riscv.csr\">", f);
    for (unsigned n = floats ? 4 : 0; n < 4096; n++)
        if (csr_name(n) && csr_peek(h, n, &value))
            fprintf(f, "<reg name=\"%s\" bitsize=\"64\" type=\"int\" regnum=\"%u\" group=\"csr\"/>", csr_name(n),
                    GDB_REG_CSR0 + n);
    fprintf(f,
            "</feature><feature name=\"org.gnu.gdb.riscv.virtual\"><reg name=\"priv\" bitsize=\"8\" type=\"int\" "
            "regnum=\"%u\"/></feature>",
            GDB_REG_PRIV);
}

char *gdb_target_description(struct hart *h)
{
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    if (!f) return NULL;
    bool floats = isa_has(h->isa, EXT_d);
    fputs("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target "
          "version=\"1.0\"><architecture>riscv:rv64</architecture>"
          /* Without this GDB takes a kernel for a Linux program and steps by breakpoints, past traps. */
          "<osabi>none</osabi>",
          f);
    describe_integers(f);
    if (floats) describe_floats(f);
    describe_csrs(f, h, floats);
    fputs("</target>", f);
    return fclose(f) == 0 ? text : NULL;
}
