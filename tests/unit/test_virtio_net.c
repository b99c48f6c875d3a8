/* "Network Device" */
#include "devices/virtio/net.h"
#include "virtio_driver.h"

#define F_MAC           (1u << 5)
#define F_MRG_RXBUF     (1u << 15)
#define F_STATUS        (1u << 16)
#define F_CTRL_VQ       (1u << 17)
#define F_CTRL_RX       (1u << 18)
#define F_CTRL_MAC_ADDR (1u << 23)

static struct driver d;
static struct netdev netdev;
static uint8_t sent[NETDEV_FRAME_MAX];
static size_t sent_length;
static unsigned sent_count, resumed;
static const uint8_t own[6] = VIRTIO_NET_DEFAULT_MAC;

static void sink(void *backend, const uint8_t *frame, size_t n)
{
    (void)backend;
    sent_count++;
    sent_length = n;
    memcpy(sent, frame, n);
}
static void resume(void *backend) { (void)backend, resumed++; }

static void setup(void)
{
    netdev = (struct netdev){.send = sink, .resume = resume};
    driver_host(&d);
    driver_plug(&d, virtio_net_create(&netdev, own));
}
static void teardown(void) { driver_finish(&d); }
TestSuite(virtio_net, .init = setup, .fini = teardown);

static uint8_t frame[NETDEV_FRAME_MAX];
static bool incoming(const uint8_t to[6], size_t length)
{
    for (size_t i = 0; i < length; i++) frame[i] = (uint8_t)(i * 7 + 1);
    memcpy(frame, to, 6);
    return netdev.receive(netdev.frontend, frame, length);
}

static void add_buffer(gpa_t gpa, uint32_t length)
{
    struct piece p = {gpa, length, WRITE};
    driver_add(&d, 0, &p, 1);
}

Test(virtio_net, configuration_tells_address_and_link)
{
    cr_assert_eq(rd(&d, R_DEVICE_ID), 1);
    for (unsigned i = 0; i < 6; i++) cr_assert_eq(rd_sized(&d, R_CONFIG + i, 1), own[i]);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 6, 2), 1);
    uint64_t f = driver_offered(&d);
    cr_assert_eq(f & 0xffffff, F_MAC | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | F_CTRL_RX | F_CTRL_MAC_ADDR, "no offloads");
}

Test(virtio_net, without_a_cable_the_link_is_down)
{
    struct driver e;
    driver_host(&e);
    driver_plug(&e, virtio_net_create(NULL, own));
    cr_assert_eq(rd_sized(&e, R_CONFIG + 6, 2), 0);
    driver_start(&e, F_STATUS, 2, 16);
    struct piece p = {DATA, 100, 0};
    cr_assert_eq(driver_do(&e, 1, &p, 1), 0);
    driver_finish(&e);
}

Test(virtio_net, feature_requirements_are_enforced)
{
    cr_assert(!driver_negotiate(&d, F_CTRL_RX));
    cr_assert(!driver_negotiate(&d, F_CTRL_MAC_ADDR));
    cr_assert(driver_negotiate(&d, F_CTRL_RX | F_CTRL_VQ));
}

Test(virtio_net, transmits_what_follows_the_header)
{
    driver_start(&d, 0, 2, 16);
    for (unsigned i = 0; i < 1526; i++) *ram(&d, DATA + i) = (uint8_t)i;
    struct piece one = {DATA, 12 + 60, 0};
    cr_assert_eq(driver_do(&d, 1, &one, 1), 0);
    cr_assert_eq(sent_length, 60);
    cr_assert_eq(sent[0], 12);
    struct piece split[4] = {{DATA, 5, 0}, {DATA + 5, 8, 0}, {DATA + 13, 100, 0}, {DATA + 113, 1413, 0}};
    driver_do(&d, 1, split, 4);
    cr_assert_eq(sent_length, 1514);
    for (unsigned i = 0; i < 1514; i++) cr_assert_eq(sent[i], (uint8_t)(i + 12));
}

