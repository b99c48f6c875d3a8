"""Turns samples into the table, the verdicts and the JSON record."""

import json
import math
import os
import platform
import time

from . import BenchError

BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"


def processor():
    """The host processor's name."""
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def number(value, unit):
    if value is None:
        return "–"
    if unit == "1/s" and value >= 10000:
        return f"{value / 1000:.0f} k/s"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def ratio(value):
    return "–" if value is None else f"{value:.2f}"


class Verdict:
    """Met, missed, or nothing to meet."""

    def __init__(self, text="", met=None):
        self.text, self.met = text, met

    def cell(self):
        return "" if self.met is None else "yes" if self.met else "**no**"


def verdict(row, engine, name="orrery"):
    if row.limit is not None:
        value = row.median(name)
        return Verdict(f"≤ {row.limit} {row.unit}", None if value is None else value <= row.limit)
    bar = row.bars.get(engine)
    if bar is None:
        return Verdict()
    value = row.ratio(name)
    return Verdict(f"≥ {bar:.2f}", None if value is None else value >= bar)


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def totals(session, engine):
    """Geometric mean and lowest ratio over compute rows, with their verdicts."""
    values = [row.ratio("orrery") for row in session.rows if row.unit == "MIPS" and row.ratio("orrery")]
    mean, lowest = geometric_mean(values), min(values, default=None)
    result = []
    for title, value, bars in (("geometric mean of compute rows", mean, session.suite.geometric_mean_bars),
                               ("lowest of compute rows", lowest, session.suite.lowest_bars)):
        bar = bars.get(engine)
        met = None if bar is None or value is None else value >= bar
        result.append((title, value, Verdict(f"≥ {bar:.2f}" if bar else "", met)))
    return result


def table(session, peers):
    """Markdown: one line per row and form."""
    engine = session.options.engine
    names = ["qemu", "orrery"]
    head = ["set", "form", "QEMU", "Orrery", "× QEMU", "bar", "met", *(f"{p} × QEMU" for p in peers)]
    lines = ["| " + " | ".join(head) + " |", "|---|---|--:|--:|--:|--:|---|" + "--:|" * len(peers)]
    for row in session.rows:
        says = verdict(row, engine)
        cells = [row.title, row.form, *(number(row.median(n), row.unit) for n in names), ratio(row.ratio("orrery")),
                 says.text, says.cell(), *(ratio(row.ratio(p)) for p in peers)]
        lines.append("| " + " | ".join(cells) + " |")
    for title, value, says in totals(session, engine):
        cells = [f"*{title}*", "", "", "", ratio(value), says.text, says.cell(), *("" for _ in peers)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def missed(session):
    """The titles of all bars that were measured and not met."""
    engine = session.options.engine
    rows = [f"{row.title} ({row.form})" for row in session.rows if verdict(row, engine).met is False]
    return rows + [title for title, _, says in totals(session, engine) if says.met is False]


def heading(session):
    options = session.options
    load = " ".join(f"{value:.2f}" for value in options.load_before)
    after = " ".join(f"{value:.2f}" for value in os.getloadavg())
    lines = [f"Engine `{options.engine}`, {time.strftime('%Y-%m-%d')}, {processor()}, {os.cpu_count()} processors; "
             f"medians of {options.rounds} alternated rounds, {options.clock} time; load average before {load}, after {after}.",
             "", f"    {options.command_line}", ""]
    return "\n".join(lines)


def markdown(session, peers):
    notes = "".join(f"\n- {note}" for note in session.notes)
    return heading(session) + "\n" + table(session, peers) + "\n" + notes + ("\n" if notes else "")


def write_markdown(path, text):
    """Replaces what lies between the two marks of a file, or makes the file."""
    block = f"{BEGIN}\n{text}{END}\n"
    if path.exists():
        old = path.read_text()
        if BEGIN not in old or END not in old:
            raise BenchError(f"--markdown-out {path}: the file is there without the lines {BEGIN} and {END}")
        before, rest = old.split(BEGIN, 1)
        block = before + block + rest.split(END, 1)[1].removeprefix("\n")
    path.write_text(block)


def write_json(path, session):
    options = session.options
    record = {
        "engine": options.engine, "clock": options.clock, "rounds": options.rounds, "scale_percent": options.scale,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "processor": processor(), "load_before": options.load_before,
        "load_after": os.getloadavg(), "command_line": options.command_line, "notes": session.notes,
        "instructions": session.counts,
        "rows": [{"set": row.title, "program": row.program, "form": row.form, "unit": row.unit, "samples": row.values,
                  "bar": row.bars.get(options.engine), "limit": row.limit, "checksum": row.checksum,
                  "medians": {name: row.median(name) for name in row.values}} for row in session.rows],
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
