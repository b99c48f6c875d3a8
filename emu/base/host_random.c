#include "emu/base/host_random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void host_random(uint8_t *bytes, size_t n)
{
    while (n) {
        ssize_t got = getrandom(bytes, n, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) abort();
        bytes += got;
        n -= (size_t)got;
    }
}
