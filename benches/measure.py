#!/usr/bin/env python3
"""Runs contenders in turns, and prints a Markdown table of medians.

Usage: measure.py --runs N --columns time,cpu,memory,speed [--ratio time|cpu|speed --base NAME]
                  [--target 'NAME: ratio <= 1.5']... < CONTENDERS
       measure.py --kernels FOLDER      the table of what criterion has left in its folder

A contender is a line of three fields with tabs between: its name, what it has to leave, and its command, which is
started without a shell. What it has to leave is one of
    -                        nothing
    seconds FILE LENGTH      a sound of this length, to a tenth of a second
    bytes FILE SIZE          a file of this size
    files FOLDER N LENGTH    so many files, of this length together
and is removed before each run. A contender that cannot be measured has `!` there, and the reason for its command.

Times are of the whole process and all that it starts. A ratio is what a contender takes divided by what the base takes;
of speeds, how many times as fast as the base it is.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TITLES = {"time": "time", "cpu": "CPU time", "memory": "peak memory", "speed": "× real time"}
# GNU time, because Linux counts to a program's peak what it was started from, and Python is large.
PEAK = shutil.which("time")


class Contender:
    def __init__(self, line):
        self.name, leaves, command = line.rstrip("\n").split("\t")
        self.kind, *self.leaves = shlex.split(leaves)
        self.reason = command if self.kind == "!" else None
        self.command = shlex.split(command) if self.reason is None else None
        self.seconds = float(self.leaves[-1]) if self.kind in ("seconds", "files") else None
        self.runs = []

    def prepare(self):
        if self.kind == "files":
            shutil.rmtree(self.leaves[0], ignore_errors=True)
            os.makedirs(self.leaves[0])
        elif self.kind in ("seconds", "bytes"):
            Path(self.leaves[0]).unlink(missing_ok=True)

    def missing(self):
        """What is wrong with what it has left."""
        if self.kind == "files":
            there = len(os.listdir(self.leaves[0]))
            return f"{there} files instead of {self.leaves[1]}" if there != int(self.leaves[1]) else None
        if self.kind == "-":
            return None
        if not os.path.exists(self.leaves[0]):
            return "it left no output"
        if self.kind == "bytes":
            there = os.path.getsize(self.leaves[0])
            return f"{there} bytes instead of {self.leaves[1]}" if there != int(self.leaves[1]) else None
        asked = subprocess.run(["soxi", "-D", self.leaves[0]], capture_output=True, text=True)
        there = float(asked.stdout or 0)
        return f"{there:.2f} s of sound instead of {self.seconds:.2f} s" if abs(there - self.seconds) > 0.1 else None

    def run(self, with_memory):
        self.prepare()
        with tempfile.TemporaryDirectory() as folder:
            said, peak = f"{folder}/said", f"{folder}/peak"
            command = [PEAK, "-f", "%M", "-o", peak, *self.command] if with_memory else self.command
            quiet = [
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, said, os.O_WRONLY | os.O_CREAT, 0o600),
            ]
            begun = time.perf_counter()
            try:
                child = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
            except OSError as error:
                self.reason = f"{command[0]}: {error.strerror}"
                return
            _, status, usage = os.wait4(child, 0)
            took = time.perf_counter() - begun
            code = os.waitstatus_to_exitcode(status)
            words = Path(said).read_text(errors="replace").strip().splitlines()
            self.reason = f"exit code {code}: {words[-1] if words else ''}" if code else self.missing()
            memory = int(Path(peak).read_text().split()[-1]) / 1024 if with_memory and not code else None
        run = {"time": took, "cpu": usage.ru_utime + usage.ru_stime, "memory": memory}
        self.runs.append(run | {"speed": self.seconds / took if self.seconds else None})

    def median(self, what):
        values = [run[what] for run in self.runs]
        return None if self.reason or not values or None in values else statistics.median(values)


def shown(what, value):
    if value is None:
        return "–"
    if what == "memory":
        return f"{value:.1f} MiB"
    if what == "speed":
        return f"{value:.0f} ×" if value >= 10 else f"{value:.1f} ×"
    return seconds(value)


def seconds(value):
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value < 1000 * size else f"{value / size:.0f} {unit}"
    return f"{value / 1e-9:.3g} ns"


def table(titles, rows):
    print("| " + " | ".join(titles) + " |")
    print("| --- |" + " ---: |" * (len(titles) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def compare(options):
    columns = options.columns.split(",")
    contenders = [Contender(line) for line in sys.stdin if line.strip()]
    with_memory = "memory" in columns
    if with_memory and PEAK is None:
        sys.exit("measure.py: GNU time is missing: apt-get install time")
    for turn in range(options.runs):
        for contender in contenders:
            if contender.reason is None:
                progress(f"{turn + 1}/{options.runs} {contender.name}")
                contender.run(with_memory)
    progress("")

    base = next((c for c in contenders if c.name == options.base), None)

    def ratio(contender):
        mine, others = contender.median(options.ratio), base.median(options.ratio)
        return None if None in (mine, others) else mine / max(others, 1e-9)

    titles = ["", *(TITLES[column] for column in columns)]
    if base:
        titles.append(f"{TITLES[options.ratio].replace('× real time', 'speed')}, {base.name} = 1")
    rows = []
    for contender in contenders:
        row = [contender.name, *(shown(column, contender.median(column)) for column in columns)]
        if base:
            value = ratio(contender)
            row.append("–" if value is None else f"{value:.2f}")
        rows.append(row)
    table(titles, rows)
    for contender in contenders:
        if contender.reason:
            print(f"Not measured: {contender.name}: {contender.reason.rstrip('.')}.\n")
    for target in options.target:
        name, what, sign, number = re.fullmatch(r"(.*): (ratio|speed) (<=|>=) ([\d.]+)", target).groups()
        contender = next(c for c in contenders if c.name == name)
        value = ratio(contender) if what == "ratio" else contender.median(what)
        words = "at most" if sign == "<=" else "at least"
        if value is None:
            print(f"Target for {name}: {words} {number} ×; not measured.\n")
            continue
        met = value <= float(number) if sign == "<=" else value >= float(number)
        print(f"Target for {name}: {words} {number} ×; {value:.3g} × is {'met' if met else '**missed**'}.\n")


def kernels(folder):
    rows = []
    for found in sorted(Path(folder).glob("**/new/benchmark.json")):
        what = json.loads(found.read_text())
        took = json.loads(found.with_name("estimates.json").read_text())["median"]["point_estimate"] / 1e9
        kind, amount = next(iter(what["throughput"].items()))
        rate = f"{amount / took / 1e6:.0f} MB/s" if kind == "Bytes" else f"{amount / took:.0f} ×"
        rows.append([what["group_id"] + ": " + (what["function_id"] or ""), seconds(took), rate])
    table(["", "time", "× real time"], rows)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--columns", default="time,cpu")
    parser.add_argument("--ratio", choices=TITLES, default="time")
    parser.add_argument("--base")
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--kernels")
    options = parser.parse_args()
    if options.kernels:
        kernels(options.kernels)
    else:
        compare(options)


if __name__ == "__main__":
    main()
