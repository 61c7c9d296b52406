#!/usr/bin/python3
"""Everything that `make test` checks, with one line at the end: `N passed, N failed, N skipped`.

  run.py STAGE...     stages: tidy generated unit sim fuzz scripts crash interop (default: all, in
                      order)

Each stage is a command of its own that a person can type too; its output is shown, its counts are
added up.  Nothing here decides what is right: cmocka, unittest and libFuzzer do.
"""
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
FUZZ_RUNS = os.environ.get("FUZZ_RUNS", "20000")
SIM_SEEDS = os.environ.get("SIM_SEEDS", "150")


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped


def shown(command, **options):
    """Runs a command, shows what it prints as it comes, returns (exit code, output)."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", **options)
    lines = []
    for line in process.stdout:
        lines.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
    return process.wait(), "".join(lines)


def single(counts, name, command):
    """A command that is one check."""
    code, _ = shown(command)
    print(f"{'ok  ' if code == 0 else 'FAIL'} {name}", flush=True)
    counts.add(passed=int(code == 0), failed=int(code != 0))


def tidy(counts):
    single(counts, "tidy", [PYTHON, "tools/tidy/tidy.py"])


def generated(counts):
    single(counts, "generated records are up to date", [PYTHON, "tools/gen/jute.py", "--check"])


def unit(counts):
    """Every *_test of the ASan+UBSan build; quiet unless something fails."""
    folder = os.path.join(ROOT, "build/asan/test")
    binaries = sorted(os.path.join(d, f) for d, _, files in os.walk(folder)
                      for f in files if f.endswith("_test"))
    for binary in binaries:
        started = time.monotonic()
        done = subprocess.run([binary], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace")
        passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", done.stdout))
        failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", done.stdout))
        skipped = sum(int(n) for n in re.findall(r"\[  SKIPPED \] (\d+) test", done.stdout))
        if done.returncode != 0 and failed == 0:
            failed = 1
        if passed + failed + skipped == 0:
            failed = 1          # a test that runs nothing proves nothing
        name = os.path.relpath(binary, folder)
        if failed:
            print(done.stdout)
        print(f"{'FAIL' if failed else 'ok  '} {name}: {passed} passed, {failed} failed "
              f"({time.monotonic() - started:.1f} s)", flush=True)
        counts.add(passed, failed, skipped)


def fuzz(counts):
    """A short run of every target from its corpus: catches what a change broke at once."""
    folder = os.path.join(ROOT, "build/fuzz/bin")
    if not os.path.isdir(folder):
        print("skip fuzz: no clang with libFuzzer (packages clang, libclang-rt-14-dev)")
        counts.add(skipped=1)
        return
    for name in sorted(os.listdir(folder)):
        corpus = os.path.join(ROOT, "tests/fuzz/corpus", name)
        found = os.path.join(ROOT, "build/fuzz/found", name)
        os.makedirs(found, exist_ok=True)
        command = [os.path.join(folder, name), f"-runs={FUZZ_RUNS}", "-seed=1", "-max_total_time=10",
                   "-verbosity=0", "-artifact_prefix=" + found + "/crash-", found]
        if os.path.isdir(corpus):
            command.append(corpus)
        single(counts, f"fuzz {name}", command)


def with_totals(counts, command):
    """A runner of ours that ends with the totals line."""
    code, output = shown(command)
    totals = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", output, re.M)
    if not totals:
        counts.add(failed=1)
        return
    passed, failed, skipped = (int(n or 0) for n in totals[-1])
    if code != 0 and failed == 0:
        failed = 1
    counts.add(passed, failed, skipped)


def sim(counts):
    """Whole ensembles from a fixed list of seeds; each run is a check."""
    code, output = shown(["build/asan/bin/sim", f"--seeds={SIM_SEEDS}", "--everything",
                          "--keep-going", "--quiet"])
    found = re.search(r"^runs (\d+) failures (\d+)", output, re.M)
    runs, failures = (int(n) for n in found.groups()) if found else (1, 1)
    if code != 0 and failures == 0:
        failures = 1
    counts.add(passed=max(runs - failures, 0), failed=failures)


def unittests(counts, folder):
    """Plain unittest folders."""
    if not os.path.isdir(os.path.join(ROOT, folder)):
        return
    code, output = shown([PYTHON, "-m", "unittest", "discover", "-v", "-s", folder])
    ran = sum(int(n) for n in re.findall(r"^Ran (\d+) tests?", output, re.M))
    bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output))
    skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", output))
    if code != 0 and bad == 0 or ran == 0:
        bad = 1
    counts.add(max(ran - bad - skipped, 0), bad, skipped)


def scripts(counts):
    unittests(counts, "tests/scripts")


def crash(counts):
    unittests(counts, "tests/crash")


def interop(counts):
    with_totals(counts, [PYTHON, "tests/interop/run.py", "-j", "2"])


STAGES = {s.__name__: s for s in (tidy, generated, unit, sim, fuzz, scripts, crash, interop)}


def main():
    names = sys.argv[1:] or list(STAGES)
    for name in names:
        if name not in STAGES:
            sys.exit(f"run.py: no stage {name}; there are: {' '.join(STAGES)}")
    total = Counts()
    for name in names:
        started = time.monotonic()
        print(f"==== {name}", flush=True)
        before = (total.passed, total.failed, total.skipped)
        STAGES[name](total)
        passed, failed, skipped = (a - b for a, b in
                                   zip((total.passed, total.failed, total.skipped), before))
        print(f"==== {name}: {passed} passed, {failed} failed, {skipped} skipped "
              f"in {time.monotonic() - started:.0f} s", flush=True)
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
