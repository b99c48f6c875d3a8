/* System calls of memory: mmap and its kind, swap areas, and the instruction fence for programs that write code. */
#include "abi/syscall.h"
#include "arch/hart.h"
#include "arch/machine.h"
#include "arch/riscv.h"
#include "arch/sbi.h"
#include "base/string.h"
#include "fs/fdtable.h"
#include "fs/vfs.h"
#include "kern/process.h"
#include "kern/task.h"
#include "mm/slab.h"
#include "mm/space_internal.h"
#include "mm/swap.h"
#include "mm/usercopy.h"

long sys_brk(K_PTR address) { return mm_brk(current->mm, address); }

long sys_mmap(K_PTR address, K_SIZE length, K_FLAGS prot, K_FLAGS flags, K_FD fd, K_HEX offset)
{
    if (flags & MAP_ANONYMOUS) return mm_map(current->mm, address, length, (int)prot, (int)flags, NULL, 0);
    struct file *file = fd_get(fd);
    if (!file) return -EBADF;
    long result = mm_map(current->mm, address, length, (int)prot, (int)flags, file, offset);
    file_put(file);
    return result;
}

long sys_munmap(K_PTR address, K_SIZE length) { return mm_unmap(current->mm, address, length); }

long sys_mprotect(K_PTR address, K_SIZE length, K_FLAGS prot)
{
    return mm_protect(current->mm, address, length, (int)prot);
}

long sys_mremap(K_PTR address, K_SIZE old_length, K_SIZE new_length, K_FLAGS flags, K_PTR new_address)
{
    return mm_remap(current->mm, address, old_length, new_length, (int)flags, new_address);
}

long sys_msync(K_PTR address, K_SIZE length, K_FLAGS flags)
{
    return mm_sync(current->mm, address, length, (int)flags);
}
long sys_madvise(K_PTR address, K_SIZE length, K_INT advice) { return mm_advise(current->mm, address, length, advice); }
long sys_mincore(K_PTR address, K_SIZE length, K_OUT vector) { return mm_incore(current->mm, address, length, vector); }
long sys_mlock(K_PTR address, K_SIZE length) { return mm_lock_range(current->mm, address, length, true); }
long sys_munlock(K_PTR address, K_SIZE length) { return mm_lock_range(current->mm, address, length, false); }
long sys_mlockall(K_FLAGS flags) { return flags ? mm_lock_all(current->mm, (int)flags) : -EINVAL; }
long sys_munlockall(void) { return mm_lock_all(current->mm, 0); }

/* MLOCK_ONFAULT (1) differs only in when the pages come in. */
long sys_mlock2(K_PTR address, K_SIZE length, K_FLAGS flags)
{
    return flags & ~1u ? -EINVAL : mm_lock_range(current->mm, address, length, true);
}

/* Instructions written by any hart are seen by all tasks of the process afterwards; so by all harts. */
long sys_riscv_flush_icache(K_PTR start, K_PTR end, K_FLAGS flags)
{
    (void)start, (void)end;
    if (flags & ~1u) return -EINVAL;
    fence_i();
    bool on = interrupts_off();
    sbi_remote_fence_i(((1u << machine.harts) - 1) & ~(1u << this_hart()->number));
    interrupts_restore(on);
    return 0;
}

/*
 * A memory barrier on every hart that runs a thread of the caller, so that its fast paths need none of their own. fence.i on another hart
 * is an interrupt there, and an interrupt orders memory.
 */
long sys_membarrier(K_INT command, K_FLAGS flags, K_INT hart)
{
    enum { QUERY = 0, GLOBAL = 1, PRIVATE_EXPEDITED = 8, REGISTER_PRIVATE_EXPEDITED = 16 };
    (void)hart;
    if (flags) return -EINVAL;
    struct process *process = current->process;
    switch (command) {
    case QUERY: return GLOBAL | PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;
    case REGISTER_PRIVATE_EXPEDITED: atomic_store(&process->membarrier, true); return 0;
    case PRIVATE_EXPEDITED:
        if (!atomic_load(&process->membarrier)) return -EPERM;
        return sys_riscv_flush_icache(0, 0, 0);
    case GLOBAL: return sys_riscv_flush_icache(0, 0, 0);
    default: return -EINVAL;
    }
}

/* The swap file or partition named by a user's path; an error pointer. */
static struct file *open_swap(uint64_t path, char *name)
{
    long length = copy_string_from_user(name, path, PATH_MAX);
    if (length < 0) return ERR_PTR(length);
    return vfs_open(AT_FDCWD, name, O_RDWR, 0);
}

static long with_swap(uint64_t path, int flags, bool on)
{
    if (!cred_is_root()) return -EPERM;
    char *name = kmalloc(PATH_MAX);
    if (!name) return -ENOMEM;
    struct file *file = open_swap(path, name);
    long result = IS_ERR(file) ? PTR_ERR(file) : on ? swap_on(file, name, flags) : swap_off(file);
    if (!IS_ERR(file)) file_put(file);
    kfree(name);
    return result;
}

long sys_swapon(K_PATH path, K_FLAGS flags) { return with_swap(path, (int)flags, true); }
long sys_swapoff(K_PATH path) { return with_swap(path, 0, false); }
