#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""FLAMEGRAPH_PL=flamegraph.pl expected.py [NAME...]: what that program draws of NAME.folded here
(of all of them) becomes NAME.frames, and NAME.reverse.frames with --reverse: one line for each frame,
its depth, x, width, name, count and percentage. --inverted has to draw the same frames upside down.
"""
import os
import pathlib
import subprocess
import sys

from frames import frames_of

HERE = pathlib.Path(__file__).parent


def draw(path, *options):
    svg = subprocess.run(["perl", "-CSD", os.environ["FLAMEGRAPH_PL"], *options, path],
                         check=True, stdout=subprocess.PIPE).stdout
    return [frame.line() for frame in frames_of(svg)]


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(path.name, len(lines))


def main():
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.folded"))
    for name in names:
        path = HERE / (name + ".folded")
        lines = draw(path)
        if draw(path, "--inverted") != lines:
            sys.exit(name + ": --inverted has other frames")
        write(path.with_suffix(".frames"), lines)
        write(path.with_suffix(".reverse.frames"), draw(path, "--reverse"))


if __name__ == "__main__":
    main()
