# SPDX-License-Identifier: Apache-2.0
"""The programs whose stacks stacks.py looks at: each starts, warms up, and is ended again."""

import contextlib
import os
import pwd
import random
import shutil
import signal
import subprocess
import time

from workloads import cc1_argv, python_argv, redis, running, write_c_file

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
WARM_UP_CPU_SECONDS = 0.5
START_SECONDS = 120
XZ_MIB = 96
# One process for each, all at once: whatever a tool's turn is, it sees the same code.
OPENSSL_SPEED = (
    "sha256",
    "rsa2048",
    "ecdsap256",
    "ecdhx25519",
    "-evp aes-256-gcm",
    "-evp chacha20-poly1305",
)


def parse_turns(parser, workloads):
    """The options of a bench that gives each workload some turns: --quick and names are checked."""
    parser.add_argument("--quick", action="store_true", help="one round of 1 s: does it work?")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(workloads))
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 1
    unknown = set(options.workloads) - set(workloads)
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    return options


def cpu_seconds(pid):
    """So far; 0 for what has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """The processes below pid, itself included, that are there now."""
    found = []
    with contextlib.suppress(OSError):
        threads = os.listdir(f"/proc/{pid}/task")
        found.append(pid)
        for thread in threads:
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                for child in file.read().split():
                    found += children(int(child))
    return found


def wait_until(condition, what):
    """For what announces itself nowhere: looks every 20 ms."""
    end = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not ready after {START_SECONDS} s")
        time.sleep(0.02)


def warm_up(process):
    def is_warm():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        return cpu_seconds(process.pid) >= WARM_UP_CPU_SECONDS

    wait_until(is_warm, process.args)


@contextlib.contextmanager
def busy(*argv, **options):
    """A command that has used some CPU time by now; its pid."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    with running(*argv, **options) as process:
        warm_up(process)
        yield [process.pid]


@contextlib.contextmanager
def announced(*argv, **options):
    """A command that prints "ready" when it has warmed up."""
    with running(*argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options) as process:
        if process.stdout.readline().strip() != b"ready":
            raise RuntimeError(f"{argv} did not start")
        yield [process.pid]


