#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`eprof agent`: its words, and files of configuration that are wrong in every way."""
import os
import socket
import subprocess
import unittest

from cli import EPROF, Case

UPLOAD = "[upload a]\nurl = file:///srv\n"
CHECK = ("agent", "--check-config")
# As long as lines may be.
LINE_MAX = 4096
FILE_MAX = 256 << 10
TOLD_MAX = 20


class AgentConfig(Case):
    def check(self, content, *words):
        self.write("c", content)
        return self.call(*CHECK, "--config", "c", *words)

    def accepts(self, content, *words, targets=1):
        done = self.check(content, *words)
        plural = "" if targets == 1 else "s"
        self.assertEqual((done.returncode, done.stderr, done.stdout),
                         (0, b"", f"c: ok, {targets} target{plural}\n".encode()))

    def refuses(self, content, *lines, words=()):
        """Exit code 2, these lines on stderr, and nothing on stdout."""
        done = self.check(content, *words)
        self.assertEqual(done.stderr.decode().splitlines(), [f"eprof: {line}" for line in lines])
        self.assertEqual((done.returncode, done.stdout), (2, b""))


class Words(AgentConfig):
    def test_a_user_that_does_not_exist_is_a_mistake(self):
        self.write("c", UPLOAD)
        for user in ("no-such-user", "root"):
            self.refused(2, f"'{user}'", *CHECK, "--config", "c", "--user", user)

    def test_it_needs_no_file(self):
        self.assertEqual(self.ok(*CHECK, "--window", "5", "--upload", "file:///srv",
                                 "--upload=https://example.org", "--formats", "svg,pprof"),
                         b"command line: ok, 2 targets\n")

    def test_words_may_be_in_any_order(self):
        self.write("c", UPLOAD)
        for words in (["--config", "c", "--check-config", "--idle", "--window=9"],
                      ["--window", "9", "--config=c", "--idle", "yes", "--check-config"]):
            self.assertEqual(self.ok("agent", *words), b"c: ok, 1 target\n")

    def test_wrong_usage_is_one_line_and_exit_code_2(self):
        self.refused(2, "--config: the name is missing", *CHECK, "--config")
        self.refused(2, "--config: the name is missing", *CHECK, "--config=")
        self.refused(2, "--config: the name is missing", *CHECK, "--config", "--window=5")
        self.refused(2, "can be given once", *CHECK, "--config=a", "--config=b")
        self.refused(2, "exclude each other", *CHECK, "--status")
        self.refused(2, "--json goes with --status", "agent", "--json")
        self.refused(2, "'--window' does not go with --status", "agent", "--status", "--window",
                     "5")
        self.refused(2, "--config exclude", "agent", "--status", "--config", "c")
        self.refused(2, "--socket: the name is missing", "agent", "--status", "--socket")
        self.refused(2, "there is no target", *CHECK)
        self.refused(2, "did you mean '--window'?", *CHECK, "--windw=5", "--upload=file:///a")
        self.refused(2, "unknown option '--qqqqqq'; ", *CHECK, "--qqqqqq", "--upload=file:///a")
        self.refused(2, "'-w' is no option", *CHECK, "-w", "--upload=file:///a")
        self.refused(2, "'' is no option", *CHECK, "", "--upload=file:///a")
        self.refused(2, "unknown option '--'", *CHECK, "--", "--upload=file:///a")
        self.refused(2, "--window: it takes a value", *CHECK, "--upload=file:///a", "--window")
        self.refused(2, "'x' is not NAME=VALUE", *CHECK, "--upload=file:///a", "--label", "x")
        self.refused(2, "a control character", *CHECK, "--upload=file:///a", "--host=a\nb")
        self.refused(2, "longer than 4096 bytes", *CHECK, "--upload=file:///a",
                     "--host=" + "x" * (LINE_MAX + 1))

    def test_help_has_every_key_with_its_default(self):
        text = self.ok("agent", "--help").decode()
        self.assertEqual(self.ok("help", "agent").decode(), text)
        for part in ("--config=FILE", "--window=TIME", "(default: 60s)", "--upload=URL",
                     "--rename=RULE", "--label=NAME=VALUE", "--token-file=FILE"):
            self.assertIn(part, text)

    def test_a_reader_of_the_answer_that_has_gone_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = self.call(*CHECK, "--upload=file:///a", stdout=full)
        self.assertEqual((done.returncode, done.stderr),
                         (1, b"eprof: cannot write to stdout\n"))

    def test_a_password_in_a_url_is_refused_and_not_repeated(self):
        for url in ("https://me:secret@a/", "s3://me:secret@bucket/", "eprofs://secret@a",
                    "pyroscope+http://me:secret@a"):
            self.refused(2, "-file", *CHECK, "--upload", url)
            self.assertNotIn(b"secret", self.call(*CHECK, "--upload", url).stderr)


