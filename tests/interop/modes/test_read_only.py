"""Read-only mode: a server that has lost the others still answers who asks for no more."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase  # noqa: E402

PROPERTIES = {'readonlymode.enabled': 'true'}


class ReadOnly(EnsembleCase):
    config = {'localSessionsEnabled': 'true', 'localSessionsUpgradingEnabled': 'true'}

    def alone(self, **kwargs):
        """(ensemble, the member that is left, a client whose session is global)."""
        e = self.ensemble(properties=PROPERTIES, **kwargs)
        left = e.followers()[0]
        c = self.client(left, timeout_ms=30000)
        self.ok(c.create('/data', b'x'))
        self.ok(c.create('/mine', flags=wire.EPHEMERAL))
        for m in e.members:
            if m is not left:
                m.kill()
        eventually(lambda: left.mode() == 'read-only', 20.0, what='read-only')
        return e, left, c

    def back(self, e, left):
        for m in e.members:
            if m is not left:
                m.spawn()
        e.wait_serving()

    def test_reads_and_nothing_else(self):
        e, left, _ = self.alone()
        self.assertEqual(left.word('isro'), 'ro')
        self.assertIn('READ-ONLY', left.word('srvr'))
        c = self.client(left, read_only=True)
        self.assertTrue(c.session.read_only)
        self.assertEqual(self.ok(c.get('/data'))[0], b'x')
        self.ok(c.exists('/mine', watch=True))
        for reply in (c.create('/no'), c.set('/data', b'y'), c.sync('/'), c.delete('/data'),
                      c.create('/no', flags=wire.EPHEMERAL), c.multi()):
            self.assertEqual(reply.error, 'NotReadOnly')
        # Its session stays with the server for as long as that is alone.
        c.drop()
        again = self.client(left, read_only=True, session_id=c.session.id,
                            passwd=c.session.passwd)
        self.assertEqual(again.session.id, c.session.id)
        self.ok(again.get('/data'))
        self.back(e, left)
        self.assertTrue(again.conn.closed_by_server())
        eventually(lambda: left.word('isro') == 'rw', what='rw again')

    def test_a_global_session_waits_for_the_others(self):
        e, left, c = self.alone()
        self.assertTrue(c.conn.closed_by_server())
        for read_only in (True, False):
            with self.assertRaises(wire.Closed):
                self.client(left, read_only=read_only, session_id=c.session.id,
                            passwd=c.session.passwd)
        self.back(e, left)
        again = self.resume_session(left, c)
        self.assertEqual(self.ok(again.exists('/mine')).ephemeralOwner, c.session.id)

    def test_without_local_sessions_nobody_gets_one(self):
        _, left, _ = self.alone(config={'localSessionsEnabled': 'false',
                                        'localSessionsUpgradingEnabled': 'false'})
        conn = wire.Conn(left.address)
        self.addCleanup(conn.close)
        conn.send(wire.frame(wire.enc_connect(read_only=True)))
        answer = wire.Reader(conn.read_frame())
        self.assertEqual((answer.i32(), answer.i64() > 0, answer.i32()),
                         (0, True, wire.ERR['NotReadOnly']))
        self.assertTrue(conn.closed_by_server())
