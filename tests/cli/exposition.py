# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format, version 0.0.4.

Stricter than Prometheus: each family has its HELP and TYPE, once and before its samples; its samples
stand together; no sample is there twice; names follow the conventions for counters and units; and a
histogram adds up.
"""
import math
import re

METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\})')
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|[+-]Inf|NaN")
TYPES = ("counter", "gauge", "histogram")
ESCAPED = {'\\"': '"', "\\\\": "\\", "\\n": "\n"}


class Malformed(Exception):
    pass


def require(condition, what, line):
    if not condition:
        raise Malformed(f"{what}: {line!r}")


class Family:
    def __init__(self, name, help_text):
        self.name = name
        self.help = help_text
        self.type = None
        self.samples = {}  # (name, sorted labels) -> value

    def suffixes(self):
        return ("_bucket", "_sum", "_count") if self.type == "histogram" else ("",)


def read_labels(text, line):
    labels = {}
    position = 0
    while True:
        match = LABEL.match(text, position)
        require(match, "labels", line)
        require(match[1] not in labels, "a label twice", line)
        labels[match[1]] = re.sub(r'\\["\\n]', lambda found: ESCAPED[found[0]], match[2])
        position = match.end()
        if match[3] == "}":
            return labels, text[position:]


def read_sample(family, line):
    match = METRIC.match(line)
    require(match, "a name", line)
    name, rest = match[0], line[match.end():]
    require(family and family.type and name in [family.name + end for end in family.suffixes()],
            "a sample outside of its family", line)
    labels = {}
    if rest.startswith("{"):
        labels, rest = read_labels(rest[1:], line)
    require(rest.startswith(" ") and NUMBER.fullmatch(rest[1:]), "a value", line)
    key = (name, tuple(sorted(labels.items())))
    require(key not in family.samples, "a sample twice", line)
    family.samples[key] = float(rest[1:].replace("Inf", "inf"))


def check_names(family):
    is_counter = family.type == "counter"
    require(family.name.endswith("_total") == is_counter, "_total is for counters", family.name)
    require(not re.search(r"_(ms|ns|milliseconds|nanoseconds|kilobytes|mb|percent)(_|$)", family.name),
            "base units", family.name)
    require(family.help, "a help", family.name)
    if is_counter:
        require(all(value >= 0 for value in family.samples.values()), "counters", family.name)


def check_histogram(family):
    groups = {}
    for (name, labels), value in family.samples.items():
        others = tuple(label for label in labels if label[0] != "le")
        group = groups.setdefault(others, {"buckets": []})
        if name.endswith("_bucket"):
            group["buckets"].append((float(dict(labels)["le"].replace("Inf", "inf")), value))
        else:
            group[name[len(family.name):]] = value
    for group in groups.values():
        bounds = [bound for bound, _ in group["buckets"]]
        counts = [count for _, count in group["buckets"]]
        require(bounds == sorted(set(bounds)) and bounds[-1] == math.inf, "bounds", family.name)
        require(counts == sorted(counts), "buckets that add up", family.name)
        require(group["_count"] == counts[-1] and "_sum" in group, "a count", family.name)


def read(text):
    """Families by their name; Malformed if text is not of the format. text is bytes."""
    families = {}
    family = None
    decoded = text.decode("utf-8")  # nothing else is allowed
    require(decoded.endswith("\n"), "a line break at the end", decoded[-50:])
    for line in decoded[:-1].split("\n"):
        match = re.fullmatch(r"# (HELP|TYPE) (\S+) (.*)", line)
        if not match:
            require(not line.startswith("#") and line, "a comment", line)
            read_sample(family, line)
        elif match[1] == "HELP":
            require(METRIC.fullmatch(match[2]) and match[2] not in families, "a new family", line)
            require("\\" not in match[3], "a plain help", line)
            family = families[match[2]] = Family(match[2], match[3])
        else:
            require(family and family.name == match[2] and not family.type, "its type", line)
            require(match[3] in TYPES, "a type", line)
            family.type = match[3]
    for family in families.values():
        require(family.type, "a type", family.name)
        check_names(family)
        if family.type == "histogram":
            check_histogram(family)
    return families
