#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long after its mmap a new mapping can be walked, on an idle machine and on a busy one.

Asked for: 95 % within 2 ms. Programs load libraries, of the system and made for this, and short ones
are run one after the other; tests/mapping_latency of the build looks at each executable mapping of
theirs, from the kernel's record of it until what the walker reads has its row ("bound") and a table
to go by ("ready"). A table that is known already is there at once, a file never seen before has to
be compiled. Files are in the page cache before. On the busy machine each CPU also has a program that
never sleeps. Mappings that were given up earlier are counted, and left out. Needs root.
"""

import argparse
import collections
import contextlib
import glob
import itertools
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from workloads import EPROF, running

OBSERVER = os.path.join(os.path.dirname(EPROF), "tests/mapping_latency")
MAPPER = os.path.join(os.path.dirname(EPROF), "tests/programs/mapper")
LIBRARIES = os.path.join("/usr/lib", sysconfig.get_config_var("MULTIARCH") or "")
ASKED_US = 2000
ASKED_SHARE = 0.95
# Programs and libraries are used for this long, and then the next one comes.
USED_MS = "3"
# In one process: what a library does when it is loaded ends but these.
AT_ONCE = 40
BUILD_ID = "0x" + "5a" * 20
LIBRARY = "int f{0}(int *a, int n)\n{{\n\treturn n ? f{0}(a, n - 1) + a[n] : {0};\n}}\n"
RUN_ALL = 'for program; do "$program" ' + USED_MS + "; done"

CASES = ("new libraries", "system libraries", "known programs", "new programs")
MACHINES = ("idle", "busy")

Mapping = collections.namedtuple("Mapping", "bound ready gone path")


def make_copies(path, count):
    """Files that differ in nothing but their build ids."""
    with open(path, "rb") as file:
        content = file.read()
    old = bytes.fromhex(BUILD_ID[2:])
    if old not in content:
        raise RuntimeError(f"{path} has no build id")
    numbers = random.Random(path)
    paths = [f"{path}.{i}" for i in range(count)]
    for copy in paths:
        with open(copy, "wb") as file:
            file.write(content.replace(old, numbers.randbytes(len(old))))
        os.chmod(copy, 0o755)
    return paths


def compile_with_id(directory, name, *argv):
    path = os.path.join(directory, name)
    subprocess.run(["gcc", "-O2", f"-Wl,--build-id={BUILD_ID}", "-o", path, *argv], check=True)
    return path


def make_libraries(directory, count):
    source = os.path.join(directory, "library.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("\n".join(map(LIBRARY.format, range(100))))
    path = compile_with_id(directory, "library.so", "-shared", "-fPIC", source)
    return make_copies(path, count)


def make_programs(directory, count):
    """As short as mapper is, each with a build id of its own."""
    path = os.path.join(directory, "program")
    id_file = os.path.join(directory, "id")
    with open(id_file, "wb") as file:
        # Elf64_Nhdr of NT_GNU_BUILD_ID, and the name.
        file.write(bytes([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0]) + b"GNU\0")
        file.write(bytes.fromhex(BUILD_ID[2:]))
    update = ["objcopy", "--update-section", f".note.gnu.build-id={id_file}", MAPPER, path]
    subprocess.run(update, check=True)
    return make_copies(path, count)


def system_libraries(count):
    """Of each directory of the system's, by chance but always the same."""
    paths = sorted(
        path
        for path in glob.glob(os.path.join(LIBRARIES, "*.so*"))
        if os.path.isfile(path) and not os.path.islink(path)
    )
    random.Random(1).shuffle(paths)
    return paths[:count]


def warm(paths):
    for path in paths:
        with open(path, "rb") as file:
            file.read()


def load_all(paths):
    for first in range(0, len(paths), AT_ONCE):
        yield [MAPPER, USED_MS, *paths[first : first + AT_ONCE]]


