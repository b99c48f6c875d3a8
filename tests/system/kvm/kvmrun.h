/*
 * kvmrun.h - a small virtual-machine monitor for Linux's KVM on RISC-V, to boot a Linux kernel inside the guest.
 *
 *   0x0010_0000  finisher   power-off and restart, as sifive,test0
 *   0x1000_0000  serial     ns16550a, 8 registers, no interrupt: the guest's driver polls by its timer
 *   0x8000_0000  memory     kernel at + 2 MiB (as its header says) ... device tree, initrd at the end
 *
 * Everything else that the guest sees (timer, inter-processor interrupts, starting of harts) KVM itself gives it.
 *
 * Exit status: 0 the guest powered off, 1 it or KVM failed, 2 the command line is wrong, 3 the guest asked for a
 * restart. Sources: Documentation/virt/kvm/api.rst and Documentation/arch/riscv/boot-image-header.rst of Linux; the
 * Devicetree specification, chapter 5; the PC16550D data sheet; SBI 2.0.
 */
#ifndef KVMRUN_H
#define KVMRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_status { STATUS_OFF = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_RESTART = 3 };

#define FINISHER_BASE  0x00100000ul
#define FINISHER_BYTES 0x1000ul
#define SERIAL_BASE    0x10000000ul
#define SERIAL_BYTES   0x100ul
#define MEMORY_BASE    0x80000000ul
#define VCPU_MAX       8u

struct guest {
    /* what the command line says */
    const char *kernel, *initrd, *command_line, *prefix;
    unsigned vcpus;
    uint64_t memory_bytes; /* a multiple of 2 MiB */
    bool huge_pages;

    /* what comes of it */
    uint8_t *memory; /* host address of MEMORY_BASE */
    uint64_t entry, tree, initrd_start, initrd_end;
    uint64_t timebase_hz;
    char isa[256]; /* for riscv,isa */
    int kvm, vm, vcpu[VCPU_MAX];
    size_t run_bytes; /* of each VCPU's shared page */
};

/* Prints one line `kvmrun: ...` and ends the program. */
_Noreturn void fail(enum exit_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* load.c: allocates the guest's memory, puts kernel and initrd there and finds a place for the device tree. */
void load_guest(struct guest *guest);
/* Writes the device tree; isa and timebase_hz must be known. */
void load_tree(struct guest *guest);

/* tree.c: writes the guest's device tree into `out`; returns its size in bytes, 0 if `room` bytes are too few. */
size_t tree_build(const struct guest *guest, uint8_t *out, size_t room);

/* serial.c: the console. */
void serial_open(const char *prefix);
uint8_t serial_read(unsigned offset);
void serial_write(unsigned offset, uint8_t value);
/* Prints text that did not come through the registers. */
void serial_print(const uint8_t *text, size_t bytes);
/* Prints what is still in the line buffer and gives the terminal back as it was. */
void serial_close(void);

/* vm.c: opens KVM, makes the virtual machine and its VCPUs, and fills isa and timebase_hz. */
void vm_create(struct guest *guest);
/* Maps the memory, sets the first VCPU's registers and runs all; ends the program with what became of the guest. */
_Noreturn void vm_run(struct guest *guest);

#endif
