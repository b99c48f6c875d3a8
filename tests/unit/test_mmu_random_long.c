/* More worlds of test_mmu_random, long enough to recycle every bank many times. */
/* ctest: long */
#include "mmu_random.h"

Test(mmu_random_long, agrees_with_a_slow_walker, .timeout = 600)
{
    random_worlds(100000, 800, 5000);
    random_worlds(200000, 10, 200000);
}
