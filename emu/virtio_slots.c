#include "emu/virtio_slots.h"

#include "devices/virtio/blk.h"
#include "devices/virtio/console.h"
#include "devices/virtio/mmio.h"
#include "devices/virtio/net.h"
#include "devices/virtio/rng.h"
#include "emu/base/bits.h"
#include "emu/base/host_random.h"
#include "emu/board_virt.h"
#include "emu/chars.h"
#include "emu/net_slirp.h"
#include <stdlib.h>
#include <string.h>

struct net_backend {
    const struct opts *opts;
    struct net_slirp *slirp;
    bool used;
};

struct virtio_slots {
    struct virtio_mmio *slot[VIRT_VIRTIO_SLOTS];
    struct net_backend nets[VIRT_VIRTIO_SLOTS];
    unsigned net_count;
    bool drive_used[CONFIG_LIST_MAX];
};

/* ---- disks ----------------------------------------------------------------------------------------------------------------- */

static const char *const drive_keys[] = {"file",     "format", "if",     "id",      "readonly", "read-only",
                                         "snapshot", "cache",  "serial", "discard", NULL};

/* A value that must be one of two words, the first one if absent; returns its index, or -1 with text. */
static int choose(const struct opts *o, const char *key, const char *first, const char *second, struct err *err)
{
    const char *value = opts_get(o, key);
    if (!opts_has(o, key) || (value && !strcmp(value, first))) return 0;
    if (value && !strcmp(value, second)) return 1;
    err_set(err, "%s %s: %s=%s is not supported; %s and %s are", o->option, o->text, key, value ? value : "", first,
            second);
    return -1;
}

/* Whether the guest sees a write cache. QEMU's words differ in what the host caches, too, which is not for a guest to see. */
static bool cache_mode(const struct opts *drive, bool *cache, struct err *err)
{
    static const char *const words[] = {"writeback", "none", "unsafe", "writethrough", "directsync"};
    const char *value = opts_get(drive, "cache");
    *cache = true;
    if (!opts_has(drive, "cache")) return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        *cache = i < 3;
        if (value && !strcmp(value, words[i])) return true;
    }
    return err_set(err,
                   "-drive %s: cache=%s is not supported; writeback, writethrough, none, unsafe and directsync are",
                   drive->text, value ? value : "");
}

/* -drive: the medium, checked and opened. */
static struct medium *open_drive(struct machine *m, const struct opts *o, struct err *err)
{
    bool read_only, also_read_only, snapshot;
    const char *file = opts_get(o, "file"), *format = opts_get(o, "format");
    if (!file || !*file) return err_set(err, "-drive %s: file= is missing", o->text), NULL;
    if (format && strcmp(format, "raw"))
        return err_set(err, "-drive %s: format=%s is not supported; only raw is", o->text, format), NULL;
    if (!opts_bool(o, "readonly", false, &read_only, err) || !opts_bool(o, "read-only", false, &also_read_only, err) ||
        !opts_bool(o, "snapshot", m->config->snapshot, &snapshot, err))
        return NULL;
    read_only |= also_read_only;
    struct image *image = image_open_raw("-drive", file, read_only || snapshot, err);
    if (image && snapshot && !read_only) image = image_open_overlay(image, err);
    if (!image) return NULL;
    struct medium *medium = medium_none_create(&m->events, image, MEDIUM_NONE_LATENCY_PS);
    if (!medium) err_set(err, "-drive %s: out of memory", o->text);
    return medium;
}

static struct virtio_device *make_disk(struct machine *m, const struct opts *drive, const struct opts *device,
                                       struct err *err)
{
    uint64_t queues = 1, block = 512;
    bool cache;
    int discard_word = choose(drive, "discard", "unmap", "ignore", err);
    if (discard_word < 0 || !cache_mode(drive, &cache, err)) return NULL;
    bool discard = discard_word == 0;
    const char *serial = opts_get(drive, "serial");
    if (device && opts_get(device, "serial")) serial = opts_get(device, "serial");
    if (device && (!opts_number(device, "num-queues", 1, &queues, err) ||
                   !opts_number(device, "logical_block_size", 512, &block, err) ||
                   !opts_bool(device, "discard", discard, &discard, err) ||
                   !opts_bool(device, "write-cache", cache, &cache, err)))
        return NULL;
    if (!queues || !block || queues > UINT32_MAX || block > UINT32_MAX)
        return err_set(err, "-device %s: value out of range", device->text), NULL;
    struct medium *medium = open_drive(m, drive, err);
    if (!medium) return NULL;
    struct virtio_blk_config c = {.medium = medium,
                                  .serial = serial,
                                  .queues = (unsigned)queues,
                                  .block_bytes = (unsigned)block,
                                  .no_discard = !discard,
                                  .write_through = !cache};
    return virtio_blk_create(&c, err);
}