@contextlib.contextmanager
def process_group(*argv, **options):
    """A command with children, which are ended along; pids of all."""
    options.update(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    with running(*argv, **options) as process:
        try:
            wait_until(lambda: len(children(process.pid)) > 1, argv)
            wait_until(lambda: sum(map(cpu_seconds, children(process.pid))) > 0.5, argv)
            yield children(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


def compiled(scratch, name, *argv):
    """Runs a compiler once; the path of what it made."""
    path = os.path.join(scratch, name)
    if not os.path.exists(path):
        subprocess.run(argv, cwd=scratch, check=True, capture_output=True)
    return path


def source(name):
    return os.path.join(PROGRAMS, name)


def run_redis(scratch):
    @contextlib.contextmanager
    def warmed():
        with redis(scratch) as pid:
            wait_until(lambda: cpu_seconds(pid) >= WARM_UP_CPU_SECONDS, "redis")
            yield [pid]

    return warmed()


def postgres_tool(name):
    """Debian keeps the server's tools out of PATH, by version."""
    root = "/usr/lib/postgresql"
    versions = sorted(os.listdir(root), key=lambda v: -float(v)) if os.path.isdir(root) else []
    paths = [os.path.join(root, version, "bin", name) for version in versions]
    return next(filter(os.path.exists, paths), None) or shutil.which(name)


@contextlib.contextmanager
def run_postgres(scratch):
    """A server of its own, as user postgres: it refuses to be root."""
    home = os.path.join(scratch, "postgres")
    data = os.path.join(home, "data")
    user = pwd.getpwnam("postgres")
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **as_user}
    pgbench = [shutil.which("pgbench") or postgres_tool("pgbench"), "-h", home, "-U", "postgres"]
    is_new = not os.path.isdir(home)
    if is_new:
        os.mkdir(home)
        os.chown(home, user.pw_uid, user.pw_gid)
        init = [postgres_tool("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-N"]
        subprocess.run(init, check=True, **quiet)
    server = [postgres_tool("postgres"), "-D", data, "-k", home, "-c", "listen_addresses="]
    server += ["-c", "autovacuum=off"]  # whose processes come and go
    with running(*server, **quiet) as process:
        ready = [postgres_tool("pg_isready"), "-h", home]
        wait_until(lambda: subprocess.run(ready, check=False, **quiet).returncode == 0, "postgres")
        if is_new:
            subprocess.run([*pgbench, "-i", "-q", "-s", "5", "postgres"], check=True, **quiet)
        with running(*pgbench, "-n", "-S", "-c", "2", "-T", "3600", "postgres", **quiet):
            wait_until(lambda: sum(map(cpu_seconds, children(process.pid))) > 2, "pgbench")
            yield children(process.pid)
        # Its clients are gone; what "fast" is to the server.
        process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def run_openssl(_scratch):
    with contextlib.ExitStack() as stack:
        speed = ["openssl", "speed", "-seconds", "600", "-bytes", "1024"]
        yield [
            stack.enter_context(busy(*speed, *algorithm.split()))[0] for algorithm in OPENSSL_SPEED
        ]


def run_xz(scratch):
    path = os.path.join(scratch, "words.txt")
    if not os.path.exists(path):
        numbers = random.Random(1)
        with open(path, "w", encoding="ascii") as file:
            for _ in range(XZ_MIB):
                words = (f"word-{numbers.randrange(5000)}" for _ in range(105000))
                file.write(" ".join(words) + "\n")
    return busy("xz", "-T2", "--block-size=8MiB", "-9", "-c", path)


def run_clang(scratch):
    return busy("clang", "-O2", "-c", "-o", "/dev/null", write_c_file(scratch))


def run_cxx(scratch):
    options = ["-std=c++17", "-O2", "-o", "sorting", source("sorting.cpp")]
    return busy(compiled(scratch, "sorting", "g++", *options))


def run_rust(scratch):
    options = ["-O", "--edition=2021", "-o", "words-rs", source("words.rs")]
    return busy(compiled(scratch, "words-rs", "rustc", *options))


def run_go(scratch):
    environment = {"GOCACHE": os.path.join(scratch, "go-cache"), "GO111MODULE": "off"}
    argv = ["env", *(f"{name}={value}" for name, value in environment.items())]
    argv += ["go", "build", "-o", "words-go", source("words.go")]
    return busy(compiled(scratch, "words-go", *argv))


def run_java(scratch, *options):
    compiled(scratch, "Words.class", "javac", "-d", scratch, source("Words.java"))
    return announced("java", "-Xmx512m", *options, "-cp", scratch, "Words")


# Name: (share of complete stacks that is asked for, programs needed, how it is run).
WORKLOADS = {
    "redis": (0.999, ("redis-server", "redis-benchmark"), run_redis),
    "postgres": (0.99, ("initdb", "postgres", "pgbench"), run_postgres),
    "python3": (0.999, ("python3",), lambda scratch: busy(*python_argv(scratch))),
    "g++ -O2": (0.99, ("g++",), run_cxx),
    "cc1": (0.999, ("gcc",), lambda scratch: busy(*cc1_argv(scratch))),
    "openssl": (0.999, ("openssl",), run_openssl),
    "xz": (0.999, ("xz",), run_xz),
    "ruby": (0.99, ("ruby",), lambda _: busy("ruby", source("words.rb"))),
    "php": (0.99, ("php",), lambda _: busy("php", source("words.php"))),
    "perl": (0.999, ("perl",), lambda _: busy("perl", source("words.pl"))),
    "clang": (0.999, ("clang",), run_clang),
    "stress-ng": (0.99, ("stress-ng",), lambda _: process_group("stress-ng", "--cpu", "1")),
    "rust": (0.99, ("rustc",), run_rust),
    "node": (0.99, ("node",), lambda _: announced("node", source("words.js"))),
    "go": (None, ("go",), run_go),
    "java": (None, ("java", "javac"), run_java),
    "java-fp": (
        None,
        ("java", "javac"),
        lambda scratch: run_java(scratch, "-XX:+PreserveFramePointer"),
    ),
}


def is_installed(name):
    tools = WORKLOADS[name][1]
    return all(shutil.which(tool) or postgres_tool(tool) for tool in tools)


@contextlib.contextmanager
def workload(name, scratch):
    """Runs one; the pids to look at."""
    with WORKLOADS[name][2](scratch) as pids:
        yield pids
