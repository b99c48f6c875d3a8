"""The measurements: which runs are made, in which order, and what is kept of them."""

import hashlib
import json
import sys
from statistics import median

from . import BenchError, emulator, guest


class Samples:
    """All numbers of one row: emulator name -> list; medians are what the table shows."""

    def __init__(self, title, form, unit, bars, program=None):
        self.title, self.form, self.unit, self.bars, self.program = title, form, unit, bars, program
        self.values = {}
        self.limit = None  # an absolute bar, in the row's unit
        self.checksum = None

    def add(self, name, value):
        self.values.setdefault(name, []).append(value)

    def median(self, name):
        return median(self.values[name]) if self.values.get(name) else None

    def ratio(self, name, base="qemu"):
        """Speed relative to the base: units of time count the other way round."""
        ours, theirs = self.median(name), self.median(base)
        if not ours or not theirs:
            return None
        return theirs / ours if self.unit in ("s", "ms", "MiB") else ours / theirs


class Session:
    """One call of bench/run. Rows are filled round by round, the emulators taking turns within a round."""

    def __init__(self, options, suite, emulators):
        self.options, self.suite, self.emulators = options, suite, emulators
        self.programs, self.extras = suite.select(options.only)
        self.rows = []
        self.notes = []
        self.counts = {}

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            self.say(text)

    def in_turn(self, number):
        """The emulators, the first one last in every other round."""
        return self.emulators if number % 2 == 0 else self.emulators[::-1]

    def check_sum(self, row, name, words):
        """The same program must compute the same result everywhere."""
        if row.checksum is None:
            row.checksum = words[2]
        elif row.checksum != words[2]:
            raise BenchError(f"{row.program}: {name} computed {words[2]}, expected {row.checksum}")

    def run_all(self):
        bare = [p for p in self.programs if "bare" in p.forms]
        if self.options.linux:
            guest_programs = self.programs
        else:
            guest_programs = []
            self.note("Linux rows were left out (--no-linux)")
        if "empty" in self.extras:
            self.run_empty()
        if bare:
            self.count_instructions(bare)
            self.run_bare(bare)
        if guest_programs:
            self.run_linux(guest_programs)
        if self.options.linux and "boot" in self.extras:
            self.run_boot()
        if "memory" in self.extras:
            self.run_memory()

    # Instructions are a property of program and scale. QEMU with one nanosecond per instruction counts them exactly;
    # counts are kept by the image's hash.
    def count_instructions(self, programs):
        cache = self.options.build / "bench" / "counts.json"
        known = json.loads(cache.read_text()) if cache.exists() else {}
        counter = emulator.Emulator("qemu", [*self.options.qemu, "-icount", "shift=0"])
        for program in programs:
            elf = guest.scaled_elf(self.options.build, program.name, self.options.scale)
            key = hashlib.sha256(elf.read_bytes()).hexdigest()
            if key not in known:
                self.say(f"counting the instructions of {program.name}")
                _, words = emulator.execute(counter.bare(elf), self.options.timeout).between(program.name, "wall")
                known[key] = int(words[3])
            self.counts[program.name] = known[key]
        cache.write_text(json.dumps(known, indent=1) + "\n")

    def check_count(self, program, name, words):
        """Emulators of ours count by themselves, exactly."""
        if name == "orrery" and int(words[3]) != self.counts[program.name]:
            text = f"{program.name}: orrery counted {words[3]} instructions, QEMU {self.counts[program.name]}"
            if self.options.exact:
                raise BenchError(text)
            self.note(text)

    def run_bare(self, programs):
        rows = {p.name: Samples(p.set, "unpaged", "MIPS", p.bars, p.name) for p in programs}
        self.rows += rows.values()
        for number in range(self.options.rounds):
            for program in programs:
                elf = guest.scaled_elf(self.options.build, program.name, self.options.scale)
                for emu in self.in_turn(number):
                    run = emulator.execute(emu.bare(elf), self.options.timeout)
                    seconds, words = run.between(program.name, self.options.clock)
                    self.check_sum(rows[program.name], emu.name, words)
                    self.check_count(program, emu.name, words)
                    rows[program.name].add(emu.name, self.counts[program.name] / seconds / 1e6)
            self.progress("unpaged", number, rows.values())

    def run_linux(self, programs):
        """One boot runs all programs. The count of the bare form serves here: the code is the same object file."""
        rows = {}
        for p in programs:
            unit = "MIPS" if p.kind == "compute" else "1/s"
            rows[p.name] = Samples(p.set, "paged" if p.kind == "compute" else "Linux", unit, p.bars, p.name)
        self.rows += rows.values()
        append = guest.linux_arguments(self.options.scale, [p.name for p in programs])
        for number in range(self.options.rounds):
            for emu in self.in_turn(number):
                run = self.boot(emu, append, self.options.timeout * len(programs))
                for p in programs:
                    seconds, words = run.between(p.name, self.options.clock)
                    self.check_sum(rows[p.name], emu.name, words)
                    work = self.counts[p.name] / 1e6 if p.kind == "compute" else int(words[4])
                    rows[p.name].add(emu.name, work / seconds)
            self.progress("Linux", number, rows.values())

    def boot(self, emu, append, timeout, watch_memory=False):
        initrd = guest.make_initrd(self.options.build)
        run = emulator.execute(emu.linux(self.options.kernel, initrd, append), timeout, watch_memory)
        if not any(mark[0] == ["@boot"] for mark in run.marks):
            raise BenchError(f"{emu.name}: Linux did not reach init: {run.last_words()}")
        return run

    def run_boot(self):
        row = Samples(self.suite.boot["set"], "Linux", "s", self.suite.boot_bars)
        self.rows.append(row)
        for number in range(self.options.rounds):
            for emu in self.in_turn(number):
                run = self.boot(emu, guest.linux_arguments(100, []), self.options.timeout)
                row.add(emu.name, run.wall if self.options.clock == "wall" else run.cpu)
            self.progress("boot", number, [row])

    def run_empty(self):
        """Whole processes; always wall time, because waiting is part of it."""
        elf = guest.scaled_elf(self.options.build, "empty", 100)
        first = Samples(self.suite.first_instruction["set"], "unpaged", "ms", {})
        whole = Samples(self.suite.empty["set"], "unpaged", "ms", {})
        first.limit = self.suite.first_instruction.get(f"{self.options.engine}_ms")
        whole.limit = self.suite.empty.get(f"{self.options.engine}_ms")
        self.rows += [first, whole]
        for number in range(max(self.options.rounds, 1 if self.options.quick else 20)):
            for emu in self.in_turn(number):
                run = emulator.execute(emu.bare(elf), self.options.timeout)
                if run.first_byte is None:
                    raise BenchError(f"{emu.name}: empty.elf printed nothing")
                first.add(emu.name, run.first_byte * 1e3)
                whole.add(emu.name, run.wall * 1e3)
        self.progress("empty program", 0, [first, whole])

    def run_memory(self):
        """Not a timed run: looking at the memory map disturbs it."""
        row = Samples(self.suite.memory["set"], "Linux" if self.options.linux else "unpaged", "MiB", {})
        row.limit = self.suite.memory.get(f"{self.options.engine}_mib")
        self.rows.append(row)
        for emu in self.emulators:
            if self.options.linux:
                run = self.boot(emu, guest.linux_arguments(10, ["integer", "copy"]), self.options.timeout, True)
            else:
                elf = guest.scaled_elf(self.options.build, "integer", 100)
                run = emulator.execute(emu.bare(elf), self.options.timeout, True)
            if run.overhead_mib is None:
                self.note(f"{emu.name}: no mapping of {emulator.GUEST_MIB} MiB found; memory was not measured")
            else:
                row.add(emu.name, run.overhead_mib)
        self.progress("memory", 0, [row])

    def progress(self, what, number, rows):
        """One line per round: the ratios so far."""
        shown = []
        for row in rows:
            ratio = row.ratio(self.emulators[-1].name)
            shown.append(f"{row.program or row.title} {ratio:.2f}" if ratio else f"{row.program or row.title} -")
        self.say(f"{what}, round {number + 1}: {', '.join(shown)}")
