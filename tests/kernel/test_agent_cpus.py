# SPDX-License-Identifier: Apache-2.0
"""`eprof agent` when a CPU goes away: nothing else can be tested meanwhile."""

import test_off_cpu_edges as edges
from agent import Agent
from harness import EprofTest, Program, main


class Cpus(EprofTest):
    find_cpu = edges.Cpus.find_cpu

    def test_one_may_go_and_come_back(self):
        cpu = self.find_cpu()
        with Agent(self.directory, "--split", "comm", "--formats", "folded") as agent:
            agent.wait_windows(1)
            try:
                with edges.cpu_offline(cpu):
                    agent.wait_windows(2)
            except OSError as error:
                self.skipTest(f"CPU {cpu} stays online: {error}")
            agent.wait_windows(2)
            # It can run nowhere else.
            with Program("shares", 60, cpu=cpu):
                agent.wait_windows(2)
                status = agent.status()
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual(status["windows_failed"], 0)
        self.assertGreater(sum(folded.total for folded in agent.folded("shares")), 0)
        self.assertIn("other CPUs are online", agent.messages)


if __name__ == "__main__":
    main()
