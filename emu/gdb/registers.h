/* The registers that GDB sees, by the numbers of its RISC-V back end: x0…x31, pc, f0…f31, CSRs at 65 + number, privilege. */
#ifndef ORRERY_EMU_GDB_REGISTERS_H
#define ORRERY_EMU_GDB_REGISTERS_H

#include "cpu/hart.h"

#define GDB_REG_PC   32u
#define GDB_REG_F0   33u
#define GDB_REG_CSR0 65u
#define GDB_REG_PRIV (GDB_REG_CSR0 + 4096u)

/* Size as the description says: 8, but 4 for fflags, frm and fcsr, 1 for the privilege. */
unsigned gdb_register_bytes(uint64_t number);
/* false: no such register on this hart. */
bool gdb_register_read(struct hart *h, uint64_t number, uint64_t *value);
bool gdb_register_write(struct hart *h, uint64_t number, uint64_t value);

/* The target description (features org.gnu.gdb.riscv.cpu, .fpu, .csr, .virtual) as XML; malloc'ed, NULL on lack of memory. */
char *gdb_target_description(struct hart *h);

#endif
