# SPDX-License-Identifier: Apache-2.0
"""Targets that refuse, break, hang, or never end."""

import email.utils
import socket
import struct
import time
import unittest

from sending import Case, RawReceiver, Receiver, free_port, send

HUGE = b"x" * (10 << 20)


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        if not more:
            break
        head += more
    return head


class Statuses(Case):
    def outcome(self, status, headers=None, body=b"because"):
        receiver = Receiver(self, lambda request: (status, headers or {}, body))
        path, _ = self.profile()
        found = send(receiver.url, path)
        self.assertEqual(found["status"], str(status), found)
        return found

    def test_success_is_any_2xx(self):
        for status in (200, 201, 204, 206):
            self.assertOutcome(self.outcome(status, body=b""), "sent")

    def test_a_refusal_has_the_status_the_host_and_the_answers_words(self):
        for status in (400, 401, 403, 404, 409, 411, 413, 422):
            self.assertOutcome(self.outcome(status), "refused", "http://127.0.0.1:",
                               "answered %d: because" % status)

    def test_what_is_temporary_is_tried_again(self):
        for status in (407, 408, 425, 429, 500, 502, 503, 504):
            found = self.outcome(status)
            self.assertOutcome(found, "later", "answered %d: because" % status)
            self.assertEqual(found["retry_after"], "0")

    def test_a_redirect_is_refused_and_not_followed(self):
        other = Receiver(self)
        for status in (301, 302, 303, 307, 308):
            found = self.outcome(status, {"Location": other.url + "/secret?sig=abc"})
            self.assertOutcome(found, "refused", "redirect (not followed) to " + other.url)
            self.assertNotIn("sig", found["text"])
        self.assertEqual(other.requests, [])

    def test_what_retry_after_asks_for_is_told(self):
        self.assertEqual(self.outcome(429, {"Retry-After": "17"})["retry_after"], "17")
        self.assertEqual(self.outcome(503, {"Retry-After": "999999999999"})["retry_after"],
                         "86400")
        date = email.utils.formatdate(time.time() + 600, usegmt=True)
        self.assertAlmostEqual(int(self.outcome(503, {"Retry-After": date})["retry_after"]), 600,
                               delta=30)
        self.assertEqual(self.outcome(503, {"Retry-After": "soon"})["retry_after"], "0")

    def test_of_a_huge_answer_only_the_beginning_is_taken(self):
        found = self.outcome(403, body=HUGE)
        self.assertOutcome(found, "refused", "answered 403: xxx")
        self.assertLess(len(found["text"]), 4096)
        self.assertOutcome(self.outcome(500, body=HUGE), "later", "answered 500: xxx")
        self.assertOutcome(self.outcome(200, body=HUGE), "sent")

    def test_an_answer_is_one_line_of_text(self):
        found = self.outcome(400, body=b"a\r\nb\x1b[2J\0c\xff\xc2\x85d \xe2\x80\xa8 e\xc3\xa9\n")
        self.assertOutcome(found, "refused", ": a b [2J c? d e\u00e9")


