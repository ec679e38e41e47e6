#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names of addresses, beside llvm-symbolizer and eu-addr2line: are they the same, how long does it take?

Addresses are drawn evenly from the code of binaries with debug information of every kind
(names_programs.py). Where the other two agree about who was inlined into whom, we have to as well.

All names are linkage names, not demangled. For the outermost function llvm-symbolizer prefers the
symbol table, and eu-addr2line often goes by it, too: .part.0 or the other one of two names. There,
names are the same when all are for a symbol of that address (without the suffixes of clones; or, as
lambdas have no linkage name, with the plain name in it). Where no DWARF covers an address they fall
back on the symbol table, and there is nothing to compare. elfutils needs .debug_aranges (clang has to
be asked), and knows no inlining in the units that gcc's LTO makes: so we are compared with llvm alone,
too. All on Debian: apt-get install gcc g++ clang lld llvm elfutils dwz rustc libc6-dbg
"""

import argparse
import bisect
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import names_programs

SPEED = os.path.join(os.path.dirname(os.environ.get(
    "EPROF_BINARY", os.path.join(names_programs.ROOT, "build/release/eprof"))), "tests/names_speed")
ASKED = 0.999
ASKED_WARM = 3.0
SEED = 20240229
SHOWN = 12
# eu-addr2line takes minutes for what others do in a second: a part of the addresses, multiplied.
ELFUTILS_PART = 20
AGAIN = 4
UNKNOWN = "??"
TEXT = (".text", ".text.hot", ".text.unlikely", ".text.startup")
CLONE = re.compile(r"\.(part|constprop|isra|cold|lto_priv|llvm)(\.\d+)*$|\.cold$|\.\d+$")


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(*command, given=""):
    """Output, errors, and seconds of CPU: what else the machine does is not in them."""
    begin = children_cpu()
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    took = children_cpu() - begin
    # eu-addr2line fails when there is an address that it does not know.
    if done.returncode and command[0] != "eu-addr2line":
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout, done.stderr, took


class Binary:
    """A file, its code and its symbols."""

    def __init__(self, name, path, alternate=None):
        self.name, self.path, self.alternate = name, path, alternate
        self.twin = path
        if name in names_programs.TWINS:
            self.twin = os.path.join(os.path.dirname(path), names_programs.TWINS[name])
            if self.code(path) != self.code(self.twin):
                sys.exit(f"{path}, {self.twin}: not the same code")
        self.sections = []
        for line in run("readelf", "-SW", path)[0].splitlines():
            found = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+\S+\s+([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)", line)
            if found and found[1] in TEXT:
                self.sections.append((int(found[2], 16), int(found[3], 16)))
        self.symbols = self.read_symbols()
        self.longest = max((size for _, size, _ in self.symbols), default=0)
        mangled = [symbol for _, _, symbol in self.symbols]
        plain = run("c++filt", given="".join(f"{symbol}\n" for symbol in mangled))[0].splitlines()
        self.plain = dict(zip(mangled, plain))

    @staticmethod
    def code(path):
        with tempfile.NamedTemporaryFile() as file:
            run("objcopy", "-O", "binary", "-j", ".text", path, file.name)
            return file.read()

    def read_symbols(self):
        """(begin, size, name), sorted; what has no size goes up to the next one."""
        found = []
        for line in run("nm", "-n", "-S", "--defined-only", self.path)[0].splitlines():
            words = line.split()
            if len(words) in (3, 4) and words[-2] in "tTwWiVu":
                size = int(words[1], 16) if len(words) == 4 else 0
                found.append([int(words[0], 16), size, words[-1].split("@")[0]])
        for i, (begin, size, _) in enumerate(found[:-1]):
            if not size:
                found[i][1] = found[i + 1][0] - begin
        return sorted(tuple(symbol) for symbol in found)

    def draw(self, count, seed):
        chance = random.Random(f"{seed} {self.name}")
        total = sum(size for _, size in self.sections)
        addresses = []
        for _ in range(count):
            at = chance.randrange(total)
            for begin, size in self.sections:
                if at < size:
                    addresses.append(begin + at)
                    break
                at -= size
        return addresses

    def names_at(self, address):
        """What the symbol table calls it."""
        names = set()
        at = bisect.bisect_right(self.symbols, (address, float("inf"), ""))
        while at and self.symbols[at - 1][0] > address - self.longest:
            at -= 1
            begin, size, name = self.symbols[at]
            if begin <= address < begin + size:
                names.add(name)
        return names

    def is_same(self, one, two, symbols):
        """True for two names of one outermost function."""
        return one == two or (self.is_symbol(one, symbols) and self.is_symbol(two, symbols))

    def is_symbol(self, name, symbols):
        if name in symbols or name == UNKNOWN:
            return True
        # gcc writes plain names with what they are templates of, in its own spelling.
        start = name.split("<")[0]
        return any(CLONE.sub("", symbol) == name or start in self.plain.get(symbol, "")
                   for symbol in symbols)


def ours(binary, addresses, *flags):
    """Chains of (name, line), innermost first; milliseconds cold and warm; all seconds; KiB."""
    command = [SPEED, *flags]
    if binary.alternate:
        command += ["-a", binary.alternate]
    out, err, took = run(*command, binary.path, given=as_lines(addresses))
    chains, lines = [], out.splitlines()
    at = 0
    while at < len(lines):
        count = int(lines[at])
        frames = [line.split("\t") for line in lines[at + 1:at + 1 + count]]
        chains.append([(frame[0], int(frame[2])) for frame in frames])
        at += 1 + count
    words = err.split()
    figures = dict(zip(words[0:22:2], words[1:22:2]))
    return chains, float(figures["cold_ms"]), float(figures["warm_ms"]), took, figures


def line_of(place):
    """FILE:LINE[:COLUMN]"""
    found = re.match(r".*?:(\d+)(:\d+)?( .*)?$", place)
    return int(found[1]) if found else 0


def llvm(binary, addresses):
    out, _, took = run("llvm-symbolizer", "--inlines", "--no-demangle", f"--obj={binary.twin}",
                       given=as_lines(addresses))
    chains = []
    for block in out.split("\n\n")[:len(addresses)]:
        lines = block.splitlines()
        chains.append(without_unknown([(lines[i].split("@")[0], line_of(lines[i + 1]))
                                       for i in range(0, len(lines) - 1, 2)]))
    return chains, took


def elfutils(binary, addresses):
    out, _, took = run("eu-addr2line", "-a", "-i", "-f", "-e", binary.twin,
                       given=as_lines(addresses))
    chains, block = [], None
    for line in out.splitlines() + ["0x"]:
        if line.startswith("0x"):
            if block is not None:
                chains.append(without_unknown([(block[i].split(" inlined at ")[0],
                                                line_of(block[i + 1]))
                                               for i in range(0, len(block) - 1, 2)]))
            block = []
        else:
            block.append(line)
    return chains, took


def without_unknown(chain):
    return [] if chain == [(UNKNOWN, 0)] else chain


def as_lines(addresses):
    return "".join(f"{address:#x}\n" for address in addresses)


def names(chain):
    return [name for name, _ in chain]


def equal(binary, one, two, symbols):
    """True when two chains are the same."""
    if len(one) != len(two) or one[:-1] != two[:-1]:
        return False
    return not one or binary.is_same(one[-1], two[-1], symbols)


class Tally:
    FIELDS = ("asked", "agreed", "same", "llvm", "as_llvm", "lines", "same_line")

    def __init__(self):
        self.counts = dict.fromkeys(self.FIELDS, 0)

    def count(self, field, by=1):
        self.counts[field] += by

    def add(self, other):
        for field, value in other.counts.items():
            self.counts[field] += value

    def share(self, part, whole):
        return self.counts[part] / self.counts[whole] if self.counts[whole] else 1.0

    def text(self):
        return (f"{self.counts['asked']:6} addresses, the others agree on {self.counts['agreed']:6}: "
                f"we are with them in {self.share('same', 'agreed'):.2%}; with llvm, whatever elfutils "
                f"says, in {self.share('as_llvm', 'llvm'):.2%} of {self.counts['llvm']}; lines "
                f"{self.share('same_line', 'lines'):.2%}")


def compare(binary, addresses, shown):
    tally = Tally()
    answers = zip(addresses, ours(binary, addresses)[0], llvm(binary, addresses)[0],
                  elfutils(binary, addresses)[0])
    for address, our, their, other in answers:
        symbols = binary.names_at(address)
        our_names, llvm_names, elfutils_names = names(our), names(their), names(other)
        tally.count("asked")
        # Where there is no DWARF they ask the symbol table: nothing to compare.
        if not our and len(llvm_names) <= 1 and set(llvm_names + elfutils_names) <= symbols:
            continue
        is_as_llvm = equal(binary, our_names, llvm_names, symbols)
        tally.count("llvm")
        tally.count("as_llvm", is_as_llvm)
        is_agreed = equal(binary, llvm_names, elfutils_names, symbols)
        is_same = equal(binary, our_names, elfutils_names, symbols)
        tally.count("agreed", is_agreed)
        tally.count("same", is_agreed and is_same)
        lines = [[line for _, line in chain] for chain in (our, their, other)]
        if is_agreed and is_same and lines[1] == lines[2]:
            tally.count("lines")
            tally.count("same_line", lines[0] == lines[1])
        if len(shown) < SHOWN and not (is_same if is_agreed else is_as_llvm):
            shown.append(f"  {binary.name} {address:#x} {'' if is_agreed else '(they differ)'}\n"
                         f"    eprof    {our}\n    llvm     {their}\n    elfutils {other}")
    return tally


def seconds(command, addresses, runs):
    """Of the whole process; the best of some."""
    return min(run(*command, given=as_lines(addresses))[2] for _ in range(runs))


def measure(binary, count, seed):
    """Look-ups each second, of all three; whether we are quick enough."""
    addresses = binary.draw(count, seed)
    few = addresses[:count // ELFUTILS_PART]
    warm = ours(binary, addresses)[2]
    tools = {"eprof": [SPEED, "-c", binary.path],
             "llvm": ["llvm-symbolizer", "--inlines", "--no-demangle", f"--obj={binary.path}"]}
    elfutils_command = ["eu-addr2line", "-i", "-f", "-e", binary.path]
    first = {tool: seconds(command, addresses[:1], 3) for tool, command in tools.items()}
    cold = {tool: seconds(command, addresses, 3) for tool, command in tools.items()}
    # What more of the same addresses add is look-ups in what has been read.
    again = {tool: (seconds(command, addresses * (1 + AGAIN), 3) - cold[tool]) / AGAIN
             for tool, command in tools.items()}
    part = seconds(elfutils_command, few, 1)
    again["elfutils"] = (seconds(elfutils_command, few * 2, 1) - part) * ELFUTILS_PART
    cold["elfutils"] = part + again["elfutils"] * (1 - 1 / ELFUTILS_PART)
    print(f"{binary.name}: {count} addresses, time of CPU\n"
          f"  cold, the whole process: {text_of(cold)}\n"
          f"  warm, what as many once more add: {text_of(again)}\n"
          f"  warm, without printing: eprof {warm:.2f} ms, {count / warm * 1e3:,.0f}/s\n"
          f"  the first name: {text_of(first)}", flush=True)
    is_steady = budget(binary, addresses)
    best = min(again["llvm"], again["elfutils"])
    return (is_steady and cold["eprof"] <= min(cold.values()) and
            again["eprof"] * ASKED_WARM <= best)


def budget(binary, addresses):
    """With a quarter of the memory the answers are the same, and units are read over and over."""
    chains, _, _, _, figures = ours(binary, addresses, "-c")
    # The table of units has to fit, and the largest unit.
    small = max(int(figures["bytes"]) // 4, int(figures["units"]) * 1200 + (4 << 20))
    again, _, _, _, others = ours(binary, addresses, "-c", "-b", str(small))
    print(f"  held: {int(figures['bytes']) >> 20} MiB; with {small >> 20} MiB: "
          f"{'the same answers' if chains == again else 'OTHER ANSWERS'}, cold "
          f"{float(figures['cold_ms']):.0f} -> {float(others['cold_ms']):.0f} ms, "
          f"{others['evictions']} evictions, {others['reopenings']} reopenings, "
          f"{int(others['anon_kib']) / 1024:.1f} MiB of memory without the file's", flush=True)
    return chains == again


def text_of(figures):
    return ", ".join(f"{tool} {value * 1e3:.1f} ms" for tool, value in figures.items())


def large_file(directory, megabytes):
    """How long the first name of a large file takes, and how much memory."""
    binary = Binary("large", names_programs.build_large(directory, megabytes))
    one = binary.draw(1, SEED)
    figures = ours(binary, one, "-c")[4]
    print(f"large file of {os.path.getsize(binary.path) / 2**20:.0f} MiB, memory for the first name "
          f"(with pages of the file): eprof {int(figures['rss_kib']) / 1024:.0f} MiB (without: "
          f"{int(figures['anon_kib']) / 1024:.1f} MiB)", end="")
    for tool, command in (("llvm", ["llvm-symbolizer", f"--obj={binary.path}"]),
                          ("elfutils", ["eu-addr2line", "-i", "-f", "-e", binary.path])):
        kib = int(run(*MEASURED, *command, given=as_lines(one))[1].split()[-1])
        print(f", {tool} {kib / 1024:.0f} MiB", end="")
    print()
    return measure(binary, 10000, SEED)


# Runs a command, and writes the memory it needed at most (of which a mapped file is a part).
MEASURED = (sys.executable, "-c", """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
""")


def binaries(directory, chosen):
    """All that can be had here."""
    debug_file = names_programs.system_debug_file()
    if debug_file and not chosen:
        yield Binary("libc6-dbg", debug_file)
    for name in names_programs.BUILDS:
        if chosen and name not in chosen and name not in names_programs.DWZ:
            continue
        path = names_programs.build(name, directory)
        if path and (not chosen or name in chosen):
            yield Binary(name, path)
        elif not path:
            print(f"left out: {name}")
    pair = names_programs.build_dwz(directory)
    if pair and (not chosen or "dwz" in chosen):
        yield Binary("dwz", *pair)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--addresses", type=int, default=10000, help="of all binaries together")
    parser.add_argument("--large", type=int, default=500, metavar="MIB", help="0: no large file")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", metavar="DIR", help="where binaries are built")
    options = parser.parse_args()
    for tool in ("llvm-symbolizer", "eu-addr2line", SPEED):
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            return 0
    with tempfile.TemporaryDirectory(prefix="eprof-names-") as temporary:
        directory = options.keep or temporary
        os.makedirs(directory, exist_ok=True)
        total, shown, is_quick = Tally(), [], True
        found = list(binaries(directory, options.only))
        for binary in found:
            tally = compare(binary, binary.draw(options.addresses // len(found), options.seed), shown)
            print(f"{binary.name:20} {tally.text()}", flush=True)
            total.add(tally)
        print(f"{'all':20} {total.text()}")
        print("\n".join(["differences:", *shown]) if shown else "no differences")
        for binary in found:
            if binary.name in ("libc6-dbg", "cpp-gcc-O2", "c-clang-O2-v5", "rust-O3"):
                is_quick &= measure(binary, options.addresses, options.seed)
        if options.large:
            is_quick &= large_file(directory, options.large)
    agrees = total.counts["agreed"] and total.share("same", "agreed") >= ASKED
    print(f"{'agrees' if agrees else 'DOES NOT AGREE'}; "
          f"{'quick enough' if is_quick else 'NOT QUICK ENOUGH'}")
    return 0 if agrees and is_quick else 1


if __name__ == "__main__":
    sys.exit(main())
