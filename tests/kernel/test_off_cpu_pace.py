# SPDX-License-Identifier: Apache-2.0
"""Threads that switch faster than stacks are to be taken: some intervals stand for the others.

off_cpu_pace waits now in one function, now in another one, three times as long: what is seen of
each must not depend on --max-events.
"""

from harness import main, program_path
from off_cpu import (
    NS_PER_US,
    OffCpuTest,
    is_incomplete,
    off_ns,
    parse_clocks,
    stolen_ns,
    stolen_since,
)

PACE = program_path("off_cpu_pace")
SHORT_US, LONG_US = 20, 60
BETWEEN_US = 40  # longer than the short waits, shorter than the long ones
REST_MS = 4
SECONDS = 2
SAMPLED, ALL = ("--max-events", 1000), ("--max-events", 0)
SHARES_ALIKE = 0.1
SUMS_ALIKE = 0.01
NOT_TAKEN = "[stack: not taken, too many switches]"


class PaceTest(OffCpuTest):
    def record_pace(self, *options, rest=0):
        stolen = stolen_ns()
        command = (PACE, SHORT_US, LONG_US, rest, SECONDS)
        options = ("--off-cpu", "--per-thread", *options, "-d", 60)
        recording = self.record_off(*options, "--", *command)
        self.stolen = stolen_since(stolen)
        lines = recording.result.stdout.splitlines()
        rows = (line.split() for line in lines)
        self.waited = {row[1]: int(row[2]) for row in rows if row[0] == "waited"}
        self.lives = {clocks.name: clocks for clocks in parse_clocks("\n".join(lines))}
        self.assertEqual(set(self.lives), {"asker", "spinner"}, lines)
        return recording

    def assert_ledgers(self, recording):
        """They are exact, whatever is sampled."""
        for name, clocks in self.lives.items():
            row = recording.thread(clocks.tid)
            with self.subTest(thread=name):
                self.assert_life(row, clocks, self.stolen)
                self.assert_intervals(row, clocks)

    def assert_pictures(self, recording):
        """Nothing is hidden: what is in the picture of a thread is all of its time."""
        for name, clocks in self.lives.items():
            row = recording.thread(clocks.tid)
            shown = self.seen_ns(recording, name)
            self.assert_near(shown, off_ns(row), SUMS_ALIKE, 0, f"{name} in the picture")

    def seen_ns(self, recording, name, *functions):
        """Of one thread: in stacks with one of these functions, or in all."""
        stacks = recording.stacks_of(self.lives[name].tid)
        return NS_PER_US * sum(
            us for frames, us in stacks if not functions or set(functions) & set(frames)
        )

    def long_share(self, recording):
        long = self.seen_ns(recording, "asker", "wait_long")
        return long / self.seen_ns(recording, "asker", "wait_long", "wait_short")

    def assert_sampled(self, recording):
        off = recording.stats["off_cpu"]
        self.assertGreater(off["sampled_intervals"], 100, off)
        self.assertGreater(off["not_sampled_intervals"], 4 * off["sampled_intervals"], off)


class Pace(PaceTest):
    def test_shares_are_the_same_with_and_without_samples(self):
        shares = {}
        for options in (ALL, SAMPLED):
            recording = self.record_pace(*options)
            self.assert_ledgers(recording)
            self.assert_pictures(recording)
            long, short = self.waited["wait_long"], self.waited["wait_short"]
            shares[options] = self.long_share(recording)
            text = f"{options}: {recording.folded.text()}"
            self.assert_alike(shares[options], long / (long + short), text)
        self.assert_alike(shares[SAMPLED], shares[ALL], str(shares))

    def assert_alike(self, share, expected, text):
        """Of the long waits; the share of the others is as far off, and smaller."""
        self.assertLessEqual(abs(share - expected), SHARES_ALIKE * expected, text)

    def test_that_short_intervals_are_sampled_is_counted_and_told(self):
        recording = self.record_pace(*SAMPLED)
        self.assert_sampled(recording)
        self.assertIn("--max-events", recording.result.stderr)
        recording = self.record_pace(*ALL)
        off = recording.stats["off_cpu"]
        self.assertEqual((off["sampled_intervals"], off["not_sampled_intervals"]), (0, 0))
        self.assertNotIn("--max-events", recording.result.stderr)

    def test_stacks_of_short_intervals_are_taken_or_stood_for(self):
        recording = self.record_pace(*SAMPLED)
        stacks = recording.stacks_of(self.lives["asker"].tid)
        broken = sum(us for frames, us in stacks if is_incomplete(frames))
        # When somebody else has the CPU meanwhile, what was to be short is not.
        self.assertLess(broken, 0.05 * sum(us for _, us in stacks), recording.folded.text())


class LongAmongShort(PaceTest):
    def test_a_long_wait_that_follows_short_ones_is_shown_whole_with_or_without_its_stack(self):
        recording = self.record_pace(*SAMPLED, rest=REST_MS)
        self.assert_sampled(recording)
        self.assert_ledgers(recording)
        self.assert_pictures(recording)
        rested = self.seen_ns(recording, "asker", "wait_rest")
        without = self.seen_ns(recording, "asker", NOT_TAKEN)
        share = without / (rested + without)
        print(f"{share:.0%} of the long waits are without a stack", flush=True)
        # And some that were to be short, when somebody else had the CPU meanwhile.
        self.assertGreaterEqual(rested + without, 0.97 * self.waited["wait_rest"])

    def test_without_a_limit_it_has_its_stack(self):
        recording = self.record_pace(*ALL, rest=REST_MS)
        self.assert_ledgers(recording)
        rested = self.seen_ns(recording, "asker", "wait_rest")
        self.assert_near(rested, self.waited["wait_rest"], 0.02, 0, "rest")
        self.assertEqual(self.seen_ns(recording, "asker", NOT_TAKEN), 0)


class Hidden(PaceTest):
    def assert_hidden(self, recording):
        off = recording.stats["off_cpu"]
        total = NS_PER_US * recording.folded.total + off["hidden_ns"]
        expected = sum(off_ns(row) for row in recording.rows())
        self.assert_near(total, expected, SUMS_ALIKE, 0, "shown and hidden")

    def test_intervals_too_short_to_be_shown_are_stood_for_by_such_that_are_not(self):
        recording = self.record_pace(*SAMPLED, "--min-block", BETWEEN_US)
        self.assert_sampled(recording)
        self.assert_ledgers(recording)
        self.assert_hidden(recording)
        total = self.seen_ns(recording, "asker")
        self.assertLess(self.seen_ns(recording, "asker", "wait_short"), 0.1 * total)
        expected = self.waited["wait_long"]
        self.assert_near(self.seen_ns(recording, "asker", "wait_long"), expected, 0.1, 0, "long")

    def test_long_waits_among_hidden_ones_have_their_stacks_or_say_that_they_have_none(self):
        recording = self.record_pace(*SAMPLED, "--min-block", 1000, rest=REST_MS)
        self.assert_ledgers(recording)
        self.assert_hidden(recording)
        rested = self.waited["wait_rest"]
        others = self.seen_ns(recording, "asker", "wait_short", "wait_long")
        # When somebody else had the CPU meanwhile: without the limit it would be most of the time.
        self.assertLess(others, 0.3 * rested, recording.folded.text())
        shown = self.seen_ns(recording, "asker")
        self.assert_near(shown - others, rested, 0.1, 0, "rest")


if __name__ == "__main__":
    main()