static int find_drive(const struct machine *m, const char *id)
{
    const struct opts_list *list = &m->config->drives;
    for (unsigned i = 0; i < list->count; i++)
        if (opts_get(&list->item[i], "id") && !strcmp(opts_get(&list->item[i], "id"), id)) return (int)i;
    return -1;
}

/* ---- devices of -device ----------------------------------------------------------------------------------------------------- */

static struct virtio_device *make_blk(struct machine *m, struct virtio_slots *s, const struct opts *o, struct err *err)
{
    const char *id = opts_get(o, "drive");
    if (!id) return err_set(err, "-device %s: drive= is missing", o->text), NULL;
    int i = find_drive(m, id);
    if (i < 0) return err_set(err, "-device %s: there is no -drive with id=%s", o->text, id), NULL;
    if (s->drive_used[i]) return err_set(err, "-device %s: drive %s is in use already", o->text, id), NULL;
    s->drive_used[i] = true;
    return make_disk(m, &m->config->drives.item[i], o, err);
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    unsigned v[6];
    int end = 0;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != 6 || text[end])
        return false;
    for (unsigned i = 0; i < 6; i++) mac[i] = (uint8_t)v[i];
    return !(mac[0] & 1);
}

static struct net_backend *find_net(struct virtio_slots *s, const char *id)
{
    for (unsigned i = 0; i < s->net_count; i++)
        if (!strcmp(opts_get(s->nets[i].opts, "id"), id)) return &s->nets[i];
    return NULL;
}

static struct virtio_device *make_net(struct machine *m, struct virtio_slots *s, const struct opts *o, struct err *err)
{
    static const uint8_t first_mac[6] = VIRTIO_NET_DEFAULT_MAC;
    const char *id = opts_get(o, "netdev"), *text = opts_get(o, "mac");
    struct net_backend *net = id ? find_net(s, id) : NULL;
    uint8_t mac[6];
    (void)m;
    if (id && !net) return err_set(err, "-device %s: there is no -netdev with id=%s", o->text, id), NULL;
    if (net && net->used) return err_set(err, "-device %s: netdev %s is in use already", o->text, id), NULL;
    memcpy(mac, first_mac, sizeof mac);
    mac[5] = (uint8_t)(mac[5] + (net ? net - s->nets : 0));
    if (text && !parse_mac(text, mac))
        return err_set(err, "-device %s: mac=%s is not a unicast Ethernet address", o->text, text), NULL;
    if (net) net->used = true;
    struct virtio_device *dev = virtio_net_create(net ? net_slirp_netdev(net->slirp) : NULL, mac);
    if (!dev) err_set(err, "-device %s: out of memory", o->text);
    return dev;
}

static void fill_from_host(void *source, uint8_t *bytes, size_t n)
{
    (void)source;
    host_random(bytes, n);
}

/* -object: the host's random numbers are the only thing that can be asked for, and have one source. */
static bool check_objects(const struct machine *m, struct err *err)
{
    static const char *const keys[] = {"qom-type", "id", "filename", NULL};
    const struct opts_list *list = &m->config->objects;
    for (unsigned i = 0; i < list->count; i++) {
        const struct opts *o = &list->item[i];
        const char *type = opts_get(o, "qom-type"), *file = opts_get(o, "filename");
        if (!type || (strcmp(type, "rng-random") && strcmp(type, "rng-builtin")))
            return err_set(err, "-object %s: unknown kind '%s'; there are rng-random and rng-builtin", o->text,
                           type ? type : "");
        if (!opts_only(o, keys, err)) return false;
        if (!opts_get(o, "id")) return err_set(err, "-object %s: id= is missing", o->text);
        if (file && strcmp(file, "/dev/urandom") && strcmp(file, "/dev/random"))
            return err_set(err, "-object %s: filename=%s is not supported; /dev/urandom is", o->text, file);
    }
    return true;
}

