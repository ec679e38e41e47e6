# SPDX-License-Identifier: Apache-2.0
"""A ClickHouse server of its own, in a directory of its own, on the loopback."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from ports import free_port

BINARY = os.environ.get("EPROF_CLICKHOUSE", "clickhouse-server")
READY_SECONDS = 60

CONFIG = """\
<yandex>
  <logger><level>warning</level><log>{directory}/log</log><errorlog>{directory}/errors</errorlog></logger>
  <http_port>{http}</http_port>
  <tcp_port>{tcp}</tcp_port>
  <listen_host>127.0.0.1</listen_host>
  <path>{directory}/data/</path>
  <tmp_path>{directory}/tmp/</tmp_path>
  <user_files_path>{directory}/files/</user_files_path>
  <format_schema_path>{directory}/schemas/</format_schema_path>
  <users_config>{directory}/users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>268435456</mark_cache_size>
  {more}
</yandex>
"""
USERS = """\
<yandex>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <users>
    <default>
      <password>{password}</password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile><quota>default</quota>
    </default>
  </users>
</yandex>
"""


def is_installed():
    return "EPROF_CHDB" in os.environ or shutil.which(BINARY) is not None


def argv_of(directory, port):
    """With EPROF_CHDB, a directory that has npm's chdb: ClickHouse's newest engine instead."""
    if "EPROF_CHDB" in os.environ:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "chdb_server.mjs")
        return ["node", script, str(port), directory]
    return [BINARY, f"--config-file={directory}/config.xml"]


class ClickHouse:
    """Ends with the block; end() and start() again are what a crash is."""

    def __init__(self, directory, password="", more=""):
        self.http, self.tcp = free_port(), free_port()
        self.directory = os.path.join(directory, f"clickhouse-{self.http}")
        os.makedirs(self.directory)
        self.password = password
        self.more = more
        self.process = None

    def url(self, database):
        return f"http://127.0.0.1:{self.http}/{database}"

    def start(self):
        names = {"directory": self.directory, "http": self.http, "tcp": self.tcp}
        with open(self.directory + "/config.xml", "w", encoding="utf-8") as file:
            file.write(CONFIG.format(more=self.more, **names))
        with open(self.directory + "/users.xml", "w", encoding="utf-8") as file:
            file.write(USERS.format(password=self.password))
        with open(self.directory + "/output", "ab") as output:
            self.process = subprocess.Popen(
                argv_of(self.directory, self.http),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.await_answer()
        return self

    __enter__ = start

    def await_answer(self):
        limit = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.ask("SELECT 1")
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > limit:
                    raise AssertionError(self.complaints()) from error
                time.sleep(0.05)

    def complaints(self):
        text = ""
        for name in ("output", "errors"):
            with contextlib.suppress(FileNotFoundError):
                with open(f"{self.directory}/{name}", encoding="utf-8") as file:
                    text += file.read()
        return text

    def ask(self, sql, database="default"):
        """Lines of fields."""
        query = urllib.parse.urlencode({"database": database})
        headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Key": self.password}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}/?{query}", sql.encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=READY_SECONDS) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        return [line.split("\t") for line in text.splitlines()]

    def end(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(READY_SECONDS)

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.end()
