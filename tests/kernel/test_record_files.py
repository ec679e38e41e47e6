# SPDX-License-Identifier: Apache-2.0
"""Programs and libraries that are gone, replaced or written to when their names are read."""

import os
import shutil
import signal
import subprocess
import sys

from harness import (
    CAP_SYS_RESOURCE,
    LIMIT_SECONDS,
    EprofTest,
    Program,
    cpu_seconds,
    has_capability,
    has_function_name,
    main,
    program_path,
    state_of,
    user_frames,
    wait_until,
)
from roots import FlavorTest, build_id_of, flavor_path, make_guest, part_of

SPIN = ("main", "alpha", "beta", "gamma")

# Runs a file that is nowhere but in memory: PATH, then its arguments.
RUN_FROM_MEMORY = """
import os, sys
fd = os.memfd_create("spin", os.MFD_CLOEXEC)
with open(sys.argv[1], "rb") as file:
    os.write(fd, file.read())
os.execve(fd, sys.argv[1:], os.environ)
"""


def copy_over(source, target):
    """Writes to the file itself: everybody who has it open or mapped sees it change."""
    with open(source, "rb") as file, open(target, "r+b") as out:
        out.truncate(0)
        out.write(file.read())


def rename_over(source, target):
    """A new file takes the other one's name, as package managers do it."""
    shutil.copy(source, target + ".new")
    os.rename(target + ".new", target)


def is_in_loader(frames):
    return any(frame.startswith(("[ld-linux", "[ld.so")) for frame in frames)


def is_address(frames, module):
    return user_frames(frames)[-1].startswith(f"[{module}+0x")


class Gone(FlavorTest):
    def test_a_deleted_program_and_a_deleted_library(self):
        path = make_guest(self.directory, "red")
        with Program("guest", 60, path=path) as guest:
            os.unlink(path)
            os.unlink(os.path.join(self.directory, "libflavor.so"))
            result = self.record("-p", guest.pid, "-d", 1.5, "-F", 499)
        self.assert_flavor(result.folded(), "red")

    def test_what_is_deleted_as_soon_as_it_runs(self):
        home = os.path.join(self.directory, "home")
        path = make_guest(home, "red")
        eprof = self.start("-a", "-d", 60, "-F", 499)
        eprof.wait_recording()
        with Program("guest", 60, path=path) as guest:
            shutil.rmtree(home)
            guest.wait_cpu(1)
        eprof.send(signal.SIGINT)
        result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assert_flavor(result.folded().of_root("guest"), "red", least=0.95)

    def test_a_program_in_memory(self):
        prefix = [sys.executable, "-c", RUN_FROM_MEMORY]
        with Program("spin", 60, prefix=prefix) as program:
            self.assertIn("memfd:", os.readlink(f"/proc/{program.pid}/exe"))
            result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
        folded = result.folded()
        count = folded.count(lambda frames: user_frames(frames)[-4:] == SPIN)
        self.assertGreaterEqual(count, 0.98 * folded.total - 3, folded.text())


class Upgrades(FlavorTest):
    """A library becomes another one while programs that have mapped it run."""

    def setUp(self):
        super().setUp()
        self.path = make_guest(self.directory, "red")
        self.library = os.path.join(self.directory, "libflavor.so")

    def test_a_library_that_is_replaced_while_it_runs(self):
        with Program("guest", 60, path=self.path) as old:
            eprof = self.start("-a", "--per-thread", "-d", 60, "-F", 499)
            eprof.wait_recording()
            old.wait_cpu(0.5)
            rename_over(flavor_path("blue"), self.library)
            with Program("guest", 60, path=self.path) as new:
                new.wait_cpu(0.5)
                old.wait_cpu(0.5)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        folded = result.folded().of_root("guest")
        self.assert_flavor(part_of(folded, f"guest-{old.pid}"), "red")
        self.assert_flavor(part_of(folded, f"guest-{new.pid}"), "blue", least=0.95)

    def test_a_program_that_is_replaced_while_it_runs(self):
        path = os.path.join(self.directory, "victim")
        shutil.copy(program_path("spin"), path)
        with Program("victim", 60, path=path) as old:
            eprof = self.start("-p", old.pid, "-d", 60, "-F", 499)
            eprof.wait_recording()
            rename_over(program_path("shares"), path)
            old.wait_cpu(1)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        folded = result.folded()
        count = folded.count(lambda frames: user_frames(frames)[-4:] == SPIN)
        self.assertGreaterEqual(count, 0.98 * folded.total - 3, folded.text())


