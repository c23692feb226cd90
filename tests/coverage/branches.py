#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# branches.py - which branches of the core have been taken, by gcov's counts
#
#   branches.py [--least PERCENT] [--untaken] OBJECTS EXCLUSIONS
#
# OBJECTS is a folder of objects that were compiled with --coverage and have run.
# A static inline function of a header is counted in every object that calls it:
# it counts once, with the sum. Speaks TAP; fails below PERCENT.
#
# A line of EXCLUSIONS names branches that nothing can take:
#
#   file.c function N "part of the source line" reason
#
# that is, N branches on the one line of that function with that text. An entry
# that finds no such line, or not exactly N untaken branches on it, fails.
import argparse
import collections
import json
import os
import re
import subprocess
import sys

CORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                    "dm-vhdx", "core")


class Counts:
    """How often each branch was taken: {(file, function, line): [count, ...]}."""

    def __init__(self):
        self.taken = {}

    def add(self, file, function, line, counts):
        old = self.taken.setdefault((file, function, line), [0] * len(counts))
        if len(old) != len(counts):
            sys.exit(f"{file}:{line}: {len(old)} or {len(counts)} branches?")
        self.taken[file, function, line] = [a + b for a, b in zip(old, counts)]

    def read(self, objects):
        notes = sorted(os.path.join(objects, name) for name in
                       os.listdir(objects) if name.endswith(".gcno"))
        out = subprocess.run(["gcov", "--json-format", "--branch-probabilities",
                              "--stdout"] + notes, check=True, text=True,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL).stdout
        for document in out.splitlines():
            if document:
                self.add_document(json.loads(document))

    def add_document(self, document):
        for file in document["files"]:
            path = os.path.normpath(file["file"])
            if os.path.basename(os.path.dirname(path)) != "core":
                continue
            for line in file["lines"]:
                counts = [b["count"] for b in line["branches"] if not b["throw"]]
                if counts:
                    self.add(os.path.basename(path), line["function_name"],
                             line["line_number"], counts)


class Exclusion:
    def __init__(self, text):
        match = re.fullmatch(r'(\S+) (\S+) (\d+) "(.*)" (\S.*)', text)
        if not match:
            sys.exit(f"not an exclusion: {text}")
        self.file, self.function, count, self.source, self.reason = match.groups()
        self.count = int(count)
        self.name = f'{self.file} {self.function}() "{self.source}"'

    def find(self, counts, sources):
        """What is wrong with it, or None; and its place."""
        places = [place for place in counts.taken
                  if place[:2] == (self.file, self.function) and
                  self.source in sources[self.file][place[2] - 1]]
        if len(places) != 1:
            return f"{len(places)} lines", None
        untaken = counts.taken[places[0]].count(0)
        if untaken != self.count:
            return f"{untaken} branches are untaken", None
        return None, places[0]


def read_exclusions(path):
    with open(path) as file:
        lines = (line.strip() for line in file)
        return [Exclusion(line) for line in lines
                if line and not line.startswith("#")]


def read_sources(files):
    sources = {}
    for name in files:
        with open(os.path.join(CORE, name)) as file:
            sources[name] = file.read().splitlines()
    return sources


def percent(taken, total):
    return 100 * taken / total if total else 100


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--least", type=float, default=95)
    parser.add_argument("--untaken", action="store_true")
    parser.add_argument("objects")
    parser.add_argument("exclusions")
    args = parser.parse_args()

    counts = Counts()
    counts.read(args.objects)
    files = sorted({place[0] for place in counts.taken})
    sources = read_sources(files)

    good, number, excluded = True, 0, set()
    for exclusion in read_exclusions(args.exclusions):
        number += 1
        wrong, place = exclusion.find(counts, sources)
        excluded.add(place)
        print(f"{'not ok' if wrong else 'ok'} {number} - excluded: {exclusion.name}: "
              f"{wrong or exclusion.reason}")
        good = good and not wrong

    taken, total, left_out = (collections.Counter() for _ in range(3))
    for place in sorted(counts.taken):
        file, function, line = place
        branches = counts.taken[place]
        untaken = branches.count(0)
        total[file] += len(branches)
        taken[file] += len(branches) - untaken
        if place in excluded:
            left_out[file] += untaken
        elif untaken and args.untaken:
            print(f"# {file}:{line}: {function}(): {untaken} of {len(branches)}: "
                  f"{sources[file][line - 1].strip()}")
    for file in files:
        print(f"# {file}: {taken[file]} of {total[file]} branches, "
              f"{left_out[file]} excluded: "
              f"{percent(taken[file], total[file] - left_out[file]):.1f} %")

    all_taken, all_total = sum(taken.values()), sum(total.values())
    all_left_out = sum(left_out.values())
    share = percent(all_taken, all_total - all_left_out)
    number += 1
    reached = share >= args.least
    print(f"{'ok' if reached else 'not ok'} {number} - {all_taken} of {all_total} branches, "
          f"{all_left_out} excluded: {share:.2f} %, at least {args.least:g} % asked for")
    print(f"1..{number}")
    return 0 if good and reached else 1


sys.exit(main())
