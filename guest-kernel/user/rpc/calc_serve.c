/*
 * calc_serve.c - the sample service: what the author of a service writes. The procedures know nothing of messages or sockets; a positive
 * result is this service's own error. Results that hold memory are allocated here and freed by the server stub.
 */
#include "calc_serve.h"

#include "calc.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct calc_state *called(void *context)
{
    struct calc_state *state = context;
    state->calls++;
    return state;
}

int calc_add_serve(void *context, int32_t a, int32_t b, int32_t *sum)
{
    called(context);
    return __builtin_add_overflow(a, b, sum) ? CALC_OVERFLOW : 0;
}

int calc_divide_serve(void *context, int64_t a, int64_t b, int64_t *quotient, int64_t *rest)
{
    called(context);
    if (b == 0) return CALC_BY_ZERO;
    if (a == INT64_MIN && b == -1) return CALC_OVERFLOW;
    *quotient = a / b;
    *rest = a % b;
    return 0;
}

int calc_root_serve(void *context, double x, double *y, bool *exact)
{
    called(context);
    if (!(x >= 0)) return CALC_OVERFLOW;
    double guess = x > 1 ? x : 1;
    for (int i = 0; i < 2000 && guess * guess > x; i++) { /* Newton's way, from above, until it stands still */
        double better = (guess + x / guess) / 2;
        if (better >= guess) break;
        guess = better;
    }
    *y = guess;
    *exact = guess * guess == x;
    return 0;
}

int calc_upper_serve(void *context, const char *text, char **result)
{
    called(context);
    if (!(*result = strdup(text))) return RPC_NO_MEMORY;
    for (char *at = *result; *at; at++) *at = (char)toupper((unsigned char)*at);
    return 0;
}

int calc_reverse_serve(void *context, struct rpc_bytes data, struct rpc_bytes *result)
{
    called(context);
    char *bytes = malloc((size_t)data.count + 1);
    if (!bytes) return RPC_NO_MEMORY;
    for (uint32_t i = 0; i < data.count; i++) bytes[i] = ((char *)data.data)[data.count - 1 - i];
    *result = (struct rpc_bytes){bytes, data.count};
    return 0;
}

int calc_count_serve(void *context, uint64_t *calls, uint32_t *process)
{
    *calls = called(context)->calls;
    *process = (uint32_t)getpid();
    return 0;
}

int calc_stop_serve(void *context)
{
    called(context)->stop = 1;
    return 0;
}