static bool has_object(const struct machine *m, const char *id)
{
    const struct opts_list *list = &m->config->objects;
    for (unsigned i = 0; i < list->count; i++)
        if (id && !strcmp(opts_get(&list->item[i], "id"), id)) return true;
    return false;
}

static struct virtio_device *make_rng(struct machine *m, struct virtio_slots *s, const struct opts *o, struct err *err)
{
    static const struct entropy_source host = {.fill = fill_from_host};
    (void)s;
    const char *id = opts_get(o, "rng");
    int word = choose(o, "source", "seed", "host", err);
    if (word < 0) return NULL;
    if (opts_has(o, "rng") && !has_object(m, id))
        return err_set(err, "-device %s: there is no -object with id=%s", o->text, id ? id : ""), NULL;
    struct virtio_device *dev = virtio_rng_create(m->config->seed, word == 1 || id ? &host : NULL);
    if (!dev) err_set(err, "-device %s: out of memory", o->text);
    return dev;
}

static struct virtio_device *make_console(struct machine *m, struct virtio_slots *s, const struct opts *o,
                                          struct err *err)
{
    (void)s;
    const char *id = opts_get(o, "chardev");
    struct chardev *c = id ? chars_by_id(m->chars, id) : NULL;
    if (!id) return err_set(err, "-device %s: chardev= is missing", o->text), NULL;
    if (!c) return err_set(err, "-device %s: there is no free -chardev with id=%s", o->text, id), NULL;
    struct virtio_device *dev = virtio_console_create(c);
    if (!dev) err_set(err, "-device %s: out of memory", o->text);
    return dev;
}

static const struct driver {
    const char *name;
    struct virtio_device *(*make)(struct machine *m, struct virtio_slots *s, const struct opts *o, struct err *err);
    const char *const keys[12]; /* NULL-terminated */
} drivers[] = {
    {"virtio-blk-device",
     make_blk,
     {"driver", "drive", "id", "bus", "serial", "num-queues", "logical_block_size", "discard", "write-cache"}},
    {"virtio-net-device", make_net, {"driver", "netdev", "mac", "id", "bus"}},
    {"virtio-rng-device", make_rng, {"driver", "id", "bus", "source", "rng"}},
    {"virtconsole", make_console, {"driver", "chardev", "id", "bus", "nr", "name"}},
};

