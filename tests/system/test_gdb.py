"""The GDB stub, driven by Debian's gdb-multiarch on a small bare program."""
import re
import signal
import socket
import subprocess
import time

from machine import ROOT, Failure, check, quick

PROGRAM = r"""
    .globl _start, handler, loop, store_here, call_here, counter, after_call
    .text
_start:
    la t0, handler
    csrw mtvec, t0
    li t0, 0x6000
    csrs mstatus, t0
    la s0, counter
    li s1, 0
loop:
    addi s1, s1, 1
    mv a0, s1
store_here:
    sd a0, 0(s0)
    ld a1, 8(s0)
call_here:
    ecall
after_call:
    j loop
    .balign 4
handler:
    csrr t1, mepc
    addi t1, t1, 4
    csrw mepc, t1
    mret
    .data
    .balign 8
counter:
    .dword 0
    .dword 0x1122334455667788
"""


def build(space):
    source, elf = space.path / "gdb.S", space.path / "gdb.elf"
    source.write_text(PROGRAM)
    subprocess.run(["riscv64-linux-gnu-gcc", "-g", "-march=rv64gc", "-nostdlib", "-static", f"-T{ROOT / 'tests/isa/bare.ld'}", "-Wl,--build-id=none",
                    source, "-o", elf], check=True)
    return elf


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def debug(space, commands, *options):
    """Starts the program stopped, runs GDB's commands, returns what GDB printed."""
    elf, port = build(space), free_port()
    machine = space.start("-M", "virt", "-bios", "none", "-kernel", elf, "-nographic", "-S", "-gdb", f"tcp:127.0.0.1:{port}", *options)
    words = ["gdb-multiarch", "-nx", "--batch", "-ex", "set pagination off", "-ex", "set tcp connect-timeout 20",
             "-ex", f"target remote 127.0.0.1:{port}"]
    for command in commands:
        words += ["-ex", command]
    try:
        done = subprocess.run([*words, elf], capture_output=True, text=True, timeout=90)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"gdb did not end: {late.stdout}") from None
    machine.kill()
    return done.stdout + done.stderr


def expect(text, *patterns):
    at = 0
    for pattern in patterns:
        match = re.compile(pattern, re.MULTILINE).search(text, at)
        check(match, f"{pattern!r} not found in order in:\n{text}")
        at = match.end()


@quick
def test_gdb_breakpoint_registers_memory(space):
    text = debug(space, ["break store_here", "continue", "print/x $s1", "print/x $pc == (long)&store_here", "set var $a0 = 77", "stepi",
                         "x/gd &counter", "print/x *(long *)((char *)&counter + 8)", "set var *(long *)&counter = 5", "x/gd &counter",
                         "delete", "break after_call", "continue", "print $s1", "continue", "print $s1", "info registers mcause"])
    expect(text, r"Breakpoint 1, ", r"\$1 = 0x1$", r"\$2 = 0x1$", r":\s+77$", r"\$3 = 0x1122334455667788", r":\s+5$",
           r"Breakpoint 2", r"= 1$", r"Breakpoint 2", r"= 2$", r"mcause\s+0xb\s")


@quick
def test_gdb_step_enters_the_trap_handler(space):
    text = debug(space, ["break call_here", "continue", "stepi", "print/x $pc == (long)&handler", "print/x $mepc == (long)&call_here", "stepi 4",
                         "print/x $pc == (long)&after_call"])
    expect(text, r"Breakpoint 1", r"= 0x1$", r"= 0x1$", r"= 0x1$")


@quick
def test_gdb_watchpoints(space):
    text = debug(space, ["watch *(long *)&counter", "continue", "continue", "delete", "rwatch *((long *)&counter + 1)", "continue", "print/x $a1"])
    expect(text, r"Hardware watchpoint 1", r"Old value = 0\s+New value = 1", r"Old value = 1\s+New value = 2", r"Hardware read watchpoint 2",
           r"Value = 1234605616436508552", r"= 0x1122334455667788$")


@quick
def test_gdb_harts_are_threads(space):
    text = debug(space, ["break loop", "continue", "info threads", "thread 2", "print $mhartid", "thread 1", "print $mhartid"], "-smp", "2")
    expect(text, r"Breakpoint 1", r"Thread (1\.)?1", r"Thread (1\.)?2", r"= 1$", r"= 0$")


@quick
def test_gdb_interrupt(space):
    elf, port = build(space), free_port()
    machine = space.start("-M", "virt", "-bios", "none", "-kernel", elf, "-nographic", "-gdb", f"tcp::{port}")
    gdb = subprocess.Popen(["gdb-multiarch", "-nx", "--batch", "-ex", "set tcp connect-timeout 20", "-ex", f"target remote 127.0.0.1:{port}",
                            "-ex", "continue", "-ex", "print $s1 > 100", elf], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(2)
    gdb.send_signal(signal.SIGINT)
    try:
        text, _ = gdb.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        gdb.kill()
        raise Failure("gdb could not interrupt the program") from None
    machine.kill()
    expect(text, r"received signal SIGINT", r"= 1$")


def ask(connection, text):
    """One packet and its reply, without the acknowledgments."""
    connection.sendall(f"${text}#{sum(text.encode()) & 255:02x}".encode())
    reply = b""
    while reply[-3:-2] != b"#":
        reply += connection.recv(1) or b"??#??"
    connection.sendall(b"+")
    return reply.lstrip(b"+")[1:-3].decode()


@quick
def test_gdb_stop_says_which_kind_of_breakpoint(space):
    elf, port = build(space), free_port()
    machine = space.start("-M", "virt", "-bios", "none", "-kernel", elf, "-nographic", "-S", "-gdb", f"tcp::{port}")
    for attempt in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", port), 20)
            break
        except OSError:
            check(attempt < 99, "nobody listens")
            time.sleep(0.1)
    with connection:
        check("swbreak+" in ask(connection, "qSupported:swbreak+;hwbreak+"), "swbreak is not offered")
        for kind, word in ((0, "swbreak"), (1, "hwbreak")):
            pc = 0x80000008 + 4 * kind
            check(ask(connection, f"Z{kind},{pc:x},4") == "OK", f"Z{kind} is refused")
            reply = ask(connection, "c")
            check(reply == f"T05thread:1;{word}:;", f"Z{kind}: {reply}")
            check(ask(connection, "p20") == pc.to_bytes(8, "little").hex(), "the pc is not at the breakpoint")
            ask(connection, f"z{kind},{pc:x},4")
    machine.kill()
