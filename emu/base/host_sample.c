#define _GNU_SOURCE
#include "emu/base/host_sample.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define PERIOD_US 1000

/* A signal handler reaches nothing else. */
static struct {
    const volatile uint8_t *activity;
    uintptr_t code, code_end;
    uint8_t in_code;
    volatile uint64_t counts[HOST_SAMPLE_KINDS];
} sampler;

static uintptr_t pc_of(const void *context)
{
#if defined(__x86_64__)
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#else
    (void)context;
    return 0; /* no translated code there */
#endif
}

static void on_sample(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    uintptr_t pc = pc_of(context);
    uint8_t kind = *sampler.activity % HOST_SAMPLE_KINDS;
    if (pc >= sampler.code && pc < sampler.code_end) kind = sampler.in_code;
    sampler.counts[kind]++;
}

static bool set_timer(long period_us)
{
    struct itimerval t = {{0, period_us}, {0, period_us}};
    return setitimer(ITIMER_PROF, &t, NULL) == 0;
}

bool host_sample_start(const volatile uint8_t *activity, const void *code, size_t bytes, uint8_t in_code)
{
    if (sampler.activity) return false;
    sampler.activity = activity;
    sampler.code = (uintptr_t)code;
    sampler.code_end = (uintptr_t)code + bytes;
    sampler.in_code = in_code % HOST_SAMPLE_KINDS;
    for (unsigned i = 0; i < HOST_SAMPLE_KINDS; i++) sampler.counts[i] = 0;
    struct sigaction a = {.sa_sigaction = on_sample, .sa_flags = SA_SIGINFO | SA_RESTART};
    if (sigaction(SIGPROF, &a, NULL) == 0 && set_timer(PERIOD_US)) return true;
    sampler.activity = NULL;
    return false;
}

void host_sample_stop(uint64_t *counts)
{
    for (unsigned i = 0; i < HOST_SAMPLE_KINDS; i++) counts[i] = sampler.counts[i];
    if (!sampler.activity) return;
    set_timer(0);
    struct sigaction ignore = {.sa_handler = SIG_IGN}; /* one may be on its way */
    sigaction(SIGPROF, &ignore, NULL);
    sampler.activity = NULL;
}

uint64_t host_cpu_ns(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)) return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
