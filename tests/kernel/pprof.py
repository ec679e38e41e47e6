# SPDX-License-Identifier: Apache-2.0
"""As much of the pprof format (protobuf, gzipped) as a test needs to add up its samples."""

import gzip


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields_of(data):
    """(number, value) of each field: int for numbers, bytes for all else."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind == 2:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"field {number} has type {kind}, which pprof has no use for")
        yield number, value


def varints_of(data):
    values, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        values.append(value)
    return values


class Profile:
    """strings, value types as names, and the sum of each value over all samples."""

    def __init__(self, path):
        with gzip.open(path) as file:
            fields = list(fields_of(file.read()))
        self.strings = [value.decode() for number, value in fields if number == 6]
        types = [dict(fields_of(value)) for number, value in fields if number == 1]
        self.types = [self.strings[t.get(1, 0)] for t in types]
        samples = [self._values_of(value) for number, value in fields if number == 2]
        self.sums = dict(zip(self.types, map(sum, zip(*samples))))

    @staticmethod
    def _values_of(sample):
        """Repeated numbers come packed, or one by one."""
        values = []
        for number, value in fields_of(sample):
            if number == 2:
                values += varints_of(value) if isinstance(value, bytes) else [value]
        return values
