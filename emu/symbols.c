#include "emu/symbols.h"

#include <stdlib.h>
#include <string.h>

bool symbols_add(struct symbols *s, const char *name, uint64_t address, uint64_t size, unsigned rank)
{
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 256;
        struct symbol *item = realloc(s->item, room * sizeof *item);
        if (!item) return false;
        s->item = item;
        s->room = room;
    }
    char *copy = strdup(name);
    if (!copy) return false;
    s->item[s->count++] = (struct symbol){.name = copy, .address = address, .size = size, .rank = rank};
    return true;
}

static int compare(const void *pa, const void *pb)
{
    const struct symbol *a = pa, *b = pb;
    if (a->address != b->address) return a->address < b->address ? -1 : 1;
    if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
    return strcmp(a->name, b->name);
}

void symbols_sort(struct symbols *s)
{
    if (s->count) qsort(s->item, s->count, sizeof *s->item, compare);
}

const struct symbol *symbols_by_name(const struct symbols *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->item[i].name, name)) return &s->item[i];
    return NULL;
}

const struct symbol *symbols_by_address(const struct symbols *s, uint64_t address)
{
    size_t low = 0, high = s->count; /* item[low - 1].address <= address < item[high].address */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->item[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low) return NULL;
    uint64_t start = s->item[low - 1].address;
    while (low > 1 && s->item[low - 2].address == start) low--;
    const struct symbol *found = &s->item[low - 1];
    return found->size && address - found->address >= found->size ? NULL : found;
}

void symbols_finish(struct symbols *s)
{
    for (size_t i = 0; i < s->count; i++) free(s->item[i].name);
    free(s->item);
    *s = (struct symbols){0};
}
