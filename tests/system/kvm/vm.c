/*
 * vm.c - KVM: making the machine, and answering when a VCPU comes back.
 *
 * Each VCPU is run by a thread of its own. KVM starts the first one and keeps the others asleep until the guest starts
 * them through the SBI. A VCPU comes back from KVM_RUN when it touches an address that is no memory (a device), when the
 * guest ends, and for SBI calls that KVM leaves to us, which is the debug console. Devices are behind one lock.
 */
#include "kvmrun.h"

#include <asm/kvm.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REG(type, index) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | (type) | (index))

/* Newer than some headers: which SBI extensions the guest gets. */
#define REG_SBI_EXT_DBCN REG(0x08u << KVM_REG_RISCV_TYPE_SHIFT, 9u)

enum { SBI_DBCN = 0x4442434e, SBI_DBCN_WRITE = 0, SBI_DBCN_READ = 1, SBI_DBCN_WRITE_BYTE = 2 };
enum { SBI_SUCCESS = 0, SBI_ERR_NOT_SUPPORTED = -2, SBI_ERR_INVALID_PARAM = -3 };
enum { FINISHER_FAIL = 0x3333, FINISHER_PASS = 0x5555, FINISHER_RESET = 0x7777 };

/* Extension numbers of KVM's register interface (enum KVM_RISCV_ISA_EXT_ID), in the order in which riscv,isa wants
 * them. Only those that need nothing else in the tree. */
static const struct {
    uint8_t number;
    const char *name;
} extensions[] = {
    {24, "zicond"}, {19, "zicntr"}, {20, "zicsr"}, {21, "zifencei"}, {10, "zihintpause"}, {22, "zihpm"}, {17, "zba"},
    {13, "zbb"},    {18, "zbs"},    {8, "sstc"},   {9, "svinval"},   {16, "svnapot"},     {7, "svpbmt"},
};

static struct guest *the_guest; /* for the VCPU threads */
static pthread_mutex_t devices = PTHREAD_MUTEX_INITIALIZER;

static uint64_t get_register(int vcpu, uint64_t id, const char *what)
{
    uint64_t value = 0;
    struct kvm_one_reg one = {.id = id, .addr = (uintptr_t)&value};
    if (ioctl(vcpu, KVM_GET_ONE_REG, &one)) fail(STATUS_FAILED, "KVM does not tell %s: %s", what, strerror(errno));
    return value;
}

static bool set_register(int vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg one = {.id = id, .addr = (uintptr_t)&value};
    return ioctl(vcpu, KVM_SET_ONE_REG, &one) == 0;
}

static void set_core(int vcpu, unsigned index, uint64_t value)
{
    if (!set_register(vcpu, REG(KVM_REG_RISCV_CORE, index), value))
        fail(STATUS_FAILED, "KVM does not take register %u: %s", index, strerror(errno));
}

static void find_isa(struct guest *guest, int vcpu)
{
    uint64_t letters = get_register(vcpu, REG(KVM_REG_RISCV_CONFIG, KVM_REG_RISCV_CONFIG_REG(isa)), "its isa");
    size_t at = (size_t)snprintf(guest->isa, sizeof guest->isa, "rv64");
    for (const char *letter = "imafdc"; *letter; letter++)
        if (letters >> (*letter - 'a') & 1) guest->isa[at++] = *letter;
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        uint64_t value = 0;
        struct kvm_one_reg one = {.id = REG(KVM_REG_RISCV_ISA_EXT, extensions[i].number), .addr = (uintptr_t)&value};
        if (ioctl(vcpu, KVM_GET_ONE_REG, &one) || !value) continue; /* unknown to this KVM, or off */
        at += (size_t)snprintf(guest->isa + at, sizeof guest->isa - at, "_%s", extensions[i].name);
    }
}

void vm_create(struct guest *guest)
{
    guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (guest->kvm < 0) fail(STATUS_FAILED, "/dev/kvm: %s; is the module kvm loaded?", strerror(errno));
    int version = ioctl(guest->kvm, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) fail(STATUS_FAILED, "/dev/kvm: interface version %d, not 12", version);
    guest->vm = ioctl(guest->kvm, KVM_CREATE_VM, 0);
    int bytes = ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (guest->vm < 0 || bytes < (int)sizeof(struct kvm_run))
        fail(STATUS_FAILED, "KVM makes no machine: %s", strerror(errno));
    guest->run_bytes = (size_t)bytes;
    for (unsigned i = 0; i < guest->vcpus; i++) {
        guest->vcpu[i] = ioctl(guest->vm, KVM_CREATE_VCPU, i);
        if (guest->vcpu[i] < 0) fail(STATUS_FAILED, "KVM makes no VCPU %u: %s", i, strerror(errno));
        (void)set_register(guest->vcpu[i], REG_SBI_EXT_DBCN, 1); /* an old KVM has none; the serial port will do */
    }
    uint64_t frequency = REG(KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(frequency));
    guest->timebase_hz = get_register(guest->vcpu[0], frequency, "its timer's frequency");
    find_isa(guest, guest->vcpu[0]);
}

/* --- what VCPUs come back for; called with the lock held --- */

static _Noreturn void finish(enum exit_status status)
{
    serial_close();
    _exit(status); /* the other VCPUs' threads as well */
}

