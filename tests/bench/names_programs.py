# SPDX-License-Identifier: Apache-2.0
"""Binaries with debug information of every kind, for names_agree.py: compiled as they are needed."""

import glob
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.path.join(ROOT, "tests/bench/programs")
# What includes generated headers, or those of libraries.
NOT_ALONE = {"pprof.c", "demangle.c"}


def c_sources():
    """Our own: C as people write it, in several files."""
    files = []
    for folder in ("base", "symbolize", "flamegraph"):
        files += glob.glob(os.path.join(ROOT, folder, "*.c"))
    return sorted(file for file in files if os.path.basename(file) not in NOT_ALONE)


# eu-addr2line finds nothing without .debug_aranges; eprof does not look at them.
CLANG = ("-gdwarf-aranges",)
CLANG_LTO = ("-flto", "-fuse-ld=lld", "-Wl,-mllvm,-generate-arange-section")


def c_library(compiler, *flags):
    return [compiler, "-std=gnu11", "-D_GNU_SOURCE", "-iquote", ROOT, "-fPIC", "-shared", *flags,
            *c_sources()]


def cpp_program(compiler, *flags):
    return [compiler, "-std=c++17", *flags, os.path.join(PROGRAMS, "templates.cpp")]


def rust_program(*flags):
    return ["rustc", "--edition=2021", "-g", *flags, os.path.join(PROGRAMS, "generics.rs")]


# Name and command; -o is added. Split units are beside the object files, so those are kept.
BUILDS = {
    "c-gcc-O0-v4": c_library("gcc", "-O0", "-gdwarf-4"),
    "c-gcc-O1-v3": c_library("gcc", "-O1", "-gdwarf-3"),
    "c-gcc-O2-v5": c_library("gcc", "-O2", "-gdwarf-5"),
    "c-gcc-O3-lto": c_library("gcc", "-O3", "-g", "-flto"),
    "c-gcc-O2-gc": c_library("gcc", "-O2", "-g", "-ffunction-sections", "-fvisibility=default",
                             "-Wl,--gc-sections"),
    "c-gcc-O2-split-v5": c_library("gcc", "-O2", "-gdwarf-5", "-gsplit-dwarf"),
    "c-gcc-O2-split-v4": c_library("gcc", "-O2", "-gdwarf-4", "-gsplit-dwarf"),
    "c-gcc-O2-gz": c_library("gcc", "-O2", "-g", "-gz"),
    "c-clang-O2-v5": c_library("clang", "-O2", "-gdwarf-5", *CLANG),
    "c-clang-O2-split-v4": c_library("clang", "-O2", "-gdwarf-4", "-gsplit-dwarf", *CLANG),
    "c-clang-O3-lto": c_library("clang", "-O3", "-g", *CLANG_LTO),
    "cpp-gcc-O0-gz": cpp_program("g++", "-O0", "-g", "-gz"),
    "cpp-gcc-O2": cpp_program("g++", "-O2", "-g"),
    "cpp-gcc-O3-lto": cpp_program("g++", "-O3", "-g", "-flto"),
    "cpp-clang-O2-v5": cpp_program("clang++", "-O2", "-gdwarf-5", *CLANG),
    "cpp-clang-O3-v4-gc": cpp_program("clang++", "-O3", "-gdwarf-4", "-ffunction-sections",
                                      "-fuse-ld=lld", "-Wl,--gc-sections", *CLANG),
    "rust-O0": rust_program(),
    "rust-O3": rust_program("-Copt-level=3"),
    "rust-O2-lto": rust_program("-Copt-level=2", "-Clto=fat", "-Ccodegen-units=1"),
}
# The others do not read these (llvm-symbolizer no dwz file, neither always split units): they are asked
# about one with the same code, not split.
TWINS = {
    "c-gcc-O2-split-v5": "c-gcc-O2-v5",
    "c-gcc-O2-split-v4": "c-gcc-O2-v5",
    "c-clang-O2-split-v4": "c-clang-O2-v5",
    "dwz": "c-gcc-O2-v5",
}
# Of these two, dwz makes three: what they share gets into a file of its own.
DWZ = ("c-gcc-O2-v5", "c-gcc-O0-v4")


def build(name, directory):
    """The path of a binary; None when what makes it is missing."""
    command = BUILDS[name]
    path = os.path.join(directory, name)
    if not shutil.which(command[0]):
        return None
    done = subprocess.run([*command, "-o", path], cwd=directory, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, text=True, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return path


def build_dwz(directory):
    """(binary, dwz file) or None."""
    if not shutil.which("dwz"):
        return None
    copies = []
    for name in DWZ:
        source = os.path.join(directory, name)
        if not os.path.exists(source):
            return None
        copies.append(source + "-dwz")
        shutil.copy(source, copies[-1])
    shared = os.path.join(directory, "shared.dwz")
    subprocess.run(["dwz", "-m", shared, "-M", shared, *copies], check=True, stdin=subprocess.DEVNULL)
    return copies[0], shared


def system_debug_file():
    """The largest file of libc6-dbg or the like: libc's."""
    files = glob.glob("/usr/lib/debug/.build-id/*/*.debug")
    return max(files, key=os.path.getsize) if files else None


UNIT_HEADER = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
static inline int twice(int x) { return x + x; }
static inline int more(int x) { return twice(x) + 3; }
"""
FUNCTION = """struct s_{0} {{ int first_{0}; long second_{0}[{1}]; char *third_{0}; }};
int {0}(struct s_{0} *s, int x) {{
	for (int i_{0} = 0; i_{0} < x; i_{0}++)
		s->first_{0} += more(i_{0} * {1}) ^ twice(x);
	return s->second_{0}[0];
}}
"""
FUNCTIONS = 300
# What a unit of so many functions is measured to add to a file.
UNIT_MIB = 0.175


def build_large(directory, megabytes):
    """A library of about that size: copies of one unit, that have their symbols to themselves."""
    source, first, path = (os.path.join(directory, name) for name in ("unit.c", "unit.o", "large.so"))
    with open(source, "w", encoding="ascii") as file:
        file.write(UNIT_HEADER)
        file.writelines(FUNCTION.format(f"f_{i}", i + 1) for i in range(FUNCTIONS))
    subprocess.run(["gcc", "-O1", "-g3", "-fPIC", "-c", source, "-o", first], check=True,
                   stdin=subprocess.DEVNULL)
    objects = []
    for unit in range(int(megabytes / UNIT_MIB)):
        objects.append(os.path.join(directory, f"unit_{unit}.o"))
        subprocess.run(["objcopy", f"--prefix-symbols=u{unit}_", first, objects[-1]], check=True,
                       stdin=subprocess.DEVNULL)
    listed = os.path.join(directory, "objects")
    with open(listed, "w", encoding="utf-8") as file:
        file.write("\n".join(objects))
    subprocess.run(["gcc", "-shared", f"@{listed}", "-o", path], check=True,
                   stdin=subprocess.DEVNULL)
    for made in objects:
        os.remove(made)
    return path
