# SPDX-License-Identifier: Apache-2.0
"""The frames of a flame graph's SVG: eprof's static picture, or that of flamegraph.pl."""
import re
import xml.etree.ElementTree as ElementTree

SVG = "{http://www.w3.org/2000/svg}"
TITLE = re.compile(r"^(.*) \(([\d,.]+) samples, ([\d.]+)%\)$", re.DOTALL)
BLOCK = "g0"


class Frame:
    """x and width are tenths of a pixel, what the picture is printed in."""

    def __init__(self, depth, x, width, name, count, percent):
        self.depth = depth
        self.x = x
        self.width = width
        self.name = name
        self.count = count
        self.percent = percent

    def key(self):
        return (self.depth, self.x, self.name)

    def line(self):
        return "\t".join((str(self.depth), "%.1f" % (self.x / 10), "%.1f" % (self.width / 10),
                          self.name, self.count, self.percent))


def frame_of_line(line):
    depth, x, width, name, count, percent = line.rstrip("\n").split("\t")
    return Frame(int(depth), round(float(x) * 10), round(float(width) * 10), name, count, percent)


def offset_of(group):
    """Where a group's transform moves what is in it."""
    moved = re.match(r"translate\(([-\d.]+),([-\d.]+)\)$", group.get("transform", ""))
    return (float(moved.group(1)), float(moved.group(2))) if moved else (0, 0)


def titled_boxes(element, x=0, y=0):
    """All rectangles with a title, the title being theirs or the group's around: (x, y, width,
    title)."""
    dx, dy = offset_of(element)
    own = element.find(SVG + "title")
    for child in element:
        if child.tag == SVG + "g":
            yield from titled_boxes(child, x + dx, y + dy)
        elif child.tag == SVG + "rect" and child.get("class") != BLOCK:
            title = child.find(SVG + "title")
            title = own if title is None else title
            if title is not None and element.tag == SVG + "g":
                yield (x + dx + float(child.get("x")), y + dy + float(child.get("y", "0")),
                       float(child.get("width")), title.text)


def frames_of(svg, row_height=16):
    """The frames of a picture, row by row from the root on, and from left to right."""
    boxes = list(titled_boxes(ElementTree.fromstring(svg)))
    root_y = [y for _, y, _, title in boxes if title.startswith("all (")]
    # Of several of that name the root is the widest row's, which has nothing beside it.
    rows = [y for _, y, _, _ in boxes]
    root = next(y for y in (max(rows), min(rows)) if y in root_y and rows.count(y) == 1)
    frames = []
    for x, y, width, title in boxes:
        name, count, percent = TITLE.match(title).groups()
        frames.append(Frame(round(abs(y - root) / row_height), round(x * 10), round(width * 10),
                            name, count, percent))
    return sorted(frames, key=Frame.key)
