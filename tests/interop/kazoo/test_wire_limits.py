"""Limits, hostile bytes and clients that misbehave: the server and the others go on."""

import pathlib
import random
import re
import socket
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import fourletter, wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from wire_case import WireCase  # noqa: E402

LIMIT = 65536


class FrameLimit(WireCase):
    properties = {**WireCase.properties, 'jute.maxbuffer': str(LIMIT)}

    def data_for(self, path, frame_length):
        """Data that makes a setData frame exactly so long."""
        empty = len(wire.request(1, 'setData', wire.enc_set_data(path, b''))) - 4
        return bytes(frame_length - empty)

    def test_exactly_the_limit_is_accepted(self):
        data = self.data_for(self.root, LIMIT)
        self.ok(self.c.set(self.root, data))
        self.assertEqual(self.ok(self.c.get(self.root))[0], data)

    def test_one_byte_more_costs_the_connection_but_not_the_session(self):
        self.ok(self.c.create(self.root + '/e', flags=wire.EPHEMERAL))
        self.c.send('setData', wire.enc_set_data(self.root, self.data_for(self.root, LIMIT + 1)))
        self.assertTrue(self.c.conn.closed_by_server())
        self.c.waiting.clear()
        self.c.reopen()
        self.assertEqual(self.ok(self.c.ephemerals()), [self.root + '/e'])
        self.assertEqual(self.ok(self.c.get(self.root))[1].version, 0)

    def test_the_log_names_session_operation_path_size_and_limit(self):
        self.not_on_apache('it names the size only')
        path = self.root + '/too-big'
        self.c.send('create', wire.enc_create(path, bytes(LIMIT)))
        self.assertTrue(self.c.conn.closed_by_server())
        size = len(wire.request(1, 'create', wire.enc_create(path, bytes(LIMIT)))) - 4

        def line():
            return [x for x in self.server.log_text().splitlines() if path in x]

        told = eventually(line, what='a log line')[0]
        for word in (f'{self.c.session.id:x}', 'create', str(size), str(LIMIT)):
            self.assertIn(word, told)

    def test_answers_are_not_limited(self):
        for i in range(3):
            self.made(f'/{i}-' + 'x' * 30000)
        names = self.ok(self.c.children(self.root))
        self.assertGreater(sum(map(len, names)), LIMIT)


class OversizeAsError(WireCase):
    properties = {**WireCase.properties, 'jute.maxbuffer': str(LIMIT), 'paddock.oversize': 'error'}

    def setUp(self):
        super().setUp()
        self.not_on_apache('it always closes')

    def test_is_answered_in_order_without_a_zxid_and_the_connection_stays(self):
        zxid = self.ok(self.c.set(self.root, b'1')).mzxid
        self.c.send('exists', wire.enc_path_watch('/'))
        self.c.send('setData', wire.enc_set_data(self.root, bytes(LIMIT + 1)))
        self.c.send('create', wire.enc_create(self.root + '/x', bytes(8 * LIMIT)))
        self.c.send('setData', wire.enc_set_data(self.root, b'2'))
        replies = [self.c.wait_reply() for _ in range(4)]
        self.assertEqual([r.error for r in replies],
                         ['Ok', 'MarshallingError', 'MarshallingError', 'Ok'])
        self.assertEqual(replies[3].value.mzxid, zxid + 1)

    def test_more_than_sixteen_times_the_limit_closes(self):
        self.c.send('setData', wire.enc_set_data(self.root, bytes(17 * LIMIT)))
        self.assertTrue(self.c.conn.closed_by_server())

    def test_before_a_session_is_up_it_closes(self):
        conn = self.conn()
        conn.send(wire.i32(LIMIT + 1))
        self.assertTrue(conn.closed_by_server())


