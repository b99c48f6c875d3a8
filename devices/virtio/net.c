#include "devices/virtio/net.h"

#include "emu/base/bits.h"
#include <inttypes.h>
#include <stdlib.h>

#define F_MAC           (UINT64_C(1) << 5)
#define F_MRG_RXBUF     (UINT64_C(1) << 15)
#define F_STATUS        (UINT64_C(1) << 16)
#define F_CTRL_VQ       (UINT64_C(1) << 17)
#define F_CTRL_RX       (UINT64_C(1) << 18)
#define F_CTRL_MAC_ADDR (UINT64_C(1) << 23)

enum { RECEIVE = 0, TRANSMIT = 1, CONTROL = 2, QUEUES = 3 };
#define QUEUE_SIZE 256u

#define MAC_BYTES          6u
#define ETHERNET_BYTES_MIN 14u

/* struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, num_buffers. Without offloads all but the last are 0.
 * "The legacy driver only presented num_buffers … when VIRTIO_NET_F_MRG_RXBUF was negotiated; without that feature the structure was 2
 * bytes shorter": so it is for a driver that does not accept VERSION_1. */
#define HEADER_BYTES_MAX   12u
#define HEADER_NUM_BUFFERS 10u

/* struct virtio_net_config: mac, le16 status */
enum { CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_BYTES = 8 };
#define STATUS_LINK_UP 1u

enum { CTRL_RX = 0, CTRL_MAC = 1 };
enum { CTRL_RX_PROMISC = 0, CTRL_RX_ALLMULTI = 1 };
enum { CTRL_MAC_TABLE_SET = 0, CTRL_MAC_ADDR_SET = 1 };
enum { ACK_OK = 0, ACK_ERR = 1 };

#define TABLE_MAX 32u /* addresses of one kind; more are received all */

/* Addresses that the driver wants besides its own. */
struct mac_table {
    uint32_t count;
    bool overflow;
    uint8_t mac[TABLE_MAX][MAC_BYTES];
};

struct net {
    struct virtio_device dev; /* first */
    struct netdev *netdev;    /* may be NULL */
    uint8_t mac_at_reset[MAC_BYTES];
    uint8_t config[CONFIG_BYTES];
    bool promiscuous, all_multicast;
    struct mac_table unicast, multicast;
    uint8_t frame[NETDEV_FRAME_MAX];
};

static struct net *net_of(struct virtio_device *dev) { return (struct net *)dev; }

static unsigned header_bytes(const struct net *n)
{
    return virtio_has(&n->dev, VIRTIO_F_VERSION_1 | F_MRG_RXBUF) ? HEADER_BYTES_MAX : HEADER_NUM_BUFFERS;
}

/* ---- receiving ---- */

static bool table_has(const struct mac_table *t, const uint8_t *mac)
{
    if (t->overflow) return true;
    for (uint32_t i = 0; i < t->count; i++)
        if (!memcmp(t->mac[i], mac, MAC_BYTES)) return true;
    return false;
}

