"""Starts an emulator on a pseudo-terminal, types at its console and waits for what it prints.

Everything has a time limit; a test that waits for something that never comes fails with the end of the console's output.
"""
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINUX = ROOT / "build" / "guest" / "linux"
KEPLER = ROOT / "build" / "guest"
EMULATOR = os.environ.get("ORRERY_EMULATOR", str(ROOT / "build" / "orrery"))
IS_ORRERY = os.path.basename(EMULATOR) == "orrery"
# Which engine all machines run with that do not ask for one themselves; empty: the emulator's default.
ENGINE = os.environ.get("ORRERY_ENGINE", "")

os.environ["PATH"] += ":/usr/sbin:/sbin"    # e2fsck lives there

PROMPT = r"orrery:[^\s]*# "
KEPLER_PROMPT = r"[~/]\S* # "
# All time limits are for an idle host; ORRERY_PATIENCE multiplies them for a busy one.
PATIENCE = float(os.environ.get("ORRERY_PATIENCE", "1"))
BOOT_SECONDS = 120
COMMAND_SECONDS = 60
# What a terminal would swallow: the line editor's cursor request and other CSI sequences.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Failure(Exception):
    """An expectation that was not met."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def quick(function):
    """Marks a test for ./test --quick."""
    function.quick = True
    return function


def command(*arguments):
    """The emulator's command line with the engine that the run of the tests asks for."""
    engine = ["--engine", ENGINE] if ENGINE and IS_ORRERY else []
    return [EMULATOR, *engine, *map(str, arguments)]


class Workspace:
    """A temporary folder and the machines started in it; none of them outlives the test."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="orrery-test-"))
        self.machines = []
        return self

    def __exit__(self, *unused):
        for machine in self.machines:
            machine.kill()
        shutil.rmtree(self.path, ignore_errors=True)

    def disk(self, name="disk.img", pristine=LINUX / "disk.img"):
        """A private copy of the pristine Linux disk, or of another."""
        target = self.path / name
        subprocess.run(["cp", "--sparse=always", pristine, target], check=True)
        return target

    def start(self, *arguments, emulator=EMULATOR, prompt=PROMPT):
        words = command(*arguments) if emulator == EMULATOR else [str(emulator), *map(str, arguments)]
        machine = Machine(words, self.path, prompt)
        self.machines.append(machine)
        return machine

    def kepler(self, *arguments, disk, append="", memory="256M", emulator=EMULATOR):
        """Starts Kepler with `disk`, a copy of build/guest/kepler.img, as its root."""
        words = ["-M", "virt", "-nographic", "-m", memory, "-kernel", KEPLER / "kepler.elf", "-append", f"root=/dev/vda {append}".strip(),
                 "-drive", f"file={disk},format=raw,if=none,id=d0", "-device", "virtio-blk-device,drive=d0"]
        return self.start(*words, *arguments, emulator=emulator, prompt=KEPLER_PROMPT)

    def linux(self, *arguments, disk=None, append="", memory="512M", snapshot=False):
        """Starts the Linux guest; `disk` is a path, or None for the pristine image, which then must not be written."""
        snapshot = snapshot or disk is None
        words = ["-M", "virt", "-nographic", "-m", memory, "-kernel", LINUX / "Image", "-initrd", LINUX / "initrd.gz",
                 "-append", f"console=ttyS0 root=/dev/vda rw {append}".strip(),
                 "-drive", f"file={disk or LINUX / 'disk.img'},format=raw,if=none,id=d0",
                 "-device", "virtio-blk-device,drive=d0"]
        return self.start(*words, *(["-snapshot"] if snapshot else []), *arguments)

    def run(self, *arguments, seconds=60, stdin=b""):
        """Runs the emulator to its end without a terminal; returns (exit status, stdout, stderr)."""
        try:
            done = subprocess.run(command(*arguments), cwd=self.path, input=stdin, capture_output=True,
                                  timeout=seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"still running after {seconds} s: {' '.join(map(str, arguments))}") from None
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Machine:
    """A running emulator whose standard streams are a pseudo-terminal."""

    def __init__(self, command, folder, prompt=PROMPT):
        self.prompt = prompt
        self.arguments = command
        self.output = ""     # all that was printed, escape sequences removed
        self.mark = 0        # everything before has been matched
        self.status = None   # exit status once known; negative for a signal
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.slave = slave   # kept open: its settings are read after the emulator's end
        self.settings = termios.tcgetattr(slave)
        # setsid -c makes the pseudo-terminal the emulator's controlling one, then becomes the emulator.
        self.process = subprocess.Popen(["setsid", "-c", *command], cwd=folder, stdin=slave, stdout=slave, stderr=slave)
        self._raw = b""

    def _read(self, seconds):
        """Takes in what was printed within the time; false when there was nothing."""
        ready, _, _ = select.select([self.master], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            self._raw += os.read(self.master, 65536)
        except OSError:
            return False
        text = self._raw.decode(errors="replace").replace("\r", "")
        self.output = ESCAPES.sub("", text)
        return True

    def _tail(self):
        return "\n".join("    | " + line for line in self.output[-2500:].splitlines()[-25:])

    def fail(self, message):
        raise Failure(f"{message}\n  command: {' '.join(self.arguments)}\n{self._tail()}")

    def expect(self, pattern, seconds=COMMAND_SECONDS):
        """Waits for a regular expression after what was matched before; returns the match."""
        deadline = time.monotonic() + seconds * PATIENCE
        regex = re.compile(pattern, re.MULTILINE)
        while True:
            match = regex.search(self.output, self.mark)
            if match:
                self.mark = match.end()
                return match
            if self.process.poll() is not None and not self._read(0.2):
                self.fail(f"ended with status {self.process.returncode} while {pattern!r} was expected")
            elif time.monotonic() > deadline:
                self.fail(f"no {pattern!r} within {seconds:.0f} s")
            else:
                self._read(min(0.5, deadline - time.monotonic()))

    def send(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data):]

    def boot(self):
        self.expect(self.prompt, BOOT_SECONDS)
        return self

    def command_status(self, line, seconds=COMMAND_SECONDS):
        """Types a shell command; returns its exit status and what it printed."""
        check(len(line) < 900, "the command is too long for a terminal line")
        # Split markers, so that the echo of what is typed does not look like what is printed.
        self.send(f'echo "<""begin>"; {line}; echo "<$?"">"\r')
        match = self.expect(r"<begin>\n((?:.|\n)*?)<(\d+)>\n(?:.|\n)*?" + self.prompt, seconds)
        return int(match.group(2)), match.group(1)

    def command(self, line, seconds=COMMAND_SECONDS):
        """Types a shell command that must succeed; returns what it printed."""
        status, text = self.command_status(line, seconds)
        if status != 0:
            self.fail(f"{line!r} ended with status {status} and printed {text!r}")
        return text

    def wait(self, seconds=COMMAND_SECONDS):
        """Waits for the emulator's end; returns its exit status."""
        deadline = time.monotonic() + seconds * PATIENCE
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                self.fail(f"did not end within {seconds:.0f} s")
            self._read(0.1)
        while self._read(0.05):
            pass
        self.status = self.process.returncode
        return self.status

    def poweroff(self):
        self.send("poweroff\r")
        status = self.wait()
        if status != 0:
            self.fail(f"exit status {status} after poweroff, not 0")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        for descriptor in (self.master, self.slave):
            try:
                os.close(descriptor)
            except OSError:
                pass
