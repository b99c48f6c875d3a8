/* crash_script.c - scripts of operations: at random, from text, to text (crash.h). */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"

static const char *const crash_kind_name[OP_KINDS] = {
    [OP_WRITE] = "write",         [OP_APPEND] = "append",     [OP_MAPWRITE] = "mapwrite",   [OP_TRUNCATE] = "truncate",
    [OP_RENAME] = "rename",       [OP_EXCHANGE] = "exchange", [OP_LINK] = "link",           [OP_UNLINK] = "unlink",
    [OP_MKDIR] = "mkdir",         [OP_RMDIR] = "rmdir",       [OP_MOVEDIR] = "movedir",     [OP_FSYNC] = "fsync",
    [OP_FDATASYNC] = "fdatasync", [OP_SYNC] = "sync",         [OP_WRITEBACK] = "writeback", [OP_COMMIT] = "commit",
};
/* How many numbers follow the word. */
static const int kind_numbers[OP_KINDS] = {
    [OP_WRITE] = 3,    [OP_APPEND] = 2, [OP_MAPWRITE] = 3,  [OP_TRUNCATE] = 2, [OP_RENAME] = 2,
    [OP_EXCHANGE] = 2, [OP_LINK] = 2,   [OP_UNLINK] = 1,    [OP_MKDIR] = 1,    [OP_RMDIR] = 1,
    [OP_MOVEDIR] = 1,  [OP_FSYNC] = 1,  [OP_FDATASYNC] = 1,
};

void crash_random_op(struct crash_op *op)
{
    static const uint8_t often[OP_KINDS] = {
        [OP_WRITE] = 6,     [OP_APPEND] = 4, [OP_MAPWRITE] = 2,  [OP_TRUNCATE] = 3, [OP_RENAME] = 3,  [OP_EXCHANGE] = 1,
        [OP_LINK] = 2,      [OP_UNLINK] = 4, [OP_MKDIR] = 2,     [OP_RMDIR] = 1,    [OP_MOVEDIR] = 1, [OP_FSYNC] = 2,
        [OP_FDATASYNC] = 1, [OP_SYNC] = 1,   [OP_WRITEBACK] = 3, [OP_COMMIT] = 2};
    unsigned sum = 0, kind = 0;
    for (unsigned i = 0; i < OP_KINDS; i++) sum += often[i];
    for (unsigned pick = crash_random(sum); pick >= often[kind]; kind++) pick -= often[kind];
    bool directory = kind == OP_MKDIR || kind == OP_RMDIR || kind == OP_MOVEDIR;
    *op = (struct crash_op){.kind = kind,
                            .name = (int)crash_random(directory ? CRASH_DIRECTORIES : CRASH_NAMES),
                            .to = (int)crash_random(CRASH_NAMES),
                            .at = crash_random(CRASH_BYTES / 2),
                            .bytes = 1 + crash_random(CRASH_BYTES / 2 - 1)};
    if (kind == OP_TRUNCATE) op->at = crash_random(CRASH_BYTES);
}

void crash_print(const struct crash_op *op, char *text, size_t room)
{
    unsigned number[3] = {(unsigned)op->name, op->at, op->bytes};
    bool two = op->kind == OP_RENAME || op->kind == OP_EXCHANGE || op->kind == OP_LINK;
    if (two) number[1] = (unsigned)op->to;
    if (op->kind == OP_APPEND) number[1] = op->bytes;
    int at = snprintf(text, room, "%s", crash_kind_name[op->kind]);
    for (int i = 0; i < kind_numbers[op->kind]; i++) at += snprintf(text + at, room - (size_t)at, " %u", number[i]);
}

static bool parse_one(char *text, struct crash_op *op)
{
    char word[16] = "";
    unsigned number[3] = {0}, kind = 0;
    int got = sscanf(text, "%15s %u %u %u", word, &number[0], &number[1], &number[2]);
    while (kind < OP_KINDS && strcmp(word, crash_kind_name[kind])) kind++;
    if (kind == OP_KINDS || got - 1 != kind_numbers[kind]) return false;
    bool directory = kind == OP_MKDIR || kind == OP_RMDIR || kind == OP_MOVEDIR;
    *op = (struct crash_op){kind, (int)number[0], (int)number[1] % CRASH_NAMES, number[1], number[2]};
    if (kind == OP_APPEND) op->bytes = number[1], op->at = 0;
    return number[0] < (directory ? CRASH_DIRECTORIES : CRASH_NAMES) && op->at <= CRASH_BYTES &&
           op->bytes <= CRASH_BYTES;
}

int crash_parse(const char *script, struct crash_op *op, int room)
{
    char *copy = strdup(script), *rest = copy;
    int count = 0;
    for (char *one; (one = strsep(&rest, ";\n"));) {
        if (!one[strspn(one, " ")]) continue;
        if (count == room || !parse_one(one, &op[count++])) {
            fprintf(stderr, "crash: `%s': not understood\n", one);
            count = -1;
            break;
        }
    }
    free(copy);
    return count;
}
