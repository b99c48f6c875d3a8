/* Transport, status, negotiation and rings, with the rng as the simplest device: one queue, every buffer is filled.
 * Sections in quotes are of the Virtual I/O Device specification. */
#include "devices/virtio/rng.h"
#include "virtio_driver.h"

static struct driver d;

static void setup(void)
{
    driver_host(&d);
    driver_plug(&d, virtio_rng_create(1, NULL));
}
static void teardown(void) { driver_finish(&d); }

TestSuite(virtio_transport, .init = setup, .fini = teardown);
TestSuite(virtio_ring, .init = setup, .fini = teardown);
TestSuite(virtio_hostile, .init = setup, .fini = teardown);

static const struct piece room = {DATA, 64, WRITE};

/* ---- "MMIO Device Register Layout" ---- */

Test(virtio_transport, identifies_itself)
{
    cr_assert_eq(rd(&d, R_MAGIC), 0x74726976);
    cr_assert_eq(rd(&d, R_VERSION), 2);
    cr_assert_eq(rd(&d, R_DEVICE_ID), 4);
    cr_assert_eq(rd(&d, R_VENDOR_ID), 0x554d4551, "xv6 panics if it is another");
    cr_assert_eq(rd(&d, R_STATUS), 0);
}

Test(virtio_transport, empty_slot_reads_device_id_0)
{
    struct driver e;
    driver_host(&e);
    driver_plug(&e, NULL);
    cr_assert_eq(rd(&e, R_MAGIC), 0x74726976);
    cr_assert_eq(rd(&e, R_VERSION), 2);
    cr_assert_eq(rd(&e, R_DEVICE_ID), 0);
    for (unsigned offset = 0x10; offset < 0x200; offset += 4) {
        cr_assert_eq(rd(&e, offset), 0);
        wr(&e, offset, UINT32_MAX);
    }
    cr_assert(!interrupted(&e));
    virtio_mmio_device.reset(e.slot);
    driver_finish(&e);
}

Test(virtio_transport, control_registers_take_32_bits_only)
{
    cr_assert_eq(rd_sized(&d, R_MAGIC, 1), 0);
    cr_assert_eq(rd_sized(&d, R_MAGIC, 2), 0);
    cr_assert_eq(rd_sized(&d, R_MAGIC, 8), 0);
    wr_sized(&d, R_STATUS, 1, VIRTIO_ACKNOWLEDGE);
    wr_sized(&d, R_STATUS, 8, VIRTIO_ACKNOWLEDGE);
    cr_assert_eq(rd(&d, R_STATUS), 0);
}

Test(virtio_transport, configuration_beyond_the_device_reads_0)
{
    for (unsigned size = 1; size <= 8; size *= 2) {
        cr_assert_eq(rd_sized(&d, 0x100, size), 0);
        cr_assert_eq(rd_sized(&d, 0xff8, size), 0);
        wr_sized(&d, 0x100, size, 1);
        wr_sized(&d, 0xff8, size, 1);
    }
}

Test(virtio_transport, no_shared_memory_region_exists)
{
    for (unsigned i = 0; i < 4; i++) cr_assert_eq(rd(&d, R_SHM_LEN + 4 * i), UINT32_MAX);
}

Test(virtio_transport, queue_registers_answer_for_the_selected_queue)
{
    cr_assert_eq(rd(&d, R_QUEUE_SIZE_MAX), 8);
    cr_assert_eq(rd(&d, R_QUEUE_READY), 0);
    wr(&d, R_QUEUE_SEL, 1);
    cr_assert_eq(rd(&d, R_QUEUE_SIZE_MAX), 0, "there is no queue 1");
    wr(&d, R_QUEUE_READY, 1);
    cr_assert_eq(rd(&d, R_QUEUE_READY), 0);
    wr(&d, R_QUEUE_SEL, UINT32_MAX);
    cr_assert_eq(rd(&d, R_QUEUE_SIZE_MAX), 0);
}

/* ---- "Feature Bits" ---- */

