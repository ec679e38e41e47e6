#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics of the agent, as a strict reader of their format takes them."""
import os
import subprocess
import unittest

import exposition

PRINT = os.path.abspath(os.environ.get("EPROF_PRINT_METRICS", "build/dev/tests/cli/print_metrics"))
HOSTILE = 'a"b\\c\nd\x1b[31m\ufffd\u00e9'  # made_status.h, with U+FFFD for what is no UTF-8


def printed(*words):
    return subprocess.run([PRINT, *words], stdout=subprocess.PIPE, check=True, timeout=60).stdout


class Metrics(unittest.TestCase):
    def value(self, families, name, family=None, **labels):
        return families[family or name].samples[name, tuple(sorted(labels.items()))]

    def test_the_form_is_right_and_hostile_names_come_through(self):
        families = exposition.read(printed())
        for name in families:
            self.assertTrue(name.startswith("eprof_"), name)
        for name, family in families.items():
            self.assertTrue(family.samples, f"{name} has no sample")
        self.assertEqual(self.value(families, "eprof_spool_bytes", target=HOSTILE), 3 << 20)
        self.assertEqual(self.value(families, "eprof_spool_bytes", target="quiet"), 0)
        self.assertEqual(self.value(families, "eprof_upload_duration_seconds_bucket",
                                    "eprof_upload_duration_seconds", target=HOSTILE, le="+Inf"), 6)

    def test_losses_have_a_reason_each_and_none_is_a_time(self):
        family = exposition.read(printed())["eprof_lost_total"]
        reasons = [dict(labels)["reason"] for _, labels in family.samples]
        self.assertIn("samples_map_full", reasons)
        self.assertIn("process_records", reasons)
        self.assertGreater(len(reasons), 15)
        self.assertFalse([reason for reason in reasons if "nanoseconds" in reason])

    def test_an_agent_that_has_just_begun_has_metrics(self):
        families = exposition.read(printed("empty"))
        self.assertEqual(self.value(families, "eprof_windows_total"), 0)
        self.assertFalse(families["eprof_last_window_timestamp_seconds"].samples)

    def test_the_reader_refuses_what_is_malformed(self):
        head = b"# HELP a_total x\n# TYPE a_total counter\n"
        exposition.read(head + b'a_total{b="c"} 1\n')
        for text in (b"", b"a_total 1\n", head + b"a_total 1", head + b"a_total one\n",
                     head + b"a_total 1\na_total 2\n", head + b"b_total 1\n",
                     head + b'a_total{b="c"d"} 1\n', head + b'a_total{b="\\x"} 1\n',
                     head + b'a_total{b="c",b="d"} 1\n', head + b"a_total{} 1\n",
                     head + b"a_total -1\n", head + b'a_total{b="\xff"} 1\n',
                     head + b"a_total 1\n" + head, b"# TYPE a_total counter\na_total 1\n",
                     head.replace(b"a_total", b"a") + b"a 1\n",
                     b"# HELP h x\n# TYPE h histogram\n"
                     b'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n'):
            with self.assertRaises((exposition.Malformed, UnicodeDecodeError), msg=text):
                exposition.read(text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
