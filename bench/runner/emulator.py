"""Starts emulators and takes the time of what they print."""

import os
import re
import select
import subprocess
import tempfile
import time

from . import BenchError

GUEST_MIB = 256


CLOCK_GRAIN = 1e-6  # both lines may arrive in one read when there is next to no work


class Emulator:
    """A command that understands QEMU's options."""

    def __init__(self, name, command):
        self.name, self.command = name, command

    def _base(self):
        return [*self.command, "-nographic", "-m", f"{GUEST_MIB}M"]

    def bare(self, elf):
        return [*self._base(), "-bios", "none", "-kernel", str(elf)]

    def linux(self, kernel, initrd, append):
        return [*self._base(), "-kernel", str(kernel), "-initrd", str(initrd), "-append", append]


class Run:
    """One process: every line that starts with @, with the wall and processor seconds at which it came."""

    def __init__(self, command):
        self.command = command
        self.marks = []  # (words, wall, cpu)
        self.first_byte = None
        self.wall = self.cpu = 0.0
        self.exit_code = None
        self.overhead_mib = None  # the largest seen, when memory is watched
        self.tail = ""

    def between(self, program, clock):
        """The seconds between a program's begin and end, and the words of its end line."""
        begin = next((m for m in self.marks if m[0][:2] == ["@begin", program]), None)
        end = next((m for m in self.marks if m[0][:2] == ["@end", program]), None)
        failed = next((m for m in self.marks if m[0][:2] == ["@fail", program]), None)
        if failed:
            raise BenchError(f"{self.command[0]}: {' '.join(failed[0][1:])}")
        if not begin or not end or len(end[0]) != 5:
            raise BenchError(f"{self.command[0]}: {program} did not finish; the last words were: {self.last_words()}")
        seconds = (end[1] - begin[1]) if clock == "wall" else (end[2] - begin[2])
        return max(seconds, CLOCK_GRAIN), end[0]

    def last_words(self):
        printable = "".join(c for c in self.tail if c.isprintable() or c == "\n")
        return " | ".join(printable.strip().splitlines()[-3:])[-300:] or "none"


def cpu_seconds(pid):
    """Processor time of all threads of a process; works until it has been waited for."""
    return time.clock_gettime((~pid << 3) | 2)


def overhead_mib(pid):
    """Resident memory outside the mapping that holds the guest's RAM, which is the one as large as -m says."""
    total = ram = 0
    largest = 0
    try:
        with open(f"/proc/{pid}/smaps") as smaps:
            for line in smaps:
                if line.startswith("Size:"):
                    size = int(line.split()[1])
                elif line.startswith("Rss:"):
                    rss = int(line.split()[1])
                    total += rss
                    if size >= GUEST_MIB * 1024 and size >= largest:
                        largest, ram = size, rss
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return (total - ram) / 1024 if largest else None


class _Reader:
    def __init__(self, run, process, start):
        self.run, self.process, self.start = run, process, start
        self.pending = b""

    def take(self, data):
        now, cpu = time.monotonic() - self.start, cpu_seconds(self.process.pid)
        if self.run.first_byte is None:
            self.run.first_byte = now
        self.pending += data
        *lines, self.pending = self.pending.split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            self.run.tail = (self.run.tail + text + "\n")[-2000:]
            found = re.search(r"@(begin|end|fail|boot)\b.*", text)
            if found:
                self.run.marks.append((found.group(0).split(), now, cpu))


def execute(command, timeout, watch_memory=False):
    """Runs a command to its end. Raises BenchError when it cannot start, takes too long or ends in failure."""
    run = Run(command)
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        except OSError as error:
            raise BenchError(f"{command[0]}: {error.strerror}") from error
        try:
            _follow(run, process, start, timeout, watch_memory)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
        run.exit_code = process.returncode
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip()
    if run.exit_code != 0 and not any(mark[0][0] == "@fail" for mark in run.marks):
        raise BenchError(f"{' '.join(command)}: exit code {run.exit_code}: {said or run.last_words()}")
    return run


def _follow(run, process, start, timeout, watch_memory):
    reader, deadline = _Reader(run, process, start), start + timeout
    pipe = process.stdout.fileno()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise BenchError(f"{' '.join(run.command)}: not done after {timeout} s: {run.last_words()}")
        ready, _, _ = select.select([pipe], [], [], min(left, 0.05) if watch_memory else left)
        if watch_memory:
            seen = overhead_mib(process.pid)
            run.overhead_mib = max((m for m in (seen, run.overhead_mib) if m is not None), default=None)
        if ready:
            data = os.read(pipe, 65536)
            if not data:
                break
            reader.take(data)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    run.wall, run.cpu = time.monotonic() - start, cpu_seconds(process.pid)
