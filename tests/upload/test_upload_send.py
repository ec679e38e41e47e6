# SPDX-License-Identifier: Apache-2.0
"""What is sent, where to, and with which secrets."""

import base64
import os
import stat
import unittest
import urllib.parse

from sending import Case, Receiver, send

KEY = "nginx.service/2026/01/02/web1-20260102T030405.000000Z-on-cpu"


class ToADirectory(Case):
    def setUp(self):
        super().setUp()
        self.to = self.path("to")
        os.mkdir(self.to)

    def files(self):
        return sorted(os.path.relpath(os.path.join(base, name), self.to)
                      for base, _, names in os.walk(self.to) for name in names)

    def test_a_file_arrives_byte_identical_and_sending_it_twice_replaces_it(self):
        path, content = self.profile()
        for _ in range(2):
            self.assertOutcome(send("file://" + self.to, path), "sent")
            self.assertEqual(self.files(), [KEY + ".pb.gz"])
            with open(os.path.join(self.to, self.files()[0]), "rb") as file:
                self.assertEqual(file.read(), content)

    def test_modes_do_not_depend_on_the_umask(self):
        before = os.umask(0o077)
        try:
            path, _ = self.profile()
            self.assertOutcome(send("file://" + self.to, path), "sent")
        finally:
            os.umask(before)
        status = os.stat(os.path.join(self.to, self.files()[0]))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o640)
        status = os.stat(os.path.join(self.to, "nginx.service/2026"))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o750)

    def test_only_the_profile_within_the_items_file_is_sent(self):
        path = self.write("item", b'{"head": 1}\npayload and more')
        self.assertOutcome(send("file://" + self.to, path, offset=12, size=7, key="k"), "sent")
        with open(os.path.join(self.to, "k"), "rb") as file:
            self.assertEqual(file.read(), b"payload")

    def test_a_file_that_is_too_short_is_not_sent(self):
        path = self.write("item", b"short")
        self.assertOutcome(send("file://" + self.to, path, size=50, key="k"), "later", "k'")
        self.assertEqual(self.files(), [])

    def test_what_a_crash_left_behind_is_replaced(self):
        path, content = self.profile()
        self.assertOutcome(send("file://" + self.to, self.write("item", b"x"), size=5, key="k"),
                           "later")
        self.assertOutcome(send("file://" + self.to, path, key="k"), "sent")
        with open(os.path.join(self.to, "k"), "rb") as file:
            self.assertEqual(file.read(), content)
        self.assertEqual(self.files(), ["k"])

    def test_a_link_in_place_of_a_directory_is_not_followed(self):
        path, _ = self.profile()
        elsewhere = self.path("elsewhere")
        os.mkdir(elsewhere)
        os.symlink(elsewhere, os.path.join(self.to, "nginx.service"))
        self.assertOutcome(send("file://" + self.to, path), "later", "a link")
        self.assertEqual(os.listdir(elsewhere), [])

    def test_a_link_in_place_of_the_file_is_replaced_and_not_written_through(self):
        path, content = self.profile()
        victim = self.write("victim", b"precious")
        os.symlink(victim, os.path.join(self.to, "k"))
        self.assertOutcome(send("file://" + self.to, path, key="k"), "sent")
        with open(victim, "rb") as file:
            self.assertEqual(file.read(), b"precious")
        with open(os.path.join(self.to, "k"), "rb") as file:
            self.assertEqual(file.read(), content)

    def test_hostile_names_stay_below_the_directory(self):
        path, _ = self.profile()
        for service in ("../../etc", "/etc/passwd", "..", "a/../../b", "\n\x1b[2J", "."):
            self.assertOutcome(send("file://" + self.to, path, service=service), "sent")
        self.assertEqual(sorted(os.listdir(self.directory)), ["profile", "to"])
        for name in self.files():
            self.assertEqual(name.count("/"), 4, name)

    def test_a_directory_that_is_not_there_is_told(self):
        path, _ = self.profile()
        found = send("file://" + self.path("none"), path)
        self.assertOutcome(found, "later", "does not exist", self.path("none"))

    def test_probing_says_whether_it_can_be_written(self):
        self.assertOutcome(send("file://" + self.to, probe=1), "sent")
        self.assertOutcome(send("file://" + self.path("none"), probe=1), "later", "not exist")
        self.assertEqual(self.files(), [])