Test(virtio_net, frames_that_are_none_are_dropped)
{
    driver_start(&d, 0, 2, 16);
    struct piece header = {DATA, 12, 0}, small = {DATA, 12 + 13, 0}, large = {DATA, 12 + NETDEV_FRAME_MAX + 1, 0};
    driver_do(&d, 1, &header, 1);
    driver_do(&d, 1, &small, 1);
    driver_do(&d, 1, &large, 1);
    cr_assert_eq(sent_count, 0);
    struct piece largest = {DATA, 12 + NETDEV_FRAME_MAX, 0};
    driver_do(&d, 1, &largest, 1);
    cr_assert_eq(sent_length, NETDEV_FRAME_MAX);
    cr_assert(!broken(&d));
}

Test(virtio_net, receives_with_a_zero_header_and_one_buffer)
{
    driver_start(&d, 0, 2, 16);
    memset(ram(&d, DATA), 0xee, 2048);
    add_buffer(DATA, 1526);
    cr_assert(incoming(own, 1514));
    uint32_t id, len;
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 1526);
    cr_assert_arr_eq(ram(&d, DATA), ((uint8_t[12]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}), 12);
    cr_assert_arr_eq(ram(&d, DATA + 12), frame, 1514);
    cr_assert(interrupted(&d));
}

/* "Legacy Interface: Device Operation": num_buffers is there with MRG_RXBUF only. */
Test(virtio_net, a_driver_without_version_1_uses_the_shorter_header)
{
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    wr(&d, R_DRIVER_FEATURES, F_MAC);
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    for (unsigned q = 0; q < 2; q++) driver_queue_setup(&d, q, 16);
    driver_ok(&d);
    *ram(&d, DATA + 10) = 0x55;
    struct piece one = {DATA, 10 + 60, 0};
    cr_assert_eq(driver_do(&d, 1, &one, 1), 0);
    cr_assert_eq(sent_length, 60);
    cr_assert_eq(sent[0], 0x55);
    memset(ram(&d, DATA), 0xee, 2048);
    add_buffer(DATA, 10 + 100);
    cr_assert(incoming(own, 100));
    uint32_t id, len;
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 110);
    cr_assert_arr_eq(ram(&d, DATA), (uint8_t[10]){0}, 10);
    cr_assert_arr_eq(ram(&d, DATA + 10), frame, 100);
}

Test(virtio_net, a_frame_waits_for_a_buffer)
{
    driver_start(&d, 0, 2, 16);
    cr_assert(!incoming(own, 100));
    unsigned before = resumed;
    add_buffer(DATA, 1526);
    kick(&d, 0);
    cr_assert_eq(resumed, before + 1, "the back end is told");
    cr_assert(incoming(own, 100));
}

Test(virtio_net, without_merging_a_small_buffer_drops_the_frame_and_stays)
{
    driver_start(&d, 0, 2, 16);
    add_buffer(DATA, 12 + 99);
    cr_assert(incoming(own, 100), "taken, that is dropped");
    uint32_t id, len;
    cr_assert(!driver_used(&d, 0, &id, &len));
    cr_assert(incoming(own, 99));
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 111);
}

Test(virtio_net, merging_fills_all_buffers_but_the_last_completely)
{
    driver_start(&d, F_MRG_RXBUF, 2, 16);
    for (unsigned i = 0; i < 6; i++) add_buffer(DATA + i * 0x1000, i == 0 ? 12 : 100);
    cr_assert(incoming(own, 401));
    uint32_t id, len;
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 12);
    cr_assert_eq(load_le16(ram(&d, DATA + 10)), 6, "num_buffers");
    for (unsigned i = 1; i < 6; i++) {
        cr_assert(driver_used(&d, 0, &id, &len));
        cr_assert_eq(id, i);
        cr_assert_eq(len, i < 5 ? 100 : 1);
        cr_assert_arr_eq(ram(&d, DATA + i * 0x1000), frame + (i - 1) * 100, len);
    }
}

