# SPDX-License-Identifier: Apache-2.0
"""--unwind: how user stacks are walked."""

from harness import main
from shapes import Chains, ShapeTest


class Ways(ShapeTest):
    def test_by_frame_pointers_only(self):
        result = self.record_all(
            ("with", "chain_frame_pointers"), ("without", "chain"), options=("--unwind=fp",)
        )
        # The C library has none: the chain ends where main() was called from.
        self.assert_chain(result, "with", "(.*;)?main;outer;middle;inner;bottom")
        # Without them, the register for it holds something else from the first frame on.
        self.assert_chain(result, "without", r"\[stack: frame pointers end\];bottom")

    def test_not_at_all(self):
        result = self.record_all(("system_call", "shape_stacks"), options=("--unwind=none",))
        folded = result.folded()
        self.assertEqual(Chains(folded).total, 0, folded.text())
        in_kernel = folded.count(lambda frames: frames[-1].endswith("_[k]"))
        self.assertGreater(in_kernel, 0.2 * folded.total)
        self.assertEqual(result.stats()["stop_reasons"]["no_user_stack"], folded.total)


if __name__ == "__main__":
    main()
