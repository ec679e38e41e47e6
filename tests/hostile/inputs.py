#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input files as someone would make them who wants to break the program or the page that it draws.

inputs.py DIRECTORY writes all of them, and manifest.json: [{"name", "file", "end"}].
"""

import gzip
import json
import os
import random
import struct
import sys
import zlib

# How `eprof flamegraph` must end.
DRAWN = "drawn"  # 0, and a picture
DRAWN_NO_PPROF = "drawn, but not as pprof"  # whose counts have 63 bits
EMPTY = "empty"  # 1, and a picture that says that there is nothing
REFUSED = "refused"  # 1, and no picture
ANY = "any"  # one of these

U64_MAX = 2**64 - 1
MEBI = 1 << 20

# Would set window.evil if a page took it for anything but text.
SCRIPTS = [
    "</script><script>window.evil=1</script>",
    "]]></script><script>window.evil=1</script>",
    "]]><script xmlns='http://www.w3.org/1999/xhtml'>window.evil=1</script>",
    "</metadata></svg><script>window.evil=1</script>",
    "</title></text><image href='x' onerror='window.evil=1'/>",
    "<img src=x onerror=window.evil=1>",
    "\"><svg onload=window.evil=1>",
    "' onclick='window.evil=1' onmouseover='window.evil=1",
    "javascript:window.evil=1",
    "</style><style>*{display:none}</style>",
    "--><script>window.evil=1</script><!--",
    "<!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
    "<?xml-stylesheet href='x'?>",
    "${window.evil=1}`+(window.evil=1)+`",
    "\\u003cscript>window.evil=1\\u003c/script>",
    "&lt;script&gt;window.evil=1&lt;/script&gt; &amp; &#60; &#0; &#x1b;",
    "%3Cscript%3Ewindow.evil=1%3C/script%3E %zz %",
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
]

# Bytes that are no character, or none that XML, JSON or a terminal should be given.
BYTES = {
    "ESC": b"a\x1b[31mb\x1b]0;title\x07",
    "C0": bytes(range(1, 9)) + b"\x0b\x0c" + bytes(range(14, 32)),
    "DEL and C1": b"\x7f" + "".join(map(chr, range(0x80, 0xA0))).encode(),
    "raw C1": bytes(range(0x80, 0xA0)),
    "lone surrogates": b"\xed\xa0\x80 \xed\xbf\xbf \xed\xb0\x80\xed\xa0\x80",
    "surrogates in pairs": b"\xed\xa0\xbd\xed\xb8\x80",
    "overlong": b"\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf \xc0\x80",
    "noncharacters": "\ufffe \uffff \U0001fffe \ufdd0".encode(),
    "beyond Unicode": b"\xf4\x90\x80\x80 \xf8\x88\x80\x80\x80 \xfe\xff",
    "cut off": b"\xf0\x9f\x94",
    "directions": "\u202eevil\u202c \u2066x \u200b\u200d".encode(),
    "marks": ("e" + "\u0301" * 500).encode(),
    "line ends": "\u2028 \u2029 \u0085 \x0b \x0c".encode(),
    "byte order": "\ufeffx".encode(),
    "wide": "\U0001f525\u4e2d\u6587\u0430\u0301".encode(),
}


def lines(*stacks):
    return b"".join(stack + b" 1\n" for stack in stacks)


def names():
    return lines(*(b"evil;" + text.replace(";", ":").encode() + b";leaf" for text in SCRIPTS))


def byte_names():
    return lines(*(b"bytes;" + text + b";leaf" for text in BYTES.values()))


def random_bytes():
    return random.Random(1).randbytes(MEBI)


def random_lines():
    """Lines that are nearly right, of the bytes that mean something."""
    chance = random.Random(2)
    return bytes(chance.choices(b"ab;;; \t\r\n0123456789.-+exX_[]ki#", k=MEBI))


def deep(depth):
    return b";".join(b"f%d" % i for i in range(depth))


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    """A field of a protobuf message: an int or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def pprof(stacks):
    """A profile of stacks, [([name, ...] leaf first, value)], each name a function of its own."""
    known = list(dict.fromkeys(name for stack, _ in stacks for name in stack))
    ids = {name: number for number, name in enumerate(known, 1)}
    out = [field(1, field(1, 1) + field(2, 2))]
    for stack, value in stacks:
        places = b"".join(varint(ids[name]) for name in stack)
        out.append(field(2, field(1, places) + field(2, varint(value))))
    for number in ids.values():
        out.append(field(4, field(1, number) + field(4, field(1, number))))
        out.append(field(5, field(1, number) + field(2, number + 2)))
    return b"".join(out + [field(6, text) for text in [b"", b"samples", b"count"] + known])


def bomb():
    """A gibibyte of the shortest string again and again, in a megabyte."""
    block, count = field(6, b"") * (8 * MEBI), 64
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # What a full flush ends may be repeated as it is.
    packed = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(count):
        crc = zlib.crc32(block, crc)
    header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    trailer = struct.pack("<II", crc, len(block) * count & 0xFFFFFFFF)
    return header + packed * count + deflate.flush() + trailer


