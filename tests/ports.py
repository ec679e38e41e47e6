# SPDX-License-Identifier: Apache-2.0
"""Ports for servers that are told theirs, and cannot be asked which one they took."""

import random
import socket

EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range"
LEAST, MOST = 10000, 65535

_kept = []


def _candidates():
    """Those that no outgoing connection is given between the asking and the server's start."""
    with open(EPHEMERAL, encoding="ascii") as file:
        first, last = map(int, file.read().split())
    outside = [port for port in range(LEAST, MOST + 1) if not first <= port <= last]
    return outside or list(range(LEAST, MOST + 1))


def free_port():
    """One that nobody has, and that no other test is given as long as this process lives."""
    candidates = _candidates()
    random.SystemRandom().shuffle(candidates)
    for port in candidates:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0eprof-tests-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _kept.append(name)
        return port
    raise AssertionError("no port is free")
