# SPDX-License-Identifier: Apache-2.0
"""A ZooKeeper of its own, alone, on the loopback: what replicas of ClickHouse agree by."""

import glob
import os
import shutil
import socket
import subprocess
import time

JARS = "/usr/share/java/zookeeper*.jar"
READY_SECONDS = 60

CONFIG = """\
tickTime=500
dataDir={directory}
clientPortAddress=127.0.0.1
clientPort={port}
admin.enableServer=false
4lw.commands.whitelist=ruok
"""


def is_installed():
    return bool(glob.glob(JARS)) and shutil.which("java") is not None


class ZooKeeper:
    """Ends with the block."""

    def __init__(self, directory, port):
        self.directory = os.path.join(directory, "zookeeper")
        self.port = port
        self.process = None

    def __enter__(self):
        os.makedirs(self.directory)
        config = self.directory + "/zoo.cfg"
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(directory=self.directory, port=self.port))
        with open(self.directory + "/output", "wb") as output:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-cp", "/usr/share/java/*",
                 "org.apache.zookeeper.server.quorum.QuorumPeerMain", config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )
        limit = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > limit:
                with open(self.directory + "/output", encoding="utf-8") as file:
                    raise AssertionError(file.read())
            time.sleep(0.05)
        return self

    def is_ready(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                client.sendall(b"ruok")
                return client.recv(4) == b"imok"
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(READY_SECONDS)
