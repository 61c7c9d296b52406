#!/usr/bin/python3
"""Runs the black-box suites: run.py [-j N] [-k WORD] [SUITE...]

A suite is a folder beside this file that holds test_*.py; without names, all run.  Each
suite has a process of its own; with -j N up to N suites run side by side.  Every test
prints a line; the last line of the output is `N passed, N failed, N skipped`, and the
exit code is 1 when something failed, 2 for a usage error.

Environment: PADDOCKD (the binary, default build/bin/paddockd), INTEROP_SERVER=apache (run
the suites that can against Debian's ZooKeeper 3.8.0 instead).
"""

import argparse
import faulthandler
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
HANG_S = 120        # a test that takes so long ends its suite with a traceback of all threads


def suites():
    """{name: folder}; the name is that of the folder, which may lie inside another suite's."""
    folders = sorted({p.parent for p in HERE.glob('**/test_*.py')})
    return {folder.name: folder for folder in folders}


class LineResult(unittest.TestResult):
    """One line per test as it ends; details of failures at once below it."""

    def __init__(self, suite):
        super().__init__()
        self.suite = suite
        self.passed = 0
        self.started = {}
        self.broken = set()             # tests with failed subtests

    def startTest(self, test):
        super().startTest(test)
        self.started[test] = time.monotonic()
        faulthandler.dump_traceback_later(HANG_S, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()

    def _line(self, word, test, more=''):
        took = time.monotonic() - self.started.get(test, time.monotonic())
        name = test.id().split('.', 1)[-1] if '.' in test.id() else str(test)
        print(f'{self.suite}: {word:4} {name} ({took:.2f} s){more}', flush=True)

    def _bad(self, test, err, title=None):
        self._line('FAIL', test, f' {title}' if title else '')
        print(self._exc_info_to_string(err, test), flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._line('ok', test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.broken.add(test)
            self._bad(test, err, subtest._subDescription())

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line('skip', test, f': {reason}')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._line('FAIL', test, ' unexpected success')

    def counts(self):
        # A test with several failed subtests is one failed test.
        failed = {t.id() for t, _ in self.failures + self.errors if not _is_subtest(t)}
        failed |= {t.id() for t in self.broken}
        return {'passed': self.passed, 'skipped': len(self.skipped),
                'failed': len(failed) + len(self.unexpectedSuccesses)}


def _is_subtest(test):
    return hasattr(test, 'test_case')


def load(suite, word):
    """The suite's tests; modules get unique names so that suites may use the same ones."""
    sys.path.append(str(HERE))          # last: a folder here is named like a package
    folder = suites()[suite]
    sys.path.insert(1, str(folder))
    loader = unittest.TestLoader()
    if word:
        loader.testNamePatterns = [word if '*' in word else f'*{word}*']
    tests = unittest.TestSuite()
    for path in sorted(folder.glob('test_*.py')):
        spec = importlib.util.spec_from_file_location(f'{suite}_{path.stem}', path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        tests.addTests(loader.loadTestsFromModule(module))
    return tests


def run_here(suite, word, report):
    result = LineResult(suite)
    load(suite, word).run(result)
    pathlib.Path(report).write_text(json.dumps(result.counts()))
    return 1 if result.counts()['failed'] else 0


def run_apart(suite, args, folder, together):
    """Runs a suite in a child; returns its counts.  Output is held back when not alone."""
    report = pathlib.Path(folder) / suite
    line = [sys.executable, str(HERE / 'run.py'), '--one', suite, '--report', str(report)]
    if args.k:
        line += ['-k', args.k]
    out = subprocess.PIPE if together else None
    child = subprocess.run(line, stdout=out, stderr=subprocess.STDOUT if together else None,
                           text=True, check=False)
    if together:
        sys.stdout.write(child.stdout)
        sys.stdout.flush()
    if report.exists():
        return json.loads(report.read_text())
    print(f'{suite}: FAIL the suite ended with {child.returncode} without a report')
    return {'passed': 0, 'failed': 1, 'skipped': 0}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('suites', nargs='*')
    parser.add_argument('-j', type=int, default=1)
    parser.add_argument('-k', default='')
    parser.add_argument('--one', help=argparse.SUPPRESS)
    parser.add_argument('--report', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return run_here(args.one, args.k, args.report)
    unknown = [s for s in args.suites if s not in suites()]
    if unknown:
        parser.error(f'no suite {", ".join(unknown)}; there are: {", ".join(suites())}')
    chosen = args.suites or list(suites())
    binary = pathlib.Path(os.environ.get('PADDOCKD') or HERE.parents[1] / 'build/bin/paddockd')
    if os.environ.get('INTEROP_SERVER') != 'apache' and not os.access(binary, os.X_OK):
        print(f'{binary} cannot be run: build it first, or name another with PADDOCKD')
        print('0 passed, 1 failed, 0 skipped')
        return 1
    total = {'passed': 0, 'failed': 0, 'skipped': 0}
    lock = threading.Lock()
    queue = list(chosen)

    def worker(folder):
        while True:
            with lock:
                if not queue:
                    return
                suite = queue.pop(0)
            counts = run_apart(suite, args, folder, args.j > 1)
            with lock:
                for key in total:
                    total[key] += counts[key]

    with tempfile.TemporaryDirectory(prefix='interop-run-') as folder:
        threads = [threading.Thread(target=worker, args=(folder,)) for _ in range(max(1, args.j))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(**total))
    return 1 if total['failed'] else 0


if __name__ == '__main__':
    sys.exit(main())