Test(virtio_net, merging_uses_no_buffer_before_all_are_there)
{
    driver_start(&d, F_MRG_RXBUF, 2, 16);
    for (unsigned i = 0; i < 3; i++) add_buffer(DATA + i * 0x1000, 100);
    cr_assert(!incoming(own, 400));
    uint32_t id, len;
    cr_assert(!driver_used(&d, 0, &id, &len));
    for (unsigned i = 3; i < 5; i++) add_buffer(DATA + i * 0x1000, 100);
    cr_assert(incoming(own, 400));
    for (unsigned i = 0; i < 5; i++) cr_assert(driver_used(&d, 0, &id, &len) && id == i);
    cr_assert_eq(load_le16(ram(&d, DATA + 10)), 5);
}

Test(virtio_net, frames_before_the_device_is_live_are_dropped)
{
    cr_assert(incoming(own, 100));
    cr_assert(driver_negotiate(&d, 0));
    driver_queue_setup(&d, 0, 16);
    add_buffer(DATA, 2000);
    cr_assert(incoming(own, 100));
    driver_ok(&d);
    uint32_t id, len;
    cr_assert(!driver_used(&d, 0, &id, &len));
}

/* ---- the control queue ---- */

static int control(const void *bytes, uint32_t length)
{
    memcpy(ram(&d, DATA), bytes, length);
    *ram(&d, DATA + 0x1000) = 0x77;
    struct piece p[2] = {{DATA, length, 0}, {DATA + 0x1000, 1, WRITE}};
    cr_assert_eq(driver_do(&d, 2, p, 2), 1);
    return *ram(&d, DATA + 0x1000);
}

/* Whether a frame to that address reaches the driver. */
static bool hears(const char *mac)
{
    uint8_t to[6];
    for (unsigned i = 0; i < 6; i++) to[i] = (uint8_t)strtoul(mac + 3 * i, NULL, 16);
    add_buffer(DATA + 0x2000, 2000);
    bool queue_was_empty = load_le16(ram(&d, used_gpa(0) + 2)) == d.queue[0].used;
    cr_assert(queue_was_empty);
    cr_assert(incoming(to, 60));
    uint32_t id, len;
    bool got = driver_used(&d, 0, &id, &len);
    if (!got) { /* use the buffer up */
        incoming(own, 60);
        if (!driver_used(&d, 0, &id, &len))
            netdev.receive(netdev.frontend, (const uint8_t[14]){255, 255, 255, 255, 255, 255}, 14),
                driver_used(&d, 0, &id, &len);
    }
    return got;
}

Test(virtio_net, hears_itself_and_broadcast)
{
    driver_start(&d, F_CTRL_VQ | F_CTRL_RX, 3, 16);
    cr_assert(hears("52:54:00:12:34:56"));
    cr_assert(hears("ff:ff:ff:ff:ff:ff"));
    cr_assert(!hears("52:54:00:12:34:57"));
    cr_assert(!hears("33:33:00:00:00:01"));
    driver_start(&d, 0, 2, 16);
    cr_assert(hears("33:33:00:00:00:01"), "a driver that cannot choose hears all multicast");
}

Test(virtio_net, promiscuous_and_all_multicast_modes)
{
    driver_start(&d, F_CTRL_VQ | F_CTRL_RX, 3, 16);
    cr_assert_eq(control("\0\0\1", 3), 0);
    cr_assert(hears("52:54:00:12:34:57") && hears("33:33:00:00:00:01"));
    cr_assert_eq(control("\0\0\0", 3), 0);
    cr_assert(!hears("52:54:00:12:34:57"));
    cr_assert_eq(control("\0\1\1", 3), 0);
    cr_assert(hears("33:33:00:00:00:01") && !hears("52:54:00:12:34:57"));
    cr_assert_eq(control("\0\0\2", 3), 1);
    cr_assert_eq(control("\0\0", 2), 1);
    cr_assert_eq(control("\0\2\1", 3), 1, "RX_EXTRA is not offered");
}

