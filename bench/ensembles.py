"""Three servers of each kind on this machine: throughput, failover, planned hand-over."""

import concurrent.futures
import contextlib
import statistics
import threading
import time

import contenders
import load
from contenders import ensemble, wire
from rows import KEYS, PREFIX, SIZE, Load, Row, Target, of_apache

KINDS = ('paddock', 'apache')
CONFIG = {'tickTime': 2000, 'initLimit': 10, 'syncLimit': 5}     # as most have them
CLASSES = {'paddock': contenders.Paddock, 'apache': contenders.Apache}
SPREAD = 'three servers: '

LOADS = [
    Load('ens-set-1x1', SPREAD + 'set, 1 connection to a follower, one at a time', 1, 1, 'set',
         **of_apache(2)),
    Load('ens-set-16x64', SPREAD + 'set, 16 connections, 64 deep', 16, 64, 'set'),
    Load('ens-set-100x1', SPREAD + 'set, 100 connections, one at a time', 100, 1, 'set',
         **of_apache(4)),
    Load('ens-set-100x64', SPREAD + 'set, 100 connections, 64 deep', 100, 64, 'set',
         **of_apache(8)),
    Load('ens-create-1x1', SPREAD + 'create, 1 connection to a follower, one at a time', 1, 1,
         'create'),
    Load('ens-create-16x64', SPREAD + 'create, 16 connections, 64 deep', 16, 64, 'create'),
    Load('ens-create-100x1', SPREAD + 'create, 100 connections, one at a time', 100, 1, 'create'),
    Load('ens-create-100x64', SPREAD + 'create, 100 connections, 64 deep', 100, 64, 'create'),
    Load('ens-get-16x64', SPREAD + 'get, 16 connections, 64 deep', 16, 64, 'get', **of_apache(10)),
    Load('ens-get-100x1', SPREAD + 'get, 100 connections, one at a time', 100, 1, 'get'),
    Load('ens-mix-16x64', SPREAD + '90:10, 16 connections, 64 deep', 16, 64, 'get=90,set=10'),
]


@contextlib.contextmanager
def both(bench):
    """A running ensemble of each kind."""
    with contextlib.ExitStack() as stack:
        running = []
        for kind in KINDS:
            bench.step(f'starting three of {kind}')
            three = ensemble.Ensemble([kind] * 3, config=CONFIG, classes=CLASSES)
            three.kind = kind
            stack.callback(three.close)
            running.append(three.start())
        yield running


# -- throughput ----------------------------------------------------------------------------

