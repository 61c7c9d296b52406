#!/usr/bin/env python3
"""Measures Paddock against Apache ZooKeeper and the machine's limits, in one run: `make bench`.

    bench/run.py                  everything, about a quarter of an hour; writes docs/BENCHMARKS.md
    bench/run.py --quick          a look, about two minutes; writes nothing
    bench/run.py --only get-16x64 --only pause
    bench/run.py --list           the names of the rows

Rounds are interleaved: in each of them every server has its turn, so that a machine that changes
its mood changes it for all.  What stands in the table is the median; a ratio is the median of the
rounds' ratios.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import sys
import tempfile
import time

import contenders
import ensembles
import rows
import table

PAGE = contenders.ROOT / 'docs' / 'BENCHMARKS.md'
RESULTS = contenders.ROOT / 'build' / 'bench' / 'results.json'

GROUPS = {                      # row names -> what measures them
    ('start', 'idle'): rows.start_and_idle,
    ('fill', 'memory', 'memory-each', 'restart'): rows.million,
    ('pause',): rows.pauses,
    ('fanout',): rows.fanout,
    ('ens-failover', 'ens-failover-worst'): ensembles.failover,
    ('ens-hand-over',): ensembles.hand_over,
}


class Bench:
    """How long and how often, what runs, what has been measured."""

    def __init__(self, quick, folder):
        self.folder = folder
        self.rounds = 1 if quick else 3
        self.seconds = 0.5 if quick else 1.5
        self.warmup = 0.2 if quick else 0.4
        self.jvm_warmup_s = 2 if quick else 6
        self.pause_seconds = 3 if quick else 6
        self.znodes = 200_000 if quick else 1_000_000
        self.watchers = 2000 if quick else 10_000
        self.failovers = 3 if quick else 20
        self.rows = []
        self.running = []
        self.seed = int(time.time()) % 1_000_000_000
        self.begin = time.monotonic()

    def next_seed(self):
        """New znodes carry the seed in their names: never the same twice."""
        self.seed += 1
        return self.seed

    def keep(self, server):
        self.running.append(server)
        return server

    def start(self, server):
        return self.keep(server).start()

    def stop(self, server):
        server.close()
        self.running.remove(server)

    def step(self, text):
        print(f'\r{time.monotonic() - self.begin:5.0f} s  {text:<50}', end='', flush=True)

    def done(self, row):
        self.rows.append(row)
        line = '  '.join(cell for cell in table.cells(row)[1:] if cell)
        print(f'\r{time.monotonic() - self.begin:5.0f} s  {row.name:<16} {line}', flush=True)

    def close(self):
        for server in list(self.running):
            self.stop(server)


def all_names():
    return [name for names in GROUPS for name in names] + \
        [spec.name for spec in rows.LOADS + ensembles.LOADS]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('--quick', action='store_true', help='one short round of everything')
    parser.add_argument('--only', action='append', metavar='ROW', choices=all_names(),
                        help='only this row (may be repeated)')
    parser.add_argument('--rounds', type=int, help='how many rounds')
    parser.add_argument('--seconds', type=float, help='of each throughput measurement')
    parser.add_argument('--list', action='store_true', help='the names of the rows')
    parser.add_argument('--folder', default=str(contenders.ROOT / 'build' / 'bench'),
                        help='where the servers keep their data (default: build/bench)')
    return parser.parse_args()


def missing():
    """Why this cannot run here, or None."""
    for name in ('paddock-load', 'bench-echo'):
        if not (contenders.BIN / name).exists():
            return f'build/bin/{name} is not built: make bench-bins'
    for kind in (contenders.Paddock, contenders.Apache):
        why = contenders.servers.missing(kind)
        if why:
            return why
    return None


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def machine():
    model = 'unknown processor'
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            model = line.split(':', 1)[1].strip()
    memory = int(pathlib.Path('/proc/meminfo').read_text().split()[1]) / 2**20
    return (f'{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, '
            f'Linux {platform.release().split("-")[0]}, {distribution()}')


def distribution():
    for line in pathlib.Path('/etc/os-release').read_text().splitlines():
        if line.startswith('PRETTY_NAME='):
            return line.split('=', 1)[1].strip('"')
    return 'unknown distribution'


def write(bench, command):
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(
        [{'name': r.name, 'unit': r.unit, 'figures': r.figures, 'cpu_us': r.cpu_us, 'note': r.note}
         for r in bench.rows], indent=1))
    text = (f'{datetime.date.today().isoformat()}, `{command}`, {bench.rounds} rounds, medians.  '
            f'Machine: {machine()}.\n\n{table.markdown(bench.rows)}')
    PAGE.write_text(table.replace(PAGE.read_text(), text))
    print(f'\nwritten: {PAGE.relative_to(contenders.ROOT)}, '
          f'{RESULTS.relative_to(contenders.ROOT)}')


def measure(bench, only):
    for names, function in GROUPS.items():
        if only is None or any(name in only for name in names):
            function(bench)
    chosen = [spec for spec in rows.LOADS if only is None or spec.name in only]
    if chosen:
        rows.throughput(bench, chosen)
    chosen = [spec for spec in ensembles.LOADS if only is None or spec.name in only]
    if chosen:
        ensembles.throughput(bench, chosen)


def main():
    options = parse()
    if options.list:
        print('\n'.join(all_names()))
        return 0
    why = missing()
    if why:
        print(f'bench: {why}', file=sys.stderr)
        return 1
    pathlib.Path(options.folder).mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = tempfile.mkdtemp(prefix='run-', dir=options.folder)
    bench = Bench(options.quick, tempfile.tempdir)
    bench.watchers = min(bench.watchers, raise_file_limit() - 200)
    bench.rounds = options.rounds or bench.rounds
    bench.seconds = options.seconds or bench.seconds
    print(machine())
    try:
        measure(bench, options.only)
    finally:
        bench.close()
        shutil.rmtree(tempfile.tempdir, ignore_errors=True)
    print('\n' + table.terminal(bench.rows))
    if not options.quick and not options.only:
        write(bench, 'make bench')
    return 0


if __name__ == '__main__':
    sys.exit(main())