Test(virtio_net, address_tables)
{
    driver_start(&d, F_CTRL_VQ | F_CTRL_RX, 3, 16);
    uint8_t two[] = {1, 0, 1, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0x33, 0x33, 0, 0, 0, 1, 0x33, 0x33, 0, 0, 0, 2};
    cr_assert_eq(control(two, sizeof two), 0);
    cr_assert(hears("02:02:02:02:02:02") && hears("33:33:00:00:00:01") && hears("33:33:00:00:00:02"));
    cr_assert(!hears("33:33:00:00:00:03") && !hears("02:02:02:02:02:03"));
    for (uint32_t n = 2; n < sizeof two; n++) cr_assert_eq(control(two, n), 1, "%u bytes are too few", n);
    cr_assert(hears("33:33:00:00:00:02"), "a refused table changes nothing");
    cr_assert_eq(control((uint8_t[]){1, 0, 255, 255, 255, 255, 0, 0, 0, 0}, 10), 1);
    cr_assert_eq(control((uint8_t[10]){1, 0}, 10), 0);
    cr_assert(!hears("33:33:00:00:00:01"));
    uint8_t many[10 + 33 * 6] = {1, 0, 0, 0, 0, 0, 33};
    cr_assert_eq(control(many, sizeof many), 0);
    cr_assert(hears("33:33:00:00:00:01"), "too many to remember: all are received");
}

Test(virtio_net, the_address_can_be_set_and_reset_restores_it)
{
    driver_start(&d, F_CTRL_VQ | F_CTRL_MAC_ADDR, 3, 16);
    cr_assert_eq(control((uint8_t[]){1, 1, 2, 0, 0, 0, 0, 9}, 8), 0);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 5, 1), 9);
    cr_assert(hears("02:00:00:00:00:09"));
    cr_assert(!hears("52:54:00:12:34:56"));
    cr_assert_eq(control((uint8_t[]){1, 1, 2, 0, 0, 0, 0}, 7), 1);
    cr_assert_eq(control((uint8_t[]){1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 10), 1, "CTRL_RX was not negotiated");
    wr(&d, R_STATUS, 0);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 5, 1), 0x56);
}

Test(virtio_net, unknown_commands_are_refused)
{
    driver_start(&d, F_CTRL_VQ | F_CTRL_RX, 3, 16);
    for (unsigned class = 2; class < 256; class ++) cr_assert_eq(control((uint8_t[]){(uint8_t) class, 0, 1}, 3), 1);
}

Test(virtio_net, filters_survive_saving)
{
    driver_start(&d, F_CTRL_VQ | F_CTRL_RX, 3, 16);
    cr_assert_eq(control("\0\1\1", 3), 0);
    driver_save_restore(&d);
    cr_assert(hears("33:33:00:00:00:01") && !hears("52:54:00:12:34:57"));
}

/* ---- rings that no driver may make ---- */

Test(virtio_net, bad_buffers_break_the_device)
{
    static const struct {
        unsigned queue, count;
        struct piece piece[2];
    } bad[] = {
        {1, 1, {{DATA, 11, 0}}},     {1, 2, {{DATA, 100, 0}, {DATA, 100, WRITE}}},
        {0, 1, {{DATA, 11, WRITE}}}, {0, 1, {{DATA, 100, 0}}},
        {2, 1, {{DATA, 3, 0}}},      {2, 2, {{DATA, 1, 0}, {DATA, 1, WRITE}}},
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        driver_start(&d, F_CTRL_VQ, 3, 16);
        driver_add(&d, bad[i].queue, bad[i].piece, bad[i].count);
        kick(&d, bad[i].queue);
        if (bad[i].queue == 0) cr_assert(incoming(own, 60), "a broken device takes and drops");
        cr_assert(broken(&d), "case %u", i);
    }
}

Test(virtio_net, an_empty_buffer_in_the_middle_of_merging_breaks_the_device)
{
    driver_start(&d, F_MRG_RXBUF, 2, 16);
    add_buffer(DATA, 50);
    add_buffer(DATA, 0);
    cr_assert(incoming(own, 60));
    cr_assert(broken(&d));
}
