"""Handshakes, timeouts, expiry and order on one connection, byte by byte."""

import pathlib
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from wire_case import TICK_MS, WireCase  # noqa: E402

# A server that is starved of CPU may be late, never early.
LATE_S = 5.0


class Handshake(WireCase):
    def shake(self, **fields):
        """Sends a ConnectRequest; returns the connection and the raw answer."""
        conn = self.conn()
        conn.send(wire.frame(wire.enc_connect(**fields)))
        return conn, conn.read_frame()

    def test_timeouts_are_clamped(self):
        for asked, given in ((1, 2 * TICK_MS), (-1, 2 * TICK_MS), (2 * TICK_MS, 2 * TICK_MS),
                             (12345, 12345), (60000, 60000), (1 << 30, 60000)):
            _, answer = self.shake(timeout_ms=asked)
            self.assertEqual(wire.dec_session(answer).timeout_ms, given)

    def test_the_old_form_gets_the_old_answer(self):
        _, answer = self.shake(read_only=None)
        self.assertEqual(len(answer), 36)
        _, answer = self.shake(read_only=False)
        self.assertEqual(len(answer), 37)

    def test_a_read_only_client_gets_a_read_write_server(self):
        _, answer = self.shake(read_only=True)
        self.assertIs(wire.dec_session(answer).read_only, False)

    def test_ids_are_unique_and_passwords_follow_from_them(self):
        sessions = [wire.dec_session(self.shake()[1]) for _ in range(50)]
        self.assertEqual(len({s.id for s in sessions}), 50)
        for s in sessions:
            self.assertEqual(s.passwd, wire.password_of(s.id))
            self.assertEqual(s.id >> 56, 1)

    def test_a_client_that_has_seen_the_future_is_turned_away(self):
        conn = self.conn()
        conn.send(wire.frame(wire.enc_connect(last_zxid=1 << 40)))
        self.assertTrue(conn.closed_by_server())

    def test_requests_may_follow_at_once(self):
        conn = self.conn()
        conn.send(wire.frame(wire.enc_connect())
                  + wire.request(1, 'exists', wire.enc_path_watch('/'))
                  + wire.request(-2, 'ping'))
        wire.dec_session(conn.read_frame())
        self.assertEqual(conn.read_frame()[:4], wire.i32(1))
        self.assertEqual(conn.read_frame()[:4], wire.i32(-2))

    def test_a_request_that_comes_byte_by_byte(self):
        conn = self.conn()
        for byte in wire.frame(wire.enc_connect()) + wire.request(1, 'ping'):
            conn.send(bytes([byte]))
        wire.dec_session(conn.read_frame())
        self.assertEqual(conn.read_frame()[:4], wire.i32(-2))

    def test_first_frames_that_are_no_handshake(self):
        for raw in (wire.frame(b''), wire.frame(b'abc'), wire.frame(bytes(27)), wire.i32(-1),
                    wire.i32(1 << 20), b'\xff\xff\xff\xff\xff', b'GET / HTTP/1.1\r\n\r\n',
                    bytes.fromhex('1603010200010001fc0303')):
            with self.subTest(raw=raw):
                conn = self.conn()
                conn.send(raw)
                self.assertTrue(conn.closed_by_server(5))
        self.ok(self.c.ping())


