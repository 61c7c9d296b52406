"""Local sessions: known to one server only, until an ephemeral makes them global."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase  # noqa: E402

SESSION_MS = 1000       # two ticks: as short as a session may be


class LocalCase(EnsembleCase):
    config = {'localSessionsEnabled': 'true', 'localSessionsUpgradingEnabled': 'true'}

    def refused(self, member, client):
        other = wire.Client(member.address, client.timeout_ms, connect=False)
        answer = other.open(session_id=client.session.id, passwd=client.session.passwd)
        other.conn.close()
        return answer.timeout_ms == 0

    def taken(self, member, client):
        """The client's session on a new connection to this member."""
        other = wire.Client(member.address, connect=False)
        session = other.open(session_id=client.session.id, passwd=client.session.passwd)
        self.addCleanup(other.conn.close)
        self.assertEqual(session.id, client.session.id)
        self.assertGreater(session.timeout_ms, 0)
        return other

    def appears(self, ensemble, path, there=True):
        for m in ensemble.members:
            c = self.synced(ensemble, m)
            self.assertEqual(c.exists(path).err == 0, there, f'{path} at {m}')
            c.conn.close()


class LocalSessions(LocalCase):
    def test_they_use_no_transaction(self):
        e = self.ensemble()
        before = e.leader().zxid()
        for m in e.members:
            c = self.client(m)
            self.ok(c.sync('/'))
            c.close()
        self.assertEqual(e.leader().zxid(), before)

    def test_they_come_back_to_their_server_and_to_no_other(self):
        e = self.ensemble()
        for m in e.members:
            c = self.client(m)
            c.drop()
            other = next(x for x in e.members if x is not m)
            self.assertTrue(self.refused(other, c))
            again = self.taken(m, c)
            self.ok(again.create(f'/by{m.id}'))
            again.close()
            self.assertTrue(self.refused(m, c), 'closed')

    def test_they_survive_a_change_of_leader(self):
        e = self.ensemble()
        leader, m = e.leader(), e.followers()[0]
        c = self.client(m)
        leader.kill()
        self.assertTrue(c.conn.closed_by_server())
        e.wait_leader(other_than=leader)
        e.wait_serving([m])
        again = self.taken(m, c)
        self.ok(again.create('/after', flags=wire.EPHEMERAL))

    def test_they_expire_where_they_are(self):
        e = self.ensemble()
        for m in (e.leader(), e.followers()[0]):
            c = self.client(m, timeout_ms=SESSION_MS)
            c.drop()
            # Each look is a sign of life.
            eventually(lambda c=c, m=m: self.refused(m, c), 30.0, 3 * SESSION_MS / 1000, 'expired')

    def test_an_ephemeral_makes_them_global(self):
        e = self.ensemble()
        for m in (e.leader(), e.followers()[0]):
            c = self.client(m)
            path = f'/e{m.id}'
            # All at once: what comes behind the ephemeral waits for it.
            c.send('create', wire.enc_create(f'/p{m.id}'))
            c.send('create', wire.enc_create(path, flags=wire.EPHEMERAL))
            c.send('exists', wire.enc_path_watch(path))
            c.send('multi', wire.enc_multi([('create', wire.enc_create(
                path + 'm', flags=wire.EPHEMERAL))]))
            replies = [c.wait_reply() for _ in range(4)]
            self.assertEqual([r.error for r in replies], ['Ok'] * 4)
            self.assertEqual(replies[2].value.ephemeralOwner, c.session.id)
            self.appears(e, path)
            c.drop()
            other = next(x for x in e.members if x is not m)
            moved = self.taken(other, c)
            self.ok(moved.create(path + 'x', flags=wire.EPHEMERAL))
            moved.close()
            self.appears(e, path, there=False)
            self.appears(e, path + 'x', there=False)

    def test_a_connection_lost_while_its_session_becomes_global(self):
        e = self.ensemble()
        for m in (e.leader(), e.followers()[0]):
            for i in range(5):
                c = self.client(m)
                path = f'/lost{m.id}-{i}'
                c.send('create', wire.enc_create(path, flags=wire.EPHEMERAL))
                c.drop()
                again = self.taken(m, c)
                self.ok(again.create(path + 'again', flags=wire.EPHEMERAL))
                again.close()
                self.appears(e, path, there=False)
                self.appears(e, path + 'again', there=False)

    def test_the_ensemble_forgets_the_ephemerals_of_one_that_expires(self):
        e = self.ensemble()
        c = self.client(e.followers()[0], timeout_ms=SESSION_MS)
        self.ok(c.create('/short', flags=wire.EPHEMERAL))
        c.drop()
        watcher = self.synced(e, e.leader())
        eventually(lambda: watcher.exists('/short').error == 'NoNode', what='the ephemeral goes')


class WithoutUpgrade(LocalCase):
    config = {'localSessionsEnabled': 'true', 'localSessionsUpgradingEnabled': 'false'}

    def test_they_have_no_ephemerals(self):
        e = self.ensemble()
        for m in e.members:
            c = self.client(m)
            reply = c.create('/never', flags=wire.EPHEMERAL)
            self.assertEqual(reply.error, 'EphemeralOnLocalSession')
            self.ok(c.create(f'/kept{m.id}'))
        self.appears(e, '/never', there=False)


class Mixed(LocalCase):
    def led_by_the_last(self, kinds, **kwargs):
        e = self.ensemble(kinds, start=False, **kwargs)
        # Of two that start with nothing the one with the higher id leads.
        e[3].spawn()
        e[1].spawn()
        e.wait_serving([e[1], e[3]])
        e[2].spawn()
        e.wait_serving()
        self.assertIs(e.leader(), e[3])
        return e

    def upgrade_through(self, kinds):
        e = self.led_by_the_last(kinds)
        for i, m in enumerate(e.members):
            c = self.client(m)
            self.ok(c.create(f'/e{i}', flags=wire.EPHEMERAL))
            self.ok(c.create(f'/f{i}', flags=wire.EPHEMERAL_SEQUENTIAL))
            self.appears(e, f'/e{i}')
            c.close()
            self.appears(e, f'/e{i}', there=False)
        differing, _ = e.trees_differ()
        self.assertEqual(differing, [])

    def test_an_apache_follower_of_a_paddock_leader(self):
        self.upgrade_through(['apache', 'paddock', 'paddock'])

    def test_a_paddock_follower_of_an_apache_leader(self):
        self.upgrade_through(['paddock', 'paddock', 'apache'])

    def test_a_paddock_leader_makes_no_ephemeral_for_an_apache_followers_local_session(self):
        """Apache's follower passes on what it should refuse; nobody would remove that znode."""
        e = self.led_by_the_last(['apache', 'paddock', 'paddock'],
                                 config={'localSessionsUpgradingEnabled': 'false'})
        c = self.client(e[1])
        self.assertEqual(c.create('/never', flags=wire.EPHEMERAL).error,
                         'EphemeralOnLocalSession')
        self.ok(c.create('/kept'))
        self.appears(e, '/kept')
        self.appears(e, '/never', there=False)
