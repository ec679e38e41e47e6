# SPDX-License-Identifier: Apache-2.0
"""Reads what eprof and perf recorded, and tells which stacks reach the entry of their thread."""

import collections
import json
import os
import re
import struct
import subprocess

# Where programs and threads begin. Go's own traceback ends in mcall and morestack, too: they begin
# the scheduler's stack.
ENTRY = re.compile(
    r"(_start|_dl_start_user|_dl_start|(__GI_)?_*libc_start_(main|call_main)\b.*|start_thread"
    r"|(__GI_)?_*clone3?|thread_start"
    r"|(_?rt0_go|_rt0_\w+|runtime\.(goexit|mstart|mcall|morestack|rt0_go)\d*)(\.abi0)?)(@.*)?"
)
# Frames around an entry: what is outside of _start is nothing, but some tools add a frame for it.
ENTRY_DEPTH = 3
# _start is as long as this in every libc; its call of the next is inside.
ENTRY_SIZE = 64
KERNEL_START = 1 << 63
EPROF_ADDRESS = re.compile(r"\[(.+)\+0x([0-9a-f]+)\]$")
NOTE = re.compile(r"\[stack: (.*)\]$")
PERF_FRAME = re.compile(r"\s+([0-9a-f]+) (.*) \((.*)\)$")


class Entries:
    """The first instructions of the programs that run: stripped files have no name for them."""

    def __init__(self):
        self.addresses = collections.defaultdict(set)  # file name: e_entry, as address and offset
        self.seen = set()

    def add_process(self, pid):
        try:
            with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
                lines = [line.split(maxsplit=5) for line in file]
        except OSError:
            return
        for fields in lines:
            if len(fields) == 6 and fields[5].startswith("/") and "x" in fields[1]:
                self.add_file(pid, fields[0], fields[5].rstrip("\n"))

    def add_file(self, pid, span, path):
        if path in self.seen:
            return
        self.seen.add(path)
        try:
            with open(f"/proc/{pid}/map_files/{span}", "rb") as file:
                for address in entry_addresses(file.read(4096)):
                    self.addresses[os.path.basename(path)].add(address)
        except OSError:
            return

    def is_entry(self, name, address):
        return any(0 <= address - entry <= ENTRY_SIZE for entry in self.addresses.get(name, ()))


def entry_addresses(head):
    """e_entry of a 64-bit ELF file, and where in the file that is."""
    if len(head) < 64 or head[:5] != b"\x7fELF\x02":
        return
    entry, table = struct.unpack_from("<QQ", head, 24)
    size, count = struct.unpack_from("<HH", head, 54)
    if not entry:
        return
    yield entry
    for i in range(count):
        if table + (i + 1) * size > len(head):
            return
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", head, table + i * size)
        if kind == 1 and address <= entry < address + length:
            yield entry - address + offset


class Tally:
    """Samples of one tool in one workload."""

    def __init__(self):
        self.samples = 0  # that have a user stack
        self.without = 0  # that have none
        self.reached = 0
        self.frames = 0
        self.ends = collections.Counter()  # (why, outermost frames) of those that did not

    def add(self, frames, is_entry, why, count=1):
        """frames: of the user stack, outermost first; is_entry: whether one of them is."""
        if not frames:
            self.without += count
            return
        self.samples += count
        self.frames += len(frames) * count
        if any(map(is_entry, frames[:ENTRY_DEPTH])):
            self.reached += count
        else:
            self.ends[(why, " < ".join(map(frame_text, frames[:ENTRY_DEPTH])))] += count

    def merge(self, other):
        self.samples += other.samples
        self.without += other.without
        self.reached += other.reached
        self.frames += other.frames
        self.ends.update(other.ends)

    def share(self):
        return self.reached / self.samples if self.samples else 0.0

    def depth(self):
        return self.frames / self.samples if self.samples else 0.0


def frame_text(frame):
    return frame if isinstance(frame, str) else f"{frame[1]} ({frame[2]}+{frame[0]:#x})"


def read_folded(path, entries):
    def is_entry(frame):
        address = EPROF_ADDRESS.match(frame)
        if address:
            return entries.is_entry(address[1], int(address[2], 16))
        return ENTRY.fullmatch(frame) is not None

    tally = Tally()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            stack, _, count = line.rstrip("\n").rpartition(" ")
            frames = stack.split(";")[1:]
            note = NOTE.match(frames[0]) if frames else None
            user = [
                f for f in frames[1 if note else 0 :] if not f.endswith(("_[k]", "_[i]"))
            ]
            tally.add(user, is_entry, note[1] if note else "said to be complete", int(count))
    return tally


def read_perf(data, entries):
    """All samples of a perf.data file, as perf itself unwinds them."""

    def is_entry(frame):
        address, name, file = frame
        if name == "[unknown]":
            return entries.is_entry(os.path.basename(file), address)
        return ENTRY.fullmatch(name) is not None

    tally = Tally()
    argv = ["perf", "script", "-i", data, "--no-inline", "--max-stack", "1024"]
    argv += ["-F", "comm,pid,tid,ip,sym,dso"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as script:
        frames, is_sample = [], False
        for line in script.stdout:
            frame = PERF_FRAME.match(line)
            if frame:
                if int(frame[1], 16) < KERNEL_START:
                    frames.append((int(frame[1], 16), frame[2], frame[3]))
            elif line.strip():
                is_sample = True
            elif is_sample:
                tally.add(frames[::-1], is_entry, "")
                frames, is_sample = [], False
        if is_sample:
            tally.add(frames[::-1], is_entry, "")
    if script.returncode:
        raise RuntimeError(f"{argv} failed")
    return tally


def read_stats(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)
