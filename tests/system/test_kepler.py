"""Orrery's own kernel with its own programs, from its own disk, spoken to as a user would; on QEMU and Debian's OpenSBI as well."""
import re

from machine import KEPLER, KEPLER_PROMPT, LINUX, ROOT, check, quick


def works(machine):
    """A few commands as a person types them."""
    machine.boot()
    check(machine.command("echo $((6 * 7))").strip() == "42", "the shell cannot multiply")
    check("riscv64" in machine.command("uname -m"), "uname -m does not say riscv64")
    check(machine.command("seq 1 100 | grep 7 | wc -l").strip() == "19", "a pipeline of three programs does not count")
    check(machine.command("for i in a b c; do echo $i; done | sort -r | tr a-z A-Z").split() == ["C", "B", "A"], "a loop in a pipe")
    check("init" in machine.command("ps -ef"), "ps does not show init")


@quick
def test_kepler_shell_and_files_that_stay(space):
    disk = space.disk("kepler.img", KEPLER / "kepler.img")
    machine = space.kepler(disk=disk)
    works(machine)
    machine.command("mkdir -p work/deep; echo first >work/file; echo second >>work/file; ln -s ../file work/deep/link; cp -r /etc work/etc")
    check(machine.command("cat work/deep/link").split() == ["first", "second"], "a file through a symbolic link")
    check(machine.command("sleep 5 & kill $!; wait $!; echo status $?").split()[-2:] == ["status", "143"], "a background job is not killed")
    machine.command("f() { local x=$1; [ $x -gt 3 ] && return 7; echo $x; f $((x + 1)); }; f 1; [ $? = 7 ]")
    machine.command("echo 'PS1=\"up \\$(cut -d. -f1 /proc/uptime).\\$(cut -d. -f2 /proc/uptime | cut -c1-2) \\\\w # \"' >.profile; cat .profile")
    machine.poweroff()
    machine = space.kepler("-smp", 2, disk=disk)
    seconds = float(re.sub(r"[^0-9.]", "", machine.expect(r"up (\d+\.\d+) ~ # ", 60).group(1)))
    check(seconds < 2, f"the prompt came after {seconds} s of guest time, not within 2")
    machine.send("diff -r work/etc /etc && cat work/file && fsck.kfs -n /dev/vda; echo end:\r")
    machine.expect(r"first\nsecond\n(.|\n)*end:\n")
    machine.poweroff()


def test_kepler_restarts_on_reboot(space):
    machine = space.kepler(disk=space.disk("kepler.img", KEPLER / "kepler.img")).boot()
    machine.command("echo kept >kept; echo gone >/tmp/gone")
    machine.send("reboot\r")
    machine.expect(r"Kepler: \d+ MiB")
    machine.boot()
    check(machine.command("cat kept; ls /tmp").split() == ["kept"], "what is on the disk stays, what is in memory goes")
    machine.poweroff()


def test_kepler_on_opensbi(space):
    machine = space.kepler("-bios", LINUX / "fw_dynamic.bin", disk=space.disk("kepler.img", KEPLER / "kepler.img"))
    works(machine)
    machine.poweroff()


def test_kepler_on_qemu_with_opensbi(space):
    machine = space.kepler("-bios", LINUX / "fw_dynamic.bin", "-smp", 2, disk=space.disk("kepler.img", KEPLER / "kepler.img"),
                           emulator="qemu-system-riscv64")
    works(machine)
    machine.poweroff()


def test_run_boots_kepler_twice(space):
    for _ in range(2):    # -snapshot: the disk of whoever owns this checkout stays as it is
        machine = space.start("-snapshot", emulator=ROOT / "run", prompt=KEPLER_PROMPT)
        machine.expect(r"starting: ", 600)
        works(machine)
        machine.poweroff()
