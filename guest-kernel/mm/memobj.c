/* Memory objects: shared memory that is no file. A shared anonymous map makes one, which fork hands on to the
 * children; a SysV segment is one with a name. Its pages live in the page cache of its own mapping, zero until
 * they are written, and go to swap when memory is short. */
#include "base/errno.h"
#include "mm/slab.h"
#include "mm/space_internal.h"

struct memobj *memobj_create(uint64_t bytes)
{
    struct memobj *o = kmalloc(sizeof *o);
    if (!o) return NULL;
    ref_init(&o->refs);
    mapping_init_memory(&o->mapping, o, bytes);
    o->shmid = -1;
    return o;
}

void memobj_get(struct memobj *o) { ref_get(&o->refs); }

void memobj_put(struct memobj *o)
{
    if (!ref_put(&o->refs)) return;
    pagecache_destroy(&o->mapping);
    kfree(o);
}
