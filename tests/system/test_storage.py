"""The ext4 disk: what is written stays, what must not be written is not."""
import hashlib
import os
import signal

from machine import LINUX, check, quick


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()


def check_ext4(disk):
    """The host's e2fsck finds nothing to say."""
    status = os.spawnlp(os.P_WAIT, "e2fsck", "e2fsck", "-fn", str(disk))
    check(status == 0, f"e2fsck -fn ends with status {status}")


@quick
def test_files_survive_power_off(space):
    disk = space.disk()
    machine = space.linux(disk=disk).boot()
    machine.command("seq 100000 > /root/numbers; sha256sum /root/numbers > /root/sum; mkdir -p /root/a/b/c")
    machine.poweroff()
    check_ext4(disk)
    machine = space.linux(disk=disk).boot()
    machine.command("cd / && sha256sum -c /root/sum && test -d /root/a/b/c && rm -r /root/a")
    machine.poweroff()
    check_ext4(disk)


def test_snapshot_leaves_base_unchanged(space):
    disk = space.disk()
    before = digest(disk)
    machine = space.linux(disk=disk, snapshot=True).boot()
    machine.command("seq 100000 > /root/numbers; sync; grep -qx 99999 /root/numbers")
    machine.poweroff()
    check(digest(disk) == before, "the base image of a -snapshot run has changed")


def test_read_only_image_is_never_written(space):
    disk = space.disk()
    before = digest(disk)
    machine = space.start("-M", "virt", "-nographic", "-m", "512M", "-kernel", LINUX / "Image",
                          "-initrd", LINUX / "initrd.gz", "-append", "console=ttyS0 root=/dev/vda ro",
                          "-drive", f"file={disk},format=raw,if=none,id=d0,readonly=on",
                          "-device", "virtio-blk-device,drive=d0").boot()
    check(machine.command("cat /sys/block/vda/ro").strip() == "1", "the guest does not know that the disk is read-only")
    check(machine.command_status("dd if=/dev/zero of=/dev/vda count=8")[0] != 0, "a read-only disk was written to")
    machine.poweroff()
    check(digest(disk) == before, "the image has changed")


def test_killed_emulator_is_a_power_cut(space):
    """What was synced is there after the emulator was killed; the journal makes the rest whole."""
    disk = space.disk()
    machine = space.linux(disk=disk).boot()
    machine.command("seq 20000 > /root/synced; sync")
    machine.send("while true; do seq 20000 > /root/going; done\r")
    machine.expect(r"seq 20000 > /root/going")
    machine._read(1.0)
    machine.signal(signal.SIGKILL)
    check(machine.wait() == -signal.SIGKILL, "not killed")
    machine = space.linux(disk=disk).boot()
    machine.command("seq 20000 | cmp - /root/synced")
    machine.poweroff()
    check_ext4(disk)


def test_second_disk_whole(space):
    """Every sector of a raw disk can be written and read back, discarded and zeroed."""
    raw = space.path / "raw.img"
    raw.write_bytes(b"\xa5" * (8 << 20))
    machine = space.linux("-drive", f"file={raw},format=raw,if=none,id=d1", "-device", "virtio-blk-device,drive=d1").boot()
    # The order of the slots decides which disk is vda; the small one is the raw one.
    name = machine.command("for d in vda vdb; do [ $(cat /sys/block/$d/size) = 16384 ] && echo $d; done; true").strip()
    check(name in ("vda", "vdb"), "no disk of 8 MiB")
    machine.poweroff()