def truncated():
    whole = gzip.compress(pprof([([b"leaf%d" % i, b"root"], 1) for i in range(1000)]), mtime=0)
    return whole[: len(whole) // 2]


# name: (bytes or a function that makes them, ending of the file, how it must end)
INPUTS = {
    "names that are markup": (names, "folded", DRAWN),
    "names that are bytes": (byte_names, "folded", DRAWN),
    "NUL in names": (b"a;b\0c;d 1\na;b 2\n\0\0 3\na;c 4\n", "folded", DRAWN),
    "a name of 1 MiB": (b"a;" + b"n" * MEBI + b";b 1\n", "folded", DRAWN),
    "a name of 1 MiB of markup": (b"a;" + b"<&\"'" * (MEBI // 4) + b" 1\n", "folded", DRAWN),
    "a name of 1 MiB of no UTF-8": (b"a;" + b"\xff" * MEBI + b" 1\n", "folded", DRAWN),
    "100,000 blanks": (b"a;b" + b" " * 100_000 + b"c 1\n", "folded", DRAWN),
    "100,000 blanks before the count": (b"a;b" + b" " * 100_000 + b"1\n", "folded", DRAWN),
    "1 MiB of digits": (b"a;b " + b"9" * MEBI + b"\na;c 1\n", "folded", DRAWN),
    "1 MiB of semicolons": (b";" * MEBI + b" 1\na;b 1\n", "folded", ANY),
    "300,000 siblings": (
        lambda: lines(*(b"app;sibling%06d" % i for i in range(300_000))), "folded", DRAWN),
    "300,000 roots": (lambda: lines(*(b"%06d" % i for i in range(300_000))), "folded", DRAWN),
    "depth 20,000": (lambda: lines(deep(20_000)), "folded", DRAWN),
    "depth 20,000, of one name": (lambda: lines(b";".join([b"f"] * 20_000)), "folded", DRAWN),
    "a comb of depth 1,000": (
        lambda: lines(*(deep(i) for i in range(1, 1001))), "folded", DRAWN),
    "a count of 2^64 - 1": (b"a;b %d\na;c 0\n" % U64_MAX, "folded", DRAWN_NO_PPROF),
    "a count of 2^64": (b"a;b %d\na;c 1\n" % (U64_MAX + 1), "folded", DRAWN),
    "a sum beyond 2^64": (b"a;b %d\na;c %d\nd 1\n" % (U64_MAX, U64_MAX), "folded", REFUSED),
    "counts of 0": (b"a;b 0\na;c 0\n", "folded", ANY),
    "one of 2^63 samples": (b"a;b 1\na;c %d\n" % (2**63), "folded", DRAWN_NO_PPROF),
    "nothing": (b"", "folded", EMPTY),
    "line ends only": (b"\n\r\n\n" * 100_000, "folded", EMPTY),
    "comments only": (b"# nothing\n#\n" * 100_000, "folded", EMPTY),
    "CR LF": (b"# comment\r\na;b 1\r\na;c 2\r\n\r\n", "folded", DRAWN),
    "CR alone": (b"a;b 1\ra;c 2\r", "folded", ANY),
    "no line end": (b"a;b 1", "folded", DRAWN),
    "a line of 32 MiB": (lambda: b"a;" + b"x" * (32 * MEBI) + b" 1\na;b 1\n", "folded", DRAWN),
    "bad lines among good ones": (b"bad\x1b[31m\na;b 1\n" * 300_000, "folded", DRAWN),
    "nearly only bad lines": (b"bad\x1b[31m\n" * 300_000 + b"a;b 1\n", "folded", REFUSED),
    "random bytes": (random_bytes, "folded", ANY),
    "random lines": (random_lines, "folded", ANY),
    "UTF-16": ("a;b 1\na;c 2\n".encode("utf-16"), "folded", ANY),
    "pprof: names that are markup": (
        lambda: gzip.compress(pprof([([b"leaf", text.encode(), b"evil"], 1) for text in SCRIPTS]),
                              mtime=0), "pb.gz", DRAWN),
    "pprof: names that are bytes": (
        lambda: gzip.compress(pprof([([b"l\0f", b"a;b\nc", text], 1) for text in BYTES.values()]),
                              mtime=0), "pb.gz", DRAWN),
    "pprof: depth 20,000": (
        lambda: pprof([([b"f%d" % (i % 7) for i in range(20_000)], 1)]), "pb.gz", DRAWN),
    "pprof: a sum beyond 2^64": (
        lambda: pprof([([b"f%d" % i, b"a"], 2**63 - 1) for i in range(3)]), "pb.gz", REFUSED),
    "pprof: negative": (lambda: pprof([([b"a"], U64_MAX), ([b"b"], 5)]), "pb.gz", DRAWN),
    "pprof: no samples": (lambda: pprof([]), "pb.gz", EMPTY),
    "pprof: a bomb": (bomb, "pb.gz", REFUSED),
    "pprof: truncated": (truncated, "pb.gz", REFUSED),
    "pprof: gzip of nothing": (lambda: gzip.compress(b"", mtime=0), "pb.gz", ANY),
    "pprof: gzip of random bytes": (
        lambda: gzip.compress(random_bytes(), mtime=0), "pb.gz", REFUSED),
    "pprof: gzip of folded stacks": (
        lambda: gzip.compress(b"a;b 1\n", mtime=0), "pb.gz", REFUSED),
}


def write_input(name, folder):
    """Writes one of INPUTS; the path."""
    made, ending, _ = INPUTS[name]
    path = os.path.join(folder, f"{list(INPUTS).index(name):02}.{ending}")
    with open(path, "wb") as file:
        file.write(made if isinstance(made, bytes) else made())
    return path


def main(folder):
    manifest = [{"name": name, "file": write_input(name, folder), "end": end}
                for name, (_, _, end) in INPUTS.items()]
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file)


if __name__ == "__main__":
    main(sys.argv[1])
