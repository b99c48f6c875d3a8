/* First touches of fresh anonymous memory: a round is one page fault. Mapping and unmapping are part of it. */
#include "bench.h"
#include "linux.h"

#define PAGE_BYTES             4096
#define PAGES                  2048
#define MMAP_READ_WRITE        3
#define MMAP_PRIVATE_ANONYMOUS 0x22
#define MADVISE_NO_HUGE_PAGE   15

static void setup(void) {}

static uint64_t touch(volatile uint64_t *at, uint64_t pages)
{
    uint64_t sum = 0;
    for (uint64_t page = 0; page < pages; page++, at += PAGE_BYTES / sizeof(*at)) {
        sum += *at; /* a fresh page reads as zero */
        *at = page + 1;
        sum += *at;
    }
    return sum;
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    for (uint64_t left = rounds; left;) {
        uint64_t pages = left < PAGES ? left : PAGES;
        long at = linux_call6(LINUX_MMAP, 0, PAGES * PAGE_BYTES, MMAP_READ_WRITE, MMAP_PRIVATE_ANONYMOUS, -1, 0);
        if (at < 0) bench_fail("mmap");
        /* Fails on a kernel without huge pages, which is as good. */
        linux_call3(LINUX_MADVISE, at, PAGES * PAGE_BYTES, MADVISE_NO_HUGE_PAGE);
        sum = bench_mix(sum, touch((volatile uint64_t *)at, pages));
        if (linux_call3(LINUX_MUNMAP, at, PAGES * PAGE_BYTES, 0) < 0) bench_fail("munmap");
        left -= pages;
    }
    return sum;
}

const struct bench_program bench_program = {.name = "fault", .rounds = 12000, .setup = setup, .run = run};
