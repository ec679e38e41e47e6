#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The picture in a real browser: what zoom, reset and search do, against the folded file's truth.

`eprof flamegraph` draws a page, a script of ours is put behind the picture's own, Chromium runs
both and prints the page, in which our script has left what it saw.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.path.abspath(os.environ.get("EPROF_BINARY", ROOT + "/build/release/eprof"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EXIT_SKIPPED = 77
LIMIT_SECONDS = 120

FOLDED = """\
app;main;serve;read_[k] 300
app;main;serve;parse;parse_line 500
app;main;serve;parse 20
app;main;idle 80
app;worker;parse 100
""" + "".join(f"app;wide;f{i:04} 1\n" for i in range(3000))

# What every script below can use.
TOOLS = r"""
const frames = () => Array.from(document.querySelectorAll('.frames g'));
const title = (frame) => frame.querySelector('title').textContent;
const find = (name) => frames().find((frame) => title(frame).startsWith(name + ' ('));
const width = (frame) => Number(frame.querySelector('rect').getAttribute('width'));
const click = (frame) => frame.querySelector('rect').dispatchEvent(
	new MouseEvent('click', { bubbles: true }));
const press = (key, more) => window.document.body.dispatchEvent(
	new KeyboardEvent('keydown', { key, bubbles: true, ...more }));
const box = () => document.querySelector('.eprof input');
const search = (text) => {
	press('/');
	box().value = text;
	box().dispatchEvent(new Event('input', { bubbles: true }));
	return document.querySelector('.matched').textContent;
};
"""


def run_in_page(script, folded=FOLDED, options=()):
    """The value that script, the body of a function, returns in the page of folded."""
    with tempfile.TemporaryDirectory() as folder:
        source, page = os.path.join(folder, "x.folded"), os.path.join(folder, "x.html")
        with open(source, "w", encoding="utf-8") as file:
            file.write(folded)
        subprocess.run([EPROF, "flamegraph", source, "-o", page, *options], check=True)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        probe = (
            "<pre id='seen'></pre><script>window.onerror = (m) => { document.getElementById('seen')"
            ".textContent = JSON.stringify({ error: m }); };\n"
            "document.getElementById('seen').textContent = JSON.stringify((() => {"
            + TOOLS + script + "})());</script></body>"
        )
        with open(page, "w", encoding="utf-8") as file:
            file.write(text.replace("</body>", probe))
        printed = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={folder}/profile", "--dump-dom", "file://" + page],
            check=True, capture_output=True, text=True, timeout=LIMIT_SECONDS,
        ).stdout
    seen = re.search(r'<pre id="seen">(.*?)</pre>', printed, re.DOTALL).group(1)
    seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(seen)


def matched_percent(pattern):
    """The share of samples with a frame whose name matches, from the folded text alone."""
    total = hits = 0
    for line in FOLDED.splitlines():
        stack, count = line.rsplit(" ", 1)
        names = [re.sub(r"_\[[kij]\]$", "", name) for name in stack.split(";")]
        total += int(count)
        hits += int(count) * any(re.search(pattern, name) for name in names)
    return f"{100 * hits / total:.2f}%"


class Picture(unittest.TestCase):
    def test_a_click_zooms_and_escape_goes_back(self):
        seen = run_in_page("""
            const before = { whole: width(find('app')), serve: width(find('serve')) };
            click(find('serve'));
            const zoomed = { serve: width(find('serve')), idle: !!find('idle') };
            press('Escape');
            return { before, zoomed, after: width(find('serve')) };
        """)
        self.assertAlmostEqual(seen["before"]["serve"] / seen["before"]["whole"], 820 / 4000, 2)
        self.assertGreater(seen["zoomed"]["serve"], 0.99 * seen["before"]["whole"])
        self.assertFalse(seen["zoomed"]["idle"], "a neighbour of the zoomed frame stays away")
        self.assertEqual(seen["after"], seen["before"]["serve"])

    def test_what_was_too_narrow_appears_when_zoomed_into(self):
        seen = run_in_page("""
            const before = frames().some((frame) => /^f[0-9]{4} /.test(title(frame)));
            const block = frames().find((frame) => /narrow/.test(title(frame)));
            click(block);
            return { before, block: title(block), drawn: frames().length };
        """)
        self.assertFalse(seen["before"])
        self.assertIn("3,000", seen["block"])

    def test_search_counts_over_all_data_and_marks_hits(self):
        for pattern in ("parse", "^parse$", "^f0", "read|idle", "samples"):
            with self.subTest(pattern=pattern):
                seen = run_in_page(
                    f"const text = search({json.dumps(pattern)});"
                    "return { text, hits: document.querySelectorAll('.hit').length };"
                )
                share = matched_percent(pattern)
                self.assertIn(share, seen["text"])

    def test_a_bad_pattern_is_told(self):
        seen = run_in_page("return search('(');")
        self.assertIn("Not a pattern", seen)

    def test_names_are_text_not_markup(self):
        seen = run_in_page(
            "return { ran: !!window.evil, bold: document.querySelectorAll('.eprof b').length };",
            'app;</title></script><script>window.evil=1</script><b>"&amp; 7\n',
        )
        self.assertEqual(seen, {"ran": False, "bold": 0})


if __name__ == "__main__":
    if not CHROMIUM:
        print("skipped: chromium is not installed", file=sys.stderr)
        sys.exit(EXIT_SKIPPED)
    unittest.main()
