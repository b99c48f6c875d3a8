"""A person at Kepler's console: starts the machine, types, waits for what is shown. For scripts in check.d.

usage: console.py SCRIPT.py EMULATOR OPTION...     runs SCRIPT.py with type(text), expect(pattern), shows(pattern), command(text), press(key, pattern)

expect() looks at the characters in the order in which they come; shows() at the screen that they paint, whatever the order and the pieces.
"""
import os
import re
import select
import subprocess
import sys
import time

PATIENCE = 60 * float(os.environ.get("ORRERY_PATIENCE", "1"))
PROMPT = "kepler> "


class Screen:
    """A terminal of 24 rows and 80 columns, with the sequences that busybox writes."""
    ROWS, COLUMNS = 24, 80

    def __init__(self):
        self.cells = self.blank()
        self.other = self.blank()  # the screen that ?1049 exchanges with this one
        self.row = self.column = 0
        self.rest = ""

    def blank(self):
        return [[" "] * self.COLUMNS for _ in range(self.ROWS)]

    def feed(self, text):
        text = self.rest + text
        at = 0
        for match in re.finditer(r"\x1b\[([?0-9;]*)([@-~])|\x1b[^\[]|[^\x1b]", text, re.S):
            at = match.end()
            if match.group(2):
                self.sequence(match.group(1), match.group(2))
            elif len(match.group()) == 1:
                self.put(match.group())
        self.rest = text[at:]  # a sequence that is not complete yet

    def down(self):
        if self.row + 1 < self.ROWS:
            self.row += 1
        else:
            self.cells = self.cells[1:] + [[" "] * self.COLUMNS]

    def put(self, c):
        if c == "\n":
            self.down()
        elif c == "\r":
            self.column = 0
        elif c == "\b":
            self.column = max(self.column - 1, 0)
        elif c == "\t":
            self.column = min(self.column // 8 * 8 + 8, self.COLUMNS - 1)
        elif c >= " ":
            if self.column == self.COLUMNS:
                self.column = 0
                self.down()
            self.cells[self.row][self.column] = c
            self.column += 1

    def sequence(self, numbers, letter):
        if numbers.startswith("?"):
            if numbers == "?1049" and letter in "hl":
                self.cells, self.other = (self.blank(), self.cells) if letter == "h" else (self.other, self.cells)
            return
        n = [int(word or 0) for word in numbers.split(";")]
        if letter == "H":
            self.row = min(max(n[0], 1), self.ROWS) - 1
            self.column = min(max(n[1] if len(n) > 1 else 1, 1), self.COLUMNS) - 1
        elif letter in "AB":
            self.row = min(max(self.row + max(n[0], 1) * (1 if letter == "B" else -1), 0), self.ROWS - 1)
        elif letter in "CD":
            self.column = min(max(self.column + max(n[0], 1) * (1 if letter == "C" else -1), 0), self.COLUMNS - 1)
        elif letter in "JK" and n[0] == 0:
            self.cells[self.row][self.column:] = [" "] * (self.COLUMNS - self.column)
            if letter == "J":
                self.cells[self.row + 1:] = self.blank()[self.row + 1:]

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)


class Console:
    def __init__(self, words):
        self.screen = Screen()
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
        self.screen.feed(data)
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

    def shows(self, pattern):
        """Waits until the screen shows the regular expression; ^ and $ are the ends of a row."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.screen.text(), re.M | re.S):
            if time.monotonic() > end or (not self.read(1) and self.machine.poll() is not None):
                self.machine.kill()
                sys.exit(f"{self.screen.text()}\n--- the screen does not show: {pattern!r}")

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
    exec(compile(script, sys.argv[1], "exec"), {"c": console, "type": console.type, "expect": console.expect, "shows": console.shows,
                                                "command": console.command, "press": console.press, "check": console.check, "PROMPT": PROMPT})
    console.finish()


main()
