#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""systemd takes the agent's unit, user and directories as they are."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.path.abspath(os.environ.get("EPROF_BINARY", ROOT + "/build/dev/eprof"))
DIST = os.path.abspath(os.environ.get("EPROF_DIST", ROOT + "/build/dev/dist"))
# Of systemd-analyze security, from 0 (nothing is open) to 100. Most of what is left is what a
# profiler is for: its capabilities, bpf(2), all processes, the network.
EXPOSURE_MOST = 50
NEEDED = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYSLOG",
          "CAP_CHECKPOINT_RESTORE", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL",
          "CAP_SYS_ADMIN"}


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"no {program}")


class Unit(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-unit-")
        self.addCleanup(directory.cleanup)
        self.unit = os.path.join(directory.name, "eprof-agent.service")
        with open(os.path.join(DIST, "eprof-agent.service"), encoding="utf-8") as file:
            self.text = file.read()
        # Where eprof is before it is installed.
        self.text = re.sub(r"^ExecStart=\S+", "ExecStart=" + EPROF, self.text, flags=re.M)
        with open(self.unit, "w", encoding="utf-8") as file:
            file.write(self.text)

    def run_quietly(self, *words):
        """The call succeeds without a word about our file."""
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                              check=False)
        said = done.stdout.decode(errors="replace")
        self.assertEqual(done.returncode, 0, said)
        self.assertNotIn("eprof", said)

    @needs("systemd-analyze")
    def test_every_directive_is_known_and_right(self):
        self.run_quietly("systemd-analyze", "verify", "--man=no", self.unit)

    @needs("systemd-analyze")
    def test_little_is_open_that_is_not_needed(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                               f"--threshold={EXPOSURE_MOST}", self.unit],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))

    def test_capabilities_are_those_that_it_begins_with(self):
        lines = re.findall(r"^CapabilityBoundingSet=(.*)$", self.text, flags=re.M)
        self.assertEqual(set(" ".join(lines).split()), NEEDED)
        explained = re.findall(r"^#   ((?:CAP_\w+ ?)+)", self.text, flags=re.M)
        self.assertEqual(set(" ".join(explained).split()), NEEDED)

    @needs("cmake")
    def test_it_starts_the_program_that_is_installed_with_it(self):
        # Packages, and who has no right to /usr/local, give the prefix when they install.
        prefix = os.path.join(os.path.dirname(self.unit), "elsewhere")
        subprocess.run(["cmake", "--install", os.path.dirname(DIST), "--prefix", prefix],
                       stdout=subprocess.DEVNULL, timeout=60, check=True)
        with open(f"{prefix}/lib/systemd/system/eprof-agent.service", encoding="utf-8") as file:
            (program,) = re.findall(r"^ExecStart=(\S+)", file.read(), flags=re.M)
        self.assertEqual(program, f"{prefix}/bin/eprof")
        self.assertTrue(os.access(program, os.X_OK))

    @needs("systemd-sysusers")
    def test_the_user_can_be_made(self):
        self.run_in_root("systemd-sysusers", "eprof-sysusers.conf")

    @needs("systemd-tmpfiles")
    def test_the_directories_can_be_made(self):
        root = self.run_in_root("systemd-sysusers", "eprof-sysusers.conf")
        if os.geteuid() != 0:
            self.skipTest("only root gives directories to others")
        subprocess.run(["systemd-tmpfiles", "--create", f"--root={root}",
                        os.path.join(ROOT, "dist/eprof-tmpfiles.conf")], timeout=60, check=True)
        for path in ("var/spool/eprof", "run/eprof", "etc/eprof"):
            self.assertEqual(os.stat(os.path.join(root, path)).st_mode & 0o7777, 0o750, path)

    def run_in_root(self, program, name):
        """The empty root in which the program was given a file of dist."""
        if not shutil.which(program):
            self.skipTest(f"no {program}")
        root = tempfile.TemporaryDirectory(prefix="eprof-root-")
        self.addCleanup(root.cleanup)
        os.mkdir(os.path.join(root.name, "etc"))
        done = subprocess.run([program, f"--root={root.name}", os.path.join(ROOT, "dist", name)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors="replace"))
        with open(os.path.join(root.name, "etc/passwd"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r"(?m)^eprof:")
        return root.name


if __name__ == "__main__":
    unittest.main(verbosity=2)
