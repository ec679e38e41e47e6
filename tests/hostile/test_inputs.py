#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`eprof flamegraph` over hostile inputs, in every form of output: it ends as it should, in time and
memory and with outputs that are bounded by those of ordinary inputs, and what it writes is
well-formed and the same each time.
"""

import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

import inputs
from inputs import ANY, BYTES, DRAWN, DRAWN_NO_PPROF, EMPTY, INPUTS, REFUSED, SCRIPTS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.path.abspath(os.environ.get("EPROF_BINARY", ROOT + "/build/release/eprof"))
XMLLINT = shutil.which("xmllint")
FORMS = ("svg", "html", "folded", "json", "pb.gz")
EXIT_CODES = {DRAWN: (0,), EMPTY: (1,), REFUSED: (1,), ANY: (0, 1)}

# It hangs, however slow the machine, the sanitizers and the neighbours are.
HANGS_SECONDS = 120
# CPU time that a byte of input may take, of what a byte of ordinary input takes. Names are copied,
# escaped, and compared, so some are dearer; what is quadratic is dearer by thousands.
TIME_FACTOR = 20
# Bytes of output for a byte of input: '"' is six in XML, and a name is in a file at most twice. And
# those of what a picture has besides: 200 for each frame that is wide enough to be drawn.
SIZE_FACTOR = 16
SIZE_CONSTANT = 4 << 20
# Bytes of memory, likewise; sanitizers keep a quarter of a gigabyte of freed memory.
MEMORY_FACTOR = 100
MEMORY_CONSTANT = 640 << 20
# Messages are for people.
MESSAGE_BYTES_MAX = 8192
ORDINARY_STACKS = 20_000


def wanted_of(name, form):
    wanted = INPUTS[name][2]
    if wanted == DRAWN_NO_PPROF:
        return REFUSED if form == "pb.gz" else DRAWN
    return wanted


class End:
    """How eprof ended, and what it took."""

    def __init__(self, words):
        with tempfile.TemporaryFile() as messages:
            # The time is that of this child alone: it is waited for by itself.
            child = subprocess.Popen([EPROF, *words], stdout=subprocess.DEVNULL, stderr=messages,
                                     preexec_fn=limit_time)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            messages.seek(0)
            self.messages = messages.read()
        self.status = child.returncode
        self.seconds = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss * 1024


def limit_time():
    resource.setrlimit(resource.RLIMIT_CPU, (HANGS_SECONDS, HANGS_SECONDS))


def ordinary():
    """Stacks of 20 to 60 frames, which part at chosen depths."""
    def stack(i):
        depth = 20 + i * 7919 % 41
        shared = i * 104729 % depth
        names = [b"library::part%02d::function%02d" % (j % 12, j) for j in range(shared)]
        names += [b"library::part%02d::callee%04d" % (j % 12, i * 31 % 997 + j)
                  for j in range(shared, min(depth, shared + 3))]
        return b";".join(names)
    return inputs.lines(*map(stack, range(ORDINARY_STACKS)))


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Drawing(unittest.TestCase):
    """What one run must be."""

    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory(prefix="eprof-hostile-")
        cls.folder = cls.holder.name
        plain = os.path.join(cls.folder, "ordinary.folded")
        with open(plain, "wb") as file:
            file.write(ordinary())
        # Seconds for all of it, and as an input of any size may take that at least: its share.
        cls.ordinary_bytes = os.path.getsize(plain)
        cls.ordinary_seconds = {
            form: max(End(["flamegraph", plain, "-o", f"{cls.folder}/ordinary.{form}"]).seconds
                      for _ in range(2))
            for form in FORMS}

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def draw(self, source, form, *options):
        """The end, and the path of an output that may not be there."""
        output = os.path.join(self.folder, "output." + form)
        if os.path.exists(output):
            os.unlink(output)
        return End(["flamegraph", source, "-o", output, *options]), output

    def check_cost(self, end, form, size):
        allowed = TIME_FACTOR * self.ordinary_seconds[form] * max(1, size / self.ordinary_bytes)
        self.assertLess(end.seconds, allowed, "CPU seconds, against ordinary input")
        self.assertLess(end.memory, MEMORY_CONSTANT + MEMORY_FACTOR * size, "bytes of memory")

    def check_messages(self, end):
        self.assertLess(len(end.messages), MESSAGE_BYTES_MAX)
        self.assertNotRegex(end.messages, rb"[\x00-\x08\x0b-\x1f\x7f]", "for a terminal")
        self.assertNotIn(b"Sanitizer", end.messages)

    def check_well_formed(self, path, form):
        data = read(path)
        if form in ("svg", "html") and XMLLINT:
            # Without --huge: nothing that is written nests deeply, and no text has 10 MB.
            lint = subprocess.run([XMLLINT, "--noout", "--nonet", path], capture_output=True,
                                  check=False, timeout=HANGS_SECONDS)
            self.assertEqual((lint.returncode, lint.stderr[:500]), (0, b""))
        elif form == "json":
            json.loads(data.decode())
        elif form == "pb.gz":
            gzip.decompress(data)
        elif form == "folded":
            for line in data.decode().split("\n")[:-1]:
                self.assertRegex(line, r"^(# .*|#|[^\0\r]* [0-9]+(\.[0-9]+)?)$")

    def check(self, name, form, source, wanted):
        size = os.path.getsize(source)
        end, output = self.draw(source, form)
        self.check_messages(end)
        self.assertIn(end.status, EXIT_CODES[wanted], end.messages[:500])
        self.check_cost(end, form, size)
        if end.status != 0:
            self.assertTrue(end.messages, "it says why")
        # A picture that says that there is nothing is for who looks at it; other forms are for
        # programs, which are told by the status.
        if wanted == DRAWN or (wanted == EMPTY and form in ("svg", "html")):
            self.assertTrue(os.path.exists(output), "there is an output")
        if wanted == REFUSED:
            self.assertFalse(os.path.exists(output), "there is no output")
        if not os.path.exists(output):
            return
        self.assertLess(os.path.getsize(output), SIZE_CONSTANT + SIZE_FACTOR * size, "output")
        self.check_well_formed(output, form)
        if wanted == EMPTY and form in ("svg", "html"):
            self.assertRegex(read(output), rb"(?i)no (stack|sample)")
        first = read(output)
        again, output = self.draw(source, form)
        self.assertEqual(again.status, end.status)
        self.assertEqual(read(output), first, "the same input gives the same bytes")


class Inputs(Drawing):
    """Each of INPUTS, in each form."""


def add_test(name):
    def test(self):
        source = inputs.write_input(name, self.folder)
        for form in FORMS:
            with self.subTest(form=form):
                self.check(name, form, source, wanted_of(name, form))
        os.unlink(source)
    test.__doc__ = name
    setattr(Inputs, "test_" + re.sub(r"[^0-9A-Za-z]+", "_", name), test)


for input_name in INPUTS:
    add_test(input_name)


class Words(Drawing):
    """Hostile words around a picture of one stack."""

    def draw_with(self, form, text):
        source = os.path.join(self.folder, "words.folded")
        with open(source, "wb") as file:
            file.write(b"a;b 1\n")
        options = [b"--title=" + text, b"--subtitle=" + text, b"--notes=" + text, b"--unit=" + text]
        end, output = self.draw(source, form, *options)
        self.check_messages(end)
        self.assertEqual(end.status, 0, end.messages)
        self.check_well_formed(output, form)

    def test_words_are_text(self):
        texts = [*map(str.encode, SCRIPTS), *BYTES.values(), b"a -- b --", b"-", b"%s%n", b"{}"]
        for form in ("svg", "html", "json", "pb.gz"):
            for text in texts:
                with self.subTest(form=form, text=text):
                    self.draw_with(form, text)


class Differences(Drawing):
    """The same inputs as sides of a differential."""

    def check_difference(self, form, sides):
        output = os.path.join(self.folder, "difference." + form)
        end = End(["diff", *sides, "-o", output])
        self.check_messages(end)
        self.assertEqual(end.status, 0, end.messages)
        self.check_well_formed(output, form)

    def test_of_names(self):
        for name in ("names that are markup", "names that are bytes", "NUL in names"):
            source = inputs.write_input(name, self.folder)
            other = os.path.join(self.folder, "other.folded")
            with open(other, "wb") as file:
                file.write(b"evil;other 1\na;b 1\n")
            for form in ("svg", "html", "folded"):
                for sides in ((source, other), (other, source), (source, source)):
                    with self.subTest(name=name, form=form, sides=sides):
                        self.check_difference(form, sides)


if __name__ == "__main__":
    if not XMLLINT:
        print("skipped 'xmllint is not installed: XML is not checked'", file=sys.stderr)
    unittest.main()