class Files(AgentConfig):
    def test_all_mistakes_are_told_with_their_lines(self):
        self.refuses("[agent]\nwindw = 5\n\n# more\nkinds = on\nwindow\n[upload]\n[x]\ny = 1\n"
                     + UPLOAD + "formats = gif\n",
                     "c:2: unknown key 'windw' in [agent] (did you mean 'window'?)",
                     "c:5: kinds: 'on' is none of on-cpu, off-cpu",
                     "c:6: this is no section, no KEY = VALUE and no comment",
                     "c:7: '' is no name of a target: 1 to 32 letters, digits, '-', '_' and '.', "
                     "which is not first",
                     "c:8: unknown section [x]: there are [agent], [services], [labels] and "
                     "[upload NAME]",
                     "c:12: formats: 'gif' is none of svg, folded, pprof, html",
                     "--split: 'x' is not one of cgroup, comm, host",
                     words=("--split", "x"))

    def test_a_target_needs_its_url(self):
        self.refuses("[agent]\n[upload x]\nformats = svg\n", "c:2: there is no url in [upload x]")
        self.refuses("[upload x]\nurl =\n", "c:2: url: the value is empty",
                     "c:1: there is no url in [upload x]")
        self.refuses("[upload x]\nupload = file:///a\n", "c:2: unknown key 'upload' in [upload x]",
                     "c:1: there is no url in [upload x]")

    def test_times_sizes_and_percents_have_units_and_limits(self):
        for value in ("1", "1s", "3600", "60m", "1h"):
            self.accepts(f"[agent]\nwindow = {value}\n{UPLOAD}")
        for value in ("0", "61m", "1ms", "1500ms", "1.5", "-1", "1 s", "s", "5x",
                      "18446744073709551616", "9" * 30, "18446744073709551615h", "0x10", "+5"):
            self.refuses(f"[agent]\nwindow = {value}\n{UPLOAD}",
                         f"c:2: window: '{value}' is not a time from 1s to 1h")
        for value in ("1048576", "1024K", "1M", "16T"):
            self.accepts(f"[agent]\nspool-bytes = {value}\n{UPLOAD}")
        for value in ("1048575", "17T", "1MB", "1m", "18446744073709551615T"):
            self.refuses(f"[agent]\nspool-bytes = {value}\n{UPLOAD}",
                         f"c:2: spool-bytes: '{value}' is not a size from 1M to 16T")
        for value in ("0", "5", "5%", "0.125%", "10000"):
            self.accepts(f"[agent]\nmax-cpu = {value}\n{UPLOAD}")
        for value in ("%", "10000.5", "0.1234", "-5", "5%%", "nan"):
            self.refuses(f"[agent]\nmax-cpu = {value}\n{UPLOAD}",
                         f"c:2: max-cpu: '{value}' is not a percentage from 0 to 10000")

    def test_an_empty_value_is_the_default(self):
        self.accepts("[agent]\nwindow =\nhost =\npids =\nidle =\n" + UPLOAD + "formats =\n")

    def test_blanks_comments_and_line_ends_do_not_matter(self):
        self.accepts("\ufeff; x\r\n\t[agent]  # y\r\n  window = 5\r\n\t idle=no ; z\r\n\r\n"
                     "  [upload a] ; b\r\n url : file:///srv")
        self.accepts("\ufeff" + UPLOAD)
        # What is indented is a line of its own, not more of the one before.
        self.refuses("[agent]\nwindow = 5\n  windo = 3\n" + UPLOAD,
                     "c:3: unknown key 'windo' in [agent] (did you mean 'window'?)")

    def test_a_line_has_its_limit(self):
        line = "url = file:///"
        self.accepts(f"[upload a]\nurl = file:///a\n# {'x' * (LINE_MAX - 2)}\n")
        self.accepts(f"[upload a]\n{line}{'x' * (2048 - len('file:///'))}\n")
        self.refuses(f"[upload a]\n{line}{'x' * (2049 - len('file:///'))}\n",
                     "c:2: url: a URL has up to 2048 bytes")
        for text in ("# " + "x" * LINE_MAX, "window = " + "5" * LINE_MAX, "[" + "x" * LINE_MAX):
            self.refuses(f"{UPLOAD}{text}\n", "c:3: the line is longer than 4096 bytes")

    def test_a_long_value_arrives_whole(self):
        self.accepts(f"[agent]\nspool-dir = /{'x' * 4000}\n{UPLOAD}")
        self.refuses(f"[agent]\nhost = {'x' * 256}\n{UPLOAD}",
                     f"c:2: host: '{'x' * 64}' is not text of up to 255 bytes, without slashes")

    def test_bytes_that_no_text_has_are_refused(self):
        self.refuses(b"[agent]\nwin\0dow = 5\n" + UPLOAD.encode(),
                     "c:2: there is a NUL byte in the line")
        self.refuses(b"\0" * 5000 + b"\n" + UPLOAD.encode(),
                     "c:1: the line is longer than 4096 bytes")
        self.refuses(b"[agent]\nhost = a\x1b[2Jb\n" + UPLOAD.encode(),
                     "c:2: there is a control character in the line")
        self.refuses(b"[agent]\nhost = a\tb\n" + UPLOAD.encode(),
                     "c:2: host: there is a control character in the value")
        self.refuses(b"[agent]\nhost = \xff\n" + UPLOAD.encode(),
                     "c:2: host: the value is not UTF-8")

    def test_a_file_has_its_limit(self):
        comment = b"#" + b"x" * 1022 + b"\n"
        room = FILE_MAX - len(UPLOAD)
        content = UPLOAD.encode() + (comment * (room // len(comment) + 1))[:room]
        self.assertEqual(len(content), FILE_MAX)
        self.accepts(content)
        self.refuses(content + b"#", "'c' is larger than 256 KiB")
        with open("c", "wb") as file:
            file.truncate(1 << 40)
        self.refused(2, "'c' is larger than 256 KiB", *CHECK, "--config", "c")

    def test_of_many_mistakes_the_first_are_told(self):
        done = self.check("".join(f"[upload x{i}]\n" for i in range(10000)))
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), TOLD_MAX + 1)
        self.assertEqual(lines[0], "eprof: c:17: more than 16 targets")
        self.assertEqual(lines[-1], f"eprof: and {10000 - TOLD_MAX} more mistakes")
        self.assertEqual(done.returncode, 2)

    def test_rules_and_labels_have_their_limits(self):
        self.accepts("[services]\n" + "include = x\n" * 64 + UPLOAD)
        self.refuses("[services]\n" + "include = x\n" * 65 + UPLOAD,
                     "c:66: include: more than 64 rules about services")
        labels = "".join(f"l{i} = x\n" for i in range(32))
        self.accepts("[labels]\n" + labels + UPLOAD)
        self.refuses("[labels]\n" + labels + "m = x\n" + UPLOAD, "c:34: more than 32 labels")
        self.refuses(f"[services]\nexclude = {'x' * 1025}\n{UPLOAD}",
                     "c:2: exclude: an expression has 1 to 1024 bytes")
        for pattern in ("((a{255}){255}){255}", "a" + 20 * "+"):
            self.refuses(f"[services]\ninclude = {pattern}\n{UPLOAD}",
                         f"c:2: include: '{pattern}' makes more than 500 copies of what it repeats")

    def test_what_is_no_regular_file_is_refused(self):
        os.mkfifo("pipe")
        os.mkdir("directory")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
            for path in ("pipe", "directory", "/dev/null", "/dev/zero"):
                self.refused(2, f"cannot read '{path}': it is not a regular file", *CHECK,
                             "--config", path)
            self.refused(1, "cannot read 'socket': ", *CHECK, "--config", "socket")

    def test_a_file_that_cannot_be_read_is_a_failure(self):
        self.refused(1, "cannot read 'nothing': No such file", *CHECK, "--config", "nothing")
        self.refused(1, "cannot read '/proc/self/mem': Input/output error", *CHECK, "--config",
                     "/proc/self/mem")
        self.write("c", UPLOAD)
        os.chmod("c", 0)
        words = [EPROF, *CHECK, "--config", "c"]
        if os.geteuid() == 0:
            words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *words]
        done = subprocess.run(words, capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, b"eprof: cannot read 'c': Permission denied\n"))

    def test_a_file_of_secrets_is_closed_to_others(self):
        self.write("secret", "a:b\n")
        for mode, is_good in ((0o600, True), (0o640, True), (0o644, False), (0o601, False)):
            os.chmod("secret", mode)
            content = "[upload a]\nurl = https://a\nuser-file = secret\n"
            if is_good:
                self.accepts(content)
            else:
                self.refuses(content, f"c:3: user-file: 'secret' is open to others (mode "
                                      f"{mode:04o}): chmod o= 'secret'")
        self.refuses("[upload a]\nurl = https://a\nuser-file = none\n",
                     "c:3: user-file: cannot look at 'none': No such file or directory")
        self.refuses("[upload a]\nurl = https://a\ntoken-file = /\n",
                     "c:3: token-file: '/' is not a regular file")


