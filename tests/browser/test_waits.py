#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The picture of off-CPU time in a real browser: times, kinds of waiting, and the switch that hides
waiting for work, against the folded file's truth.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

from test_picture import CHROMIUM, EPROF, EXIT_SKIPPED, run_in_page

SYSCALL = "do_syscall_64_[k];"
EPOLL = SYSCALL + "ep_poll_[k];__schedule_[k]"
FUTEX = SYSCALL + "futex_do_wait_[k];__schedule_[k]"
WORK = 95_200_000 + 4_000_000
REST = 12_345 + 1_000_000 + 7_000 + 300

FOLDED = f"""\
app;main;loop;epoll_wait;{EPOLL} 95200000
app;main;loop;epoll_wait;{EPOLL};[runqueue] 12345
app;main;loop;serve;fsync;{SYSCALL}ext4_sync_file_[k];__schedule_[k];[uninterruptible] 1000000
app;main;loop;serve;a;b;pthread_mutex_lock;{FUTEX} 7000
app;main;loop;serve;a;b;pthread_mutex_lock;{FUTEX};--;futex_wake_[k];unlock;other 300
app;start_thread;worker;pthread_cond_wait;{FUTEX};--;signal;other 4000000
"""

OPTIONS = ("--unit", "microseconds")

MORE_TOOLS = """
const toggle = () => document.querySelector('.legend [role=button]');
const words = () => toggle().textContent;
const all = () => title(frames().find((frame) => /^all/.test(title(frame))));
"""


def look(script, folded=FOLDED):
    return run_in_page(MORE_TOOLS + script, folded, OPTIONS)


def static_picture(folded):
    with tempfile.TemporaryDirectory() as folder:
        source, picture = os.path.join(folder, "x.folded"), os.path.join(folder, "x.svg")
        with open(source, "w", encoding="utf-8") as file:
            file.write(folded)
        subprocess.run([EPROF, "flamegraph", source, *OPTIONS, "-o", picture], check=True)
        with open(picture, encoding="utf-8") as file:
            return file.read()


class Waits(unittest.TestCase):
    def test_waiting_for_work_is_hidden_at_first_and_the_amount_is_told(self):
        seen = look("""
            return { words: words(), all: all(), poll: !!find('ep_poll'),
                worker: !!find('worker'), pressed: toggle().getAttribute('aria-pressed'),
                label: toggle().getAttribute('aria-label'), tab: toggle().tabIndex,
                fsync: title(find('ext4_sync_file')), queue: title(find('[runqueue]')) };
        """)
        self.assertEqual(seen["words"], "waiting for work: 99.2 s hidden - show")
        self.assertEqual(seen["all"], "all but waiting for work (1.02 s, 100%)")
        self.assertTrue(seen["poll"], "what waited for a CPU there is shown")
        self.assertFalse(seen["worker"])
        self.assertEqual((seen["pressed"], seen["tab"]), ("true", 0))
        self.assertEqual(seen["label"], "Hide waiting for work, 99.2 s")
        self.assertEqual(seen["fsync"],
                         f"ext4_sync_file (1.00 s, {100e6 / REST:.2f}%, I/O)")
        self.assertEqual(seen["queue"],
                         f"[runqueue] (12.3 ms, {1234500 / REST:.2f}%, run queue)")

    def test_click_and_key_show_it_and_hide_it_again(self):
        seen = look("""
            const first = width(find('serve'));
            toggle().dispatchEvent(new MouseEvent('click', { bubbles: true }));
            const shown = { words: words(), all: all(), worker: !!find('worker'),
                serve: width(find('serve')), pressed: toggle().getAttribute('aria-pressed') };
            press('w');
            const again = width(find('serve'));
            toggle().dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true }));
            return { first, shown, again, last: words() };
        """)
        self.assertEqual(seen["shown"]["words"], "waiting for work: 99.2 s shown - hide")
        self.assertEqual(seen["shown"]["all"], "all (100 s, 100%)")
        self.assertTrue(seen["shown"]["worker"])
        self.assertEqual(seen["shown"]["pressed"], "false")
        self.assertAlmostEqual(seen["shown"]["serve"] / 1180, 1_007_300 / (WORK + REST), 2)
        self.assertEqual(seen["first"], seen["again"])
        self.assertEqual(seen["last"], seen["shown"]["words"])

    def test_search_and_zoom_are_of_what_is_shown(self):
        seen = look("""
            const hidden = search('worker|lock');
            click(find('serve'));
            const zoomed = document.querySelector('.matched').textContent;
            find('a').dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
            const details = document.querySelector('.details').textContent;
            press('w');
            return { hidden, zoomed, details, serve: width(find('serve')),
                shown: document.querySelector('.matched').textContent };
        """)
        lock, serve = 7_300, 1_007_300
        self.assertEqual(seen["hidden"],
                         f"Matched: 7.30 ms, {100 * lock / REST:.2f}% of what is shown")
        self.assertIn(f"({100 * lock / serve:.2f}% of view)", seen["zoomed"])
        self.assertEqual(seen["details"], f"a (7.30 ms, {100 * lock / REST:.2f}% of what is "
                         f"shown, {100 * lock / serve:.2f}% of view)")
        self.assertGreater(seen["serve"], 1170, "the zoom stays")
        self.assertIn(f"Matched: 4.01 s, {100 * (lock + 4e6) / (WORK + REST):.2f}% (", seen["shown"])

    def test_a_zoom_into_what_is_then_hidden_goes_back(self):
        seen = look("""
            press('w');
            click(find('worker'));
            press('w');
            return { all: all(), app: width(find('app')), matched: !!find('serve') };
        """)
        self.assertIn("all but waiting for work", seen["all"])
        self.assertGreater(seen["app"], 1170)
        self.assertTrue(seen["matched"])

    def test_nothing_is_hidden_when_nothing_else_remains(self):
        seen = look("return { all: all(), button: !!toggle(), poll: !!find('ep_poll') };",
                    f"app;main;epoll_wait;{EPOLL} 5\n")
        self.assertEqual(seen, {"all": "all (5 us, 100%)", "button": False, "poll": True})

    def test_nothing_to_hide_is_no_switch(self):
        seen = look("press('w'); return { all: all(), button: !!toggle() };",
                    f"app;main;f;{FUTEX} 5\n")
        self.assertEqual(seen, {"all": "all (5 us, 100%)", "button": False})

    def test_the_script_says_what_the_static_picture_says(self):
        # Of one magnitude each: what is too narrow is not drawn.
        for counts in ([2, 7, 999, 1000, 1235], [9994, 9995, 12345, 999499, 999500, 1000500],
                       [95249999, 999499999, 999500000], [31536000123456, 31536000123456]):
            with self.subTest(counts=counts):
                folded = "".join(f"app;f{i};{EPOLL if i % 2 else FUTEX} {count}\n"
                                 for i, count in enumerate(counts))
                seen = look("press('w'); return frames().map(title).sort();", folded)
                static = re.findall(r"<g class=\"[a-z]\d\"><title>(.*?)</title>",
                                    static_picture(folded))
                self.assertGreaterEqual(len(static), 4 * len(counts))
                self.assertEqual(seen, sorted(static))


if __name__ == "__main__":
    if not CHROMIUM:
        print("skipped: chromium is not installed", file=sys.stderr)
        sys.exit(EXIT_SKIPPED)
    unittest.main()
