"""What a user can get wrong: one clear line on standard error that names the thing, exit status 2, nothing run, nothing written."""
import struct

from machine import LINUX, Failure, check, quick

IMAGE = LINUX / "Image"


def elf(machine=243, elf_class=2, data=1, kind=2, entry=0x80200000, segments=((0x80200000, 0x80200000, b"\x73\x00\x50\x10", 4),)):
    """A small ELF64 file; segments are (virtual address, physical address, bytes, size in memory)."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF" + bytes([elf_class, data, 1]) + bytes(9), kind, machine, 1, entry, 64, 0, 0,
                         64, 56, len(segments), 0, 0, 0)
    offset = 64 + 56 * len(segments)
    heads, body = b"", b""
    for virtual, physical, content, size in segments:
        heads += struct.pack("<IIQQQQQQ", 1, 7, offset + len(body), virtual, physical, len(content), size, 4096)
        body += content
    return header + heads + body


# name of the case: (arguments, pattern that the message must hold); {name} in arguments is a file below
FILES = {
    "empty": b"",
    "text": b"this is no kernel\n" * 10,
    "x86.elf": elf(machine=62),
    "class32.elf": elf(elf_class=1),
    "big-endian.elf": elf(data=2),
    "short.elf": elf()[:100],
    "truncated-segment.elf": elf(segments=((0x80200000, 0x80200000, b"\0" * 8192, 8192),))[:3000],
    "outside.elf": elf(segments=((0x10, 0x10, b"\x13\0\0\0", 4),)),
    "beyond.elf": elf(segments=((0x80200000, 0x80200000, b"\x13\0\0\0", 1 << 40),)),
    "wrapping.elf": elf(segments=((0xfffffffffffff000, 0xfffffffffffff000, b"\x13\0\0\0", 0x2000),)),
    "file-larger-than-memory.elf": elf(segments=((0x80200000, 0x80200000, b"\x13\0\0\0" * 4, 4),)),
    "overlap.elf": elf(segments=((0x80200000, 0x80200000, b"\0" * 64, 64), (0x80200020, 0x80200020, b"\0" * 64, 64))),
    "good.img": bytes(1 << 20),
    "odd.img": b"\0" * 1000,
    "bad.dtb": b"\xd0\x0d\xfe\xed" + b"\xff" * 60,
    "bad.gz": b"\x1f\x8b\x08\0" + b"\xff" * 60,
    "small.bin": b"\x13\0\0\0" * 64,
}

BLOCK = ("-device", "virtio-blk-device,drive=d")

CASES = {
    "no such option": (["--no-such-option"], "--no-such-option"),
    "no such short option": (["-zzz"], "-zzz"),
    "option without value": (["-kernel"], "-kernel"),
    "no such machine": (["-M", "pc", "-kernel", IMAGE], "pc"),
    "no such cpu": (["-cpu", "i486", "-kernel", IMAGE], "i486"),
    "no such cpu property": (["-cpu", "rv64,nonsense=on", "-kernel", IMAGE], "nonsense"),
    "no such extension": (["--isa=rv64imafdcq_zfoo", "-kernel", IMAGE], "isa"),
    "no such engine": (["--engine", "magic", "-kernel", IMAGE], "magic"),
    "no harts": (["-smp", "0", "-kernel", IMAGE], "-smp"),
    "too many harts": (["-smp", "9", "-kernel", IMAGE], "9"),
    "harts not a number": (["-smp", "four", "-kernel", IMAGE], "four"),
    "negative harts": (["-smp", "-1", "-kernel", IMAGE], "-smp"),
    "no memory": (["-m", "0", "-kernel", IMAGE], "-m"),
    "too much memory": (["-m", "65G", "-kernel", IMAGE], "65G"),
    "memory that overflows": (["-m", "99999999999999999999", "-kernel", IMAGE], "-m"),
    "memory not a size": (["-m", "12Q", "-kernel", IMAGE], "12Q"),
    "memory too small for the kernel": (["-m", "8M", "-kernel", IMAGE], "memory|RAM|fit"),
    "kernel absent": (["-kernel", "/no/such/kernel"], "/no/such/kernel"),
    "kernel is a folder": (["-kernel", "/"], "/"),
    "kernel empty": (["-kernel", "{empty}"], "empty"),
    "kernel for another machine": (["-kernel", "{x86.elf}"], "x86.elf"),
    "kernel of 32 bits": (["-kernel", "{class32.elf}"], "class32.elf"),
    "kernel big-endian": (["-kernel", "{big-endian.elf}"], "big-endian.elf"),
    "kernel truncated in its headers": (["-kernel", "{short.elf}"], "short.elf"),
    "kernel truncated in a segment": (["-kernel", "{truncated-segment.elf}"], "truncated-segment.elf"),
    "kernel outside memory": (["-kernel", "{outside.elf}"], "outside.elf"),
    "kernel larger than memory": (["-kernel", "{beyond.elf}"], "beyond.elf"),
    "kernel wraps the address space": (["-kernel", "{wrapping.elf}"], "wrapping.elf"),
    "kernel segment larger in file than in memory": (["-kernel", "{file-larger-than-memory.elf}"], "file-larger-than-memory.elf"),
    "kernel segments overlap": (["-kernel", "{overlap.elf}"], "overlap"),
    "kernel compressed badly": (["-kernel", "{bad.gz}"], "bad.gz"),
    "program absent": (["/no/such/program.elf"], "/no/such/program.elf"),
    "program is text": (["{text}"], "text"),
    "initrd absent": (["-kernel", IMAGE, "-initrd", "/no/such/initrd"], "/no/such/initrd"),
    "initrd without kernel": (["-initrd", LINUX / "initrd.gz"], "-initrd|-kernel"),
    "append without kernel": (["-append", "quiet"], "-append|-kernel"),
    "firmware absent": (["-bios", "/no/such/bios", "-kernel", IMAGE], "/no/such/bios"),
    "firmware empty": (["-bios", "{empty}", "-kernel", IMAGE], "empty"),
    "firmware for another machine": (["-bios", "{x86.elf}", "-kernel", IMAGE], "x86.elf"),
    "device tree absent": (["-kernel", IMAGE, "-dtb", "/no/such/dtb"], "/no/such/dtb"),
    "device tree damaged": (["-kernel", IMAGE, "-dtb", "{bad.dtb}"], "bad.dtb"),
    "device tree is text": (["-kernel", IMAGE, "-dtb", "{text}"], "text"),
    "loader without address": (["-kernel", IMAGE, "-device", "loader,file={small.bin}"], "loader"),
    "loader outside memory": (["-kernel", IMAGE, "-device", "loader,file={small.bin},addr=0x1000000000000"], "loader|small.bin"),
    "loader over the kernel": (["-kernel", IMAGE, "-device", "loader,file={small.bin},addr=0x80200000"], "overlap"),
    "loader file absent": (["-kernel", IMAGE, "-device", "loader,file=/no/such/file,addr=0x81000000"], "/no/such/file"),
    "disk absent": (["-kernel", IMAGE, "-drive", "file=/no/such/disk,format=raw,if=none,id=d", *BLOCK], "/no/such/disk"),
    "disk is a folder": (["-kernel", IMAGE, "-drive", "file=/,format=raw,if=none,id=d", *BLOCK], "/"),
    "disk not of whole sectors": (["-kernel", IMAGE, "-drive", "file={odd.img},format=raw,if=none,id=d", *BLOCK], "1000.*512|512"),
    "disk empty": (["-kernel", IMAGE, "-drive", "file={empty},format=raw,if=none,id=d", *BLOCK], "empty"),
    "disk of unknown format": (["-kernel", IMAGE, "-drive", "file={good.img},format=zip,if=none,id=d", *BLOCK], "zip"),
    "drive property unknown": (["-kernel", IMAGE, "-drive", "file={good.img},format=raw,if=none,id=d,colour=red", *BLOCK], "colour"),
    "cache mode unknown": (["-kernel", IMAGE, "-drive", "file={good.img},format=raw,cache=warm"], "warm"),
    "drive without file": (["-kernel", IMAGE, "-drive", "format=raw,if=none,id=d", *BLOCK], "file"),
    "device without its drive": (["-kernel", IMAGE, "-device", "virtio-blk-device,drive=absent"], "absent"),
    "device without a drive": (["-kernel", IMAGE, "-device", "virtio-blk-device"], "drive"),
    "device unknown": (["-kernel", IMAGE, "-device", "flux-capacitor"], "flux-capacitor"),
    "device property unknown": (["-kernel", IMAGE, "-device", "virtio-rng-device,colour=red"], "colour"),
    "too many devices": (["-kernel", IMAGE, *["-device", "virtio-rng-device"] * 9], "slot|many|eight|8"),
    "one drive twice": (["-kernel", IMAGE, "-snapshot", "-drive", "file={good.img},format=raw,if=none,id=d", *BLOCK, *BLOCK], "d"),
    "one name twice": (["-kernel", IMAGE, "-snapshot", *["-drive", "file={good.img},format=raw,if=none,id=d"] * 2, *BLOCK], "d"),
    "legacy devices": (["-kernel", IMAGE, "-global", "virtio-mmio.force-legacy=true"], "force-legacy=true"),
    "object unknown": (["-kernel", IMAGE, "-object", "secret,id=s"], "secret"),
    "object absent": (["-kernel", IMAGE, "-device", "virtio-rng-device,rng=r"], "rng|id=r"),
    "random numbers from a file": (["-kernel", IMAGE, "-object", "rng-random,id=r,filename=/etc/passwd"], "/etc/passwd"),
    "network absent": (["-kernel", IMAGE, "-device", "virtio-net-device,netdev=absent"], "absent"),
    "network of unknown kind": (["-kernel", IMAGE, "-netdev", "carrier-pigeon,id=n"], "carrier-pigeon"),
    "forwarding not understood": (["-kernel", IMAGE, "-netdev", "user,id=n,hostfwd=nonsense", "-device", "virtio-net-device,netdev=n"],
                                  "nonsense"),
    "forwarding from a bad port": (["-kernel", IMAGE, "-netdev", "user,id=n,hostfwd=tcp::99999-:80", "-device",
                                    "virtio-net-device,netdev=n"], "99999"),
    "serial of unknown kind": (["-kernel", IMAGE, "-serial", "telegraph"], "telegraph"),
    "serial file that cannot be made": (["-kernel", IMAGE, "-serial", "file:/no/such/folder/log"], "/no/such/folder/log"),
    "serial port number too large": (["-kernel", IMAGE, "-serial", "tcp::99999,server=on,wait=off"], "99999"),
    "instruction counting not understood": (["-kernel", IMAGE, "-icount", "lots"], "lots"),
    "accelerator unknown": (["-kernel", IMAGE, "-accel", "tcgx"], "tcgx"),
    "gdb outside the loopback": (["-kernel", IMAGE, "-gdb", "tcp:0.0.0.0:1234"], "0.0.0.0|loopback"),
    "gdb port not a number": (["-kernel", IMAGE, "-gdb", "tcp::port"], "port"),
    "log file that cannot be made": (["-kernel", IMAGE, "--log-commits", "--log=/no/such/folder/log"], "/no/such/folder/log"),
    "frequency zero": (["-kernel", IMAGE, "--freq", "0"], "freq"),
    "nothing to run": (["-bios", "none"], "-kernel|nothing|-bios"),
    "signature without a program": (["-kernel", IMAGE, "+signature=/tmp/x"], "signature"),
    "two programs": (["{small.bin}", "{small.bin}"], "small.bin"),
}


def fill(argument, folder):
    argument = str(argument)
    for name in FILES:
        argument = argument.replace("{" + name + "}", str(folder / name))
    return argument


def problems_of(space, arguments, pattern):
    """What is wrong with the emulator's answer to one bad command line; empty if nothing."""
    import re
    try:
        status, out, err = space.run(*[fill(a, space.path) for a in arguments], "-nographic", seconds=10)
    except Failure:
        return "it ran"
    lines = err.splitlines()
    problems = []
    if status != 2:
        problems.append(f"exit status {status}, not 2")
    if len(lines) != 1:
        problems.append(f"{len(lines)} lines on standard error, not 1")
    elif not lines[0].startswith("orrery: "):
        problems.append("the line does not begin with `orrery: '")
    if not re.search(pattern, err):
        problems.append(f"the message does not name {pattern!r}")
    if out:
        problems.append(f"{len(out)} characters on standard output")
    return "; ".join(problems) + (f"\n      stderr: {err.strip()[:300]!r}" if problems else "")


@quick
def test_bad_input_is_refused(space):
    for name, content in FILES.items():
        (space.path / name).write_bytes(content)
    wrong = []
    for name, (arguments, pattern) in CASES.items():
        problems = problems_of(space, arguments, pattern)
        if problems:
            wrong.append(f"    {name}: {problems}")
    check(not wrong, f"{len(wrong)} of {len(CASES)} bad command lines are answered wrongly:\n" + "\n".join(wrong))
    for name, content in FILES.items():
        check((space.path / name).read_bytes() == content, f"{name} was written to")


@quick
def test_help_and_version(space):
    for option in ("--help", "--version"):
        status, out, err = space.run(option)
        check(status == 0 and out and not err, f"{option}: status {status}, {len(out)} characters, stderr {err!r}")
