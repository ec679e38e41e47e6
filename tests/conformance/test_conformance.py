#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The static picture has the frames that flamegraph.pl draws: *.frames is what it drew of *.folded
(expected.py), and `eprof flamegraph` has to draw the same, to a tenth of a pixel."""
import os
import pathlib
import re
import subprocess
import unittest

from frames import BLOCK, frame_of_line, frames_of

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
EPROF = os.environ.get("EPROF_BINARY", str(ROOT / "build/release/eprof"))
INPUTS = sorted(path.stem for path in HERE.glob("*.folded"))
WIDTH = 1180  # of the root, in pixels


def draw(folded, *options):
    """folded: a path, or the text itself."""
    is_path = isinstance(folded, pathlib.Path)
    return subprocess.run(
        [EPROF, "flamegraph", "--format=svg", "-o", "-", *options, folded if is_path else "-"],
        input=None if is_path else folded.encode(), check=True, stdout=subprocess.PIPE).stdout


def expected(file):
    with open(HERE / file, encoding="utf-8") as lines:
        return [frame_of_line(line) for line in lines]


def count_of(frame):
    return int(frame.count.replace(",", ""))


class FlamegraphPl(unittest.TestCase):
    def check(self, have, wanted):
        """Which frames there are and what they say is exact; lengths were rounded."""
        self.assertEqual([(frame.depth, frame.name, frame.count, frame.percent) for frame in have],
                         [(frame.depth, frame.name, frame.count, frame.percent)
                          for frame in wanted])
        for own, theirs in zip(have, wanted):
            self.assertLessEqual(abs(own.x - theirs.x), 1, theirs.line())
            self.assertLessEqual(abs(own.width - theirs.width), 1, theirs.line())

    def test_frames_are_the_same(self):
        self.assertGreaterEqual(len(INPUTS), 12)
        for name in INPUTS:
            with self.subTest(name):
                self.check(frames_of(draw(HERE / (name + ".folded"))), expected(name + ".frames"))

    def test_reversed_frames_are_the_same(self):
        for name in INPUTS:
            with self.subTest(name):
                self.check(frames_of(draw(HERE / (name + ".folded"), "--reverse")),
                           expected(name + ".reverse.frames"))

    def test_inverted_frames_are_the_same_upside_down(self):
        for name in INPUTS:
            with self.subTest(name):
                svg = draw(HERE / (name + ".folded"), "--inverted")
                rows = [int(y) for y in re.findall(rb'translate\(10,(\d+)\)', svg)]
                self.check(frames_of(svg), expected(name + ".frames"))
                self.assertEqual(rows, sorted(rows))
                self.assertIn(b">Icicle Graph<", svg)

    def test_frames_narrower_than_asked_for_are_left_out(self):
        frames = expected("narrow.frames")
        total = count_of(frames[0])
        for pixels, option in ((0.5, "0.5"), (5, "5"), (0.01 * WIDTH, "1%")):
            with self.subTest(option):
                wanted = [frame for frame in frames if count_of(frame) * WIDTH >= pixels * total]
                self.assertLess(len(wanted), len(frames))
                self.check(frames_of(draw(HERE / "narrow.folded", "--minwidth", option)), wanted)

    def test_width_and_height_are_those_asked_for(self):
        frames = expected("self.frames")
        svg = draw(HERE / "self.folded", "--width", "610", "--height", "25")
        have = frames_of(svg, 25)
        self.assertIn(b'width="610"', svg)
        self.assertEqual(len(have), len(frames))
        for own, theirs in zip(have, frames):
            self.assertAlmostEqual((own.x - 100) * 2, theirs.x - 100, delta=2)


class SortedLines(unittest.TestCase):
    """Where flamegraph.pl, which sorts lines, draws a frame in two parts, ours is one."""

    def test_a_name_between_two_lines_of_another_does_not_split_it(self):
        frames = frames_of(draw("a 50\na-b;c 40\na;x 30\n"))
        self.assertEqual([frame.line() for frame in frames if frame.depth == 1], [
            "1\t10.0\t393.3\ta-b\t40\t33.33", "1\t403.3\t786.7\ta\t80\t66.67"])

    def test_a_part_of_a_name_does_not_split_it(self):
        names = ("foo", "foo.cold", "foo(int)", "foo2")
        folded = "".join("p;%s 5\np;%s;leaf 3\n" % (name, name) for name in names)
        frames = frames_of(draw(folded))
        self.assertEqual(sorted(frame.name for frame in frames if frame.depth == 2), sorted(names))
        self.assertEqual({frame.count for frame in frames if frame.depth == 2}, {"8"})


class Narrow(unittest.TestCase):
    def test_what_is_left_out_is_a_block_and_not_a_gap(self):
        svg = draw("a;b 1000000\n" + "".join("a;n%03d 80\n" % i for i in range(100))).decode()
        block, = re.findall('<rect class="%s" x="([^"]*)" width="([^"]*)"[^>]*>'
                            '<title>([^<]*)<' % BLOCK, svg)
        frames = frames_of(svg)
        self.assertEqual(block[2], "100 narrow frames (8,000 samples, 0.79%)")
        self.assertEqual([frame.name for frame in frames], ["all", "a", "b"])
        self.assertEqual(frames[2].x - 100 + frames[2].width, round(float(block[0]) * 10))
        self.assertEqual(round(float(block[0]) * 10) + round(float(block[1]) * 10), 10 * WIDTH)


if __name__ == "__main__":
    unittest.main()
