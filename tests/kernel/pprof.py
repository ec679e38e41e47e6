# SPDX-License-Identifier: Apache-2.0
"""As much of the pprof format (protobuf, gzipped) as a test needs: samples, and where code is."""

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
    """
    strings, value types as names, the sum of each value over all samples, and places: for each
    name of a function the set of (mapping, file, line) where it was met; build ids by mapping; and
    labels, the set of (thread_id, thread_name, state) of all samples, None being what they lack.
    """

    def __init__(self, path):
        with gzip.open(path) as file:
            fields = list(fields_of(file.read()))
        self.strings = [value.decode() for number, value in fields if number == 6]
        types = [dict(fields_of(value)) for number, value in fields if number == 1]
        self.types = [self.strings[t.get(1, 0)] for t in types]
        samples = [self._values_of(value) for number, value in fields if number == 2]
        self.sums = dict(zip(self.types, map(sum, zip(*samples))))
        self.labels = {
            self._labels_of(value) for number, value in fields if number == 2
        }
        names = self._names_by_id(fields, 3, 5)
        ids = self._names_by_id(fields, 3, 6)
        self.build_ids = {names[key]: ids[key] for key in names if ids[key]}
        self.places = {}
        mappings = self._names_by_id(fields, 3, 5)
        functions = self._names_by_id(fields, 5, 2)
        files = self._names_by_id(fields, 5, 4)
        for location in (list(fields_of(value)) for number, value in fields if number == 4):
            mapping = mappings.get(dict(location).get(2, 0))
            for line in (dict(fields_of(value)) for number, value in location if number == 4):
                name, file = functions[line[1]], files[line[1]]
                self.places.setdefault(name, set()).add((mapping, file, line.get(2, 0)))

    def _names_by_id(self, fields, number_wanted, name_field):
        """Of all messages with this number: id -> the string that a field of theirs names."""
        messages = [dict(fields_of(value)) for number, value in fields if number == number_wanted]
        return {message[1]: self.strings[message.get(name_field, 0)] for message in messages}

    def _labels_of(self, sample):
        found = {}
        for label in (dict(fields_of(value)) for number, value in fields_of(sample) if number == 3):
            text = self.strings[label[2]] if label.get(2) else label.get(3, 0)
            found[self.strings[label[1]]] = text
        return tuple(found.get(key) for key in ("thread_id", "thread_name", "state"))

    @staticmethod
    def _values_of(sample):
        """Repeated numbers come packed, or one by one."""
        values = []
        for number, value in fields_of(sample):
            if number == 2:
                values += varints_of(value) if isinstance(value, bytes) else [value]
        return values
