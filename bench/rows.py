"""What is measured: one row each, and what it is to reach."""

import dataclasses
import pathlib
import statistics
import time

import contenders
import load

KEYS = 100_000
SIZE = 100
PAUSE_RATE = 10_000
PREFIX = '/bench'


@dataclasses.dataclass
class Target:
    """What Paddock's figure is to reach: `at least` or `at most` limit, as the issue says it."""

    limit: float
    unit: str               # 'x Apache', '% of echo', ...
    at_least: bool = True

    def text(self):
        return f'{"≥" if self.at_least else "≤"} {self.limit:g}{self.unit}'

    def reached(self, value):
        return value >= self.limit if self.at_least else value <= self.limit


@dataclasses.dataclass
class Row:
    """One measured row: figures by contender, and what the target is about."""

    name: str
    title: str
    unit: str
    figures: dict = dataclasses.field(default_factory=dict)      # contender -> list by round
    cpu_us: dict = dataclasses.field(default_factory=dict)       # contender -> list, per request
    target: Target = None
    against: str = None     # contender that the target is a ratio to; None: the plain figure
    note: str = ''
    higher_is_better: bool = True

    def add(self, kind, figure, cpu_us=None):
        self.figures.setdefault(kind, []).append(figure)
        if cpu_us is not None:
            self.cpu_us.setdefault(kind, []).append(cpu_us)

    def median(self, kind):
        return statistics.median(self.figures[kind]) if self.figures.get(kind) else None

    def cpu(self, kind):
        return statistics.median(self.cpu_us[kind]) if self.cpu_us.get(kind) else None

    def ratio(self, kind):
        """Median over the rounds of Paddock's figure to that of `kind` in the same round."""
        pairs = list(zip(self.figures.get('paddock', []), self.figures.get(kind, [])))
        pairs = [(a, b) for a, b in pairs if a and b]
        if not pairs:
            return None
        return statistics.median(a / b if self.higher_is_better else b / a for a, b in pairs)

    def judged(self):
        """The figure that the target is about, or None."""
        if self.target is None:
            return None
        if self.against is None:
            return self.median('paddock')
        ratio = self.ratio(self.against)
        if ratio is None:
            return None
        return ratio * 100 if '%' in self.target.unit else ratio


# -- throughput ----------------------------------------------------------------------------

@dataclasses.dataclass
class Load:
    name: str
    title: str
    conns: int
    depth: int
    mix: str
    keys: int = KEYS
    target: Target = None
    against: str = None

    @property
    def limit(self):
        return 'echo' if self.mix == 'get' else 'echo+log'


def of_apache(times):
    return dict(target=Target(times, '× Apache'), against='apache')


def of_echo(percent):
    return dict(target=Target(percent, ' % of echo'), against='echo')


def of_log(percent):
    return dict(target=Target(percent, ' % of echo+log'), against='echo+log')


LOADS = [
    Load('get-1x1', 'get, 1 connection, one at a time', 1, 1, 'get'),
    Load('get-16x1', 'get, 16 connections, one at a time', 16, 1, 'get'),
    Load('get-100x1', 'get, 100 connections, one at a time', 100, 1, 'get', **of_echo(90)),
    Load('get-1x64', 'get, 1 connection, 64 deep', 1, 64, 'get'),
    Load('get-16x64', 'get, 16 connections, 64 deep', 16, 64, 'get', **of_apache(15)),
    Load('get-16x64-one', 'the same on a single key', 16, 64, 'get', keys=1, **of_apache(15)),
    Load('get-100x64', 'get, 100 connections, 64 deep', 100, 64, 'get'),
    Load('set-1x1', 'set, 1 connection, one at a time', 1, 1, 'set', **of_log(70)),
    Load('set-16x1', 'set, 16 connections, one at a time', 16, 1, 'set', **of_log(80)),
    Load('set-100x1', 'set, 100 connections, one at a time', 100, 1, 'set', **of_log(80)),
    Load('set-1x64', 'set, 1 connection, 64 deep', 1, 64, 'set'),
    Load('set-16x64', 'set, 16 connections, 64 deep', 16, 64, 'set', **of_apache(10)),
    Load('set-16x64-one', 'the same on a single key', 16, 64, 'set', keys=1, **of_apache(10)),
    Load('set-100x64', 'set, 100 connections, 64 deep', 100, 64, 'set'),
    Load('create-16x64', 'create, 16 connections, 64 deep', 16, 64, 'create'),
    Load('mix-90-100x1', '90:10, 100 connections, one at a time', 100, 1, 'get=90,set=10'),
    Load('mix-90-16x64', '90:10, 16 connections, 64 deep', 16, 64, 'get=90,set=10'),
    Load('mix-70-100x1', '70:30, 100 connections, one at a time', 100, 1, 'get=70,set=30'),
    Load('mix-70-16x64', '70:30, 16 connections, 64 deep', 16, 64, 'get=70,set=30'),
]