class Rewritten(FlavorTest):
    """The same file gets other contents."""

    def make_guest(self, flavor, has_build_id=True):
        path = make_guest(self.directory, flavor)
        self.library = os.path.join(self.directory, "libflavor.so")
        self.strip_id(self.library, has_build_id)
        return path

    def strip_id(self, path, has_build_id):
        if not has_build_id:
            argv = ["objcopy", "--remove-section", ".note.gnu.build-id", path]
            subprocess.run(argv, check=True)

    def rewrite(self, flavor, has_build_id=True):
        other = os.path.join(self.directory, "other.so")
        shutil.copy(flavor_path(flavor), other)
        self.strip_id(other, has_build_id)
        copy_over(other, self.library)

    def record_rewritten(self, rewrite, **options):
        """All is sampled of the one build; what there is when names are read is for rewrite()."""
        path = self.make_guest("red", **options)
        with Program("guest", 60, path=path) as guest:
            os.kill(guest.pid, signal.SIGSTOP)
            wait_until(lambda: state_of(guest.pid) == "T", "the guest stops")
            begin = cpu_seconds(guest.pid)
            eprof = self.start("-p", guest.pid, "-d", 60, "-F", 499)
            eprof.wait_recording()
            with eprof.stopped():
                os.kill(guest.pid, signal.SIGCONT)
                guest.wait_cpu(1 + begin - cpu_seconds(guest.pid))
                guest.process.kill()
                guest.process.wait()
                rewrite()
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        return result

    def test_after_it_was_written_to_a_library_has_addresses(self):
        for has_build_id in (True, False):
            with self.subTest(has_build_id=has_build_id):
                result = self.record_rewritten(
                    lambda h=has_build_id: self.rewrite("blue", h), has_build_id=has_build_id
                )
                folded = result.folded()
                self.assert_without(folded, "blue")
                self.assert_without(folded, "red")
                count = folded.count(lambda f: is_address(f, "libflavor.so"))
                self.assertGreaterEqual(count, 0.95 * folded.total, folded.text())
                losses = {n: c for n, c in result.stats()["losses"].items() if c}
                self.assertEqual(losses.get("binaries_rewritten"), 1, losses)
                self.assertIn("binaries_rewritten", result.stderr)

    def test_a_library_whose_times_alone_have_changed_keeps_its_names(self):
        result = self.record_rewritten(lambda: os.utime(self.library, (1, 1)))
        self.assert_flavor(result.folded(), "red", least=0.95)
        self.assertEqual(result.stats()["losses"]["binaries_rewritten"], 0)

    def test_who_begins_after_a_rewrite_has_the_new_names(self):
        for has_build_id in (True, False):
            with self.subTest(has_build_id=has_build_id):
                path = self.make_guest("red", has_build_id)
                eprof = self.start("-a", "--per-thread", "-d", 60, "-F", 499)
                eprof.wait_recording()
                with Program("guest", 60, path=path) as old:
                    # Longer than between two drains: its names are known by then.
                    old.wait_cpu(1.5)
                self.rewrite("blue", has_build_id)
                with Program("guest", 60, path=path) as new:
                    new.wait_cpu(0.5)
                eprof.send(signal.SIGINT)
                result = eprof.finish()
                self.assertEqual(result.code, 0, result.stderr)
                folded = result.folded().of_root("guest")
                self.assert_flavor(part_of(folded, f"guest-{new.pid}"), "blue", least=0.95)
                # All but what was sampled last, maybe.
                part = part_of(folded, f"guest-{old.pid}")
                self.assert_without(part, "blue")
                self.assertGreater(self.count_flavor(part, "red"), 0.3 * part.total)


class ShortLives(EprofTest):
    KINDS = 20
    PROCESSES = 500
    NAMED_LEAST = 0.98

    def run_short_lives(self, count):
        """Programs of different names and build ids, deleted as soon as the kernel runs them."""
        burst = program_path("burst")
        with open(burst, "rb") as file:
            content = file.read()
        build_id = bytes.fromhex(build_id_of(burst))
        self.assertEqual(content.count(build_id), 1)
        running = []
        for i in range(count):
            path = os.path.join(self.directory, f"short-{i % self.KINDS}")
            with open(path, "wb") as file:
                file.write(content.replace(build_id, bytes([i % self.KINDS + 1]) * len(build_id)))
            os.chmod(path, 0o755)
            running.append(subprocess.Popen([path]))
            os.unlink(path)
            if len(running) > 2:
                self.assertEqual(running.pop(0).wait(LIMIT_SECONDS), 0)
        for process in running:
            self.assertEqual(process.wait(LIMIT_SECONDS), 0)

    def record_short_lives(self, count, **options):
        eprof = self.start("-p", os.getpid(), "-d", 60, "-F", 99, **options)
        eprof.wait_recording()
        self.run_short_lives(count)
        eprof.send(signal.SIGINT)
        result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        folded = result.folded()
        folded.stacks = [(f, c) for f, c in folded.stacks if f[0].startswith("short-")]
        folded.total = sum(count for _, count in folded.stacks)
        return result, folded

    def test_500_processes_of_20_deleted_programs_are_named(self):
        result, folded = self.record_short_lives(self.PROCESSES)
        self.assertEqual(len(folded.roots()), self.KINDS)
        self.assertGreater(folded.total, self.PROCESSES / 2)
        named = folded.count(lambda f: has_function_name(f) or is_in_loader(f))
        self.assertGreaterEqual(named, self.NAMED_LEAST * folded.total, folded.text(30))
        losses = {name: count for name, count in result.stats()["losses"].items() if count}
        self.assertEqual(losses.get("binaries_unopened", 0), 0, losses)

    def test_what_is_not_opened_for_want_of_descriptors_is_counted(self):
        # eprof raises its soft limit as far as it may; what it needs itself, it keeps.
        low = ["prlimit", "--nofile=60:60"]
        if has_capability(CAP_SYS_RESOURCE):
            low = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource", *low]
        result, folded = self.record_short_lives(100, prefix=low)
        unnamed = folded.count(lambda f: not has_function_name(f))
        losses = {name: count for name, count in result.stats()["losses"].items() if count}
        self.assertGreater(unnamed, 0.1 * folded.total, folded.text())
        self.assertGreater(losses["binaries_unopened"], 0, losses)
        self.assertIn("lost: binaries_unopened", result.stderr)


if __name__ == "__main__":
    main()
