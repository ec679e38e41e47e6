# SPDX-License-Identifier: Apache-2.0
"""The files of a recording: each is whole, and all tell the same."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree

from harness import EPROF, EprofTest, Folded, Program, main, program_path
from pprof import Profile

SPIN = ("main", "alpha", "beta", "gamma")
FILES = {"on-cpu.svg", "on-cpu.folded", "on-cpu.pb.gz", "index.html", "stats.json"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Directory(EprofTest):
    @classmethod
    def setUpClass(cls):
        """One recording for all tests of this class."""
        super().setUpClass()
        cls.once = cls("test_it_holds_these_files")
        cls.once.setUp()
        cls.addClassCleanup(cls.once.doCleanups)
        with Program("syscaller", 60) as program:
            cls.result = cls.once.record("-p", program.pid, "-d", 1.5, "-F", 499)

    def test_it_holds_these_files(self):
        self.assertEqual(set(os.listdir(self.result.out)), FILES)

    def test_the_svg_is_well_formed(self):
        svg = read(self.result.path("on-cpu.svg"))
        root = xml.etree.ElementTree.fromstring(svg)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("read_loop", svg)

    def test_the_pprof_profile_adds_up(self):
        profile = Profile(self.result.path("on-cpu.pb.gz"))
        stats = self.result.stats()
        self.assertEqual(profile.sums["samples"], stats["samples"])
        period = 1e9 / 499
        self.assertAlmostEqual(profile.sums["cpu"] / (stats["samples"] * period), 1, delta=0.01)
        self.assertIn("read_loop", profile.strings)

    def test_the_page_is_self_contained(self):
        page = read(self.result.path("index.html"))
        self.assertIn("<html", page)
        self.assertEqual(re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page), [])

    def test_the_statistics_are_complete(self):
        stats = self.result.stats()
        self.assertEqual(stats["hz"], 499)
        self.assertEqual(stats["event"], "cpu-clock")
        self.assertAlmostEqual(stats["seconds"], 1.5, delta=0.5)
        self.assertEqual(sum(stats["stop_reasons"].values()), stats["samples"])
        self.assertGreaterEqual(stats["distinct_stacks"], 1)
        self.assertLessEqual(stats["distinct_stacks"], stats["samples"])
        self.assertGreater(stats["tool"]["cpu_seconds"], 0)
        self.assertGreater(stats["tool"]["peak_rss_bytes"], 1 << 20)

    def test_the_summary_names_samples_and_paths(self):
        self.assertIn(str(self.result.stats()["samples"]), self.result.stderr)
        for name in FILES:
            self.assertIn(name, self.result.stderr)

    def test_pictures_are_deterministic(self):
        folded = self.result.path("on-cpu.folded")
        draw = [EPROF, "flamegraph", folded, "-o", "-"]
        pictures = {subprocess.run(draw, capture_output=True, check=True).stdout for _ in range(2)}
        self.assertEqual(len(pictures), 1)
        xml.etree.ElementTree.fromstring(pictures.pop())


class SingleFiles(EprofTest):
    def record_to(self, name, *more):
        with Program("spin", 60) as program:
            self.record("-p", program.pid, "-d", 0.5, "-F", 499, "-o", name, *more)
        left = os.listdir(self.directory)
        self.assertEqual(left, [name])
        return os.path.join(self.directory, name)

    def test_svg(self):
        path = self.record_to("x.svg")
        xml.etree.ElementTree.parse(path)
        self.assertIn("gamma", read(path))

    def test_folded(self):
        folded = Folded(read(self.record_to("x.folded")))
        self.assert_mostly(folded, *SPIN)

    def test_pprof(self):
        profile = Profile(self.record_to("x.pb.gz"))
        self.assertGreater(profile.sums["samples"], 100)

    def test_html(self):
        self.assertIn("gamma", read(self.record_to("x.html")))

    def test_speedscope(self):
        names = [f["name"] for f in json.loads(read(self.record_to("x.json")))["shared"]["frames"]]
        self.assertLessEqual(set(SPIN), set(names))

    def test_folded_on_standard_output(self):
        with Program("spin", 60) as program:
            result = self.record("-p", program.pid, "-d", 0.5, "-F", 499, "-o", "-")
        self.assert_mostly(Folded(result.stdout), *SPIN)
        self.assertEqual(os.listdir(self.directory), [])

    def test_quiet_prints_nothing(self):
        with Program("spin", 60) as program:
            result = self.record("-q", "-p", program.pid, "-d", 0.3)
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_without_a_path_the_directory_is_named_after_the_target(self):
        subprocess.run(
            [EPROF, "record", "-q", "-d", "30", "--", program_path("spin"), "0.3"],
            cwd=self.directory,
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        names = os.listdir(self.directory)
        self.assertEqual(len(names), 1)
        self.assertRegex(names[0], r"^eprof-spin-\d{8}T\d{6}Z$")
        self.assertEqual(set(os.listdir(os.path.join(self.directory, names[0]))), FILES)

    def test_an_existing_file_is_replaced_as_a_whole(self):
        path = os.path.join(self.directory, "x.folded")
        with open(path, "w", encoding="utf-8") as file:
            file.write("old\n" * 10000)
        self.assertNotIn("old", read(self.record_to("x.folded")))


if __name__ == "__main__":
    main()
