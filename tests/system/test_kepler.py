"""Orrery's own kernel with its own programs, from its own disk, spoken to as a user would; on QEMU and Debian's OpenSBI as well."""
import re
import time

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


def test_kepler_terminal_and_real_programs(space):
    """Keys and job control at the shell; bash, vi, top, less, lua, sqlite, strace and the sample servers as a person uses them."""
    machine = space.kepler(disk=space.disk("kepler.img", KEPLER / "kepler.img")).boot()

    def key(text, pattern):
        machine.send(text)
        machine.expect(pattern)

    key("sleep 100\r", r"sleep 100\n")
    time.sleep(1)    # the shell waits, the program sleeps
    key("\x1a", r"Stopped +sleep 100\n" + KEPLER_PROMPT)
    key("bg; jobs\r", r"Running +sleep 100 &\n" + KEPLER_PROMPT)
    key("fg\r", r"fg\nsleep 100\n")
    time.sleep(1)
    key("\x03", KEPLER_PROMPT)
    check(machine.command("echo $?; ech\t done").split()[-1] == "done", "Tab does not complete")
    key("echo first\r", r"\nfirst\n" + KEPLER_PROMPT)
    key("\x1b[A\x1b[D\x1b[D\x1b[3~\r", r"\nfirt\n" + KEPLER_PROMPT)    # up, left, left, Delete
    key("\x12rst\r", r"\nfirst\n" + KEPLER_PROMPT)
    key("bash\r", r"bash\n" + KEPLER_PROMPT)
    key("sleep 50 &\r", r"\[1\] \d+")
    key("jobs; kill %1; wait; echo $BASH_VERSION; exit\r", r"Running(.|\n)*5\.\d(.|\n)*exit\n" + KEPLER_PROMPT)
    key("vi file\r", r"~\s*\n?~")
    for keys in ("itext by vi", "\x1b", ":wq\r"):
        machine.send(keys)
        time.sleep(1)
    check(machine.command("cat file") == "text by vi\n", "vi did not write what was typed")
    for program, shown in (("top", "PID USER"), ("busybox top", "PID"), ("less /etc/profile", "login shell")):
        key(program + "\r", shown)
        time.sleep(1)
        key("q", KEPLER_PROMPT)
    sql = "pragma journal_mode=wal; create table t(a); insert into t values(42),(43); select sum(a) from t;"
    check(machine.command(f"sqlite3 t.db '{sql}'").split() == ["wal", "85"], "sqlite does not add up")
    check(machine.command("lua -e 'print(2^10)'").strip() == "1024.0", "lua does not calculate")
    check("execve" in machine.command("strace true 2>&1 | head -n 1"), "strace shows nothing")
    machine.command("usertests", 240)
    machine.command("webload -r 5")
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
