# SPDX-License-Identifier: Apache-2.0
"""Root directories with no more in them than a program and its libraries, and life in them."""

import os
import re
import shutil
import signal
import subprocess

from harness import LIMIT_SECONDS, PROGRAMS, STRAY_SAMPLES, EprofTest, Folded, Program, user_frames

UNSHARE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
GUEST_HOME = "/opt/guest"  # in each root
FLAVORS = ("red", "blue")


def flavor_path(flavor):
    return os.path.join(PROGRAMS, flavor, "libflavor.so")


def libraries_of(path):
    """What the dynamic linker loads for a program, itself included."""
    done = subprocess.run(["ldd", path], capture_output=True, text=True, check=True)
    return [found for found in re.findall(r"(/\S+) \(0x", done.stdout) if os.path.exists(found)]


def add_file(root, source, target=None):
    """Copies a file to the same path, or another one, below a root."""
    path = root + (target or source)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(os.path.realpath(source), path)
    return path


def add_program(root, source, target=None):
    """A program with all that it needs to run."""
    for library in libraries_of(source):
        if not library.startswith(PROGRAMS):
            add_file(root, library)
    return add_file(root, source, target)


def make_guest(directory, flavor):
    """The program guest beside one build of its library; its path."""
    os.makedirs(directory, exist_ok=True)
    shutil.copy(flavor_path(flavor), directory)
    return shutil.copy(os.path.join(PROGRAMS, "guest"), directory)


def make_root(root, flavor):
    """A root that guest runs in, as /opt/guest/guest."""
    add_program(root, os.path.join(PROGRAMS, "guest"), GUEST_HOME + "/guest")
    add_file(root, flavor_path(flavor), GUEST_HOME + "/libflavor.so")
    for name in ("dev", "proc", "sys", "tmp", "out", "old"):
        os.mkdir(os.path.join(root, name))
    return root


def build_id_of(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    return re.search(r"Build ID: ([0-9a-f]+)", notes.stdout).group(1)


def part_of(folded, name):
    """The stacks that have a frame of this name."""
    part = Folded("")
    part.stacks = [(frames, count) for frames, count in folded.stacks if name in frames]
    part.total = sum(count for _, count in part.stacks)
    return part


class Contained(Program):
    """A program in namespaces of its own; pid is as we see it, inner_pid as it does."""

    def __init__(self, name, *args, prefix, path):
        super().__init__(name, *args, prefix=prefix, path=path)
        self.inner_pid = None

    def _take_line(self, line):
        is_ready = super()._take_line(line)
        if is_ready:
            self.inner_pid, self.pid = self.pid, self._outer_pid()
        return is_ready

    def __exit__(self, *args):
        # unshare waits for it, whatever it is sent itself.
        if self.process.poll() is None and self.pid:
            os.kill(self.pid, signal.SIGTERM)
            self.process.wait(LIMIT_SECONDS)
        super().__exit__(*args)

    def _outer_pid(self):
        """The youngest process below the one that we have started: what it runs has been ready."""
        pid = self.process.pid
        while True:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
                children = file.read().split()
            if not children:
                return pid
            pid = int(children[0])


class FlavorTest(EprofTest):
    """Tests of what the guest's functions are called."""

    def count_flavor(self, folded, flavor):
        chain = ("main", "flavor_entry", f"{flavor}_middle", f"{flavor}_leaf")
        return folded.count(lambda frames: user_frames(frames)[-len(chain) :] == chain)

    def assert_flavor(self, folded, flavor, least=0.98):
        """Nearly all is in one of the builds, and nothing has a name of the other."""
        self.assertGreater(folded.total, 50, folded.text())
        enough = least * folded.total - STRAY_SAMPLES
        self.assertGreaterEqual(self.count_flavor(folded, flavor), enough, folded.text())
        for other in FLAVORS:
            if other != flavor:
                self.assert_without(folded, other)

    def assert_without(self, folded, flavor):
        wrong = [frame for frame in folded.frames() if frame.startswith(flavor + "_")]
        self.assertEqual(wrong, [], folded.text())


def in_root(root):
    """A guest that runs in a root, in mount and pid namespaces of its own."""
    # As containers are begun: what was the root before is not below the new one's path.
    script = """
        mount --rbind "$1" "$1" && cd "$1" && mount -t proc none proc && pivot_root . old &&
            shift && exec "$@"
    """
    prefix = [*UNSHARE, "sh", "-c", script, "sh", root]
    return Contained("guest", 60, prefix=prefix, path=GUEST_HOME + "/guest")
