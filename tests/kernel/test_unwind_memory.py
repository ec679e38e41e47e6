# SPDX-License-Identifier: Apache-2.0
"""--unwind-memory: more binaries than there is room for, and no others than the tests' own."""

import mmap
import os
import re
import signal

from harness import Program, main
from shapes import CHAIN, CPU_SECONDS, HZ, ShapeTest, copies_of


class Memory(ShapeTest):
    def map_libraries(self):
        """So many copies of the C library, one by one, that their tables do not fit in 8 MiB."""
        with open("/proc/self/maps", encoding="utf-8") as file:
            libc = next(line.split()[-1] for line in file if re.search(r"/libc[-.][^/]*$", line))
        for path in copies_of(libc, self.directory, 64):
            with open(path, "rb") as file:
                yield mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC)
            os.unlink(path)

    def test_tables_in_use_stay_whatever_else_is_mapped(self):
        with Program("chain", "chain") as program:
            eprof = self.start("-a", "-F", HZ, "--unwind-memory=8")
            eprof.wait_recording()
            program.write_line()
            program.wait_cpu(CPU_SECONDS)
            for mapped in self.map_libraries():
                program.wait_cpu(0.01)
                mapped.close()
            program.wait_cpu(CPU_SECONDS)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        unwind = result.stats()["unwind"]
        # What nobody runs is built where there is room, and waits where there is none.
        self.assertGreater(unwind["files"], unwind["tables_built"], unwind)
        self.assertLessEqual(unwind["kernel_bytes"], 8 << 20, unwind)
        self.assert_chain(result, "chain", CHAIN, least=0.9)

    def test_processes_that_are_followed_need_no_more_than_there_may_be(self):
        shapes = (("chain", "chain"), ("static", "chain_static"), ("jit", "shape_stacks"))
        result = self.record_all(*shapes, options=("--unwind-memory=1",))
        self.assert_chain(result, "chain", CHAIN)
        self.assert_chain(result, "static", CHAIN)
        self.assert_complete(result)
        self.assertLessEqual(result.stats()["unwind"]["kernel_bytes"], 1 << 20)


if __name__ == "__main__":
    main(needs_own_pids=True)