class Reattach(WireCase):
    def test_with_id_and_password(self):
        self.ok(self.c.create(self.root + '/e', flags=wire.EPHEMERAL))
        first = self.c.session
        self.c.drop()
        again = self.c.reopen(timeout_ms=5000)
        self.assertEqual((again.id, again.passwd, again.timeout_ms), (first.id, first.passwd, 5000))
        self.assertEqual(self.ok(self.c.ephemerals()), [self.root + '/e'])

    def test_a_wrong_password_is_refused_and_the_session_lives(self):
        session = self.c.session
        conn = self.conn()
        conn.send(wire.frame(wire.enc_connect(session_id=session.id, passwd=b'x' * 16)))
        refused = wire.dec_session(conn.read_frame())
        self.assertEqual((refused.timeout_ms, refused.id, refused.passwd), (0, 0, bytes(16)))
        self.assertTrue(conn.closed_by_server())
        self.assertTrue(self.c.conn.closed_by_server(), 'the holder is cut off first')
        self.assertEqual(self.c.reopen().id, session.id)
        self.ok(self.c.ping())

    def test_a_session_that_never_was_is_refused(self):
        stranger = wire.Client(self.server.address, session_id=0x1234567890,
                               passwd=wire.password_of(0x1234567890))
        self.addCleanup(stranger.conn.close)
        self.assertEqual((stranger.session.timeout_ms, stranger.session.id), (0, 0))

    def test_the_newer_connection_wins(self):
        mover = self.client(session_id=self.c.session.id, passwd=self.c.session.passwd)
        self.assertTrue(self.c.conn.closed_by_server())
        self.ok(mover.create(self.root + '/e', flags=wire.EPHEMERAL))
        self.assertEqual(self.ok(mover.exists(self.root + '/e')).ephemeralOwner,
                         self.c.session.id)

    def test_identities_belong_to_the_connection(self):
        self.ok(self.c.auth('digest', b'bob:pw'))
        node = self.made('/mine', acl=[(31, 'auth', '')])
        self.c.drop()
        self.c.reopen()
        self.fails('NoAuth', self.c.get(node))
        self.ok(self.c.auth('digest', b'bob:pw'))
        self.ok(self.c.get(node))

    def test_a_closed_session_is_refused(self):
        session = self.c.session
        self.c.close()
        self.c.open(session_id=session.id, passwd=session.passwd)
        self.assertEqual(self.c.session.timeout_ms, 0)


class Expiry(WireCase):
    def expires(self, timeout_ms, before=lambda client: None):
        """Lets a session with an ephemeral fall silent; returns seconds until it went."""
        client = self.client(timeout_ms=timeout_ms)
        node = self.root + '/e'
        self.ok(client.create(node, flags=wire.EPHEMERAL))
        before(client)
        start = time.monotonic()
        self.ok(client.ping())
        eventually(lambda: self.c.exists(node).error == 'NoNode', what='expired')
        took = time.monotonic() - start
        self.assertTrue(client.conn.closed_by_server(), 'closed without a frame')
        return took

    def test_a_silent_session_dies_after_its_timeout_and_within_a_tick(self):
        took = self.expires(1000)
        self.assertGreaterEqual(took, 1.0 - 0.02)
        self.assertLess(took, 1.0 + 2 * TICK_MS / 1000 + LATE_S)

    def test_a_lost_connection_does_not_make_it_faster(self):
        client = self.client(timeout_ms=1000)
        node = self.root + '/e'
        self.ok(client.create(node, flags=wire.EPHEMERAL))
        start = time.monotonic()
        client.drop()
        eventually(lambda: self.c.exists(node).error == 'NoNode', what='expired')
        self.assertGreaterEqual(time.monotonic() - start, 0.9)

    def test_any_request_keeps_a_session_alive(self):
        client = self.client(timeout_ms=6 * TICK_MS)
        end = time.monotonic() + 10 * TICK_MS / 1000
        while time.monotonic() < end:
            self.ok(client.exists('/'))
            self.assertTrue(client.conn.quiet_for(TICK_MS / 2000))
        self.ok(client.ping())

    def test_re_attaching_keeps_it_alive(self):
        client = self.client(timeout_ms=6 * TICK_MS)
        self.ok(client.create(self.root + '/e', flags=wire.EPHEMERAL))
        end = time.monotonic() + 10 * TICK_MS / 1000
        while time.monotonic() < end:
            client.drop()
            self.assertEqual(client.reopen().timeout_ms, 6 * TICK_MS)
            self.assertTrue(client.conn.quiet_for(TICK_MS / 1000))
        self.ok(self.c.exists(self.root + '/e'))

    def test_all_its_ephemerals_go_in_one_change_and_watchers_are_told(self):
        parent = self.made('/p')
        client = self.client(timeout_ms=2 * TICK_MS)
        nodes = [f'{parent}/e{i}' for i in range(5)]
        for node in nodes:
            self.ok(client.create(node, flags=wire.EPHEMERAL))
            self.ok(self.c.exists(node, watch=True))
        self.ok(self.c.children(parent, watch=True))
        before = self.ok(self.c.exists(parent))
        events = [self.c.wait_event() for _ in range(6)]
        self.assertEqual({e.path for e in events if e.type == 2}, set(nodes))
        self.assertEqual([e.path for e in events if e.type == 4], [parent])
        if not self.on_apache:
            self.assertEqual(len({e.zxid for e in events}), 1)
        after = self.ok(self.c.exists(parent))
        self.assertEqual(after.cversion, before.cversion + 5)
        if not self.on_apache:
            self.assertEqual(after.pzxid, events[0].zxid)

    def test_an_expired_session_cannot_be_re_attached(self):
        client = self.client(timeout_ms=2 * TICK_MS)
        self.assertTrue(client.conn.closed_by_server(10))
        session = client.session
        client.open(session_id=session.id, passwd=session.passwd)
        self.assertEqual(client.session.timeout_ms, 0)

    def test_many_sessions_expire_together(self):
        parent = self.made('/p')
        for _ in range(40):
            client = self.client(timeout_ms=2 * TICK_MS)
            self.ok(client.create(parent + '/e-', flags=wire.EPHEMERAL_SEQUENTIAL))
        eventually(lambda: self.ok(self.c.exists(parent)).numChildren == 0, what='all expired')
        self.assertEqual(self.ok(self.c.exists(parent)).cversion, 80)