def spread(three, conns, **options):
    """The same load on all members at once, connections shared out; figures of all together."""
    members = three.members if conns >= 3 else three.followers()[:1]
    shares = [conns // len(members) + (i < conns % len(members)) for i in range(len(members))]
    with concurrent.futures.ThreadPoolExecutor(len(members)) as pool:
        # One seed for all would make all create the same znodes.
        seed = options.pop('seed')
        runs = [pool.submit(load.run, 'run', m.server, conns=n, seed=seed * 8 + i, **options)
                for i, (m, n) in enumerate(zip(members, shares))]
        got = [r.result() for r in runs]
    per_second = sum(g['per_second'] for g in got)
    cpu = sum(g['per_second'] * g.get('cpu_server_us', 0) for g in got)
    return per_second, cpu / per_second if per_second else None


def throughput(bench, chosen):
    """Both ensembles stay up; in every round each has its turn."""
    with both(bench) as running:
        for three in running:
            load.run('fill', three.wait_leader().server, conns=16, depth=64, keys=KEYS, size=SIZE,
                     prefix=PREFIX)
        apache = running[1]
        for mix in ('get', 'get=50,set=50'):
            spread(apache, 16, depth=64, keys=KEYS, size=SIZE, prefix=PREFIX, mix=mix,
                   seconds=bench.jvm_warmup_s, warmup=0, seed=bench.next_seed())
        for spec in chosen:
            row = Row(spec.name, spec.title, 'requests/s', target=spec.target,
                      against=spec.against)
            for round_index in range(bench.rounds):
                for three in running:
                    figure, cpu = spread(three, spec.conns, depth=spec.depth, mix=spec.mix,
                                         keys=spec.keys, size=SIZE, prefix=PREFIX,
                                         seconds=bench.seconds, warmup=bench.warmup,
                                         seed=bench.next_seed())
                    row.add(three.kind, figure, cpu)
                    bench.step(f'{spec.name} {three.kind} {round_index + 1}/{bench.rounds}')
            bench.done(row)


# -- how long nobody can write -------------------------------------------------------------

class Prober(threading.Thread):
    """Writes through one member, one at a time, and connects again as soon as that may work.

    `acks` holds when each acknowledged write was sent, and when its answer came.
    """

    def __init__(self, member, path):
        super().__init__(daemon=True)
        self.member = member
        self.path = path
        self.acks = []
        self.ending = threading.Event()

    def run(self):
        client = None
        while not self.ending.is_set():
            try:
                if client is None:
                    client = wire.Client(self.member.address, timeout_ms=30000, wait_s=30.0)
                sent = time.monotonic()
                if client.set(self.path, b'x' * SIZE).err == 0:
                    self.acks.append((sent, time.monotonic()))
            except (OSError, wire.Closed, wire.Quiet):
                if client is not None and client.conn is not None:
                    client.conn.close()
                client = None
                self.ending.wait(0.001)     # between two attempts to connect
        if client is not None:
            client.conn.close()


@contextlib.contextmanager
def probing(three, members):
    """Probers through these members, all of which have written before the block begins."""
    path = '/probe'
    client = three.synced_client(members[0])
    client.create(path)
    client.close()
    probers = [Prober(m, path) for m in members]
    for p in probers:
        p.start()
    try:
        ensemble.eventually(lambda: all(len(p.acks) > 5 for p in probers), 60, 0.005, 'writes')
        yield probers
    finally:
        for p in probers:
            p.ending.set()
        for p in probers:
            p.join()


def first_ack_after(probers, moment):
    """Seconds from `moment` to the first answer to a write that was sent after it."""
    def look():
        times = [answered for p in probers for sent, answered in list(p.acks) if sent > moment]
        return min(times, default=None)
    return ensemble.eventually(look, 60, 0.001, 'a write after the fall of the leader') - moment


def one_failover(three):
    """kill -9 of the leader to the first write through the others; then all three again."""
    leader = three.wait_serving(three.members)
    survivors = [m for m in three.members if m is not leader]
    with probing(three, survivors) as probers:
        moment = time.monotonic()
        leader.kill()
        took = first_ack_after(probers, moment)
    leader.spawn()
    three.wait_serving(three.members)
    return took


def failover(bench):
    median = Row('ens-failover', f'{SPREAD}kill -9 of the leader to the next write, median of '
                 f'{bench.failovers}', 'ms', higher_is_better=False,
                 target=Target(100, ' ms', at_least=False))
    worst = Row('ens-failover-worst', f'{SPREAD}the same, worst of {bench.failovers}', 'ms',
                higher_is_better=False, target=Target(300, ' ms', at_least=False))
    with both(bench) as running:
        for run_index in range(bench.failovers):
            for three in running:
                median.add(three.kind, one_failover(three) * 1e3)
                bench.step(f'failover {three.kind} {run_index + 1}/{bench.failovers}')
    worst.figures = {kind: [max(figures)] for kind, figures in median.figures.items()}
    bench.done(median)
    bench.done(worst)


def longest_gap(probers, begin, end):
    """Seconds in which nobody got an answer, within [begin, end]."""
    times = sorted(t for p in probers for _, t in p.acks if begin <= t <= end)
    return max((b - a for a, b in zip([begin] + times, times + [end])), default=end - begin)


def one_hand_over(three):
    """The longest time without any write while leadership moves on purpose."""
    leader = three.wait_serving(three.members)
    with probing(three, three.members) as probers:
        begin = time.monotonic()
        if three.kind == 'paddock':
            leader.word('hand')
        else:
            leader.terminate()
        three.wait_leader(other_than=leader)
        first_ack_after(probers, time.monotonic())
        gap = longest_gap(probers, begin, time.monotonic())
    if three.kind != 'paddock':
        leader.spawn()
    three.wait_serving(three.members)
    return gap


def hand_over(bench):
    """Paddock's leader is told to hand over; Apache's can only be stopped in an orderly way."""
    row = Row('ens-hand-over', f'{SPREAD}longest time without a write as leadership moves on '
              'purpose', 'ms', higher_is_better=False, target=Target(20, ' ms', at_least=False))
    with both(bench) as running:
        for run_index in range(bench.failovers):
            for three in running:
                row.add(three.kind, one_hand_over(three) * 1e3)
                bench.step(f'hand-over {three.kind} {run_index + 1}/{bench.failovers}')
    figures = row.figures['paddock']
    row.note = (f'Paddock {min(figures):.1f} to {max(figures):.1f} ms, median '
                f'{statistics.median(figures):.1f} ms; Apache has no hand-over, its leader gets SIGTERM')
    bench.done(row)