Test(virtio_transport, offers_version_1_and_nothing_beyond_its_knowledge)
{
    uint64_t offered = driver_offered(&d);
    cr_assert_eq(offered, VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_RESET);
    wr(&d, R_DEVICE_FEATURES_SEL, 2);
    cr_assert_eq(rd(&d, R_DEVICE_FEATURES), 0);
}

Test(virtio_transport, refuses_features_that_it_did_not_offer)
{
    cr_assert(!driver_negotiate(&d, UINT64_C(1) << 34));
    cr_assert(!driver_negotiate(&d, UINT64_C(1) << 5));
    cr_assert(driver_negotiate(&d, 0), "a reset lets the driver try again");
}

Test(virtio_transport, refuses_features_of_a_third_word)
{
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    driver_write_features(&d, VIRTIO_F_VERSION_1);
    wr(&d, R_DRIVER_FEATURES_SEL, 2);
    wr(&d, R_DRIVER_FEATURES, 1);
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    cr_assert(!(rd(&d, R_STATUS) & VIRTIO_FEATURES_OK));
}

/* "A device MAY fail to operate further if VIRTIO_F_VERSION_1 is not accepted": xv6 writes the first word of features only. */
Test(virtio_transport, accepts_a_driver_that_knows_one_word_of_features)
{
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    wr(&d, R_DRIVER_FEATURES, 0);
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    cr_assert(rd(&d, R_STATUS) & VIRTIO_FEATURES_OK);
    driver_queue_setup(&d, 0, 8);
    driver_ok(&d);
    cr_assert_eq(driver_do(&d, 0, &room, 1), room.len);
}

Test(virtio_transport, refuses_a_driver_that_does_not_wait_for_features_ok)
{
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    wr(&d, R_STATUS, rd(&d, R_STATUS) | VIRTIO_DRIVER_OK);
    cr_assert(!(rd(&d, R_STATUS) & VIRTIO_DRIVER_OK), "no DRIVER_OK without FEATURES_OK");
}

Test(virtio_transport, features_are_final_after_features_ok)
{
    cr_assert(driver_negotiate(&d, VIRTIO_F_INDIRECT_DESC));
    driver_write_features(&d, VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX);
    cr_assert_eq(d.dev->features, VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC);
}

/* ---- "Device Status Field", "Device Reset" ---- */

Test(virtio_transport, status_bits_are_never_cleared_but_by_reset)
{
    driver_start(&d, 0, 1, 8);
    uint32_t before = rd(&d, R_STATUS);
    wr(&d, R_STATUS, VIRTIO_ACKNOWLEDGE);
    cr_assert_eq(rd(&d, R_STATUS), before);
    wr(&d, R_STATUS, before | VIRTIO_NEEDS_RESET | 0x30);
    cr_assert_eq(rd(&d, R_STATUS), before, "the driver cannot set the device's bits or unknown ones");
    wr(&d, R_STATUS, 0);
    cr_assert_eq(rd(&d, R_STATUS), 0);
}

Test(virtio_transport, no_buffer_is_consumed_before_driver_ok)
{
    cr_assert(driver_negotiate(&d, 0));
    driver_queue_setup(&d, 0, 8);
    uint16_t head = driver_add(&d, 0, &room, 1);
    kick(&d, 0);
    uint32_t id = 99;
    cr_assert(!driver_used(&d, 0, &id, NULL));
    cr_assert(!interrupted(&d));
    driver_ok(&d);
    cr_assert(driver_used(&d, 0, &id, NULL), "what was announced early is served when the device goes live");
    cr_assert_eq(id, head);
}

Test(virtio_transport, failed_stops_the_device)
{
    driver_start(&d, 0, 1, 8);
    wr(&d, R_STATUS, rd(&d, R_STATUS) | VIRTIO_FAILED);
    driver_add(&d, 0, &room, 1);
    kick(&d, 0);
    uint32_t id;
    cr_assert(!driver_used(&d, 0, &id, NULL));
}

