/* "Console Device" */
#include "devices/virtio/console.h"
#include "virtio_driver.h"

#define F_SIZE        1
#define F_EMERG_WRITE 4

static struct driver d;
static struct chardev chardev;
static char out[8192];
static size_t out_length;

static void sink(void *backend, const uint8_t *bytes, size_t n)
{
    (void)backend;
    memcpy(out + out_length, bytes, n);
    out_length += n;
}

static void setup(void)
{
    chardev = (struct chardev){.write = sink};
    driver_host(&d);
    driver_plug(&d, virtio_console_create(&chardev));
}
static void teardown(void) { driver_finish(&d); }
TestSuite(virtio_console, .init = setup, .fini = teardown);

static size_t type(const char *text)
{
    size_t n = strlen(text), room = chardev.can_receive(chardev.frontend);
    if (n > room) n = room;
    chardev.receive(chardev.frontend, (const uint8_t *)text, n);
    return n;
}

Test(virtio_console, has_one_port_with_two_queues)
{
    cr_assert_eq(rd(&d, R_DEVICE_ID), 3);
    for (unsigned q = 0; q < 4; q++) {
        wr(&d, R_QUEUE_SEL, q);
        cr_assert_eq(rd(&d, R_QUEUE_SIZE_MAX) != 0, q < 2);
    }
    cr_assert(!(driver_offered(&d) & 2), "no MULTIPORT");
}

Test(virtio_console, transmits_in_order)
{
    driver_start(&d, 0, 2, 16);
    memcpy(ram(&d, DATA), "hello world", 11);
    struct piece p[3] = {{DATA, 6, 0}, {DATA + 6, 1, 0}, {DATA + 7, 4, 0}};
    cr_assert_eq(driver_do(&d, 1, p, 3), 0);
    cr_assert_eq(out_length, 11);
    cr_assert_arr_eq(out, "hello world", 11);
}

Test(virtio_console, receives_into_buffers_as_they_come)
{
    driver_start(&d, 0, 2, 16);
    uint32_t id, len;
    cr_assert_eq(type("abc"), 3);
    cr_assert(!interrupted(&d));
    struct piece p = {DATA, 2, WRITE};
    driver_add(&d, 0, &p, 1);
    kick(&d, 0);
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 2);
    cr_assert_arr_eq(ram(&d, DATA), "ab", 2);
    cr_assert(interrupted(&d));
    struct piece q = {DATA, 100, WRITE};
    driver_add(&d, 0, &q, 1);
    kick(&d, 0);
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 1, "a buffer comes back as soon as there is anything");
    driver_add(&d, 0, &q, 1);
    kick(&d, 0);
    cr_assert(!driver_used(&d, 0, &id, &len));
    type("defg");
    cr_assert(driver_used(&d, 0, &id, &len));
    cr_assert_eq(len, 4);
    cr_assert_arr_eq(ram(&d, DATA), "defg", 4);
}

Test(virtio_console, input_is_bounded_and_nothing_is_lost_or_reordered)
{
    driver_start(&d, 0, 2, 64);
    size_t sent = 0, got = 0;
    for (unsigned step = 0; step < 2000; step++) {
        char text[200];
        size_t n = step * 7 % 150;
        for (size_t i = 0; i < n; i++) text[i] = (char)('!' + (sent + i) % 90);
        text[n] = 0;
        sent += type(text);
        struct piece p = {DATA + 256 * (step % 64), 1 + step % 90, WRITE}; /* descriptor step % 64 */
        driver_add(&d, 0, &p, 1);
        kick(&d, 0);
        for (uint32_t id, len; driver_used(&d, 0, &id, &len);) {
            for (uint32_t i = 0; i < len; i++) cr_assert_eq(*ram(&d, DATA + 256 * id + i), '!' + (got + i) % 90);
            got += len;
        }
    }
    cr_assert(got > 40000 && sent - got <= 4096);
}

Test(virtio_console, emergency_write_works_without_any_setup)
{
    wr(&d, R_CONFIG + 8, 0x141);
    wr_sized(&d, R_CONFIG + 8, 1, 'B');
    cr_assert_eq(out_length, 2);
    cr_assert_arr_eq(out, "AB", 2);
    cr_assert(driver_offered(&d) & F_EMERG_WRITE);
}

Test(virtio_console, a_new_size_is_announced)
{
    virtio_console_resize(d.dev, 80, 24);
    cr_assert(!interrupted(&d));
    driver_start(&d, F_SIZE, 2, 16);
    cr_assert_eq(rd_sized(&d, R_CONFIG, 2), 80);
    cr_assert_eq(rd_sized(&d, R_CONFIG + 2, 2), 24);
    uint32_t generation = rd(&d, R_CONFIG_GENERATION);
    virtio_console_resize(d.dev, 80, 24);
    cr_assert(!interrupted(&d), "nothing changed");
    virtio_console_resize(d.dev, 132, 50);
    cr_assert_eq(rd(&d, R_INTERRUPT_STATUS), 2);
    cr_assert_neq(rd(&d, R_CONFIG_GENERATION), generation);
    cr_assert_eq(rd_sized(&d, R_CONFIG, 4), 50u << 16 | 132);
}

Test(virtio_console, size_changes_are_silent_without_the_feature)
{
    driver_start(&d, 0, 2, 16);
    virtio_console_resize(d.dev, 132, 50);
    cr_assert(!interrupted(&d));
}

Test(virtio_console, waiting_input_survives_saving)
{
    driver_start(&d, 0, 2, 16);
    type("keys");
    driver_save_restore(&d);
    struct piece p = {DATA, 10, WRITE};
    cr_assert_eq(driver_do(&d, 0, &p, 1), 4);
    cr_assert_arr_eq(ram(&d, DATA), "keys", 4);
}

Test(virtio_console, a_readable_receive_buffer_breaks_the_device)
{
    driver_start(&d, 0, 2, 16);
    struct piece p = {DATA, 10, 0};
    driver_add(&d, 0, &p, 1);
    kick(&d, 0);
    cr_assert(!broken(&d), "not looked at before there is input");
    type("x");
    cr_assert(broken(&d));
}

Test(virtio_console, works_without_a_back_end)
{
    struct driver e;
    driver_host(&e);
    driver_plug(&e, virtio_console_create(NULL));
    driver_start(&e, 0, 2, 16);
    struct piece p = {DATA, 6, 0};
    cr_assert_eq(driver_do(&e, 1, &p, 1), 0);
    driver_finish(&e);
}