static const struct driver *find_driver(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (!strcmp(drivers[i].name, name)) return &drivers[i];
    return NULL;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------------ */

/* bus=virtio-mmio-bus.N names a slot; without it the highest free one is taken, as in QEMU, whose guests therefore name the first disk
 * vda. Takes dev in any case. */
static bool plug(struct virtio_slots *s, const struct opts *o, struct virtio_device *dev, struct err *err)
{
    const char *bus = o && !strncmp(o->option, "-device", 8) ? opts_get(o, "bus") : NULL;
    uint64_t n = VIRT_VIRTIO_SLOTS;
    if (bus && !strncmp(bus, "virtio-mmio-bus.", 16)) {
        if (!parse_number(bus + 16, &n)) n = VIRT_VIRTIO_SLOTS;
        bool bad = n >= VIRT_VIRTIO_SLOTS || virtio_mmio_device_in(s->slot[n]);
        if (bad)
            err_set(err, "-device %s: bus=%s does not exist or is taken; there are virtio-mmio-bus.0 … 7", o->text,
                    bus);
        if (bad) n = VIRT_VIRTIO_SLOTS;
    } else {
        while (n && virtio_mmio_device_in(s->slot[n - 1])) n--;
        if (!n)
            err_set(err, "%s %s: all %u virtio slots are taken", o ? o->option : "", o ? o->text : "",
                    VIRT_VIRTIO_SLOTS);
        n = n ? n - 1 : VIRT_VIRTIO_SLOTS;
    }
    if (n == VIRT_VIRTIO_SLOTS) {
        virtio_destroy(dev);
        return false;
    }
    virtio_mmio_plug(s->slot[n], dev);
    return true;
}

static bool add_device(struct machine *m, struct virtio_slots *s, const struct opts *o, struct err *err)
{
    const char *name = opts_get(o, "driver");
    if (!name) return err_set(err, "-device %s: the driver's name is missing", o->text);
    if (!strcmp(name, "loader")) return true; /* board_boot.c */
    if (!strcmp(name, "virtio-serial-device")) {
        static const char *const keys[] = {"driver", "id", "bus", "max_ports", NULL};
        return opts_only(o, keys, err); /* the bus of virtconsole; the device comes with the port */
    }
    const struct driver *d = find_driver(name);
    if (!d) return err_set(err, "-device %s: unknown device '%s'; see -device help", o->text, name);
    if (!opts_only(o, d->keys, err)) return false;
    struct virtio_device *dev = d->make(m, s, o, err);
    return dev && plug(s, o, dev, err);
}

static bool add_drives(struct machine *m, struct virtio_slots *s, struct err *err)
{
    const struct opts_list *list = &m->config->drives;
    for (unsigned i = 0; i < list->count; i++) {
        const struct opts *o = &list->item[i];
        const char *interface = opts_get(o, "if"), *id = opts_get(o, "id");
        if (!opts_only(o, drive_keys, err)) return false;
        if (id && find_drive(m, id) != (int)i) return err_set(err, "-drive %s: the id is taken", o->text);
        if (interface && strcmp(interface, "none") && strcmp(interface, "virtio"))
            return err_set(err, "-drive %s: if=%s is not supported; none and virtio are", o->text, interface);
        if (s->drive_used[i]) continue;
        if (interface && !strcmp(interface, "none")) return err_set(err, "-drive %s: no -device uses it", o->text);
        struct virtio_device *dev = make_disk(m, o, NULL, err);
        if (!dev || !plug(s, o, dev, err)) return false;
    }
    return true;
}

static bool add_nets(struct machine *m, struct virtio_slots *s, struct err *err)
{
    const struct opts_list *list = &m->config->netdevs;
    for (unsigned i = 0; i < list->count; i++) {
        const struct opts *o = &list->item[i];
        const char *type = opts_get(o, "type"), *id = opts_get(o, "id");
        if (!type || strcmp(type, "user"))
            return err_set(err, "-netdev %s: unknown kind '%s'; there is user", o->text, type ? type : "");
        if (!id) return err_set(err, "-netdev %s: id= is missing", o->text);
        if (find_net(s, id)) return err_set(err, "-netdev %s: the id is taken", o->text);
        if (s->net_count == ARRAY_LEN(s->nets))
            return err_set(err, "-netdev %s: more than %zu", o->text, ARRAY_LEN(s->nets));
        struct net_slirp *slirp = net_slirp_create(o, &m->events, &m->log, err);
        if (!slirp) return false;
        s->nets[s->net_count++] = (struct net_backend){.opts = o, .slirp = slirp};
        struct port port = {0};
        net_slirp_port(slirp, &port);
        if (!machine_add_port(m, port, err)) return false;
    }
    return true;
}

/* From the highest address down: the order in which QEMU's tree lists them and Linux names disks. */
static bool make_slots(struct machine *m, struct virtio_slots *s, struct err *err)
{
    for (unsigned i = VIRT_VIRTIO_SLOTS; i-- > 0;) {
        unsigned irq = VIRT_IRQ_VIRTIO + i;
        struct device_place place = {.base = VIRT_VIRTIO + i * VIRT_VIRTIO_BYTES,
                                     .size = VIRT_VIRTIO_BYTES,
                                     .irq = irq,
                                     .irq_parent = VIRT_PHANDLE_PLIC,
                                     .irq_flags_cells = 1};
        s->slot[i] = virtio_mmio_create(&m->host, plic_source(m->plic, irq));
        if (!machine_attach(m, s->slot[i], &virtio_mmio_device, place, err)) return false;
    }
    return true;
}

bool virtio_slots_add(struct machine *m, struct err *err)
{
    struct virtio_slots *s = m->slots = calloc(1, sizeof *s);
    if (!s) return err_set(err, "out of memory");
    if (!check_objects(m, err) || !make_slots(m, s, err) || !add_nets(m, s, err)) return false;
    for (unsigned i = 0; i < m->config->devices.count; i++)
        if (!add_device(m, s, &m->config->devices.item[i], err)) return false;
    return add_drives(m, s, err);
}

void virtio_slots_finish(struct virtio_slots *s)
{
    if (!s) return;
    for (unsigned i = 0; i < s->net_count; i++) net_slirp_destroy(s->nets[i].slirp);
    free(s);
}
