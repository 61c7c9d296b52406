"""Clients that do no good: one that never reads, many that never finish a frame."""

import os
import struct
import time
import unittest

from crash_case import CrashCase, wait_until, wire

MIB = 1024
ASAN = 'asan' in os.environ.get('PADDOCKD', '')     # shadow memory and quarantine come on top
OUT_QUEUE_BYTES = 4 << 20
ROOM_KIB = (80 if ASAN else 16) * MIB


class Clients(CrashCase):
    def serving(self, **config):
        server = self.server(self.folder(), {'paddock.outQueueBytes': OUT_QUEUE_BYTES,
                                             'jute.maxbuffer': 1048575, **config}).start()
        client = self.client(server)
        self.assert_ok(client.create('/big', b'x' * 1000000))
        return server, client

    def assert_undisturbed(self, client, n=200):
        """Small reads and writes of somebody else, each well within a second."""
        self.assert_ok(client.create('/mine'))
        slowest = 0.0
        for _ in range(n):
            start = time.monotonic()
            self.assert_ok(client.set('/mine', b'v'))
            self.assert_ok(client.get('/mine'))
            slowest = max(slowest, time.monotonic() - start)
        self.assert_ok(client.delete('/mine'))
        self.assertLess(slowest, 1.0)

    def peak_during(self, server, act):
        """KiB of resident memory that came on top of what was there before."""
        before = peak = server.resident_kib()
        for _ in act():
            peak = max(peak, server.resident_kib())
        return peak - before

    def test_who_never_reads_costs_bounded_memory_and_nobody_else_time(self):
        server, client = self.serving()
        request = wire.request(1, 'getData', wire.enc_path_watch('/big'))

        def ask():
            deaf = [wire.Client(server.address) for _ in range(3)]
            for d in deaf:
                self.addCleanup(d.conn.close)
                d.conn.sock.setblocking(False)
            for _ in range(20):
                for d in deaf:          # 50 replies of a megabyte each
                    try:
                        d.conn.sock.send(request * 50)
                    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                        pass
                self.assert_ok(client.ping())
                yield
            self.assert_undisturbed(client)
            yield

        grown = self.peak_during(server, ask)
        queued = 3 * (OUT_QUEUE_BYTES + (2 << 20)) // 1024
        self.assertLess(grown, ROOM_KIB + queued, server.log_tail())

    def test_who_never_reads_its_events_is_closed_in_the_end(self):
        server, client = self.serving(**{'paddock.outQueueBytes': 65536})
        path = '/' + 'p' * 2000
        self.assert_ok(client.create(path))
        deaf = self.client(server, timeout_ms=60000)
        self.assert_ok(deaf.add_watch(path, 1))     # persistent recursive
        deaf.conn.sock.setsockopt(1, 8, 4096)       # SOL_SOCKET, SO_RCVBUF
        before = server.resident_kib()
        body = wire.enc_set_data(path, b'', -1)

        def gone():
            for _ in range(200):
                client.send('setData', body)
            for _ in range(200):
                self.assert_ok(client.wait_reply())
            return f'0x{deaf.session.id:x}' not in server.word('cons')
        took = wait_until(gone, 'the deaf client is closed', 20)
        self.assertLess(server.resident_kib() - before, ROOM_KIB, f'after {took:.1f} s')
        self.assert_undisturbed(client)

    def test_half_frames_hold_nothing_but_a_socket(self):
        server, client = self.serving(**{'nio.sessionlessCnxnTimeout': 1500})
        hello = wire.frame(wire.enc_connect())

        def open_many():
            halves = [hello[:n % len(hello)] for n in range(300)] + [struct.pack('>i', 40)] * 100
            conns = [wire.Conn(server.address) for _ in halves]
            for conn, half in zip(conns, halves):
                self.addCleanup(conn.close)
                conn.send(half)
            yield
            self.assert_undisturbed(client)
            yield
            for conn in conns:      # byte by byte keeps nobody alive either
                self.assertTrue(conn.closed_by_server(10))

        self.assertLess(self.peak_during(server, open_many), ROOM_KIB)
        self.assert_undisturbed(client, 20)

    def test_announced_megabytes_are_not_allocated_before_they_come(self):
        server, client = self.serving()

        def announce():
            conns = []
            for _ in range(100):
                c = self.client(server, timeout_ms=60000)
                c.conn.send(wire.i32(1000000) + b'\0\0\0\1\0\0\0\5')
                conns.append(c)
            self.assert_undisturbed(client)
            yield

        self.assertLess(self.peak_during(server, announce), ROOM_KIB)

    def test_half_a_request_keeps_no_session_alive(self):
        server, client = self.serving()
        slow = self.client(server, timeout_ms=400)
        self.assert_ok(slow.create('/slow', flags=wire.EPHEMERAL))
        drip = iter(wire.request(9, 'setData', wire.enc_set_data('/slow', b'x' * 1000, -1)))

        def expired():
            slow.conn.send(bytes([next(drip)]))
            return client.exists('/slow').error == 'NoNode'
        wait_until(expired, 'the session expires')
        self.assertTrue(slow.conn.closed_by_server(5))


if __name__ == '__main__':
    unittest.main()
