"""A person at Kepler's console: starts the machine, types, waits for what is shown. For scripts in check.d.

usage: console.py SCRIPT.py EMULATOR OPTION...     runs SCRIPT.py with type(text), expect(pattern), command(text), finish()
"""
import os
import re
import select
import subprocess
import sys
import time

PATIENCE = 60 * float(os.environ.get("ORRERY_PATIENCE", "1"))
PROMPT = "kepler> "


class Console:
    def __init__(self, words):
        self.machine = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.seen = ""
        self.all = ""

    def type(self, text):
        self.machine.stdin.write(text.encode())
        self.machine.stdin.flush()

    def read(self, seconds):
        ready, _, _ = select.select([self.machine.stdout], [], [], seconds)
        if not ready:
            return False
        data = os.read(self.machine.stdout.fileno(), 65536).decode(errors="replace")
        self.seen += data
        self.all += data
        return bool(data)

    def expect(self, pattern):
        """Waits for the regular expression; what stood before it is returned and forgotten."""
        end = time.monotonic() + PATIENCE
        while True:
            match = re.search(pattern, self.seen, re.S)
            if match:
                before, self.seen = self.seen[:match.start()], self.seen[match.end():]
                return before
            if time.monotonic() > end or (not self.read(1) and self.machine.poll() is not None):
                self.machine.kill()
                sys.exit(f"{self.all[-4000:]}\n--- this did not come: {pattern!r}")

    def press(self, key, pattern):
        """Types a key until the expression shows: too early, the shell that has just read a line takes it for itself."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.seen, re.S) and time.monotonic() < end:
            self.type(key)
            again = time.monotonic() + 1
            while not re.search(pattern, self.seen, re.S) and time.monotonic() < again:
                self.read(0.1)
        return self.expect(pattern)

    def command(self, text):
        """Types a command at the prompt; its output."""
        self.type(text + "\r")
        self.expect(re.escape(text) + r"\r\n")
        return self.expect(re.escape(PROMPT)).replace("\r", "")

    def check(self, condition, what):
        if not condition:
            self.machine.kill()
            sys.exit(f"{self.all[-4000:]}\n--- not so: {what}")

    def finish(self):
        """Waits for the end of the machine."""
        end = time.monotonic() + PATIENCE
        while self.machine.poll() is None and time.monotonic() < end:
            self.read(0.2)
        self.check(self.machine.poll() == 0, "the machine powers off")
        self.check("panic" not in self.all, "no panic")


def main():
    console = Console(sys.argv[2:])
    script = open(sys.argv[1]).read()
    exec(compile(script, sys.argv[1], "exec"), {"c": console, "type": console.type, "expect": console.expect,
                                                "command": console.command, "press": console.press, "check": console.check, "PROMPT": PROMPT})
    console.finish()


main()
