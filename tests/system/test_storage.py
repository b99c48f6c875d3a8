"""The ext4 disk: what is written stays, what must not be written is not."""
import hashlib
import signal
import subprocess

from machine import LINUX, check, quick


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
            hashlib.sha256(file.read()).hexdigest()


def check_ext4(disk):
    """The host's e2fsck finds nothing to say."""
    done = subprocess.run(["e2fsck", "-fn", disk], capture_output=True, text=True)
    check(done.returncode == 0, f"e2fsck -fn ends with status {done.returncode}: {done.stdout} {done.stderr}")


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


def test_raw_disk_write_zero_discard(space):
    """A second, raw disk: blocks written, zeroed and discarded are on the host as the guest left them."""
    raw = space.path / "raw.img"
    raw.write_bytes(b"\xa5" * (8 << 20))
    machine = space.linux("-drive", f"file={raw},format=raw,if=none,id=d1", "-device", "virtio-blk-device,drive=d1",
                          disk=space.disk()).boot()
    # Which of the disks is vda depends on the slots; the raw one is the one of 8 MiB.
    name = machine.command("for d in vda vdb; do [ $(cat /sys/block/$d/size) = 16384 ] && echo $d; done; true").strip()
    check(name in ("vda", "vdb"), "no disk of 8 MiB")
    machine.command(f"seq 100000 > /tmp/text; dd if=/tmp/text of=/dev/{name} bs=64k seek=16 conv=notrunc,fsync 2>/dev/null")
    machine.command(f"blkdiscard -o 4194304 -l 1048576 /dev/{name}")
    machine.command(f"dd if=/dev/{name} bs=1M count=1 2>/dev/null | tr -d '\\245' | wc -c | grep -qx 0")
    machine.poweroff()
    data = raw.read_bytes()
    text = b"".join(b"%d\n" % n for n in range(1, 100001))
    check(len(data) == 8 << 20, "the image has another size")
    check(data[:1 << 20] == b"\xa5" * (1 << 20), "the start was changed")
    check(data[1 << 20:][:len(text)] == text, "what was written is not there")
    check(data[5 << 20:] == b"\xa5" * (3 << 20), "the end was changed")
    check(data[4 << 20:5 << 20] in (bytes(1 << 20), b"\xa5" * (1 << 20)), "the discarded part is neither kept nor zeroed")