class Connections(WireCase):
    config = {**WireCase.config, 'maxClientCnxns': 5}

    def setUp(self):
        eventually(self.alone, what='the connections of the test before have gone')
        super().setUp()

    def alone(self):
        alive = fourletter.mntr(self.server.address).get('zk_num_alive_connections')
        return alive == '1'             # the one that asks

    def test_too_many_from_one_address_are_turned_away(self):
        # One is held by setUp.
        held = [self.client() for _ in range(4)]
        conn = wire.Conn(self.server.address)
        conn.send(wire.frame(wire.enc_connect()))
        self.assertTrue(conn.closed_by_server())
        conn.close()
        for client in held:
            self.ok(client.ping())
        held[0].drop()
        eventually(self.may_connect, what='room again')

    def may_connect(self):
        try:
            wire.Client(self.server.address).conn.close()
            return True
        except (wire.Closed, OSError):
            return False

    def test_another_address_has_its_own_share(self):
        held = [self.client() for _ in range(4)]
        other = self.client(source='127.0.0.2')
        self.assertEqual(self.ok(other.whoami()), [('ip', '127.0.0.2')])
        self.assertEqual(len(held), 4)


class AllConnections(WireCase):
    config = {**WireCase.config, 'maxClientCnxns': 0}
    properties = {**WireCase.properties, 'zookeeper.maxCnxns': '10'}

    def test_max_cnxns_counts_every_address(self):
        held = [self.client(source=f'127.0.0.{i + 2}') for i in range(9)]
        conn = wire.Conn(self.server.address, source='127.0.0.99')
        self.addCleanup(conn.close)
        conn.send(wire.frame(wire.enc_connect()))
        self.assertTrue(conn.closed_by_server())
        for client in held:
            self.ok(client.ping())


class Unlimited(WireCase):
    config = {**WireCase.config, 'maxClientCnxns': 0}

    def test_hundreds_of_connections_at_once(self):
        clients = [self.client() for _ in range(500)]
        node = self.made('/n')
        for c in clients:
            c.send('getData', wire.enc_path_watch(node, True))
        for c in clients:
            self.ok(c.wait_reply())
        self.ok(self.c.set(node, b'x'))
        for c in clients:
            self.assertEqual(c.wait_event().path, node)


class Sessionless(WireCase):
    properties = {**WireCase.properties, 'zookeeper.nio.sessionlessCnxnTimeout': '600'}

    def test_who_does_not_shake_hands_is_dropped(self):
        start = time.monotonic()
        silent, half = self.conn(), self.conn()
        half.send(wire.frame(wire.enc_connect())[:20])
        self.assertTrue(silent.closed_by_server(8))
        self.assertTrue(half.closed_by_server(8))
        self.assertGreater(time.monotonic() - start, 0.5)
        self.ok(self.c.ping())