class Start(AgentConfig):
    """What is wrong before anything is begun, or made."""

    WORDS = ("agent", "--upload=file:///nowhere/else", "--spool-dir=spool", "--socket=run/socket")

    def test_nobody_runs_it_as_root_or_as_who_is_not_there(self):
        self.refused(2, "'root' is root, or of its group", *self.WORDS, "--user=root")
        self.refused(2, "'7:0' is root, or of its group", *self.WORDS, "--user=7:0")
        self.refused(2, "there is no user 'no-one'", *self.WORDS, "--user=no-one")
        self.assertEqual(os.listdir(), [])

    def test_whoever_may_not_sample_is_told_how_they_may(self):
        os.chmod(".", 0o777)
        words = [EPROF, *self.WORDS]
        if os.geteuid() == 0:
            words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *words]
        done = subprocess.run(words, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rb"\Aeprof: [^\n]*sudo eprof[^\n]*\n\Z")
        self.assertEqual(os.listdir(), [])

    def test_who_asks_is_told_where_no_agent_answers(self):
        self.refused(1, "no agent answers at 'none': No such file", "agent", "--status",
                     "--socket=none")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("stale")
        self.refused(1, "no agent answers at 'stale': Connection refused", "agent", "--status",
                     "--socket=stale")
        self.refused(1, "File name too long", "agent", "--status", "--json",
                     "--socket=" + "x" * 108)


if __name__ == "__main__":
    unittest.main()
