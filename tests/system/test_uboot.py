"""Debian's U-Boot for supervisor mode: another stock guest, with drivers of its own."""
from machine import LINUX, check

PROMPT = r"^=> "


def start(space, *arguments):
    machine = space.start("-M", "virt", "-nographic", "-m", "512M", "-kernel", LINUX / "u-boot.bin", *arguments)
    machine.expect(r"U-Boot 20\d\d", 60)
    machine.expect(r"Hit any key to stop autoboot", 60)
    machine.send(" ")
    machine.expect(PROMPT)
    return machine


def test_uboot_reaches_prompt(space):
    machine = start(space)
    machine.send("version\r")
    machine.expect(r"U-Boot 20\d\d")
    machine.expect(PROMPT)
    machine.send("poweroff\r")
    check(machine.wait() == 0, "exit status is not 0")


def test_uboot_on_opensbi(space):
    machine = start(space, "-bios", LINUX / "fw_dynamic.bin")
    machine.send("poweroff\r")
    check(machine.wait() == 0, "exit status is not 0")


def test_uboot_reads_ext4(space):
    machine = start(space, "-drive", f"file={LINUX / 'disk.img'},format=raw,if=none,id=d0,readonly=on",
                    "-device", "virtio-blk-device,drive=d0")
    machine.send("virtio scan; ext4load virtio 0 ${loadaddr} /etc/hostname; md.b ${loadaddr} 6\r")
    machine.expect(r"7 bytes read")
    machine.expect(r"6f 72 72 65 72 79")
    machine.expect(PROMPT)
    machine.send("poweroff\r")
    check(machine.wait() == 0, "exit status is not 0")
