"""Clients that write while an ensemble suffers, and the check that nothing was lost.

Every writer has a session that it carries from server to server.  What it writes is
unique: znodes with numbered names that it never uses twice, and one register whose value
only grows.  A request whose connection broke is in doubt: it may have been done or not.
Everything else is certain, and `Workload.check` looks whether every member agrees.
"""

import base64
import collections
import random
import threading
import time

from . import wire

ROOT = '/load'
SESSION_MS = 8000
REPLY_WAIT_S = 4.0          # then the connection counts as broken
CONNECT_WAIT_S = 2.0
RETRY_PAUSE_S = 0.02        # between two attempts to connect anywhere
DELETE_BEHIND = 40          # every second znode so far back is deleted again


class Wrong(Exception):
    """An answer that no fault explains."""


class Writer(threading.Thread):
    """One session that keeps up to `depth` requests in flight.

    `acked` {path: value} and `gone` are certain, `doubtful` paths are not.
    """

    def __init__(self, load, number, depth):
        super().__init__(name=f'writer {number}', daemon=True)
        self.load = load
        self.base = f'{ROOT}/{number}'
        self.register = f'{self.base}/register'
        self.depth = depth
        self.random = random.Random(f'{load.seed}/{number}')
        self.at = number                        # which address is next
        self.client = self.session = None
        self.seen_zxid = 0
        self.in_flight = collections.deque()    # (op, path, value)
        self.sequence = 0
        self.acked, self.gone, self.doubtful = {}, set(), set()
        self.to_delete = collections.deque()
        self.register_acked = 0
        self.register_sent = 0
        self.acks = []                          # when, monotonic
        self.errors = collections.Counter()
        self.wrong = None

    def run(self):
        try:
            while not self.load.stopping.is_set():
                if self.client is None and not self._connect():
                    continue
                self._turn()
            self._drain()
        except Wrong as e:
            self.wrong = f'{self.name}: {e}'
        except Exception as e:                  # a defect here must not look like success
            self.wrong = f'{self.name}: {type(e).__name__}: {e}'

    # -- connection and session

    def _connect(self):
        addresses = self.load.addresses
        address = addresses[self.at % len(addresses)]
        self.at += 1
        old = self.session
        client = wire.Client(address, connect=False, wait_s=CONNECT_WAIT_S)
        try:
            fields = {'session_id': old.id, 'passwd': old.passwd} if old else {}
            session = client.open(timeout_ms=SESSION_MS, last_zxid=self.seen_zxid, **fields)
        except (OSError, wire.Closed, wire.Quiet):
            if client.conn:
                client.conn.close()
            self.load.stopping.wait(RETRY_PAUSE_S)
            return False
        if session.timeout_ms <= 0:
            client.conn.close()
            if old is None:
                raise Wrong('a new session was refused')
            self.errors['SessionExpired'] += 1
            self.session = None
            return False
        if old and session.id != old.id:
            raise Wrong(f'asked for session {old.id:#x}, got {session.id:#x}')
        client.conn.timeout_s = REPLY_WAIT_S
        self.session, self.client = session, client
        return True

    def _lost(self):
        """The connection broke: what was in flight is in doubt."""
        self.errors['ConnectionLoss'] += 1
        self.client.conn.close()
        self.client = None
        for _, path, _ in self.in_flight:
            if path != self.register:
                self.doubtful.add(path)
        self.in_flight.clear()

    # -- requests

    def _turn(self):
        try:
            while len(self.in_flight) < self.depth:
                self._send(*self._choose())
            self._receive()
        except (OSError, wire.Closed, wire.Quiet):
            self._lost()

    def _drain(self):
        """The rest of the answers, then the end of the session."""
        deadline = time.monotonic() + self.load.patience_s
        while time.monotonic() < deadline:
            if self.client is None and self.session is None:
                return
            if self.client is None and not self._connect():
                time.sleep(RETRY_PAUSE_S)
                continue
            try:
                while self.in_flight:
                    self._receive()
                self.client.close()
                return
            except (OSError, wire.Closed, wire.Quiet):
                self._lost()

    def _choose(self):
        draw = self.random.random()
        if draw < 0.3:
            self.register_sent += 1
            return 'setData', self.register, self.register_sent
        if draw < 0.4:
            return 'getData', self.register, self.register_acked
        if len(self.to_delete) > DELETE_BEHIND:
            return 'delete', self.to_delete.popleft(), None
        self.sequence += 1
        path = f'{self.base}/n{self.sequence:07d}'
        return ('multi' if draw < 0.5 else 'create'), path, f'{path} {draw}'

    def _send(self, op, path, value):
        if op == 'setData':
            body = wire.enc_set_data(path, b'%d' % value)
        elif op == 'getData':
            body = wire.enc_path_watch(path)
        elif op == 'delete':
            body = wire.enc_path_version(path)
        elif op == 'create':
            body = wire.enc_create(path, value.encode())
        else:
            body = wire.enc_multi([('create', wire.enc_create(path, value.encode())),
                                   ('check', wire.enc_path_version(path, 0))])
        self.in_flight.append((op, path, value))
        self.client.send(op, body)

    def _receive(self):
        reply = self.client.wait_reply()
        op, path, value = self.in_flight.popleft()
        if reply.err in (wire.ERR['SessionExpired'], wire.ERR['SessionMoved']):
            # The server hangs up after this one; the request was not done.
            self.errors[reply.error] += 1
            raise wire.Closed(reply.error)
        if reply.err != 0:
            raise Wrong(f'{op} {path}: {reply}')
        if reply.zxid < self.seen_zxid:
            raise Wrong(f'{op} {path}: zxid {reply.zxid:#x} after {self.seen_zxid:#x}')
        self.seen_zxid = reply.zxid
        if op == 'getData':
            read = int(reply.value[0] or b'0')
            if not value <= read <= self.register_sent:
                raise Wrong(f'the register holds {read}: {value} was acknowledged before the '
                            f'read was sent, {self.register_sent} was sent at all')
            return
        self.acks.append(time.monotonic())
        if op == 'setData':
            self.register_acked = value
        elif op == 'delete':
            del self.acked[path]
            self.gone.add(path)
        else:
            self.acked[path] = value
            if self.sequence % 2:
                self.to_delete.append(path)


