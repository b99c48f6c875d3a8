/*
 * tree.c - the tree of processes: who started whom. Every process but the first has a parent; an orphan's parent is init.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

static struct process *list;
static size_t count;

static void print(const struct process *p, const char *prefix, const char *branch)
{
    printf("%s%s%s(%d)", prefix, branch, p->name, p->pid);
    if (p->threads > 1) printf(" %d threads", p->threads);
    printf(" %c\n", p->state);
}

static void descend(int parent, const char *prefix)
{
    size_t children = 0, seen = 0;
    for (size_t i = 0; i < count; i++) children += list[i].parent == parent && list[i].pid != parent;
    for (size_t i = 0; i < count; i++) {
        if (list[i].parent != parent || list[i].pid == parent) continue;
        bool last = ++seen == children;
        print(&list[i], prefix, last ? "`-" : "|-");
        char *below = xprintf("%s%s", prefix, last ? "  " : "| ");
        descend(list[i].pid, below);
        free(below);
    }
}

int main(int argc, char **argv)
{
    long long root = 0;
    util_start(argv);
    if (argc > 2 || (argc == 2 && !parse_number(argv[1], &root))) fail_usage("[PID]");
    list = process_list(&count);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        bool top = root ? list[i].pid == root : list[i].parent == 0;
        if (!top) continue;
        found = true;
        print(&list[i], "", "");
        descend(list[i].pid, "");
    }
    free(list);
    if (!found) fail_text("%s: no such process", root ? argv[1] : "/proc");
    return util_end(0);
}
