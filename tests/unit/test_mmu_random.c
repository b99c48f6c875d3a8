/* The MMU against an independent reading of the specification, on random page tables, PMP settings, accesses, changes and fences. */
#include "mmu_random.h"

Test(mmu_random, agrees_with_a_slow_walker) { random_worlds(1, 150, 2500); }