static bool wanted(const struct net *n, const uint8_t *to)
{
    static const uint8_t broadcast[MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (n->promiscuous || !memcmp(to, broadcast, MAC_BYTES)) return true;
    if (to[0] & 1) /* multicast: a driver that cannot choose gets all */
        return n->all_multicast || !virtio_has(&n->dev, F_CTRL_RX) || table_has(&n->multicast, to);
    return !memcmp(to, n->config + CONFIG_MAC, MAC_BYTES) || table_has(&n->unicast, to);
}

/* A frame being spread over receive buffers: used, but not yet returned. */
struct spread {
    unsigned count;
    uint16_t head[VIRTQ_SIZE_MAX];
    uint32_t written[VIRTQ_SIZE_MAX];
};

/* false: no buffer there, or none that may be used. */
static bool take_buffer(struct net *n, struct virtq_chain *c, unsigned bytes_min)
{
    if (!virtq_pop(&n->dev.queues[RECEIVE], c)) return false;
    if (!c->readable && c->writable_bytes >= bytes_min) return true;
    virtio_broken(&n->dev, "a receive buffer that is readable or shorter than %u bytes", bytes_min);
    return false;
}

/* Without MRG_RXBUF a frame fits into one buffer or is dropped; with it, it may take several. false: not enough buffers now. */
static bool spread_frame(struct net *n, const uint8_t *frame, size_t bytes, struct spread *s)
{
    struct virtq *q = &n->dev.queues[RECEIVE];
    struct virtq_chain first, next, *c = &first;
    uint8_t header[HEADER_BYTES_MAX] = {0};
    unsigned head_bytes = header_bytes(n);
    bool merge = virtio_has(&n->dev, F_MRG_RXBUF);
    if (!take_buffer(n, c, head_bytes)) return false;
    if (!merge && c->writable_bytes < head_bytes + bytes) {
        virtio_complain(&n->dev, "a frame of %zu bytes does not fit the receive buffer of %" PRIu64, bytes,
                        c->writable_bytes);
        virtq_unpop(q, 1);
        return true;
    }
    for (size_t at = head_bytes, sent = 0;; at = 0) {
        size_t here = virtq_write(q, c, at, frame + sent, bytes - sent);
        sent += here;
        s->head[s->count] = c->head;
        s->written[s->count++] = (uint32_t)(at + here);
        if (sent == bytes) break;
        c = &next;
        if (s->count == VIRTQ_SIZE_MAX || !take_buffer(n, c, 1)) {
            virtq_unpop(q, s->count);
            s->count = 0;
            return false;
        }
    }
    store_le16(header + HEADER_NUM_BUFFERS, (uint16_t)s->count);
    virtq_write(q, &first, 0, header, head_bytes);
    return true;
}

static bool net_receive(void *frontend, const uint8_t *frame, size_t bytes)
{
    struct net *n = frontend;
    struct virtq *q = &n->dev.queues[RECEIVE];
    if (!virtio_live(&n->dev) || !q->ready || bytes < ETHERNET_BYTES_MIN || bytes > NETDEV_FRAME_MAX ||
        !wanted(n, frame))
        return true;
    struct spread spread = {.count = 0};
    if (!spread_frame(n, frame, bytes, &spread)) return !virtio_live(&n->dev); /* a broken device takes and drops */
    for (unsigned i = 0; i < spread.count; i++) virtq_push(q, spread.head[i], spread.written[i]);
    virtq_signal(q);
    return true;
}

/* ---- sending ---- */

static void transmit(struct net *n)
{
    struct virtq *q = &n->dev.queues[TRANSMIT];
    struct virtq_chain c;
    unsigned head_bytes = header_bytes(n);
    while (virtq_pop(q, &c)) {
        if (c.readable_bytes < head_bytes || c.writable) {
            virtio_broken(&n->dev, "a transmit buffer that is writable or shorter than its header");
            break;
        }
        uint64_t bytes = c.readable_bytes - head_bytes;
        if (bytes < ETHERNET_BYTES_MIN || bytes > NETDEV_FRAME_MAX) {
            virtio_complain(&n->dev, "a frame of %" PRIu64 " bytes is dropped", bytes);
        } else if (n->netdev && n->netdev->send) {
            virtq_read(&c, head_bytes, n->frame, (size_t)bytes);
            n->netdev->send(n->netdev->backend, n->frame, (size_t)bytes);
        }
        virtq_push(q, c.head, 0);
    }
    virtq_signal(q);
}

/* ---- control ---- */

/* Reads one table of a TABLE_SET at *at; false: the command is too short for it. */
static bool table_load(const struct virtq_chain *c, uint64_t *at, struct mac_table *t)
{
    uint8_t count[4];
    if (virtq_read(c, *at, count, sizeof count) != sizeof count) return false;
    *at += sizeof count;
    uint64_t entries = load_le32(count);
    if (entries * MAC_BYTES > c->readable_bytes - *at) return false;
    *t = (struct mac_table){.overflow = entries > TABLE_MAX};
    t->count = t->overflow ? 0 : (uint32_t)entries;
    virtq_read(c, *at, t->mac, t->count * MAC_BYTES);
    *at += entries * MAC_BYTES;
    return true;
}

static uint8_t set_tables(struct net *n, const struct virtq_chain *c)
{
    struct mac_table unicast, multicast;
    uint64_t at = 2;
    if (!table_load(c, &at, &unicast) || !table_load(c, &at, &multicast)) return ACK_ERR;
    n->unicast = unicast;
    n->multicast = multicast;
    return ACK_OK;
}

static uint8_t command(struct net *n, const struct virtq_chain *c)
{
    uint8_t what[2 + MAC_BYTES];
    size_t have = virtq_read(c, 0, what, sizeof what);
    switch (what[0] << 8 | what[1]) {
    case CTRL_RX << 8 | CTRL_RX_PROMISC:
    case CTRL_RX << 8 | CTRL_RX_ALLMULTI:
        if (!virtio_has(&n->dev, F_CTRL_RX) || have < 3 || what[2] > 1) return ACK_ERR;
        *(what[1] == CTRL_RX_PROMISC ? &n->promiscuous : &n->all_multicast) = what[2];
        return ACK_OK;
    case CTRL_MAC << 8 | CTRL_MAC_TABLE_SET: return virtio_has(&n->dev, F_CTRL_RX) ? set_tables(n, c) : ACK_ERR;
    case CTRL_MAC << 8 | CTRL_MAC_ADDR_SET:
        if (!virtio_has(&n->dev, F_CTRL_MAC_ADDR) || have != sizeof what) return ACK_ERR;
        memcpy(n->config + CONFIG_MAC, what + 2, MAC_BYTES);
        n->dev.generation++;
        return ACK_OK;
    default: return ACK_ERR;
    }
}

static void control(struct net *n)
{
    struct virtq *q = &n->dev.queues[CONTROL];
    struct virtq_chain c;
    while (virtio_has(&n->dev, F_CTRL_VQ) && virtq_pop(q, &c)) {
        if (c.readable_bytes < 2 || c.writable_bytes < 1) {
            virtio_broken(&n->dev, "a control command without class, command or room for the answer");
            break;
        }
        uint8_t ack = command(n, &c);
        virtq_write(q, &c, 0, &ack, 1);
        virtq_push(q, c.head, 1);
    }
    virtq_signal(q);
}

static void net_notify(struct virtio_device *dev, unsigned queue)
{
    struct net *n = net_of(dev);
    if (queue == TRANSMIT)
        transmit(n);
    else if (queue == CONTROL)
        control(n);
    else if (n->netdev && n->netdev->resume)
        n->netdev->resume(n->netdev->backend);
}

/* ---- configuration and life ---- */

static uint64_t net_config_read(struct virtio_device *dev, unsigned offset, unsigned size)
{
    return virtio_config_load(net_of(dev)->config, CONFIG_BYTES, offset, size);
}

/* "The device MUST have an empty MAC filtering table on reset." */
static void net_reset(struct virtio_device *dev)
{
    struct net *n = net_of(dev);
    memcpy(n->config + CONFIG_MAC, n->mac_at_reset, MAC_BYTES);
    store_le16(n->config + CONFIG_STATUS, n->netdev ? STATUS_LINK_UP : 0);
    n->promiscuous = n->all_multicast = false;
    n->unicast = n->multicast = (struct mac_table){.count = 0};
}

static bool net_features_ok(const struct virtio_device *dev, uint64_t features)
{
    (void)dev;
    return features & F_CTRL_VQ || !(features & (F_CTRL_RX | F_CTRL_MAC_ADDR)); /* "Feature bit requirements" */
}

static void table_state(struct mac_table *t, struct state *s)
{
    state_u32(s, &t->count);
    state_bool(s, &t->overflow);
    state_bytes(s, t->mac, sizeof t->mac);
    if (t->count > TABLE_MAX) state_refuse(s, "the network card knows more addresses than it can");
}

static void net_state(struct virtio_device *dev, struct state *s)
{
    struct net *n = net_of(dev);
    state_bytes(s, n->config, sizeof n->config);
    state_bool(s, &n->promiscuous);
    state_bool(s, &n->all_multicast);
    table_state(&n->unicast, s);
    table_state(&n->multicast, s);
}

static void net_destroy(struct virtio_device *dev) { free(dev); }

static const struct virtio_type net_type = {
    .name = "net",
    .id = VIRTIO_ID_NET,
    .features_ok = net_features_ok,
    .config_read = net_config_read,
    .notify = net_notify,
    .reset = net_reset,
    .state = net_state,
    .destroy = net_destroy,
};

struct virtio_device *virtio_net_create(struct netdev *netdev, const uint8_t mac[6])
{
    struct net *n = calloc(1, sizeof *n);
    if (!n) return NULL;
    n->netdev = netdev;
    memcpy(n->mac_at_reset, mac, MAC_BYTES);
    virtio_init(&n->dev, &net_type, F_MAC | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | F_CTRL_RX | F_CTRL_MAC_ADDR, QUEUES,
                QUEUE_SIZE);
    net_reset(&n->dev);
    if (netdev) {
        netdev->receive = net_receive;
        netdev->frontend = n;
    }
    return &n->dev;
}