Test(virtio_transport, reset_clears_queues_interrupts_and_features)
{
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 4);
    driver_do(&d, 0, &room, 1);
    cr_assert(interrupted(&d));
    wr(&d, R_STATUS, 0);
    cr_assert_eq(rd(&d, R_STATUS), 0);
    cr_assert_eq(rd(&d, R_INTERRUPT_STATUS), 0);
    cr_assert(!interrupted(&d));
    cr_assert_eq(rd(&d, R_QUEUE_READY), 0);
    cr_assert_eq(d.dev->features, 0);
    driver_start(&d, 0, 1, 8);
    cr_assert_eq(driver_do(&d, 0, &room, 1), 64);
}

/* ---- interrupts ---- */

Test(virtio_transport, interrupt_stands_until_acknowledged)
{
    driver_start(&d, 0, 1, 8);
    cr_assert(!interrupted(&d));
    driver_do(&d, 0, &room, 1);
    cr_assert_eq(rd(&d, R_INTERRUPT_STATUS), 1);
    cr_assert(interrupted(&d));
    wr(&d, R_INTERRUPT_ACK, 2);
    cr_assert(interrupted(&d), "another cause was acknowledged");
    wr(&d, R_INTERRUPT_ACK, 1);
    cr_assert(!interrupted(&d));
    cr_assert_eq(rd(&d, R_INTERRUPT_STATUS), 0);
}

/* ---- queue configuration and reset ---- */

Test(virtio_transport, queue_registers_are_fixed_while_in_use)
{
    driver_start(&d, 0, 1, 8);
    driver_write64(&d, R_QUEUE_DESC, 0x1234);
    wr(&d, R_QUEUE_SIZE, 3);
    cr_assert_eq(driver_do(&d, 0, &room, 1), 64);
}

Test(virtio_transport, refuses_bad_queue_sizes)
{
    static const uint32_t bad[] = {0, 3, 16, 0x10008, UINT32_MAX};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert(driver_negotiate(&d, 0));
        driver_queue_setup(&d, 0, 8);
        wr(&d, R_QUEUE_READY, 0);
        driver_queue_setup(&d, 0, bad[i]);
        cr_assert_eq(rd(&d, R_QUEUE_READY), 0, "size %u", bad[i]);
        cr_assert(broken(&d));
    }
}

Test(virtio_transport, refuses_rings_that_are_misaligned_or_outside_ram)
{
    static const struct {
        unsigned reg;
        gpa_t gpa;
    } bad[] = {
        {R_QUEUE_DESC, RAM + 8},   {R_QUEUE_DRIVER, RAM + 1},
        {R_QUEUE_DEVICE, RAM + 2}, {R_QUEUE_DESC, 0},
        {R_QUEUE_DRIVER, RAM - 2}, {R_QUEUE_DEVICE, RAM + RAM_BYTES - 4},
        {R_QUEUE_DESC, ~15ull},    {R_QUEUE_DRIVER, ~1ull},
        {R_QUEUE_DEVICE, ~3ull},   {R_QUEUE_DESC, RAM + RAM_BYTES - 16},
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert(driver_negotiate(&d, 0));
        driver_queue_setup(&d, 0, 8);
        wr(&d, R_QUEUE_READY, 0);
        wr(&d, R_QUEUE_SIZE, 8);
        driver_write64(&d, R_QUEUE_DESC, ring_gpa(0));
        driver_write64(&d, R_QUEUE_DRIVER, avail_gpa(0));
        driver_write64(&d, R_QUEUE_DEVICE, used_gpa(0));
        driver_write64(&d, bad[i].reg, bad[i].gpa);
        wr(&d, R_QUEUE_READY, 1);
        cr_assert_eq(rd(&d, R_QUEUE_READY), 0, "case %u", i);
        cr_assert(broken(&d));
    }
}

Test(virtio_transport, queue_reset_returns_to_the_initial_state)
{
    driver_start(&d, VIRTIO_F_RING_RESET, 1, 4);
    driver_do(&d, 0, &room, 1);
    wr(&d, R_QUEUE_RESET, 1);
    cr_assert_eq(rd(&d, R_QUEUE_RESET), 0);
    cr_assert_eq(rd(&d, R_QUEUE_READY), 0);
    driver_queue_setup(&d, 0, 8); /* "optionally with different parameters" */
    cr_assert_eq(driver_do(&d, 0, &room, 1), 64);
    cr_assert(!broken(&d));
}