def workloads(directory, count):
    """Name: commands, one after the other."""
    libraries = make_libraries(directory, count)
    programs = make_programs(directory, count)
    known = [MAPPER] * count
    installed = system_libraries(count)
    warm([*libraries, *programs, *installed])
    return {
        "new libraries": list(load_all(libraries)),
        "system libraries": list(load_all(installed)),
        "known programs": [["sh", "-c", RUN_ALL, "sh", *known]],
        "new programs": [["sh", "-c", RUN_ALL, "sh", *programs]],
    }


def observe(directory, command):
    """The mappings of a command that eprof records."""
    out = os.path.join(directory, "out")
    argv = [EPROF, "record", "-q", "--on-cpu", "-o", out + "/", "--", OBSERVER, *command]
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
    shutil.rmtree(out, ignore_errors=True)
    if done.returncode != 0:
        raise RuntimeError(f"{argv[:8]} failed:\n{done.stderr}")
    for line in done.stdout.splitlines():
        *times, path = line.split(" ", 3)
        yield Mapping(*(None if time == "-" else float(time) for time in times), path)


@contextlib.contextmanager
def load(is_busy):
    with contextlib.ExitStack() as stack:
        for cpu in os.sched_getaffinity(0) if is_busy else ():
            loop = ["taskset", "-c", str(cpu), "sh", "-c", "while :; do :; done"]
            stack.enter_context(running(*loop))
        yield


def figures(times):
    times = sorted(times)
    if not times:
        return f"{'-':>7}" * 4
    at = [times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.95, 0.99)]
    return "".join(f"{time:>7.0f}" for time in [*at, times[-1]])


def print_result(name, machine, mappings, show_late):
    """True: as good as asked."""
    counted = [m for m in mappings if m.ready is not None or m.gone > ASKED_US]
    late = [m for m in counted if m.ready is None or m.ready > ASKED_US]
    share = 1 - len(late) / max(1, len(counted))
    is_good = bool(counted) and share >= ASKED_SHARE
    bound = [m.bound for m in counted if m.bound is not None]
    ready = [m.ready for m in counted if m.ready is not None]
    print(f"{name:<19}{machine:<6}{len(counted):>6}{len(mappings) - len(counted):>6} ", end="")
    print(f"{figures(bound)} {figures(ready)}{share:>8.1%}  {'' if is_good else 'below'}")
    for mapping in late if show_late else ():
        took = "never" if mapping.ready is None else f"{mapping.ready:.0f} us"
        print(f"{'':<19}{took}: {mapping.path}")
    sys.stdout.flush()
    return is_good


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=240, help="files of each kind (240)")
    parser.add_argument("--show-late", action="store_true", help="which took longer than asked")
    parser.add_argument("--machine", choices=MACHINES, help="only idle, or only busy")
    parser.add_argument("--quick", action="store_true", help="20 files: does it work?")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    options = parser.parse_args()
    unknown = set(options.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if options.quick:
        options.count = 20
    return options


def main():
    options = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("recording needs root")
    for program in OBSERVER, MAPPER:
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is missing: build it")
    is_good = True
    percentiles = f"{'p50':>7}{'p95':>7}{'p99':>7}{'max':>7}"
    print(f"{'':<31}{'ended':>6} {'bound, us':^28} {'ready, us':^28}  within")
    print(f"{'mappings of':<19}{'CPUs':<6}{'seen':>6}{'early':>6} {percentiles} {percentiles}", end="")
    print(f"{ASKED_US / 1e3:>6.0f} ms")
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as directory:
        cases = workloads(directory, options.count)
        machines = [options.machine] if options.machine else MACHINES
        for name, machine in itertools.product(options.cases or CASES, machines):
            with load(machine == "busy"):
                seen = [m for command in cases[name] for m in observe(directory, command)]
            is_good &= print_result(name, machine, seen, options.show_late)
    sys.exit(0 if is_good or options.quick else 1)


if __name__ == "__main__":
    main()
