"""Debian's kernel boots, works and powers off: on our firmware, on Debian's, with several harts, with little and much memory."""
from machine import LINUX, check, quick


def works(machine):
    """The shell answers, and power-off ends the emulator with status 0."""
    machine.boot()
    check(machine.command("echo $((6 * 7))").strip() == "42", "the shell cannot multiply")
    check("riscv64" in machine.command("uname -m"), "uname -m does not say riscv64")
    machine.poweroff()


def memory_mib(machine):
    return int(machine.command("awk '/MemTotal/ {print $2}' /proc/meminfo")) // 1024


@quick
def test_linux_boots_and_powers_off(space):
    works(space.linux())


def test_linux_restarts_on_reboot(space):
    machine = space.linux().boot()
    machine.command("touch /tmp/gone-after-restart")
    machine.send("reboot\r")
    machine.expect(r"Linux version")
    machine.boot()
    check(machine.command_status("test -e /tmp/gone-after-restart")[0] == 1, "the machine did not restart")
    machine.poweroff()


def test_linux_sees_four_harts(space):
    machine = space.linux("-smp", 4).boot()
    check(machine.command("nproc").strip() == "4", "nproc does not say 4")
    for hart in range(4):    # each of them runs a program
        check(machine.command(f"taskset {1 << hart:x} echo ran").strip() == "ran", f"hart {hart} ran nothing")
    work = "for i in 1 2 3 4; do (for j in 1 2 3 4 5; do seq 2000 | sha256sum; done | sort -u | wc -l) & done; wait"
    check(machine.command(work, 240).count("1\n") >= 4, "four shells at once disagree about a hash")
    machine.poweroff()


def test_linux_sees_eight_harts(space):
    machine = space.linux("-smp", 8).boot()
    check(machine.command("nproc").strip() == "8", "nproc does not say 8")
    machine.poweroff()


def test_linux_with_256_mib(space):
    machine = space.linux(memory="256M").boot()
    check(180 <= memory_mib(machine) <= 256, "MemTotal does not fit 256 MiB")
    machine.poweroff()


def test_linux_with_8_gib(space):
    machine = space.linux(memory="8G").boot()
    check(7900 <= memory_mib(machine) <= 8192, "MemTotal does not fit 8 GiB")
    machine.poweroff()


def test_linux_on_opensbi_dynamic(space):
    machine = space.linux("-bios", LINUX / "fw_dynamic.bin")
    machine.expect("OpenSBI v", 60)
    works(machine)


def test_linux_on_opensbi_jump(space):
    machine = space.linux("-bios", LINUX / "fw_jump.bin")
    machine.expect("OpenSBI v", 60)
    works(machine)


def test_linux_on_opensbi_with_four_harts(space):
    machine = space.linux("-bios", LINUX / "fw_dynamic.bin", "-smp", 4).boot()
    check(machine.command("nproc").strip() == "4", "nproc does not say 4")
    machine.poweroff()


def test_linux_without_disk_ends_in_initial_shell(space):
    machine = space.start("-M", "virt", "-nographic", "-m", "512M", "-kernel", LINUX / "Image",
                          "-initrd", LINUX / "initrd.gz", "-append", "console=ttyS0")
    machine.expect("no disk /dev/vda", 120)
    machine.expect("~ # ")
    machine.send("poweroff -f\r")
    check(machine.wait() == 0, "exit status is not 0")


def test_linux_programs_meet_their_faults(space):
    """Page faults, signals and misaligned accesses reach a program as Linux says they do."""
    machine = space.linux().boot()
    check(machine.command_status("sh -c 'kill -SEGV $$'")[0] == 139, "a program killed by SIGSEGV does not end with 139")
    machine.command("seq 100000 | sort -n -r | head -1 | grep -qx 100000", 120)
    machine.command("cat /proc/cpuinfo | grep -q '^isa.*rv64imafdc'")
    machine.poweroff()


def test_linux_panics_without_hanging(space):
    machine = space.linux(append="init=/bin/false panic=-1", disk=space.disk())
    machine.expect("Kernel panic", 120)
    machine.expect("Linux version")    # panic=-1 asks for a restart at once
    machine.kill()
