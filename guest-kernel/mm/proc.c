/* Memory in /proc: swap areas, counters, free blocks, slabs; and the teaching controls: the replacement policy,
 * prepaging and page cleaning, each measurable on and off. */
#include "base/errno.h"
#include "base/string.h"
#include "fs/vfs.h"
#include "kern/init.h"
#include "mm/replace.h"
#include "mm/slab.h"
#include "mm/space_internal.h"
#include "mm/swap.h"

bool mm_prepage = true, mm_clean = true;

static void show_swaps(struct proc_text *t, void *unused)
{
    (void)unused;
    proc_print(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    struct swap_view v;
    for (unsigned i = 0; swap_describe(i, &v); i++)
        proc_print(t, "%s\t%s\t%lu\t\t%lu\t\t%d\n", v.name, v.file ? "file\t" : "partition", v.bytes / 1024,
                   v.used / 1024, v.priority);
}

static void show_vmstat(struct proc_text *t, void *unused)
{
    (void)unused;
    struct mem_stats m;
    mem_stats(&m);
    struct pagecache_stats c = pagecache_stats();
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"nr_free_pages", m.free},
                {"nr_file_pages", m.cached},
                {"nr_dirty", m.dirty},
                {"nr_anon_pages", m.anon},
                {"nr_page_table_pages", m.tables},
                {"pgfault", m.faults},
                {"pgmajfault", m.faults_major},
                {"pswpin", m.swapped_in},
                {"pswpout", m.swapped_out},
                {"pgsteal", m.reclaimed},
                {"cow_copies", m.cow_copies},
                {"prepaged", m.prepaged},
                {"cleaned", m.cleaned},
                {"oom_kill", m.oom_kills},
                {"cache_hits", c.hits},
                {"cache_misses", c.misses},
                {"cache_read_ahead", c.read_ahead},
                {"cache_written", c.written},
                {"resident_frames", replace_count()}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) proc_print(t, "%s %lu\n", rows[i].name, rows[i].value);
}

static void show_buddyinfo(struct proc_text *t, void *unused)
{
    (void)unused;
    proc_print(t, "Node 0, zone   Normal");
    for (unsigned order = 0; order <= PAGE_ORDER_MAX; order++) proc_print(t, " %6lu", frame_free_blocks(order));
    proc_print(t, "\n");
}

static void show_slab(void *text, const char *name, size_t size, uint64_t objects, uint64_t frames)
{
    uint64_t each = PAGE_SIZE / size;
    proc_print(text, "%s-%lu %lu %lu %lu %lu 1 : tunables 0 0 0 : slabdata %lu %lu 0\n", name, size, objects,
               frames * each, size, each, frames, frames);
}

static void show_slabinfo(struct proc_text *t, void *unused)
{
    (void)unused;
    proc_print(t, "slabinfo - version: 2.1\n# name-size <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> "
                  ": tunables "
                  "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    slab_each(show_slab, t);
}

/* All names, the chosen one in brackets. */
static void show_replace(struct proc_text *t, void *unused)
{
    (void)unused;
    for (const struct replace_policy *const *at = replace_policies; *at; at++)
        proc_print(t, strcmp((*at)->name, replace_name()) ? "%s%s" : "%s[%s]", at == replace_policies ? "" : " ",
                   (*at)->name);
    proc_print(t, "\n");
}

static int store_replace(const char *text, void *unused)
{
    (void)unused;
    return replace_choose(text);
}

static void show_switch(struct proc_text *t, void *which) { proc_print(t, "%s\n", *(bool *)which ? "on" : "off"); }

static int store_switch(const char *text, void *which)
{
    if (strcmp(text, "on") && strcmp(text, "off")) return -EINVAL;
    *(bool *)which = text[1] == 'n';
    return 0;
}

static void show_write(struct proc_text *t, void *unused)
{
    (void)unused;
    proc_print(t, pagecache_write_through ? "back [through]\n" : "[back] through\n");
}

static int store_write(const char *text, void *unused)
{
    (void)unused;
    if (strcmp(text, "back") && strcmp(text, "through")) return -EINVAL;
    pagecache_write_through = text[0] == 't';
    return 0;
}

static void proc_start(void)
{
    proc_add("swaps", 0444, show_swaps, NULL, NULL);
    proc_add("vmstat", 0444, show_vmstat, NULL, NULL);
    proc_add("buddyinfo", 0444, show_buddyinfo, NULL, NULL);
    proc_add("slabinfo", 0400, show_slabinfo, NULL, NULL);
    proc_add("policy/replace", 0644, show_replace, store_replace, NULL);
    proc_add("policy/prepage", 0644, show_switch, store_switch, &mm_prepage);
    proc_add("policy/clean", 0644, show_switch, store_switch, &mm_clean);
    proc_add("policy/flush", 0644, show_switch, store_switch, &pagecache_periodic);
    proc_add("policy/write", 0644, show_write, store_write, NULL);
}
INIT(INIT_DEVICE, proc_start);