static void finisher_write(uint32_t value)
{
    switch (value & 0xffff) {
    case FINISHER_PASS: finish(STATUS_OFF);
    case FINISHER_RESET: finish(STATUS_RESTART);
    case FINISHER_FAIL: fail(STATUS_FAILED, "the guest says that it failed (%u)", value >> 16);
    default: break;
    }
}

static void serve_mmio(struct kvm_run *run)
{
    uint64_t address = run->mmio.phys_addr;
    uint32_t value = 0;
    if (address - SERIAL_BASE < SERIAL_BYTES && run->mmio.len == 1) {
        if (run->mmio.is_write)
            serial_write((unsigned)(address - SERIAL_BASE), run->mmio.data[0]);
        else
            run->mmio.data[0] = serial_read((unsigned)(address - SERIAL_BASE));
    } else if (address == FINISHER_BASE && run->mmio.len == 4) {
        memcpy(&value, run->mmio.data, 4);
        if (run->mmio.is_write)
            finisher_write(value);
        else
            memset(run->mmio.data, 0, 4);
    } else {
        fail(STATUS_FAILED, "the guest %s %u bytes at %#lx, where nothing is", run->mmio.is_write ? "writes" : "reads",
             run->mmio.len, (unsigned long)address);
    }
}

static void serve_console_call(struct kvm_run *run)
{
    uint64_t bytes = run->riscv_sbi.args[0], base = run->riscv_sbi.args[1], high = run->riscv_sbi.args[2];
    const struct guest *guest = the_guest;
    run->riscv_sbi.ret[0] = SBI_SUCCESS;
    run->riscv_sbi.ret[1] = 0;
    if (run->riscv_sbi.function_id == SBI_DBCN_WRITE_BYTE) {
        uint8_t byte = (uint8_t)bytes;
        serial_print(&byte, 1);
    } else if (run->riscv_sbi.function_id == SBI_DBCN_READ) {
        return; /* nothing has been typed: input comes through the serial port */
    } else if (run->riscv_sbi.function_id != SBI_DBCN_WRITE) {
        run->riscv_sbi.ret[0] = (unsigned long)SBI_ERR_NOT_SUPPORTED;
    } else if (high || base < MEMORY_BASE || base - MEMORY_BASE > guest->memory_bytes ||
               bytes > guest->memory_bytes - (base - MEMORY_BASE)) {
        run->riscv_sbi.ret[0] = (unsigned long)SBI_ERR_INVALID_PARAM;
    } else {
        serial_print(guest->memory + (base - MEMORY_BASE), bytes);
        run->riscv_sbi.ret[1] = bytes;
    }
}

static void serve_sbi(struct kvm_run *run)
{
    if (run->riscv_sbi.extension_id == SBI_DBCN) {
        serve_console_call(run);
        return;
    }
    run->riscv_sbi.ret[0] = (unsigned long)SBI_ERR_NOT_SUPPORTED;
    run->riscv_sbi.ret[1] = 0;
}

static void serve_system_event(const struct kvm_run *run)
{
    switch (run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN: finish(STATUS_OFF);
    case KVM_SYSTEM_EVENT_RESET: finish(STATUS_RESTART);
    default: fail(STATUS_FAILED, "the guest ended with system event %u", run->system_event.type);
    }
}

static void serve(struct kvm_run *run, int vcpu)
{
    switch (run->exit_reason) {
    case KVM_EXIT_MMIO: serve_mmio(run); break;
    case KVM_EXIT_RISCV_SBI: serve_sbi(run); break;
    case KVM_EXIT_SYSTEM_EVENT: serve_system_event(run); break;
    case KVM_EXIT_INTR: break;
    default:
        fail(STATUS_FAILED, "the guest stopped at pc %#lx with KVM's exit reason %u",
             (unsigned long)get_register(vcpu, REG(KVM_REG_RISCV_CORE, 0), "the pc"), run->exit_reason);
    }
}

static void *run_vcpu(void *argument)
{
    int vcpu = the_guest->vcpu[(uintptr_t)argument];
    struct kvm_run *run = mmap(0, the_guest->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED) fail(STATUS_FAILED, "cannot map a VCPU's page: %s", strerror(errno));
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0)) {
            if (errno == EINTR || errno == EAGAIN) continue;
            fail(STATUS_FAILED, "KVM_RUN: %s at pc %#lx", strerror(errno),
                 (unsigned long)get_register(vcpu, REG(KVM_REG_RISCV_CORE, 0), "the pc"));
        }
        pthread_mutex_lock(&devices);
        serve(run, vcpu);
        pthread_mutex_unlock(&devices);
    }
}

void vm_run(struct guest *guest)
{
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = MEMORY_BASE,
        .memory_size = guest->memory_bytes,
        .userspace_addr = (uintptr_t)guest->memory,
    };
    if (ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region))
        fail(STATUS_FAILED, "KVM does not take the guest's memory: %s", strerror(errno));
    the_guest = guest;
    set_core(guest->vcpu[0], KVM_REG_RISCV_CORE_REG(regs.pc), guest->entry);
    set_core(guest->vcpu[0], KVM_REG_RISCV_CORE_REG(regs.a0), 0);
    set_core(guest->vcpu[0], KVM_REG_RISCV_CORE_REG(regs.a1), guest->tree);
    for (uintptr_t i = 1; i < guest->vcpus; i++) {
        pthread_t thread;
        if (pthread_create(&thread, 0, run_vcpu, (void *)i)) fail(STATUS_FAILED, "cannot start a thread for a VCPU");
    }
    run_vcpu(0);
    abort(); /* run_vcpu does not return */
}
