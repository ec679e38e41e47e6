#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records programs as they are installed, and tells how complete their stacks are.

redis-server under redis-benchmark, cc1 (gcc) compiling a large file, a Python loop, and then the
whole machine with all of them at once. Each recording is kept in a directory, with a picture of its
SVG when chromium is there. Workloads whose programs are missing are left out, with a word. Needs root.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", os.path.join(ROOT, "build/release/eprof"))
C_FUNCTIONS = 60000  # more than a minute of work
PYTHON_LOOP = """
import json, re
def parse(text):
    return json.loads(text)
def count(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
def work(text):
    return count(re.findall("[a-z]+", str(parse(text))))
text = json.dumps([{"name": "abc def", "values": list(range(50))}] * 50)
while True:
    work(text)
"""


@contextlib.contextmanager
def running(*argv, **options):
    """A command in the background, ended by its pid."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def redis(directory):
    """redis-server on a port of its own, with redis-benchmark at work; the server's pid."""
    port = str(free_port())
    home = tempfile.mkdtemp(prefix="redis-", dir=directory)
    server = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", home, "--save", ""]
    with running(*server, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if "eady to accept connections" in line:
                break
        else:
            raise SystemExit("redis-server did not start")
        load = ["redis-benchmark", "-h", "127.0.0.1", "-p", port, "-q", "-l", "-P", "4"]
        load += ["-t", "set,get,lpush,zadd"]
        with running(*load, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            yield process.pid


def write_c_file(directory):
    path = os.path.join(directory, "large.c")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(C_FUNCTIONS):
            file.write(
                f"int f{i}(int *a, int n)\n{{\n\tint s = {i};\n"
                f"\tfor (int i = 0; i < n; i++) {{\n\t\tif (a[i] % {i % 97 + 2})\n"
                f"\t\t\ts += a[i] * {i + 3};\n\t\telse\n\t\t\ta[i] ^= s << {i % 13};\n\t}}\n"
                f"\treturn s;\n}}\n"
            )
    return path


def cc1_argv(directory):
    """The compiler itself: ended early, gcc would leave it running."""
    find = ["gcc", "-print-prog-name=cc1"]
    cc1 = subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip()
    return [cc1, "-quiet", "-O2", "-o", "/dev/null", write_c_file(directory)]


def python_argv(_directory):
    # The system's own: what people have, not what this script runs under.
    path = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else "python3"
    return [path, "-c", PYTHON_LOOP]


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.recorded = []

    def record(self, name, *target):
        """One recording and its line of the table; how it got its stacks is in stats.json."""
        out = os.path.join(self.options.out, name)
        options = ["-q", "-F", str(self.options.hz), "-d", str(self.options.seconds)]
        argv = [EPROF, "record", "--on-cpu", *options, "-o", out + "/", *target]
        done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            print(f"{name:<10} failed: {done.stderr.strip()}")
            self.recorded.append(False)
            return
        with open(os.path.join(out, "stats.json"), encoding="utf-8") as file:
            print_line(name, json.load(file))
        self.recorded.append(True)
        self.take_pictures(out)

    def take_pictures(self, out):
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if not chromium or self.options.no_pictures:
            return
        picture = os.path.join(out, "on-cpu.png")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        flags += ["--hide-scrollbars", "--window-size=1400,900", f"--screenshot={picture}"]
        with tempfile.TemporaryDirectory(dir=self.scratch) as profile:
            done = subprocess.run(
                [chromium, *flags, f"--user-data-dir={profile}"]
                + ["file://" + os.path.abspath(os.path.join(out, "on-cpu.svg"))],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=120,
                check=False,
            )
        if done.returncode != 0 or not os.path.exists(picture):
            print(f"{'':<10} chromium made no picture of {out}/on-cpu.svg")

    def run_redis(self):
        with redis(self.scratch) as pid:
            self.record("redis", "-p", str(pid))

    def run_cc1(self):
        self.record("cc1", "--", *cc1_argv(self.scratch))

    def run_python(self):
        self.record("python3", "--", *python_argv(self.scratch))

    def run_all(self, available):
        with contextlib.ExitStack() as stack:
            if "redis" in available:
                stack.enter_context(redis(self.scratch))
            if "cc1" in available:
                stack.enter_context(running(*cc1_argv(self.scratch)))
            stack.enter_context(running(*python_argv(self.scratch)))
            self.record("all", "-a")


def print_head():
    print(f"{'workload':<10} {'samples':>8} {'complete':>9} {'unnamed':>8} {'losses':>7} ", end="")
    print(f"{'BPF ns/sample':>14} {'tool CPU s':>11} {'RSS MiB':>8}")


def print_line(name, stats):
    tool = stats["tool"]
    complete = stats["complete_samples"] / max(1, stats["samples"])
    unnamed = stats["unnamed_user_frames"] + stats["unnamed_kernel_frames"]
    bpf = f"{tool['bpf_ns_per_sample']:.0f}" if tool["bpf_ns_per_sample"] is not None else "-"
    losses = {reason: count for reason, count in stats["losses"].items() if count}
    print(f"{name:<10} {stats['samples']:>8} {complete:>9.2%} ", end="")
    print(f"{unnamed / max(1, stats['frames']):>8.2%} {sum(losses.values()):>7} {bpf:>14} ", end="")
    print(f"{tool['cpu_seconds']:>11.3f} {tool['peak_rss_bytes'] / (1 << 20):>8.1f}")
    for reason, count in losses.items():
        print(f"{'':<10} lost or cut: {reason} {count}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="of each recording (10)")
    parser.add_argument("--hz", type=int, default=99, help="samples per second and CPU (99)")
    parser.add_argument("--out", default="build/bench", help="where to (build/bench)")
    parser.add_argument("--no-pictures", action="store_true", help="do not start chromium")
    parser.add_argument("--quick", action="store_true", help="2 s each: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.seconds = 2
    if os.geteuid() != 0:
        sys.exit("recording needs root")
    os.makedirs(options.out, exist_ok=True)
    wanted = {"redis": ("redis-server", "redis-benchmark"), "cc1": ("gcc",)}
    available = {name for name, tools in wanted.items() if all(map(shutil.which, tools))}
    for name in sorted(set(wanted) - available):
        print(f"{name} is not installed: left out")
    print_head()
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as scratch:
        bench = Bench(options, scratch)
        if "redis" in available:
            bench.run_redis()
        if "cc1" in available:
            bench.run_cc1()
        bench.run_python()
        bench.run_all(available)
    print(f"recordings in {options.out}/")
    sys.exit(0 if all(bench.recorded) else 1)


if __name__ == "__main__":
    main()