class ByPut(Case):
    def test_a_file_arrives_byte_identical_under_its_key(self):
        receiver = Receiver(self)
        path, content = self.profile()
        self.assertOutcome(send(receiver.url + "/base/", path), "sent")
        request = receiver.requests[0]
        self.assertEqual((request["method"], request["path"]), ("PUT", "/base/" + KEY + ".pb.gz"))
        self.assertEqual(request["body"], content)
        self.assertEqual(request["headers"]["content-type"], "application/octet-stream")
        self.assertEqual(request["headers"]["content-length"], str(len(content)))

    def test_each_format_has_its_type(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        types = {"svg": "image/svg+xml", "folded": "text/plain; charset=utf-8",
                 "html": "text/html; charset=utf-8"}
        for name, mime in types.items():
            self.assertOutcome(send(receiver.url, path, format=name), "sent")
            self.assertEqual(receiver.requests[-1]["headers"]["content-type"], mime)

    def test_what_is_not_plain_in_a_key_is_escaped(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        self.assertOutcome(send(receiver.url, path, service="a b?c#d%é\n", key="{service}/x"),
                           "sent")
        self.assertEqual(receiver.requests[0]["path"], "/a%20b%3Fc%23d%25%C3%A9_/x")

    def test_a_url_with_a_query_is_used_as_it_is_with_its_words(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        url = receiver.url + "/p/{service}{ext}?X-Sig=a%2Fb&n={host}"
        self.assertOutcome(send(url, path, service="a/b&c=d"), "sent")
        self.assertEqual(receiver.requests[0]["path"],
                         "/p/a_b%26c%3Dd.pb.gz?X-Sig=a%2Fb&n=web1")

    def test_connections_are_kept(self):
        receiver = Receiver(self)
        path, _ = self.profile()
        self.assertOutcome(send(receiver.url, path, times=3), "sent")
        self.assertEqual(len({request["peer"] for request in receiver.requests}), 1)
        self.assertEqual(len({request["body"] for request in receiver.requests}), 1)

    def test_a_large_file_takes_no_memory(self):
        receiver = Receiver(self)
        path = self.path("large")
        with open(path, "wb") as file:
            file.truncate(64 << 20)
        small, _ = self.profile(10)
        little = int(send(receiver.url, small)["rss_kb"])
        found = send(receiver.url, path)
        self.assertOutcome(found, "sent")
        self.assertEqual(len(receiver.requests[-1]["body"]), 64 << 20)
        self.assertLess(int(found["rss_kb"]) - little, 16 << 10)

    def test_an_empty_file_is_sent(self):
        receiver = Receiver(self)
        self.assertOutcome(send(receiver.url, self.write("empty", b"")), "sent")
        self.assertEqual(receiver.requests[0]["headers"]["content-length"], "0")

    def test_tenant_token_and_password_are_told(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        token = self.write("token", "the-token\nsecond line\n")
        user = self.write("user", "joe:pass:word\n")
        self.assertOutcome(send(receiver.url, path, token_file=token, tenant="team"), "sent")
        self.assertEqual(receiver.requests[0]["headers"]["authorization"], "Bearer the-token")
        self.assertEqual(receiver.requests[0]["headers"]["x-scope-orgid"], "team")
        self.assertOutcome(send(receiver.url, path, user_file=user), "sent")
        self.assertEqual(receiver.requests[1]["headers"]["authorization"],
                         "Basic " + base64.b64encode(b"joe:pass:word").decode())

    def test_a_secret_that_others_may_read_is_refused(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        token = self.write("token", "the-token\n", mode=0o644)
        found = send(receiver.url, path, token_file=token)
        self.assertOutcome(found, "later", "others may read", token)
        self.assertNotIn("the-token", found["text"])
        self.assertEqual(receiver.requests, [])

    def test_secrets_that_make_no_sense_are_refused(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        os.mkfifo(self.path("pipe"), 0o600)
        for token in (self.path("pipe"), self.path("none"), self.directory,
                      self.write("empty", b""), self.write("control", b"a\x01b\n"),
                      self.write("nul", b"a\0b\n"), self.write("long", b"a" * 70000)):
            found = send(receiver.url, path, token_file=token)
            self.assertOutcome(found, "later", token)
        self.assertOutcome(send(receiver.url, path, user_file=self.write("u", "joe\n")),
                           "later", "NAME:PASSWORD")
        self.assertEqual(receiver.requests, [])

    def test_no_secret_is_in_the_text_even_when_the_target_repeats_it(self):
        path, _ = self.profile(10)

        def repeat(request):
            words = request["headers"].get("authorization", "") + " " + request["path"]
            return 400, {}, ("you said " + words + " my-password").encode()

        receiver = Receiver(self, repeat)
        token = self.write("token", "the-token\n")
        user = self.write("user", "joe:my-password\n")
        found = send(receiver.url, path, token_file=token)
        self.assertOutcome(found, "refused", "you said Bearer ***")
        found = send(receiver.url, path, user_file=user)
        self.assertOutcome(found, "refused", "you said Basic *** ", " ***")
        self.assertNotIn("my-password", found["text"])
        found = send(receiver.url + "/x?sig=0123456789abcdef", path)
        self.assertOutcome(found, "refused", "/x?sig=***")

    def test_probing_says_whether_it_is_reached_and_welcome(self):
        status = {"is": 404}
        receiver = Receiver(self, lambda request: (status["is"], {}, b""))
        self.assertOutcome(send(receiver.url, probe=1), "sent", "404")
        status["is"] = 401
        self.assertOutcome(send(receiver.url, probe=1), "refused", "401")
        status["is"] = 503
        self.assertOutcome(send(receiver.url, probe=1), "later", "503")
        self.assertEqual({request["method"] for request in receiver.requests}, {"HEAD"})
        self.assertOutcome(send("http://127.0.0.1:1", probe=1), "later", "127.0.0.1:1")

    def test_a_proxy_of_the_environment_is_used(self):
        proxy = Receiver(self)
        path, _ = self.profile(10)
        found = send("http://profiles.example/x", path, env={"http_proxy": proxy.url})
        self.assertOutcome(found, "sent")
        self.assertTrue(proxy.requests[0]["path"].startswith("http://profiles.example/x/"))


class ToAnEprofServer(Case):
    def test_a_profile_comes_with_all_that_it_is(self):
        receiver = Receiver(self)
        path, content = self.profile()
        url = receiver.url.replace("http://", "eprof://")
        token = self.write("token", "t0ken\n")
        for _ in range(2):
            self.assertOutcome(send(url, path, label_zone="a&b", token_file=token), "sent")
        request = receiver.requests[0]
        parts = urllib.parse.urlsplit(request["path"])
        found = dict(urllib.parse.parse_qsl(parts.query, strict_parsing=True))
        self.assertEqual((request["method"], parts.path), ("POST", "/api/v1/profiles"))
        self.assertRegex(found.pop("id"), "^[0-9a-f]{32}$")
        self.assertEqual(found, {"service": "nginx.service", "host": "web1", "kind": "on-cpu",
                                 "from": "1767323045", "until": "1767323105",
                                 "label.zone": "a&b"})
        self.assertEqual(request["body"], content)
        self.assertEqual(request["headers"]["authorization"], "Bearer t0ken")
        self.assertEqual(receiver.requests[1]["path"], request["path"])
        self.assertOutcome(send(url, path, kind="off-cpu"), "sent")
        self.assertNotIn(parts.query.split("&")[0], receiver.requests[2]["path"])

    def test_other_formats_are_refused_without_asking(self):
        receiver = Receiver(self)
        path, _ = self.profile(10)
        url = receiver.url.replace("http://", "eprof://")
        self.assertOutcome(send(url, path, format="svg"), "refused", "pprof")
        self.assertOutcome(send(url, path, kind="both"), "refused", "both")
        self.assertEqual(receiver.requests, [])


class Mistakes(Case):
    def test_a_config_that_makes_no_sense_is_one_line(self):
        for url, keys in (("ftp://x/", {}), ("file://relative", {}), ("http:///x", {}),
                          ("http://joe:pw@x/", {}), ("file:///%zz", {}), ("s3://", {}),
                          ("s3://b/", {"endpoint": "x"}), ("s3://b", {"region": "../x"}),
                          ("file:///", {"key": "{nothing}"}), ("file:///", {"key": "../x"}),
                          ("file:///", {"key": "{service"}), ("http://x/{nothing}", {}),
                          ("http://x/#y", {}), ("eprof://x/?y", {}), ("http://x", {"timeout": 0}),
                          ("http://x", {"tenant": "a\nb"}), ("http://x", {"client_key": "k"})):
            found = send(url, **keys)
            self.assertEqual(found["code"], 2, url)
            self.assertEqual(found["stderr"].count("\n"), 1, found["stderr"])
            self.assertNotIn("pw", found["stderr"])

    def test_without_libcurl_it_says_which_package_to_install(self):
        path, _ = self.profile(10)
        self.write("libcurl.so.4", b"not a library", mode=0o755)
        found = send("http://127.0.0.1:1/", path, env={"LD_LIBRARY_PATH": self.directory})
        self.assertOutcome(found, "later", "libcurl4 (Debian)", "libcurl (Fedora)")


if __name__ == "__main__":
    unittest.main()
