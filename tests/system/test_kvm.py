"""Debian's kernel is a KVM host: it loads its module and boots the same kernel nested, with our monitor (tests/system/kvm)."""
import subprocess

from machine import LINUX, ROOT, check

KVM = ROOT / "build" / "guest" / "kvm"
NESTED_SECONDS = 240    # for one nested boot


def host(space, *arguments, append=""):
    return space.start("-M", "virt", "-nographic", "-m", "512M", "-kernel", LINUX / "Image", "-initrd", KVM / "host.cpio",
                       "-append", f"console=ttyS0 quiet {append}".strip(), *arguments)


def expect_guest(machine, number, harts=1):
    """A nested guest reaches its marker, then powers off; what it prints stands between."""
    name = f"^guest {number}: "
    machine.expect(name + r"Linux .*riscv64 GNU/Linux$", NESTED_SECONDS)
    machine.expect(name + rf"{harts} harts, isa: rv64imafdc", 60)
    machine.expect(name + r"nested marker 42$", 60)
    machine.expect(rf"^host: guest {number} ended with status 0$", 60)


def expect_module(machine, harts=1):
    machine.expect(r"^host: insmod ended with status 0$", 180)
    machine.expect(r"hypervisor extension available")
    machine.expect(r"using Sv(39|48|57)x4 G-stage page table format")
    machine.expect(r"VMID 14 bits available")
    machine.expect(rf"^host: {harts} harts, isa: rv64imafdch")


def expect_end(machine):
    machine.expect(r"^host: powering off$")
    check(machine.wait() == 0, "exit status is not 0")


def nests(space, *arguments, harts=1, nested_harts=1):
    machine = host(space, "-smp", harts, *arguments, append=f"nested.smp={nested_harts}")
    expect_module(machine, harts)
    expect_guest(machine, 1, nested_harts)
    expect_end(machine)
    return machine.output


def test_kvm_boots_nested_linux(space):
    output = nests(space)
    check(output.count("_sstc") == 2, "host and guest do not both see sstc")


def test_kvm_on_opensbi(space):
    check("OpenSBI v" in nests(space, "-bios", LINUX / "fw_dynamic.bin"), "this is not OpenSBI")


def test_kvm_with_two_harts(space):
    nests(space, harts=2, nested_harts=2)


def test_kvm_without_sstc(space):
    output = nests(space, "-cpu", "rv64,sstc=off")
    check("sstc" not in output, "somebody sees sstc")


def test_kvm_runs_two_guests_at_once(space):
    machine = host(space, append="nested.guests=2")
    expect_module(machine)
    seen = []
    while len(seen) < 2:    # in whatever order they come
        seen.append(machine.expect(r"^guest (\d): nested marker 42$", 2 * NESTED_SECONDS).group(1))
    check(sorted(seen) == ["1", "2"], f"markers came from guests {seen}")
    expect_end(machine)
    for number in (1, 2):
        check(f"host: guest {number} ended with status 0" in machine.output, f"guest {number} did not end well")
    first_end = machine.output.index("ended with status 0", machine.output.index("guest 1:"))
    check(machine.output.index("guest 2:") < first_end, "the guests ran one after the other")


def test_kvm_nested_console_answers(space):
    """By hand, as docs/kvm.md says: a shell on the host, the monitor without a prefix, a shell in the guest."""
    machine = host(space, append="nested.guests=0")
    expect_module(machine)
    machine.expect(r"^~ # ")
    machine.send('kvmrun --kernel /Image --initrd /nested.cpio --append "console=ttyS0 quiet stay"\r')
    machine.expect(r"^This is the nested guest", NESTED_SECONDS)
    machine.expect(r"^~ # ")
    machine.send("echo $((6 * 7)) in $(uname -m)\r")
    machine.expect(r"^42 in riscv64$")
    machine.send("poweroff -f\r")
    machine.expect(r"reboot: Power down")
    machine.expect(r"^~ # ")
    machine.send("echo status $?\r")
    machine.expect(r"^status 0$")
    machine.send("poweroff -f\r")
    check(machine.wait() == 0, "exit status is not 0")


def test_kvm_monitor_refuses_bad_arguments(space):
    """One clear line and exit status 2; the program runs here under user-mode emulation, so that KVM is out of the question."""
    cases = [([], "--kernel is missing"), (["--bogus"], "--bogus: unknown option"), (["--kernel"], "--kernel: needs a value"),
             (["extra"], "extra: unexpected argument"), (["--smp", "0"], "--smp 0: give a number from 1 to 8"),
             (["--memory", "64M"], "--memory 64M: give a number"), (["--kernel", "absent"], "absent: No such file"),
             (["--kernel", "/"], "/: not a regular file"), (["--kernel", KVM / "kvmrun"], "not a RISC-V Linux image"),
             (["--memory", "65", "--kernel", LINUX / "Image"], "--memory: give an even number"),
             (["--memory", "64", "--kernel", LINUX / "Image", "--initrd", KVM / "host.cpio"], "does not fit into 64 MiB")]
    for arguments, message in cases:
        done = subprocess.run(["qemu-riscv64", KVM / "kvmrun", *arguments], capture_output=True, text=True, timeout=60,
                              cwd=space.path)
        lines = done.stderr.splitlines()
        check(done.returncode == 2 and len(lines) == 1 and lines[0].startswith("kvmrun: ") and message in lines[0],
              f"kvmrun {arguments}: status {done.returncode}, said {done.stderr!r}")