class Misbehaved(WireCase):
    def test_a_client_that_never_reads_does_not_hold_up_the_others(self):
        self.ok(self.c.set(self.root, bytes(500000)))
        deaf = self.client()
        deaf.conn.sock.settimeout(0.2)
        flood = wire.request(1, 'getData', wire.enc_path_watch(self.root)) * 50
        sent = 0
        try:
            while sent < 200:           # 200 * 50 * 500 kB would be 5 GB of answers
                deaf.conn.sock.sendall(flood)
                sent += 1
        except (socket.timeout, OSError):
            pass                        # the server stopped reading, or closed: both will do
        for _ in range(20):
            start = time.monotonic()
            self.ok(self.c.set(self.root, b'small'))
            self.assertLess(time.monotonic() - start, 5)
        if not self.on_apache:
            status = pathlib.Path(f'/proc/{self.server.process.pid}/status').read_text()
            resident_kb = int(re.search(r'VmRSS:\s+(\d+)', status)[1])
            self.assertLess(resident_kb, 300000, 'answers must not pile up')

    def test_a_watcher_that_never_reads_does_not_hold_up_the_writer(self):
        deaf = self.client()
        self.ok(deaf.add_watch(self.root, 1))
        long_name = self.root + '/' + 'n' * 500
        self.ok(self.c.create(long_name))
        for _ in range(5000):
            self.c.send('setData', wire.enc_set_data(long_name, b''))
        for _ in range(5000):
            self.ok(self.c.wait_reply(30))
        self.assertEqual(self.ok(self.c.exists(long_name)).version, 5000)

    def test_half_a_frame_holds_up_nobody(self):
        for _ in range(20):
            half = self.client()
            half.conn.send(wire.request(1, 'create', wire.enc_create('/never', b'x' * 1000))[:-1])
        self.ok(self.c.ping())
        self.fails('NoNode', self.c.exists('/never'))

    def test_connections_that_come_and_go(self):
        for i in range(300):
            conn = wire.Conn(self.server.address)
            if i % 3 == 1:
                conn.send(wire.frame(wire.enc_connect()))
            if i % 3 == 2:
                conn.send(b'\0')
            conn.reset()
        self.ok(self.c.ping())

    def test_lengths_that_lie(self):
        bodies = {
            'create': [wire.i32(n) for n in (-2, 1 << 30, (1 << 31) - 1, 5)],
            'setData': [wire.ustring('/x') + wire.i32(n) for n in (-2, 1 << 30)],
            'setACL': [wire.ustring('/x') + wire.i32(n) for n in (1 << 20, (1 << 31) - 1)],
            'multi': [wire.i32(1) + b'\0' + wire.i32(-1), wire.i32(77) + b'\0' + wire.i32(-1)],
            'setWatches2': [wire.i64(0) + wire.i32((1 << 31) - 1)],
            'getData': [b'', wire.i32(2) + b'/x', wire.i32(-1) + b'\0'],
            'reconfig': [b'\0'],
            'createTTL': [wire.enc_create('/x', flags=5), wire.enc_create('/x')[:-2]],
        }
        for op, cases in bodies.items():
            for body in cases:
                with self.subTest(op=op, body=body):
                    self.assertIn(self.c.call(op, body).error,
                                  ('MarshallingError', 'ReconfigDisabled'))
        self.ok(self.c.ping())

    def test_random_bytes_as_requests(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        ops = [n for n in wire.OPS.values() if n not in (-10, -11, -1, 0, 20)]
        with self.subTest(seed=seed):
            for _ in range(400):
                client = self.client()
                for _ in range(5):
                    body = rng.randbytes(rng.choice((0, 1, 4, 13, 40, 200)))
                    if rng.random() < 0.5:
                        body = wire.ustring(self.root + '/r') + body
                    client.conn.send(wire.request(rng.randrange(1, 99), rng.choice(ops), body))
                client.conn.send(wire.request(-2, 'ping'))
                client.conn.close()
            self.ok(self.c.ping())
            self.assertTrue(self.server.running())

    def test_random_bytes_as_connections(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        with self.subTest(seed=seed):
            for _ in range(300):
                conn = wire.Conn(self.server.address)
                conn.send(rng.randbytes(rng.randrange(1, 200)))
                conn.close()
            self.ok(self.c.ping())


class Outstanding(WireCase):
    properties = {**WireCase.properties, 'zookeeper.globalOutstandingLimit': '10'}

    def test_over_the_limit_reading_pauses_and_nothing_is_lost(self):
        clients = [self.client() for _ in range(4)]
        for c in clients:
            for i in range(500):
                c.send('create', wire.enc_create(self.root + '/s', flags=wire.SEQUENTIAL))
        for c in clients:
            for _ in range(500):
                self.ok(c.wait_reply(30))
        self.assertEqual(self.ok(self.c.exists(self.root)).numChildren, 2000)


class Counters(WireCase):
    def test_mntr_counts_what_this_test_does(self):
        before = fourletter.mntr(self.server.address)
        self.made('/a', data=b'12345')
        self.ok(self.c.create(self.root + '/e', flags=wire.EPHEMERAL))
        self.ok(self.c.get(self.root, watch=True))
        after = fourletter.mntr(self.server.address)

        def grown(name):
            return int(after['zk_' + name]) - int(before['zk_' + name])

        self.assertEqual(grown('znode_count'), 2)
        self.assertEqual(grown('ephemerals_count'), 1)
        self.assertEqual(grown('watch_count'), 1)
        self.assertGreaterEqual(grown('packets_received'), 3)


if __name__ == '__main__':
    unittest.main()
