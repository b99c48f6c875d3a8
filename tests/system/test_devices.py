"""Stock drivers find the devices and use them."""
import time

from machine import check


def rtc_seconds(machine):
    machine.command("dmesg | grep -q 'goldfish_rtc.*registered as rtc0'")
    machine.command("hwclock -r")
    seconds = int(machine.command("cat /sys/class/rtc/rtc0/since_epoch"))
    machine.poweroff()
    return seconds


def test_rtc_starts_at_a_fixed_time(space):
    """So that runs repeat, the clock does not follow the host's calendar."""
    first = rtc_seconds(space.linux().boot())
    time.sleep(5)
    second = rtc_seconds(space.linux().boot())
    check(first > 1_500_000_000 and abs(first - second) < 60, f"two starts, two times: {first}, {second}")
    check(abs(first - time.time()) > 3600, "the clock follows the host's")


def test_rtc_follows_the_host_on_request(space):
    seconds = rtc_seconds(space.linux("--realtime").boot())
    check(abs(seconds - time.time()) < 120, f"rtc0 says {seconds}, the host {time.time():.0f}")


def test_rng_gives_bytes(space):
    machine = space.linux("-device", "virtio-rng-device").boot()
    check("virtio_rng" in machine.command("cat /sys/class/misc/hw_random/rng_current"), "virtio_rng is not in use")
    text = machine.command("head -c 64 /dev/hwrng | xxd -p | tr -d '\\n'; echo")
    digits = text.strip()
    check(len(digits) == 128 and len(set(digits)) > 8, f"64 bytes of /dev/hwrng: {digits}")
    machine.poweroff()


def test_virtio_console_carries_a_file(space):
    log = space.path / "hvc0.log"
    machine = space.linux("-device", "virtio-serial-device", "-chardev", f"file,id=c,path={log}",
                          "-device", "virtconsole,chardev=c").boot()
    machine.command("seq 1000 > /dev/hvc0")
    machine.command("sleep 1")
    machine.poweroff()
    lines = log.read_text().replace("\r", "").splitlines()
    check(lines == [str(n) for n in range(1, 1001)], f"{len(lines)} of 1000 lines came through")


def test_syscon_powers_off(space):
    """The test finisher that the device tree describes as syscon-poweroff, asked directly."""
    machine = space.linux().boot()
    machine.send("sync; devmem 0x100000 32 0x5555\r")
    check(machine.wait() == 0, "0x5555 to the test finisher does not end with status 0")


def test_syscon_reports_failure(space):
    machine = space.linux().boot()
    machine.send("sync; devmem 0x100000 32 0x33333\r")
    check(machine.wait() == 3, "0x33333 to the test finisher does not end with status 3")


def test_hole_in_the_map_is_a_fault(space):
    """An access where no device is ends the program, not the machine."""
    machine = space.linux().boot()
    check(machine.command_status("devmem 0x7000000 32")[0] != 0, "a hole in the map can be read")
    machine.command("true")
    machine.poweroff()