class OneConnection(WireCase):
    def test_answers_come_in_the_order_of_the_requests(self):
        node = self.made('/n', data=b'')
        count = 3000
        for i in range(count):
            if i % 3 == 0:
                self.c.send('setData', wire.enc_set_data(node, b'%d' % i))
            elif i % 3 == 1:
                self.c.send('getData', wire.enc_path_watch(node))
            else:
                self.c.send('sync', wire.enc_path(node))
        first = self.c.xid - count + 1
        for i in range(count):
            reply = self.c.wait_reply()
            self.assertEqual((reply.xid, reply.error), (first + i, 'Ok'))
            if i % 3 == 1:
                self.assertEqual(reply.value[0], b'%d' % (i - 1), 'a read sees the write before')

    def test_xids_are_echoed_whatever_they_are(self):
        for xid in (0, 5, 5, -7, (1 << 31) - 1, -(1 << 31), -8):
            self.assertEqual(self.c.call('exists', wire.enc_path_watch('/'), xid=xid).xid, xid)

    def test_every_ping_is_answered_with_minus_two(self):
        self.c.conn.send(wire.request(99, 'ping'))
        self.assertEqual(self.c.conn.read_frame()[:4], wire.i32(-2))

    def test_several_frames_in_one_packet_and_one_frame_in_several(self):
        raw = b''.join(wire.request(i, 'exists', wire.enc_path_watch('/')) for i in range(1, 9))
        for cut in (1, 3, 7, 50, len(raw)):
            for start in range(0, len(raw), cut):
                self.c.conn.send(raw[start:start + cut])
            for i in range(1, 9):
                self.assertEqual(self.c.conn.read_frame()[:4], wire.i32(i))

    def test_auth_takes_effect_for_what_follows_it(self):
        self.ok(self.c.auth('digest', b'bob:pw'))
        node = self.made('/s', acl=[(31, 'auth', '')])
        other = self.client()
        other.send('getData', wire.enc_path_watch(node))
        self.assertEqual(other.wait_reply().error, 'NoAuth')
        other.send('auth', wire.enc_auth('digest', b'bob:pw'), xid=wire.XID_AUTH)
        other.send('getData', wire.enc_path_watch(node))
        self.assertEqual([other.wait_reply().error for _ in range(2)], ['Ok', 'Ok'])

    def test_close_session_answers_then_closes(self):
        self.ok(self.c.create(self.root + '/e', flags=wire.EPHEMERAL))
        self.c.send('closeSession')
        self.assertEqual(self.c.wait_reply().error, 'Ok')
        self.assertTrue(self.c.conn.closed_by_server())
        self.fails('NoNode', self.client().exists(self.root + '/e'))

    def test_writes_before_a_lost_connection_all_count_or_not_at_all(self):
        node = self.made('/n')
        for i in range(200):
            self.c.send('create', wire.enc_create(f'{node}/{i:03d}'))
        self.c.conn.close()
        other = self.client()
        names = None

        def settled():
            nonlocal names
            before, names = names, sorted(self.ok(other.children(node)))
            self.ok(other.sync('/'))
            return names == before

        eventually(settled, step_s=0.2, what='no more creates come')
        self.assertEqual(names, [f'{i:03d}' for i in range(len(names))], 'no holes')


if __name__ == '__main__':
    unittest.main()
