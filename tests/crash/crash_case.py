"""What the crash tests share: servers that may be killed, clients that know what they were told.

`Stream` is the heart: one connection that sends a numbered stream of writes, pipelined, and counts
the answers.  After a restart the tree must be what the first n writes of the stream make, exactly,
with n between what was answered and what was sent.  That says at once: nothing acknowledged is
lost, the order is kept, and a multi is there whole or not at all.
"""

import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'interop'))

from lib import servers, wire  # noqa: E402

POLL_S = 0.005
# Nothing listens to the leak checker of a server that is killed; the rest keeps ASan's memory small
# and lets a preloaded library stand before it.
ASAN_OPTIONS = 'verify_asan_link_order=0:quarantine_size_mb=4:detect_leaks=0'


def wait_until(condition, what, timeout_s=10.0):
    """Polls; fails when `condition()` stays false.  Returns the seconds that it took."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout_s:
            raise AssertionError(f'{what}: not within {timeout_s} s')
        time.sleep(POLL_S)              # between two looks
    return time.monotonic() - start


class Server(servers.PaddockServer):
    """`env`: additional environment variables of the process."""

    def __init__(self, *args, env=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.env = env or {}

    def environment(self):
        return {**os.environ, 'ASAN_OPTIONS': ASAN_OPTIONS, **self.env}

    def lines(self, event, level=''):
        """The log lines of one event."""
        return [line for line in self.log_text().splitlines()
                if f' {level} {event} '.replace('  ', ' ') in line + ' ']

    def resident_kib(self):
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(next(x for x in status.splitlines() if x.startswith('VmRSS:')).split()[1])


class CrashCase(unittest.TestCase):
    def setUp(self):
        why = servers.missing(servers.PaddockServer)
        if why:
            self.skipTest(why)

    def folder(self):
        path = pathlib.Path(tempfile.mkdtemp(prefix='crash-'))
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def server(self, data_dir, config=None, **kwargs):
        """Not started.  Small files, so that little suffices to fill and roll them."""
        settings = {'tickTime': 200, 'minSessionTimeout': 400, 'maxSessionTimeout': 60000,
                    'maxClientCnxns': 0, 'preAllocSize': 256, 'jute.maxbuffer': 100000,
                    'paddock.inFlightBytes': 65536}
        settings.update(config or {})
        server = Server(settings, data_dir=data_dir, **kwargs)
        self.addCleanup(server.close)
        return server

    def client(self, server, **kwargs):
        client = wire.Client(server.address, connect=False, **kwargs)
        self.addCleanup(lambda: client.conn and client.conn.close())
        client.open()
        return client

    def assert_no_new_session(self, server):
        with self.assertRaises(wire.Closed):
            self.client(server)

    def assert_ok(self, reply):
        self.assertEqual(reply.error, 'Ok', reply)
        return reply

    def assert_ended(self, server, code, timeout_s=10.0):
        self.assertEqual(server.process.wait(timeout_s), code, server.log_tail())

    def assert_no_leftovers(self, *folders):
        left = [str(p) for f in folders for p in f.rglob('*') if 'paddock.tmp.snapshot' in p.name]
        self.assertEqual(left, [])


class Stream:
    """Write k (0, 1, 2, ...) of the stream `name` is, by k % 3:

    0   setData of /name/v to k
    1   a multi that sets /name/a and /name/b to k
    2   a multi that creates /name/seq/k and deletes /name/seq/(k - 30)
    """

    WINDOW = 30

    def __init__(self, name):
        self.root = f'/{name}'
        self.acked = self.sent = 0
        self.unexpected = None          # what a thread saw and could not say
        self.thread = None
        self.stopping = threading.Event()

    # -- writing

    def prepare(self, client):
        for path in ('', '/v', '/a', '/b', '/seq'):
            reply = client.create(self.root + path, b'-1')
            assert reply.err == 0, reply

    def _request(self, k):
        number, kind = str(k).encode(), k % 3
        if kind == 0:
            return 'setData', wire.enc_set_data(f'{self.root}/v', number, -1)
        if kind == 1:
            return 'multi', wire.enc_multi(
                [('setData', wire.enc_set_data(f'{self.root}/{x}', number, -1)) for x in 'ab'])
        ops = [('create', wire.enc_create(f'{self.root}/seq/{k}', b''))]
        if k >= self.WINDOW:
            ops.append(('delete', wire.enc_path_version(f'{self.root}/seq/{k - self.WINDOW}', -1)))
        return 'multi', wire.enc_multi(ops)

    def write(self, client, depth, limit=None):
        """Until the server hangs up, `stop` is called or `limit` more writes have been answered."""
        end = None if limit is None else self.sent + limit
        try:
            while True:
                more = not self.stopping.is_set() and (end is None or self.sent < end)
                if more and self.sent - self.acked < depth:
                    op, body = self._request(self.sent)
                    self.sent += 1      # before it leaves: who is killed may have taken it
                    client.send(op, body)
                elif self.acked < self.sent:
                    reply = client.wait_reply()
                    if reply.err != 0:
                        self.unexpected = f'write {self.acked}: {reply}'
                        return
                    self.acked += 1
                else:
                    return
        except (wire.Closed, OSError):
            pass
        except (wire.Malformed, wire.Quiet) as e:
            self.unexpected = f'write {self.acked}: {e!r}'

    def start(self, client, depth):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.write, args=(client, depth), daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping.set()

    def join(self, case):
        self.thread.join(15)
        case.assertFalse(self.thread.is_alive(), 'a writer hangs')
        case.assertIsNone(self.unexpected)

    # -- judging

    def _expected(self, n):
        """The tree's state after the first n writes."""
        def last(kind):
            return max((k for k in range(max(n - 3, 0), n) if k % 3 == kind), default=-1)
        seq = {k for k in range(max(n - self.WINDOW - 3, 0), n)
               if k % 3 == 2 and k > last(2) - self.WINDOW}
        return {'v': last(0), 'a': last(1), 'b': last(1), 'seq': seq}

    def check(self, case, client):
        """The state is that of n whole writes; the stream goes on from there."""
        found = {x: int(case.assert_ok(client.get(f'{self.root}/{x}')).value[0]) for x in 'vab'}
        found['seq'] = {int(x) for x in case.assert_ok(client.children(f'{self.root}/seq')).value}
        n = max(found['v'], found['a'], found['b'], *found['seq'], -1) + 1
        told = f'{self.root}: {self.acked} answered, {self.sent} sent'
        case.assertEqual(found, self._expected(n), told)
        case.assertGreaterEqual(n, self.acked, told + ': an acknowledged write is lost')
        case.assertLessEqual(n, self.sent, told)
        self.acked = self.sent = n
        return n
