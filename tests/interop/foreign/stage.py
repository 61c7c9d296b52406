"""Where a foreign client's test program performs: servers, a flaky wire, a remote control.

A program gets five arguments: the address of a server with every feature on, the address
of the wire to it, the address of the control port (flaky_wire.py lists its commands), the
address of a second server with default switches, and the era: `3.8` for Apache 3.8.0,
`3.9` for a server that behaves as 3.9 and later.  It prints a line per check:

    group NAME
    ok GROUP: CHECK
    not ok GROUP: CHECK: REASON
    end NAME

Lines that start with `#` are remarks.  The names of the checks are read from the program's
source too, so that a check that never ran is a failure and not a shorter list.
"""
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time
import unittest

import flaky_wire
from lib import servers

HERE = pathlib.Path(__file__).resolve().parent
BUILD = servers.ROOT / 'build' / 'interop'

# Small ticks: sessions of a second expire after a second.
RICH = {
    'tickTime': 250, 'minSessionTimeout': 500, 'maxSessionTimeout': 30000,
    'maxClientCnxns': 0, 'extendedTypesEnabled': 'true', 'enforceQuota': 'true',
}
RICH_PROPERTIES = {'znode.container.checkIntervalMs': 300}
PLAIN = {'tickTime': 250, 'maxClientCnxns': 0, 'reconfigEnabled': 'true'}


class Stage:
    """The surroundings of one program.  Start and use it on the main thread: a server dies
    with the thread that started it, so `run` restarts servers on the caller's thread."""

    def __init__(self):
        kind = servers.server_class()
        self.rich = kind(config=RICH, properties=RICH_PROPERTIES)
        self.plain = kind(config=PLAIN)
        self.era = '3.8' if self.rich.kind == 'apache' else '3.9'
        self.wire = self.control = None
        self._jobs = queue.Queue()

    def start(self):
        self.rich.spawn()
        self.plain.spawn()
        self.rich.wait_ready()
        self.plain.wait_ready()
        self.wire = flaky_wire.Wire(self.rich.port)
        self.control = flaky_wire.Control(self._ask)

    def close(self):
        for part in (self.control, self.wire, self.rich, self.plain):
            if part is not None:
                part.close()

    def arguments(self):
        return [self.rich.hosts, f'127.0.0.1:{self.wire.port}',
                f'127.0.0.1:{self.control.port}', self.plain.hosts, self.era]

    def bounce(self):
        port = self.rich.port
        self.rich.kill()
        self.rich.config['clientPort'] = port
        self.rich.spawn()
        self.rich.port = port
        self.rich.wait_ready()

    def run(self, argv, timeout_s=240, cwd=None):
        """Runs the program to its end, carrying out its commands.  Returns (code, text)."""
        program = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors='replace',
                                   cwd=cwd, start_new_session=True)
        text = []

        def read():
            text.append(program.stdout.read())
            self._jobs.put(None)

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                job = self._jobs.get(timeout=max(0.0, deadline - time.monotonic()))
                if job is None:
                    break
                word, answers = job
                answers.put(self._carry_out(word))
            return program.wait(), text[0]
        except queue.Empty:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            self._jobs.get()
            return 'killed: not done within %d s' % timeout_s, text[0]
        finally:
            self.wire.heal()
            self.wire.thaw()

    def _ask(self, word):
        """On a thread of the control port: has the main thread carry the command out."""
        answers = queue.Queue()
        self._jobs.put((word, answers))
        return answers.get()

    def _carry_out(self, word):
        commands = {'cut': self.wire.cut, 'heal': self.wire.heal, 'drop': self.wire.drop,
                    'freeze': self.wire.freeze, 'thaw': self.wire.thaw, 'hold': self.wire.hold,
                    'bounce': self.bounce}
        try:
            commands[word]()
        except Exception as failure:        # the program that asked reports it
            return 'error %r' % failure
        return 'ok'


class StageCase(unittest.TestCase):
    """A stage for the tests of a class."""

    @classmethod
    def setUpClass(cls):
        why = servers.missing(servers.server_class())
        if why:
            raise unittest.SkipTest(why)
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.stage.start()


class ProgramCase(unittest.TestCase):
    """A test method for each check of a program; the program runs once for all of them.

    A subclass is decorated with `checks_in` and says in `argv` how to start its program.
    """

    # What the program prints when the client library in it dies of a fault of its own, which
    # no server can help: it is run again then.
    own_fault = None

    @classmethod
    def argv(cls):
        """The command line before the five arguments; raises SkipTest where it cannot run."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        why = servers.missing(servers.server_class())
        if why:
            raise unittest.SkipTest(why)
        argv = cls.argv()
        for _ in range(3):
            stage = Stage()
            cls.addClassCleanup(stage.close)
            stage.start()
            cls.code, cls.text = stage.run(argv + stage.arguments())
            cls.server_log = stage.rich.log_tail()
            stage.close()
            if not (cls.own_fault and re.search(cls.own_fault, cls.text)):
                break
        cls.passed, cls.failed, cls.open_groups = read_output(cls.text)

    def judge(self, name):
        if name in self.failed:
            self.fail(self.failed[name])
        if name not in self.passed:
            self.fail('it did not run: see test_the_program_runs_to_its_end')

    def tail(self):
        lines = [x for x in self.text.splitlines() if not x.startswith(('ok ', 'SLF4J'))]
        return '\n'.join(lines[-40:]) + '\n--- the server:\n' + self.server_log

    def test_the_program_runs_to_its_end(self):
        unknown = (set(self.passed) | set(self.failed)) - set(self.names)
        self.assertEqual(unknown, set(), 'checks that the source does not name')
        self.assertEqual(self.open_groups, [], self.tail())
        self.assertIn(self.code, (0, 1), self.tail())
        self.assertEqual(self.code == 1, bool(self.failed), self.tail())


def checks_in(*patterns, call=r"""check\(\s*(["'])(.+?)\1"""):
    """Decorator: a test for each check that the source files name."""
    names = []
    for pattern in patterns:
        for path in sorted(HERE.glob(pattern)):
            names += [name for _, name in re.findall(call, path.read_text())]

    def decorate(case):
        assert names and len(set(names)) == len(names), 'the names of checks are unique'
        case.names = names
        for name in names:
            method = 'test_' + re.sub(r'\W+', '_', name)
            assert not hasattr(case, method), method
            setattr(case, method, lambda self, name=name: self.judge(name))
        return case

    return decorate


def read_output(text):
    """Splits a program's output: passed names, failed names with reasons, unended groups."""
    passed, failed, groups = [], {}, []
    for line in text.splitlines():
        word, _, rest = line.partition(' ')
        if word == 'group':
            groups.append(rest)
        elif word == 'end' and rest in groups:
            groups.remove(rest)
        elif word == 'ok':
            passed.append(rest.split(': ', 1)[1])
        elif line.startswith('not ok '):
            parts = line[len('not ok '):].split(': ', 2)
            failed[parts[1]] = parts[2] if len(parts) > 2 else 'no reason given'
    return passed, failed, groups


def need_files(package, *paths):
    """Skips the test, naming the Debian package, where a file is missing."""
    for path in paths:
        if not os.path.exists(path):
            raise unittest.SkipTest(f'{path} is missing: apt-get install {package}')
