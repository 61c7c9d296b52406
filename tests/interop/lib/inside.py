"""Runs test cases in namespaces of their own: no root is needed where users may have them.

A suite's `test_*.py` mirrors the cases of a module beside it, whose name does not begin
with test_.  Each test gets a process and, in it, a network and mounts that end with it.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from . import servers

INSIDE = ['unshare', '-Urnm']
TIMEOUT_S = 115         # less than run.py grants a test: its own message tells more

# What every test here needs; the first command that fails is the reason to skip.
NEEDS = [
    ('mounts', 'mount -t tmpfs tmpfs /run'),
    ('network namespaces (iproute2)', 'ip netns add probe'),
    ('virtual cables', 'ip link add veth0 type veth peer name eth0 netns probe'),
    ('routing rules', 'ip rule add from 192.0.2.1 to 192.0.2.2 blackhole'),
    ('forwarding', 'echo 1 > /proc/sys/net/ipv4/ip_forward'),
]


def missing():
    """What this machine does not let us have, or None."""
    script = '\n'.join(f'{command} || {{ echo "no {what}"; exit 1; }}' for what, command in NEEDS)
    try:
        done = subprocess.run(INSIDE + ['sh', '-c', script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    except OSError as e:
        return f'unshare: {e}'
    return None if done.returncode == 0 else f'no namespaces: {" ".join(done.stdout.split())}'


def runs_inside(module, case, name):
    def test(self):
        folder = pathlib.Path(sys.modules[module].__file__).parent
        # A folder from outside: what is mounted in there cannot be removed inside.
        with (tempfile.TemporaryFile('w+', errors='replace') as out,
              tempfile.TemporaryDirectory(prefix='interop-inside-') as temporary):
            child = subprocess.Popen(
                INSIDE + [sys.executable, '-c', _MAIN, module, f'{case}.{name}'], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, 'TMPDIR': temporary}, preexec_fn=servers.die_with_parent)
            try:
                code = child.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                code = f'not done after {TIMEOUT_S} s'
            out.seek(0)
            text = out.read()
        skipped = [x for x in text.splitlines() if x.startswith('skipped: ')]
        if skipped:
            self.skipTest(skipped[0][len('skipped: '):])
        for line in text.splitlines():
            if line.startswith('note: '):
                print(line, flush=True)
        if code != 0:
            self.fail(f'{code}\n{text}')
    return test


def mirror(namespace, module, why_not):
    """Puts a case with the same tests into `namespace` for every case of `module`."""
    for case_name, case in list(vars(sys.modules[module]).items()):
        if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
            continue
        names = unittest.defaultTestLoader.getTestCaseNames(case)
        if case.__module__ != module or not names:
            continue
        tests = {name: runs_inside(module, case_name, name) for name in names}
        made = type(case_name, (unittest.TestCase,), {**tests, '__module__': namespace['__name__']})
        namespace[case_name] = unittest.skipIf(why_not, why_not or '')(made)


# Root of its namespaces, on the way to the one test.  The kernel forgets at unshare what
# was asked for a parent's death, so it is asked again.
_MAIN = '''
import pathlib, sys, unittest, faulthandler
sys.path[:0] = [".", ".."]
from lib import servers
servers.die_with_parent()
faulthandler.dump_traceback_later(%d, exit=True)
module, name = sys.argv[1:]
result = unittest.TextTestRunner(stream=sys.stderr, verbosity=0).run(
    unittest.defaultTestLoader.loadTestsFromName(name, __import__(module)))
for _, reason in result.skipped:
    print(f"skipped: {reason}")
sys.exit(0 if result.wasSuccessful() and result.testsRun == 1 else 1)
''' % (TIMEOUT_S - 5)
