"""Prepares what guests are started with: scaled images and an initial file system."""

import struct
from pathlib import Path

from . import BenchError

BASE = 0x80000000
SCALE_ADDRESS = BASE + 8  # bare_scale_percent in runtime/bare_start.S


def scaled_elf(build, name, percent):
    """The bare program with another amount of work."""
    source = build / "bench" / f"{name}.elf"
    if not source.exists():
        raise BenchError(f"{source}: missing; build the target bench-programs (needs riscv64-linux-gnu-gcc)")
    if percent == 100:
        return source
    image = bytearray(source.read_bytes())
    offset = _file_offset(image, SCALE_ADDRESS, source)
    if struct.unpack_from("<Q", image, offset)[0] != 100:
        raise BenchError(f"{source}: no scale at {SCALE_ADDRESS:#x}; rebuild the target bench-programs")
    struct.pack_into("<Q", image, offset, percent)
    target = build / "bench" / "scaled" / f"{name}-{percent}.elf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(image)
    return target


def _file_offset(image, address, source):
    """Where an address lies in a 64-bit little-endian ELF file."""
    table, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for i in range(count):
        kind, _, offset, virtual, _, length = struct.unpack_from("<IIQQQQ", image, table + i * size)
        if kind == 1 and virtual <= address < virtual + length:
            return offset + address - virtual
    raise BenchError(f"{source}: {address:#x} is in no segment")


def _cpio_entry(number, name, mode, data=b"", device=(0, 0)):
    """One member of a `newc` archive: 13 hexadecimal numbers after the magic, the name, the bytes."""
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    entry = b"070701" + b"".join(b"%08x" % field for field in fields) + path
    entry += b"\0" * (-len(entry) % 4)
    return entry + data + b"\0" * (-len(data) % 4)


def make_initrd(build):
    """An initial file system with init and every Linux program; the same bytes for the same programs."""
    programs = sorted((build / "bench" / "linux").iterdir())
    entries = [("dev", 0o040755, b"", (0, 0)), ("dev/console", 0o020600, b"", (5, 1)), ("bin", 0o040755, b"", (0, 0))]
    for program in programs:
        path = "init" if program.name == "init" else f"bin/{program.name}"
        entries.append((path, 0o100755, program.read_bytes(), (0, 0)))
    entries.append(("TRAILER!!!", 0, b"", (0, 0)))
    archive = b"".join(_cpio_entry(i + 1, *entry) for i, entry in enumerate(entries))
    target = Path(build) / "bench" / "initrd.cpio"
    target.write_bytes(archive + b"\0" * (-len(archive) % 512))
    return target


def linux_arguments(percent, names):
    """The kernel's command line; what follows -- goes to init."""
    return f"console=ttyS0 quiet panic=-1 -- {percent} {' '.join(names)}".rstrip()
