# SPDX-License-Identifier: Apache-2.0
"""What off_cpu_cost.py runs on one CPU: fixed pieces of work, that say how long they took."""

import os
import re
import shutil
import subprocess
import sys
import time

C_FUNCTIONS = 150
FORKS = 700
SYNCS = 3000
PYTHON_ROUNDS = 20000
# Threads that hand each other work, and the interpreter's lock.
PYTHON_THREADS = """
import queue, sys, threading
count = int(sys.argv[1])
def work(inbox, outbox):
    total = 0
    for _ in range(count):
        total += inbox.get()
        outbox.put(total)
pairs = [(queue.Queue(), queue.Queue()) for _ in range(3)]
threads = [threading.Thread(target=work, args=pair) for pair in pairs]
for thread in threads:
    thread.start()
for i in range(count):
    for inbox, _ in pairs:
        inbox.put(i)
    for _, outbox in pairs:
        outbox.get()
for thread in threads:
    thread.join()
"""
SYNC_LOOP = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for i in range(int(sys.argv[2])):
    os.pwrite(fd, b"x" * 4096, i % 64 * 4096)
    os.fsync(fd)
"""
FORK_LOOP = 'i=0; while [ $i -lt "$1" ]; do /bin/true; i=$((i + 1)); done'


def run_text(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{argv} failed:\n{done.stderr}")
    return done.stdout


class Pipe:
    """Two processes that wake each other up, and do nothing else."""

    unit = "us/op"
    switches_per_op = 2

    def __init__(self, cpu, scale, _directory):
        self.ops = int(500000 * scale)
        self.argv = ["taskset", "-c", str(cpu), "perf", "bench", "sched", "pipe"]

    def run(self):
        text = run_text([*self.argv, "-l", str(self.ops)])
        return float(re.search(r"([\d.]+) usecs/op", text).group(1))


class Messaging:
    """80 processes; an operation is a message."""

    unit = "us/op"
    switches_per_op = 0  # it depends

    def __init__(self, cpu, scale, _directory):
        self.loops = max(1, int(1000 * scale))
        self.ops = 2 * 20 * 20 * self.loops
        self.argv = ["taskset", "-c", str(cpu), "perf", "bench", "sched", "messaging", "-g", "2"]

    def run(self):
        text = run_text([*self.argv, "-l", str(self.loops)])
        return float(re.search(r"Total time: ([\d.]+)", text).group(1)) / self.ops * 1e6


class Mix:
    """Stacks that change all the time: Python threads, cc1, fsync, fork and exec, all at once.

    Seconds until the last of them has ended. That is work and not waiting, as long as there is
    always somebody who wants the CPU: Python and cc1 see to that.
    """

    unit = "s"
    switches_per_op = 0

    def __init__(self, cpu, scale, directory):
        self.ops = 1
        self.directory = directory
        self.cpu = cpu
        self.scale = scale
        self.source = os.path.join(directory, "mix.c")
        with open(self.source, "w", encoding="utf-8") as file:
            for i in range(int(C_FUNCTIONS * scale)):
                file.write(
                    f"int f{i}(int *a, int n)\n{{\n\tint s = {i};\n"
                    f"\tfor (int i = 0; i < n; i++)\n\t\ts += a[i] % {i % 97 + 2} ? s : i;\n"
                    f"\treturn s;\n}}\n"
                )

    def commands(self):
        python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
        data = os.path.join(self.directory, "mix.data")
        yield [python, "-c", PYTHON_THREADS, str(int(PYTHON_ROUNDS * self.scale))]
        yield [python, "-c", SYNC_LOOP, data, str(int(SYNCS * self.scale))]
        yield ["sh", "-c", FORK_LOOP, "sh", str(int(FORKS * self.scale))]
        if shutil.which("gcc"):
            yield ["gcc", "-O2", "-c", "-o", os.path.join(self.directory, "mix.o"), self.source]

    def run(self):
        begin = time.monotonic()
        processes = [
            subprocess.Popen(["taskset", "-c", str(self.cpu), *argv], stdin=subprocess.DEVNULL)
            for argv in self.commands()
        ]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise SystemExit(f"the mix failed: {codes}")
        return time.monotonic() - begin


LOADS = {"pipe": Pipe, "messaging": Messaging, "mix": Mix}