class Workload:
    """`with Workload(ensemble) as load:` writers run inside; then call `check`."""

    def __init__(self, ensemble, writers=4, depth=4, seed=1, patience_s=30.0):
        self.ensemble = ensemble
        self.addresses = ensemble.addresses()
        self.seed = seed
        self.patience_s = patience_s
        self.stopping = threading.Event()
        self.writers = [Writer(self, n, depth) for n in range(writers)]

    def start(self):
        client = self.ensemble.synced_client(self.ensemble.running()[0])
        for path in [ROOT] + [p for w in self.writers for p in (w.base, w.register)]:
            reply = client.create(path)
            if reply.error not in ('Ok', 'NodeExists'):
                raise AssertionError(f'{path}: {reply}')
        seen = client.last_zxid
        client.close()
        for w in self.writers:
            w.seen_zxid = seen
            w.start()
        return self

    def stop(self):
        """Stops the writers; raises with what any of them saw that no fault explains."""
        self.stopping.set()
        for w in self.writers:
            w.join(self.patience_s + 10)
        self.raise_wrong()

    def raise_wrong(self):
        wrong = [w.wrong for w in self.writers if w.wrong]
        wrong += [f'{w.name} hangs' for w in self.writers if self.stopping.is_set() and w.is_alive()]
        if wrong:
            raise AssertionError('\n'.join(wrong))

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *exc):
        self.stopping.set()
        for w in self.writers:
            w.join(self.patience_s + 10)
        if kind is None:
            self.raise_wrong()

    def acked(self):
        return sum(len(w.acks) for w in self.writers)

    def wait_acks(self, more, timeout_s=60.0):
        """Until every writer has had `more` further writes acknowledged."""
        targets = [(w, len(w.acks) + more) for w in self.writers]
        deadline = time.monotonic() + timeout_s
        while not all(len(w.acks) >= n for w, n in targets):
            self.raise_wrong()
            if time.monotonic() > deadline:
                raise AssertionError(f'writes do not go on: {[len(w.acks) for w in self.writers]} '
                                     f'of {[n for _, n in targets]} after {timeout_s} s')
            time.sleep(0.01)            # between two looks

    def longest_gap_s(self, since=0.0):
        """The longest time without any write acknowledged to anybody."""
        times = sorted(t for w in self.writers for t in w.acks if t >= since)
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)

    def errors(self):
        return sum((w.errors for w in self.writers), collections.Counter())

    def lost(self, nodes):
        """Sentences on how a tree as of tree.read_tree misses what is certain."""
        out = []
        for w in self.writers:
            for path, value in w.acked.items():
                if path in w.doubtful:
                    continue            # a delete of it was in flight
                data = _data(nodes, path)
                if data is None:
                    out.append(f'{path} was acknowledged and is missing')
                elif data != value.encode():
                    out.append(f'{path} holds {data!r}')
            out += [f'{path} was deleted and is there' for path in w.gone if path in nodes]
            held = int(_data(nodes, w.register) or b'0')
            if not w.register_acked <= held <= w.register_sent:
                out.append(f'{w.register} holds {held}: {w.register_acked} was acknowledged, '
                           f'{w.register_sent} sent')
            known = w.acked.keys() | w.doubtful | {w.register}
            out += [f'{path} was never written' for path in nodes
                    if path.startswith(w.base + '/') and path not in known]
        return out

    def check(self, members=None):
        """After `stop`: all members hold the same, and all that was acknowledged."""
        self.stop()
        if self.acked() == 0:
            raise AssertionError('no write was acknowledged at all')
        problems, nodes = self.ensemble.trees_differ(members)
        problems += self.lost(nodes)
        problems += self.ensemble.digests_differ(members)
        if problems:
            more = [f'... and {len(problems) - 20} more'] if len(problems) > 20 else []
            raise AssertionError('\n'.join(problems[:20] + more))


def _data(nodes, path):
    node = nodes.get(path)
    return None if node is None else base64.b64decode(node['data'] or '')
