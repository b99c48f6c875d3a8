#include "emu/config.h"

#include <string.h>

void config_init(struct machine_config *c)
{
    *c = (struct machine_config){
        .harts = 1,
        .isa = isa_default(),
        .freq_hz = 1000000000,
        .cpi_milli = 1000,
        .seed = 1,
        .signature_granularity = 16,
    };
}

static void finish_list(struct opts_list *list)
{
    for (unsigned i = 0; i < list->count; i++) opts_finish(&list->item[i]);
    list->count = 0;
}

void config_finish(struct machine_config *c)
{
    finish_list(&c->drives);
    finish_list(&c->devices);
    finish_list(&c->netdevs);
    finish_list(&c->chardevs);
    finish_list(&c->objects);
}

bool config_add(struct opts_list *list, const char *option, const char *text, const char *first_key, struct err *err)
{
    if (list->count == CONFIG_LIST_MAX)
        return err_set(err, "%s %s: more than %d of them", option, text, CONFIG_LIST_MAX);
    struct opts *o = &list->item[list->count++]; /* counted first: config_finish frees what a failed parse left */
    return opts_parse(o, option, text, first_key, err);
}
