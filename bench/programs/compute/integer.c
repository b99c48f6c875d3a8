/*
 * A mix of everyday integer work: a linked list that is searched, reversed and merge-sorted; small matrices of 16-bit
 * numbers; a state machine that classifies tokens; a bit-by-bit CRC over all results.
 */
#include "bench.h"

#define NODES      384
#define ORDER      14
#define TEXT_BYTES 1600

struct node {
    struct node *next;
    int16_t key;
    uint16_t data;
};

enum token_state { START, SIGN, DIGITS, POINT, FRACTION, EXPONENT, POWER, WORD, BAD, STATES };

static struct node nodes[NODES];
static struct node *list;
static int16_t left[ORDER][ORDER], right[ORDER][ORDER];
static int32_t product[ORDER][ORDER];
static char text[TEXT_BYTES];

static uint16_t crc16(uint16_t crc, uint32_t value, int bits)
{
    while (bits--) {
        uint32_t out = (crc ^ value) & 1;
        crc >>= 1;
        value >>= 1;
        if (out) crc ^= 0xa001;
    }
    return crc;
}

static struct node *list_find(struct node *at, int16_t key)
{
    while (at && at->key != key) at = at->next;
    return at;
}

static struct node *list_reverse(struct node *at)
{
    struct node *done = NULL;
    while (at) {
        struct node *next = at->next;
        at->next = done;
        done = at;
        at = next;
    }
    return done;
}

static struct node *list_merge(struct node *a, struct node *b, int by_data)
{
    struct node *head = NULL, **tail = &head;
    while (a && b) {
        int take_a = by_data ? a->data <= b->data : a->key <= b->key;
        struct node **from = take_a ? &a : &b;
        *tail = *from;
        tail = &(*from)->next;
        *from = *tail;
    }
    *tail = a ? a : b;
    return head;
}

static struct node *list_sort(struct node *at, size_t count, int by_data)
{
    if (count < 2) {
        if (at) at->next = NULL;
        return at;
    }
    struct node *middle = at;
    for (size_t i = 0; i < count / 2; i++) middle = middle->next;
    struct node *upper = list_sort(middle, count - count / 2, by_data);
    return list_merge(list_sort(at, count / 2, by_data), upper, by_data);
}

static uint16_t list_work(uint16_t crc, uint64_t round)
{
    for (int i = 0; i < 12; i++) {
        struct node *found = list_find(list, (int16_t)((round * 37 + (uint64_t)i * 11) % NODES));
        if (found) crc = crc16(crc, found->data, 16);
        list = list_reverse(list);
    }
    list = list_sort(list, NODES, 1);
    crc = crc16(crc, (uint32_t)list->next->key, 16);
    list = list_sort(list, NODES, 0);
    list->next->data ^= crc & 0x3ff;
    return crc16(crc, list->next->data, 16);
}

static uint16_t matrix_work(uint16_t crc, int16_t seed)
{
    int32_t trace = 0;
    for (int i = 0; i < ORDER; i++) {
        for (int j = 0; j < ORDER; j++) {
            int32_t sum = 0;
            for (int k = 0; k < ORDER; k++) sum += left[i][k] * right[k][j];
            product[i][j] = sum;
        }
        trace += product[i][i];
    }
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j++) {
            int32_t field = (product[i][j] >> 3) & 0x7f;
            left[i][j] = (int16_t)((left[i][j] + field + seed) & 0x3ff);
            trace += field > 64 ? 1 : field;
        }
    return crc16(crc, (uint32_t)trace, 32);
}

static enum token_state token_next(enum token_state state, char c)
{
    int digit = c >= '0' && c <= '9';
    switch (state) {
    case START: return digit ? DIGITS : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : c >= 'a' ? WORD : BAD;
    case SIGN: return digit ? DIGITS : c == '.' ? POINT : BAD;
    case DIGITS: return digit ? DIGITS : c == '.' ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case POINT: return digit ? FRACTION : BAD;
    case FRACTION: return digit ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT: return digit || c == '-' ? POWER : BAD;
    case POWER: return digit ? POWER : BAD;
    case WORD: return c >= 'a' && c <= 'z' ? WORD : BAD;
    default: return BAD;
    }
}

static uint16_t token_work(uint16_t crc, uint64_t round)
{
    uint32_t ends[STATES] = {0}, steps = 0;
    enum token_state state = START;
    text[(round * 61) % TEXT_BYTES] ^= 1;
    for (const char *at = text; at < text + TEXT_BYTES; at++) {
        if (*at == ' ' || *at == '!') {
            ends[state]++;
            state = START;
        } else {
            state = token_next(state, *at);
            steps += state;
        }
    }
    text[(round * 61) % TEXT_BYTES] ^= 1;
    for (int i = 0; i < STATES; i++) crc = crc16(crc, ends[i], 16);
    return crc16(crc, steps, 32);
}

static void setup(void)
{
    static const char alphabet[] = "0123456789012345.e+-abcxyz      ";
    uint64_t seed = 1;
    for (size_t i = 0; i < NODES; i++) {
        uint64_t r = bench_random(&seed);
        nodes[i] = (struct node){.next = list, .key = (int16_t)(r % NODES), .data = (uint16_t)(r >> 32)};
        list = &nodes[i];
    }
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j++) {
            left[i][j] = (int16_t)(bench_random(&seed) & 0x3ff);
            right[i][j] = (int16_t)(bench_random(&seed) & 0xff);
        }
    for (size_t i = 0; i < TEXT_BYTES; i++) text[i] = alphabet[bench_random(&seed) % 32];
}

static uint64_t run(uint64_t rounds)
{
    uint64_t sum = 0;
    uint16_t crc = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        crc = list_work(crc, round);
        for (int i = 0; i < 3; i++) crc = matrix_work(crc, (int16_t)(crc & 15));
        for (int i = 0; i < 2; i++) crc = token_work(crc, round + (uint64_t)i);
        sum = bench_mix(sum, crc);
    }
    for (struct node *at = list; at->next; at = at->next)
        if (at->key > at->next->key) bench_fail("the list is not sorted");
    return sum;
}

const struct bench_program bench_program = {.name = "integer", .rounds = 4000, .setup = setup, .run = run};