Test(virtio_transport, queue_reset_needs_its_feature)
{
    driver_start(&d, 0, 1, 4);
    wr(&d, R_QUEUE_RESET, 1);
    cr_assert_eq(rd(&d, R_QUEUE_READY), 1);
}

Test(virtio_transport, a_stopped_queue_is_not_touched)
{
    driver_start(&d, 0, 1, 4);
    wr(&d, R_QUEUE_READY, 0);
    driver_add(&d, 0, &room, 1);
    kick(&d, 0);
    uint32_t id;
    cr_assert(!driver_used(&d, 0, &id, NULL));
}

Test(virtio_transport, notification_of_a_missing_queue_is_harmless)
{
    driver_start(&d, 0, 1, 4);
    kick(&d, 1);
    kick(&d, UINT32_MAX);
    cr_assert(!broken(&d));
}

Test(virtio_transport, state_survives_saving)
{
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 4);
    for (int i = 0; i < 7; i++) driver_do(&d, 0, &room, 1);
    driver_save_restore(&d);
    cr_assert(interrupted(&d));
    for (int i = 0; i < 7; i++) driver_do(&d, 0, &room, 1);
}

Test(virtio_transport, truncated_or_foreign_state_is_refused)
{
    driver_start(&d, 0, 1, 4);
    struct state s;
    state_init_save(&s);
    virtio_mmio_device.state(d.slot, &s);
    for (size_t n = 0; n < s.length; n++) {
        struct state r;
        state_init_restore(&r, s.data, n);
        virtio_mmio_device.state(d.slot, &r);
        cr_assert(!state_ok(&r));
    }
    state_finish(&s);
}

/* One bit of a good state is wrong: refused with a reason, or taken and saved again as it is. The device works on either way. */
Test(virtio_transport, a_state_that_cannot_be_is_refused)
{
    struct state s, r, again;
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 4);
    driver_do(&d, 0, &room, 1);
    state_init_save(&s);
    virtio_mmio_device.state(d.slot, &s);
    unsigned refused = 0;
    for (size_t bit = 0; bit < 8 * s.length; bit++) {
        s.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        state_init_restore(&r, s.data, s.length);
        virtio_mmio_device.state(d.slot, &r);
        cr_assert_eq(state_ok(&r), r.problem[0] == 0);
        refused += !state_ok(&r);
        state_init_save(&again);
        virtio_mmio_device.state(d.slot, &again);
        if (state_ok(&r)) cr_assert_eq(memcmp(s.data, again.data, s.length), 0, "bit %zu", bit);
        state_finish(&again);
        wr(&d, R_QUEUE_NOTIFY, 0);
        s.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        state_init_restore(&r, s.data, s.length);
        virtio_mmio_device.state(d.slot, &r);
        cr_assert(state_ok(&r), "%s", r.problem);
    }
    cr_assert_gt(refused, 2 * 20 * 8 + 3 * 40, "tags, addresses of rings outside RAM");
    state_finish(&s);
    driver_do(&d, 0, &room, 1);
}

/* ---- "Split Virtqueues" ---- */

Test(virtio_ring, wraps_around_many_times)
{
    driver_start(&d, 0, 1, 4);
    for (unsigned i = 0; i < 70000; i++) cr_assert_eq(driver_do(&d, 0, &room, 1), 64);
    cr_assert_eq(load_le16(ram(&d, used_gpa(0) + 2)), (uint16_t)70000);
}

Test(virtio_ring, serves_all_that_is_available_at_one_notification)
{
    driver_start(&d, 0, 1, 8);
    for (unsigned i = 0; i < 8; i++) driver_add(&d, 0, &room, 1);
    kick(&d, 0);
    uint32_t id;
    for (unsigned i = 0; i < 8; i++) {
        cr_assert(driver_used(&d, 0, &id, NULL));
        cr_assert_eq(id, i);
    }
    cr_assert(!driver_used(&d, 0, &id, NULL));
    kick(&d, 0);
    cr_assert(!driver_used(&d, 0, &id, NULL), "spurious notifications are handled");
}

