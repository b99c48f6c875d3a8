/* Hosts without a generator. */
#include "cpu/jit/jit.h"

struct jit *jit_create(struct engine *e, size_t bytes, unsigned warm)
{
    (void)e, (void)bytes, (void)warm;
    return NULL;
}
void jit_destroy(struct jit *j) { (void)j; }
void jit_block_made(struct jit *j, struct block *b, bool cached) { (void)j, (void)b, (void)cached; }
void jit_block_killed(struct jit *j, struct block *b) { (void)j, (void)b; }
void jit_block_dropped(struct jit *j, struct block *b) { (void)j, (void)b; }
void jit_flush(struct jit *j) { (void)j; }
bool jit_code(const struct jit *j, const uint8_t **code, size_t *bytes)
{
    (void)j, (void)code, (void)bytes;
    return false;
}
void jit_on_translation(struct jit *j, void (*told)(void *self, const struct translation *t), void *self)
{
    (void)j, (void)told, (void)self;
}
int64_t region_step(struct hart *h, const struct block *b)
{
    (void)h, (void)b;
    return INT64_MAX;
}