def throughput(bench, chosen):
    """All loads on servers that stay up, interleaved: in every round each server has its turn."""
    paddock, apache = bench.start(contenders.Paddock()), bench.start(contenders.Apache())
    echoes = [bench.start(contenders.Echo(bench.folder)),
              bench.start(contenders.Echo(bench.folder, log=True))]
    for server in (paddock, apache):
        load.run('fill', server, conns=16, depth=64, keys=KEYS, size=SIZE, prefix=PREFIX)
    # The JVM compiles what is used most: it gets its time before anything is counted.
    for mix in ('get', 'get=50,set=50'):
        load.run('run', apache, conns=16, depth=64, keys=KEYS, size=SIZE, prefix=PREFIX, mix=mix,
                 seconds=bench.jvm_warmup_s, warmup=0)
    for spec in chosen:
        row = Row(spec.name, spec.title, 'requests/s', target=spec.target, against=spec.against)
        limit = next(e for e in echoes if e.kind == spec.limit)
        for round_index in range(bench.rounds):
            for server in (paddock, apache, limit):
                got = load.run('run', server, conns=spec.conns, depth=spec.depth, mix=spec.mix,
                               keys=spec.keys, size=SIZE, prefix=PREFIX, seconds=bench.seconds,
                               warmup=bench.warmup, seed=bench.next_seed())
                row.add(server.kind, got['per_second'], got.get('cpu_server_us'))
                bench.step(f'{spec.name} {server.kind} {round_index + 1}/{bench.rounds}')
        bench.done(row)
    for server in (paddock, apache, *echoes):
        bench.stop(server)


# -- a million znodes ----------------------------------------------------------------------

def fill_znodes(bench, server):
    return load.run('fill', server, conns=16, depth=64, keys=bench.znodes, dirs=100, size=SIZE,
                    prefix='/million')


def seconds_to_first_answer(server):
    """Starts the server; the time from before the fork until a request has been answered."""
    begin_ns = time.monotonic_ns()
    server.spawn()
    answer = load.run('wait', server, patience=120)
    return (answer['answered_ns'] - begin_ns) / 1e9


def start_and_idle(bench):
    """An empty server: how soon it answers, what it holds in memory."""
    first = Row('start', 'start to the first request answered', 'ms', higher_is_better=False,
                target=Target(50, ' ms', at_least=False))
    idle = Row('idle', 'resident memory, fresh and idle', 'MiB', higher_is_better=False)
    for round_index in range(bench.rounds):
        for make in (contenders.Paddock, contenders.Apache):
            server = bench.keep(make())
            first.add(server.kind, seconds_to_first_answer(server) * 1e3)
            idle.add(server.kind, contenders.status_bytes(server.process.pid, 'VmRSS') / 2**20)
            bench.stop(server)
            bench.step(f'start {server.kind} {round_index + 1}/{bench.rounds}')
    bench.done(first)
    bench.done(idle)