Test(virtio_ring, fills_chains_of_any_framing)
{
    driver_start(&d, 0, 1, 8);
    memset(ram(&d, DATA), 0xee, 0x1000);
    struct piece p[3] = {{DATA, 1, WRITE}, {DATA + 0x100, 30, WRITE}, {DATA + 0x200, 3, WRITE}};
    cr_assert_eq(driver_do(&d, 0, p, 3), 34);
    cr_assert_eq(*ram(&d, DATA + 1), 0xee);
    cr_assert_eq(*ram(&d, DATA + 0x100 + 30), 0xee);
    cr_assert_eq(*ram(&d, DATA + 0x200 + 3), 0xee);
    struct piece empty[3] = {{0, 0, WRITE}, {DATA, 8, WRITE}, {~0ull, 0, WRITE}};
    cr_assert_eq(driver_do(&d, 0, empty, 3), 8, "empty descriptors carry nothing, wherever they point");
}

Test(virtio_ring, indirect_tables_work_alone_and_after_direct_descriptors)
{
    driver_start(&d, VIRTIO_F_INDIRECT_DESC, 1, 8);
    gpa_t table = DATA + 0x10008; /* no alignment is asked of it */
    put_desc(&d, table + 32, DATA, 16, WRITE | NEXT, 1);
    put_desc(&d, table + 16, DATA + 32, 16, WRITE, 77);
    put_desc(&d, table, DATA + 64, 16, WRITE | NEXT, 2);
    put_desc(&d, desc_gpa(0, 5), table, 48, INDIRECT | WRITE, 0); /* WRITE is to be ignored */
    make_available(&d, 0, 5);
    put_desc(&d, desc_gpa(0, 6), DATA, 4, WRITE | NEXT, 5);
    make_available(&d, 0, 6);
    kick(&d, 0);
    uint32_t id, len;
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(id, 5);
    cr_assert_eq(len, 48);
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(id, 6);
    cr_assert_eq(len, 52);
}

/* ---- code in memory that the device writes ---- */

struct watch {
    gpa_t from, to; /* the union of what was announced */
};

static uint64_t watched(void *watcher, gpa_t gpa, uint64_t len)
{
    struct watch *w = watcher;
    if (gpa < w->from) w->from = gpa;
    if (gpa + len > w->to) w->to = gpa + len;
    return UINT64_MAX;
}

Test(virtio_ring, engines_are_told_of_every_byte_that_the_device_writes)
{
    struct watch w = {UINT64_MAX, 0};
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 8);
    d.bus.code_written = watched;
    d.bus.watcher = &w;
    bus_mark_code(&d.bus, DATA, 1);
    driver_do(&d, 0, &room, 1);
    cr_assert(w.from <= DATA && w.to >= DATA + 64, "the buffer");
    w = (struct watch){UINT64_MAX, 0};
    bus_mark_code(&d.bus, used_gpa(0), 1);
    driver_do(&d, 0, &room, 1);
    cr_assert(w.from <= used_gpa(0) + 2, "the used index");
    w = (struct watch){UINT64_MAX, 0};
    bus_mark_code(&d.bus, used_gpa(0), 1);
    kick(&d, 0);
    cr_assert(w.from <= used_gpa(0) + 4 + 8 * 8 && w.to >= used_gpa(0) + 6 + 8 * 8, "avail_event");
}

/* ---- notification suppression ---- */

Test(virtio_ring, no_interrupt_flag_is_honoured_without_event_idx)
{
    driver_start(&d, 0, 1, 4);
    store_le16(ram(&d, avail_gpa(0)), 1);
    driver_do(&d, 0, &room, 1);
    cr_assert(!interrupted(&d));
    store_le16(ram(&d, avail_gpa(0)), 0);
    driver_do(&d, 0, &room, 1);
    cr_assert(interrupted(&d));
}