class Connections(Case):
    def test_nobody_there_is_tried_again(self):
        path, _ = self.profile(10)
        port = free_port()
        found = send("http://127.0.0.1:%d/" % port, path)
        self.assertOutcome(found, "later", "http://127.0.0.1:%d: " % port)
        self.assertEqual(found["status"], "0")

    def test_a_name_that_does_not_resolve_is_tried_again(self):
        path, _ = self.profile(10)
        found = send("http://profiles.invalid/", path,
                     env={"RES_OPTIONS": "timeout:1 attempts:1"})
        self.assertOutcome(found, "later", "http://profiles.invalid: ", "resolve")

    def test_a_reset_is_tried_again(self):
        def act(connection):
            connection.recv(10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        path, _ = self.profile(5 << 20)
        self.assertOutcome(send(RawReceiver(self, act).url, path), "later", "127.0.0.1")

    def test_an_early_end_is_tried_again(self):
        def act(connection):
            read_head(connection)
            connection.shutdown(socket.SHUT_RDWR)

        path, _ = self.profile()
        self.assertOutcome(send(RawReceiver(self, act).url, path), "later")

    def test_success_before_all_was_sent_is_none(self):
        def act(connection):
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.shutdown(socket.SHUT_RDWR)

        path, _ = self.profile(20 << 20)
        self.assertOutcome(send(RawReceiver(self, act).url, path), "later")

    def test_one_that_hangs_is_given_up(self):
        receiver = RawReceiver(self, lambda connection: None)
        path, _ = self.profile()
        begin = time.monotonic()
        self.assertOutcome(send(receiver.url, path, timeout=1), "later", "timed out")
        self.assertLess(time.monotonic() - begin, 5)

    def test_one_that_takes_nothing_is_given_up(self):
        receiver = RawReceiver(self, lambda connection: connection.recv(1))
        path, _ = self.profile(30 << 20)
        begin = time.monotonic()
        self.assertOutcome(send(receiver.url, path, timeout=1), "later", "timed out")
        self.assertLess(time.monotonic() - begin, 5)

    def test_it_ends_when_it_is_told_to(self):
        receiver = RawReceiver(self, lambda connection: None)
        path, _ = self.profile()
        begin = time.monotonic()
        found = send(receiver.url, path, timeout=30, stop_ms=100)
        self.assertOutcome(found, "later", "stopped before")
        self.assertLess(time.monotonic() - begin, 5)

    def test_headers_without_an_end_are_not_taken(self):
        def act(connection):
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-More: " + b"y" * 1000 + b"\r\n")

        path, _ = self.profile()
        self.assertOutcome(send(RawReceiver(self, act).url, path), "later", "no end")

    def test_one_that_speaks_something_else_is_tried_again(self):
        def act(connection):
            read_head(connection)
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.shutdown(socket.SHUT_RDWR)

        path, _ = self.profile()
        self.assertOutcome(send(RawReceiver(self, act).url, path), "later")

    def test_one_that_wants_to_be_asked_first_is_asked(self):
        taken = []

        def act(connection):
            head = read_head(connection)
            taken.append(b"expect: 100-continue" in head.lower())
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = (2 << 20) - len(head.split(b"\r\n\r\n", 1)[1])
            while left > 0:
                left -= len(connection.recv(65536)) or left
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

        path, _ = self.profile(2 << 20)
        self.assertOutcome(send(RawReceiver(self, act).url, path), "sent")
        self.assertEqual(taken, [True])

    def test_one_that_refuses_when_asked_first_is_not_sent_the_file(self):
        taken = []

        def act(connection):
            head = read_head(connection)
            # Before it is answered: then it ends, and we look.
            taken.append(len(head.split(b"\r\n\r\n", 1)[1]))
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n"
                               b"Connection: close\r\n\r\nbig!")
            connection.shutdown(socket.SHUT_WR)

        path, _ = self.profile(30 << 20)
        self.assertOutcome(send(RawReceiver(self, act).url, path), "refused", "413: big!")
        self.assertEqual(taken, [0])

    def test_a_connection_that_was_closed_meanwhile_is_made_again(self):
        def act(connection):
            left = len(read_head(connection).split(b"\r\n\r\n", 1)[1])
            while left < 70000:
                left += len(connection.recv(65536)) or 70000
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            connection.shutdown(socket.SHUT_RDWR)

        path, _ = self.profile(70000)
        receiver = RawReceiver(self, act)
        self.assertOutcome(send(receiver.url, path, times=3), "sent")
        self.assertEqual(len(receiver.held), 3)

    def test_one_that_goes_in_the_middle_is_sent_all_of_it_again(self):
        bodies = []

        def take(connection, count):
            body = read_head(connection).split(b"\r\n\r\n", 1)[1]
            while len(body) < count:
                more = connection.recv(65536)
                if not more:
                    break
                body += more
            return body

        def act(connection):
            bodies.append(take(connection, 70000))
            connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            if len(bodies) == 1:
                take(connection, 50000)
                connection.shutdown(socket.SHUT_RDWR)

        path, content = self.profile(70000)
        self.assertOutcome(send(RawReceiver(self, act).url, path, times=2), "sent")
        self.assertEqual(bodies, [content, content])


if __name__ == "__main__":
    unittest.main()
