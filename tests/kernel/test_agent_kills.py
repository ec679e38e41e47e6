# SPDX-License-Identifier: Apache-2.0
"""`eprof agent` and its uploader, killed at any moment: what was in the spool arrives.

EPROF_SLOW=1: 100 kills instead of 20.
"""

import collections
import glob
import itertools
import os
import random
import signal
import sys
import threading
import time

from agent import Agent, read_item, read_uploads
from harness import CPUS, EprofTest, Program, ROOT, main, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests/upload"))
# pylint: disable=wrong-import-position
from sending import Receiver


class Watch:
    """What was in the queues of an agent, by target and name, looked at again and again."""

    def __init__(self, agent):
        self.agent = agent
        self.seen = {}
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        # How often is no matter of correctness: what is missed is not checked.
        while not self.is_over.wait(0.01):
            for path in glob.glob(self.agent.spool + "/queue/*/*"):
                key = tuple(path.split("/")[-2:])
                item = None if key in self.seen else read_item(path)
                if item:
                    self.seen[key] = item

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


class Kills(EprofTest):
    KILLS = 100 if os.environ.get("EPROF_SLOW") == "1" else 20
    LANES = 3
    # In which something happens: a window begins, is written, is sent.
    LIFE_SECONDS = 1.4
    ANSWER_SECONDS = 0.1

    def setUp(self):
        super().setUp()
        self.random = random.Random(7)
        self.got = collections.defaultdict(list)  # bodies by path
        self.receiver = Receiver(self, self.answer)
        self.failures = []
        self.figures = collections.Counter()

    def answer(self, request):
        whole = len(request["body"]) == int(request["headers"].get("content-length", -1))
        time.sleep(self.random.uniform(0, self.ANSWER_SECONDS))
        if whole:
            self.got[request["path"].lstrip("/")].append(request["body"])
        return 201, {}, b""

    def make_agent(self, lane):
        directory = f"{self.directory}/{lane}"
        os.makedirs(directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        words = ("--formats", "folded,svg,pprof", "--split", "comm", "--include",
                 "^(spin|python3|eprof|sleep)$", "--host", f"lane{lane}", "--upload",
                 self.receiver.url, "--formats", "folded,svg,pprof")
        return Agent(directory, *words)

    def live(self, lane, kills):
        """One agent, whose uploader is killed, or which is, or both."""
        with self.make_agent(lane) as agent:
            for victim in kills:
                time.sleep(self.random.uniform(0, self.LIFE_SECONDS))
                try:
                    pid = agent.process.pid if victim == "agent" else agent.uploader()
                except (AssertionError, OSError):
                    pid = agent.process.pid  # it is not started again yet
                os.kill(pid, signal.SIGKILL)
                self.figures["kills"] += 1
                self.figures["of agents"] += pid == agent.process.pid
                if pid == agent.process.pid:
                    break
            if agent.process.poll() is None and kills[-1] != "agent":
                agent.process.kill()
            agent.process.communicate()

    def run_lane(self, lane):
        try:
            agent = self.make_agent(lane)
            with Watch(agent) as watch:
                while self.figures["kills"] < self.KILLS:
                    self.live(lane, ("uploader", "agent"))
                with self.make_agent(lane) as agent:
                    wait_until(lambda: not agent.queued(), "all is sent", agent.process)
                    code = agent.end()
            self.check_lane(lane, agent, watch, code)
        except BaseException as error:  # pylint: disable=broad-except
            self.failures.append(error)

    def check_lane(self, lane, agent, watch, code):
        self.assertEqual(code, 0, agent.messages)
        self.assertEqual(glob.glob(agent.spool + "/*/*/*"), [])
        uploads = read_uploads(agent)
        bodies = {p: set(all_of) for p, all_of in self.got.items() if f"/lane{lane}-" in p}
        for path in set(uploads) & set(bodies):
            self.assertEqual(bodies[path], {uploads[path]}, path)
        self.assertEqual([p for p, each in bodies.items() if len(each) != 1], [])
        # Who is killed while a file is linked into the queues has not said yet that it is there.
        self.assertLessEqual(len(set(uploads) ^ set(bodies)), self.KILLS)
        self.check_seen(watch, set(uploads.values()), set.union(*bodies.values()))
        names = {name for _, name in watch.seen}
        self.assertGreater(len(names), 0)
        self.figures["files"] += len(uploads)
        self.figures["seen in a queue"] += len(names)

    def check_seen(self, watch, *stores):
        """What was in a queue is with its target."""
        seen = collections.defaultdict(set)
        for item in watch.seen.values():
            self.assertEqual(int(item.head["size"]), len(item.content), item.name)
            seen[item.target].add(item.content)
        self.assertEqual(len(seen), len(stores))
        # Which queue is whose, only its name's hash says.
        ways = itertools.permutations(stores)
        missing = [sum(len(a - b) for a, b in zip(seen.values(), way)) for way in ways]
        self.assertEqual(min(missing), 0, missing)

    def test_what_was_acknowledged_arrives_once_whoever_is_killed(self):
        lanes = [threading.Thread(target=self.run_lane, args=(n,)) for n in range(self.LANES)]
        with Program("spin", cpu=CPUS[0]):
            for lane in lanes:
                lane.start()
            for lane in lanes:
                lane.join()
        if self.failures:
            raise self.failures[0]
        self.figures["requests"] = sum(len(bodies) for bodies in self.got.values())
        print(dict(self.figures), file=sys.stderr)
        self.assertGreaterEqual(self.figures["kills"], self.KILLS)


if __name__ == "__main__":
    main()