Test(virtio_ring, used_event_decides_with_event_idx)
{
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 4);
    store_le16(ram(&d, avail_gpa(0)), 1); /* "The device MUST ignore the lower bit of flags" */
    uint8_t *used_event = ram(&d, avail_gpa(0) + 4 + 2 * 4);
    for (uint32_t i = 0; i < 66000; i++) {
        uint16_t wanted = (uint16_t)(i % 3 == 2 ? i : i + 5);
        store_le16(used_event, wanted);
        driver_do(&d, 0, &room, 1);
        cr_assert_eq(interrupted(&d), wanted == (uint16_t)i, "entry %u", i);
        wr(&d, R_INTERRUPT_ACK, 1);
    }
}

Test(virtio_ring, one_interrupt_covers_a_batch_that_crosses_used_event)
{
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 8);
    store_le16(ram(&d, avail_gpa(0) + 4 + 2 * 8), 2);
    for (unsigned i = 0; i < 5; i++) driver_add(&d, 0, &room, 1);
    kick(&d, 0);
    cr_assert(interrupted(&d));
    cr_assert_eq(d.bench.edges[1], 1);
}

Test(virtio_ring, avail_event_asks_for_the_next_buffer)
{
    driver_start(&d, VIRTIO_F_EVENT_IDX, 1, 4);
    for (uint16_t i = 1; i < 9; i++) {
        driver_do(&d, 0, &room, 1);
        cr_assert_eq(load_le16(ram(&d, used_gpa(0) + 4 + 8 * 4)), i);
        cr_assert_eq(load_le16(ram(&d, used_gpa(0))), 0, "flags stay 0");
    }
}

/* ---- rings that no driver may make ---- */

/* After each of these the device asks for a reset with a configuration interrupt, leaves the ring alone, and works again after it. */
static void expect_broken(const char *what)
{
    uint16_t used = load_le16(ram(&d, used_gpa(0) + 2));
    kick(&d, 0);
    cr_assert(broken(&d), "%s", what);
    cr_assert(rd(&d, R_INTERRUPT_STATUS) & 2, "%s", what);
    cr_assert_eq(load_le16(ram(&d, used_gpa(0) + 2)), used);
    kick(&d, 0);
    cr_assert_eq(load_le16(ram(&d, used_gpa(0) + 2)), used);
    driver_start(&d, VIRTIO_F_INDIRECT_DESC, 1, 8);
    cr_assert_eq(driver_do(&d, 0, &room, 1), 64, "%s", what);
    driver_start(&d, VIRTIO_F_INDIRECT_DESC, 1, 8);
}

