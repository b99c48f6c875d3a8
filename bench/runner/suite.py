"""Reads suite.toml: programs, sets and bars."""

import tomllib
from pathlib import Path

from . import BenchError

FORMS = {"compute": ("bare", "linux"), "kernel": ("linux",)}


class Program:
    def __init__(self, row):
        self.name, self.set, self.kind = row["name"], row["set"], row["kind"]
        self.forms = FORMS[self.kind]
        self.bars = bars_of(row)


def bars_of(row):
    """The speed bars of one row by engine, as numbers."""
    return {engine: _number(row[engine]) for engine in ("interp", "jit") if engine in row}


def _number(text):
    """"2.5" or "1/4.5"."""
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


class Suite:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = tomllib.load(file)
        self.programs = [Program(row) for row in data["program"]]
        self.boot, self.first_instruction = data["boot"], data["first_instruction"]
        self.empty, self.memory = data["empty"], data["memory"]
        self.boot_bars = bars_of(data["boot"])
        self.geometric_mean_bars = bars_of(data["geometric_mean"])
        self.lowest_bars = bars_of(data["lowest"])

    def select(self, names):
        """The programs of these names, or all; unknown names are an error."""
        extra = ("boot", "empty", "memory")
        known = [p.name for p in self.programs]
        for name in names:
            if name not in known and name not in extra:
                raise BenchError(f"--only {name}: no such program; there are {', '.join((*known, *extra))}")
        return [p for p in self.programs if not names or p.name in names], [e for e in extra if not names or e in names]


def load():
    return Suite(Path(__file__).resolve().parent.parent / "suite.toml")
