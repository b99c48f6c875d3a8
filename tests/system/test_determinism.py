"""The same command gives the same run: every retired instruction, every printed byte, every sector of the disk."""
import hashlib
import re
import subprocess

from machine import LINUX, Failure, check, command, quick

MACHINE = ("-M", "virt", "-m", "512M", "-nographic", "-netdev", "user,id=n0", "-device", "virtio-net-device,netdev=n0",
           "-device", "virtio-rng-device")
KERNEL = ("-kernel", LINUX / "Image", "-initrd", LINUX / "initrd.gz")


def commit_log_hash(space, instructions, *arguments):
    """SHA-256 and line count of the commit log of a bounded run; the console goes to a file."""
    words = command(*MACHINE, *KERNEL, "-append", "console=ttyS0", "-snapshot",
                    "-drive", f"file={LINUX / 'disk.img'},format=raw,if=none,id=d0",
                    "-device", "virtio-blk-device,drive=d0", "-serial", f"file:{space.path / 'console'}",
                    "--log-commits", "--log=/dev/stdout", f"--max-insns={instructions}", *arguments)
    digest, lines = hashlib.sha256(), 0
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=space.path) as process:
        while block := process.stdout.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
    if lines < instructions * 0.9:
        raise Failure(f"{lines} lines of commit log for {instructions} instructions; exit status {process.returncode}")
    return digest.hexdigest()


@quick
def test_determinism_of_commit_log(space):
    first, second = (commit_log_hash(space, 3_000_000) for _ in range(2))
    check(first == second, "two runs of one command retire different instructions")


def test_determinism_of_commit_log_with_four_harts(space):
    first, second = (commit_log_hash(space, 3_000_000, "-smp", 4) for _ in range(2))
    check(first == second, "two runs of one command retire different instructions")


def test_determinism_of_commit_log_with_eight_harts(space):
    first, second = (commit_log_hash(space, 3_000_000, "-smp", 8) for _ in range(2))
    check(first == second, "two runs of one command retire different instructions")


def whole_run(space, name, *arguments):
    """Boot, work and power-off without input; returns the console's output and the disk's hash."""
    disk = space.disk(name)
    work = "mount -t proc proc /proc; seq 20000 | sha256sum; od -x -N 16 /dev/urandom; date; seq 5000 > /root/f; sync; poweroff -f"
    status, out, err = space.run(*MACHINE, *KERNEL, *arguments, "-append", f'console=ttyS0 root=/dev/vda init=/bin/sh -- -c "{work}"',
                                 "-drive", f"file={disk},format=raw,if=none,id=d0", "-device", "virtio-blk-device,drive=d0",
                                 seconds=240)
    check(status == 0 and "reboot: Power down" in out, f"exit status {status}; the end of the output: {out[-500:]} {err[-500:]}")
    return out, hashlib.sha256(disk.read_bytes()).hexdigest()


def compare_whole_runs(space, arguments, other_arguments):
    first, first_disk = whole_run(space, "disk0.img", *arguments)
    second, second_disk = whole_run(space, "disk1.img", *other_arguments)
    for one, other in zip(first.splitlines(), second.splitlines()):
        check(one == other, f"two runs print different lines:\n    {one}\n    {other}")
    check(first == second, "two runs print different output")
    check(re.search(r"^\[ +\d+\.\d{6}\]", first, re.MULTILINE), "the kernel prints no times; nothing was compared")
    check(first_disk == second_disk, "two runs leave different disks")


def test_determinism_of_whole_run(space):
    compare_whole_runs(space, [], [])


def test_determinism_of_whole_run_with_four_harts(space):
    compare_whole_runs(space, ["-smp", 4], ["-smp", 4])


def test_engines_agree_on_a_whole_run(space):
    """The kernel's times tell the number of instructions to the microsecond."""
    compare_whole_runs(space, ["--engine", "interp"], ["--engine", "jit"])


def test_engines_agree_with_four_harts_and_little_room(space):
    compare_whole_runs(space, ["-smp", 4, "--engine", "interp"],
                       ["-smp", 4, "--engine", "jit", "--translate-after", 1, "--code-cache", "256K"])


def test_determinism_of_whole_run_with_eight_harts(space):
    compare_whole_runs(space, ["-smp", 8], ["-smp", 8])


def test_seed_changes_what_the_guest_draws(space):
    """The random numbers are seeded, not constant: another seed gives another run."""
    first, _ = whole_run(space, "disk1.img", "--seed=1")
    second, _ = whole_run(space, "disk2.img", "--seed=2")
    check(first != second, "two seeds, one run")