#define BREAKS(name, ...)                                                                                              \
    Test(virtio_hostile, name)                                                                                         \
    {                                                                                                                  \
        driver_start(&d, VIRTIO_F_INDIRECT_DESC, 1, 8);                                                                \
        __VA_ARGS__;                                                                                                   \
        expect_broken(#name);                                                                                          \
    }

static void desc(unsigned i, gpa_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    put_desc(&d, desc_gpa(0, i), addr, len, flags, next);
}
static void avail(uint16_t head) { make_available(&d, 0, head); }

BREAKS(a_loop_of_one, desc(0, DATA, 8, WRITE | NEXT, 0); avail(0))
BREAKS(a_loop_of_two, desc(0, DATA, 8, WRITE | NEXT, 1); desc(1, DATA, 8, WRITE | NEXT, 0); avail(0))
BREAKS(a_loop_of_empty_descriptors, desc(0, DATA, 0, WRITE | NEXT, 1); desc(1, DATA, 0, WRITE | NEXT, 0); avail(0))
BREAKS(a_next_beyond_the_table, desc(0, DATA, 8, WRITE | NEXT, 8); avail(0))
BREAKS(a_head_beyond_the_table, avail(8))
BREAKS(a_head_far_beyond_the_table, avail(0xffff))
BREAKS(a_buffer_outside_ram, desc(0, 0x1000, 8, WRITE, 0); avail(0))
BREAKS(a_buffer_over_the_end_of_ram, desc(0, RAM + RAM_BYTES - 4, 8, WRITE, 0); avail(0))
BREAKS(a_buffer_that_wraps_round, desc(0, ~0ull, 8, WRITE, 0); avail(0))
BREAKS(a_readable_part_after_a_writable_one, desc(0, DATA, 8, WRITE | NEXT, 1); desc(1, DATA, 8, 0, 0); avail(0))
BREAKS(an_available_index_that_jumps, desc(0, DATA, 8, WRITE, 0); store_le16(ram(&d, avail_gpa(0) + 2), 9))
BREAKS(an_available_index_that_goes_back, store_le16(ram(&d, avail_gpa(0) + 2), 0xffff))
BREAKS(an_indirect_table_inside_another, put_desc(&d, DATA + 0x100, DATA + 0x200, 16, INDIRECT, 0);
       desc(0, DATA + 0x100, 16, INDIRECT, 0); avail(0))
BREAKS(an_indirect_descriptor_with_a_next, put_desc(&d, DATA + 0x100, DATA, 8, WRITE, 0);
       desc(0, DATA + 0x100, 16, INDIRECT | NEXT, 1); avail(0))
BREAKS(an_indirect_table_of_no_bytes, desc(0, DATA, 0, INDIRECT, 0); avail(0))
BREAKS(an_indirect_table_of_15_bytes, desc(0, DATA, 15, INDIRECT, 0); avail(0))
BREAKS(an_indirect_table_outside_ram, desc(0, RAM + RAM_BYTES - 16, 32, INDIRECT, 0); avail(0))
BREAKS(an_indirect_next_beyond_its_table, put_desc(&d, DATA + 0x100, DATA, 8, WRITE | NEXT, 1);
       desc(0, DATA + 0x100, 16, INDIRECT, 0); avail(0))
BREAKS(an_indirect_loop, put_desc(&d, DATA + 0x100, DATA, 8, WRITE | NEXT, 0); desc(0, DATA + 0x100, 16, INDIRECT, 0);
       avail(0))
BREAKS(a_readable_buffer_for_random_bytes, desc(0, DATA, 8, 0, 0); avail(0))

Test(virtio_hostile, indirect_without_its_feature)
{
    driver_start(&d, 0, 1, 8);
    put_desc(&d, DATA + 0x100, DATA, 8, WRITE, 0);
    desc(0, DATA + 0x100, 16, INDIRECT, 0);
    avail(0);
    expect_broken("indirect");
}

Test(virtio_hostile, a_chain_longer_than_the_limit)
{
    driver_start(&d, VIRTIO_F_INDIRECT_DESC, 1, 8);
    for (unsigned i = 0; i < 300; i++)
        put_desc(&d, DATA + 0x10000 + 16 * i, DATA, 1, WRITE | (i < 299 ? NEXT : 0), (uint16_t)(i + 1));
    desc(0, DATA + 0x10000, 300 * 16, INDIRECT, 0);
    avail(0);
    expect_broken("300 elements");
}

Test(virtio_hostile, rings_on_top_of_each_other_do_no_harm)
{
    cr_assert(driver_negotiate(&d, VIRTIO_F_EVENT_IDX));
    wr(&d, R_QUEUE_SIZE, 8);
    for (unsigned reg = R_QUEUE_DESC; reg <= R_QUEUE_DEVICE; reg += 0x10) driver_write64(&d, reg, RAM);
    wr(&d, R_QUEUE_READY, 1);
    driver_ok(&d);
    for (unsigned i = 0; i < 64; i++) {
        memset(ram(&d, RAM), (int)i, 256);
        kick(&d, 0);
    }
}

Test(virtio_hostile, one_line_is_logged_per_broken_ring)
{
    char text[4096] = {0};
    d.bench.log = (struct log){.file = fmemopen(text, sizeof text - 1, "w"), .items = LOG_GUEST_ERROR};
    driver_start(&d, 0, 1, 8);
    avail(8);
    for (unsigned i = 0; i < 5; i++) kick(&d, 0);
    fclose(d.bench.log.file);
    d.bench.log = (struct log){.file = stderr};
    cr_assert_str_eq(text, "virtio-rng: queue 0: descriptor 8 of a table of 8\n");
}
