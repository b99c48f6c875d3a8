"""Looking at the engine: figures, listings, the profiler's map."""
import pathlib
import re
import subprocess

from machine import LINUX, check, command, quick

BEGINNING = ("-M", "virt", "-m", "256M", "-nographic", "-serial", "null", "-kernel", LINUX / "Image", "-append", "console=ttyS0",
             "--max-insns=40000000")


def figures(text):
    """The lines `name value` of --stats as a dictionary."""
    return {name: float(value) for name, value in re.findall(r"^(\w+) +([\d.]+)$", text, re.MULTILINE)}


@quick
def test_stats_tell_where_time_goes(space):
    _, _, err = space.run(*BEGINNING, "--engine", "jit", "--stats")
    f = figures(err)
    for name in ("instructions", "blocks_translated", "links_made", "code_bytes", "accesses", "native_left"):
        check(f.get(name, 0) > 0, f"--stats: {name} is {f.get(name)}:\n{err}")
    check(50 < f["tlb_hit_percent"] <= 100, f"--stats: tlb_hit_percent is {f['tlb_hit_percent']}")
    times = sum(f.get(f"{name}_seconds", 0) for name in ("native", "interpreter", "translating", "devices", "waiting"))
    check(0.8 * f["host_seconds"] <= times <= 1.2 * f["host_seconds"], f"--stats: the times do not add up:\n{err}")
    check(re.search(r"^native_left_at +csrr\w+ +\d+ +never translated$", err, re.MULTILINE), f"no row is named:\n{err}")


def test_stats_change_nothing(space):
    """Counting is no part of the machine: the run is the same to the instruction."""
    runs = [figures(space.run(*BEGINNING, "--engine", engine, "--stats", *more)[2])
            for engine, more in (("interp", ()), ("jit", ()), ("jit", ("--translate-after", 1)))]
    for name in ("instructions", "guest_seconds"):
        check(len({f[name] for f in runs}) == 1, f"{name} differs: {[f[name] for f in runs]}")


def test_translated_code_is_listed_beside_the_guests(space):
    space.run(*BEGINNING, "--engine", "jit", "-d", "out_asm", "-D", "log")
    log = (space.path / "log").read_text()
    check(re.search(r"^out_asm: 0x\w+.*: \d+ instructions, \d+ bytes", log, re.MULTILINE), f"no block is listed: {log[:300]!r}")
    check(re.search(r"^0x\w+: \w+ .*\| \w+ ", log, re.MULTILINE), "no guest instruction stands beside host code")


def test_perf_map_names_guest_functions(space):
    source = "    .globl _start, hot_loop\n_start: li a0, 100000\nhot_loop: addi a0, a0, -1\n    bnez a0, hot_loop\n" \
             "    li t0, 1\n    la t1, tohost\n    sd t0, 0(t1)\n1:  j 1b\n    .type hot_loop, @function\n" \
             "    .data\n    .globl tohost, fromhost\n    .align 6\ntohost: .dword 0\n    .align 6\nfromhost: .dword 0\n"
    (space.path / "hot.S").write_text(source)
    subprocess.run(["riscv64-linux-gnu-gcc", "-nostdlib", "-nostartfiles", "-static", "-no-pie", "-Wl,-Ttext=0x80000000",
                    "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", "hot.S", "-o", "hot"], cwd=space.path, check=True)
    process = subprocess.Popen(command("--engine", "jit", "--perf-map", "hot"), cwd=space.path, stderr=subprocess.DEVNULL)
    status = process.wait(60)
    path = pathlib.Path(f"/tmp/perf-{process.pid}.map")
    text = path.read_text()
    path.unlink()
    check(status == 0, f"exit status {status}")
    check(re.search(r"^[0-9a-f]+ [0-9a-f]+ hot_loop$", text, re.MULTILINE), f"the map names no hot_loop: {text!r}")