def million(bench):
    """Filled, measured, killed and started again."""
    filled = Row('fill', f'{bench.znodes:,} znodes created, 16 connections, 64 deep', 'requests/s')
    memory = Row('memory', 'resident memory with them', 'MiB', higher_is_better=False)
    each = Row('memory-each', 'resident bytes per znode beyond its 100 bytes of data', 'bytes',
               higher_is_better=False, target=Target(220, ' bytes', at_least=False))
    restart = Row('restart', 'kill -9 to the first request answered again', 's',
                  higher_is_better=False, target=Target(1, ' s', at_least=False))
    for make in (contenders.Paddock, contenders.Apache):
        server = bench.start(make())
        got = fill_znodes(bench, server)
        filled.add(server.kind, got['per_second'], got.get('cpu_server_us'))
        rss = settled_rss(server)
        memory.add(server.kind, rss / 2**20)
        each.add(server.kind, rss / bench.znodes - SIZE)
        bench.step(f'fill {server.kind}')
        for round_index in range(bench.rounds):
            server.kill()
            restart.add(server.kind, seconds_to_first_answer(server))
            bench.step(f'restart {server.kind} {round_index + 1}/{bench.rounds}')
        bench.stop(server)
    for row in (filled, memory, each, restart):
        bench.done(row)


def settled_rss(server):
    """Once no snapshot is being written any more: two readings alike."""
    last = 0
    for _ in range(30):
        rss = contenders.status_bytes(server.process.pid, 'VmRSS')
        if abs(rss - last) < 2**20:
            break
        last = rss
        time.sleep(1.0)
    return rss


# -- pauses --------------------------------------------------------------------------------

def snapshots_of(server):
    return len(list(pathlib.Path(server.data_dir).glob('**/snapshot.*')))


def pauses(bench):
    """The longest wait under a steady load, with snapshots of a million znodes and without."""
    row = Row('pause', f'longest pause with snapshots beyond a control run, {PAUSE_RATE} requests/s '
              f'70:30, {bench.znodes:,} znodes', 'ms', higher_is_better=False,
              target=Target(15, ' ms', at_least=False))
    calm = bench.start(contenders.Paddock(config={'snapCount': 2_000_000_000}))
    busy = bench.start(contenders.Paddock(config={'snapCount': 10_000}))
    for server in (calm, busy):
        fill_znodes(bench, server)
        settled_rss(server)
    taken, longest = 0, {calm: [], busy: []}
    for round_index in range(bench.rounds):
        for server in (calm, busy):
            before = snapshots_of(server)
            got = load.run('run', server, conns=16, depth=1000, mix='get=70,set=30', keys=bench.znodes,
                           dirs=100, prefix='/million', size=SIZE, rate=PAUSE_RATE,
                           seconds=bench.pause_seconds, warmup=1, seed=bench.next_seed())
            longest[server].append(max(got[k]['max_us'] for k in ('reads', 'writes')) / 1e3)
            if server is busy:
                taken += snapshots_of(server) - before
            bench.step(f'pause {"snapshots" if server is busy else "control"} '
                       f'{round_index + 1}/{bench.rounds}')
    row.figures['paddock'] = [b - a for a, b in zip(longest[calm], longest[busy])]
    row.note = (f'control {statistics.median(longest[calm]):.1f} ms, with snapshots '
                f'{statistics.median(longest[busy]):.1f} ms; {taken} snapshots taken')
    for server in (calm, busy):
        bench.stop(server)
    bench.done(row)


# -- fan-out -------------------------------------------------------------------------------

def fanout(bench):
    """One change, many watchers: from the write sent to the last event received."""
    row = Row('fanout', f'one change to {bench.watchers} watching sessions, write to last event',
              'ms', higher_is_better=False)
    both = [bench.start(make()) for make in (contenders.Paddock, contenders.Apache)]
    for round_index in range(bench.rounds):
        for server in both:
            got = load.run('fanout', server, conns=bench.watchers, count=5, prefix='/fanout',
                           timeout=40000)
            row.add(server.kind, got['writes']['p50_us'] / 1e3)
            bench.step(f'fanout {server.kind} {round_index + 1}/{bench.rounds}')
    for server in both:
        bench.stop(server)
    bench.done(row)
