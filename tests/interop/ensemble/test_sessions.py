"""Sessions, ephemerals and watches when clients move and leaders change; sync."""

import pathlib
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import servers, wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase  # noqa: E402
from lib.ensemble import Ensemble, kinds_of  # noqa: E402
from lib.workload import Workload  # noqa: E402


class SharedCase(EnsembleCase):
    """One ensemble of three for the tests of a class; they leave it serving."""

    @classmethod
    def setUpClass(cls):
        why = servers.missing(servers.server_class())
        if why:
            cls.skipTest(cls, why)
        cls.shared = Ensemble(kinds_of(3), config=cls.config)
        cls.addClassCleanup(cls.shared.close)
        cls.shared.start()

    def setUp(self):
        self.one, self.two, self.three = self.shared.members
        self.root = '/' + self.id().rsplit('.', 1)[-1]
        self.ok(self.client(self.one).create(self.root))

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before and hasattr(self, 'one'):
            print(self.shared.logs(), file=sys.stderr, flush=True)
        return result

    def everywhere(self, path):
        """Which members hold the path, after a sync."""
        return [m.id for m in self.shared.members
                if self.synced(self.shared, m).exists(path).error == 'Ok']


class Moves(SharedCase):
    def test_a_session_takes_its_ephemerals_along(self):
        client = self.client(self.one, timeout_ms=4000)
        self.ok(client.create(self.root + '/e', b'', flags=wire.EPHEMERAL))
        owner = client.session.id
        for member in (self.two, self.three, self.one, self.three):
            client.drop()
            client = self.resume_session(member, client)
            stat = self.ok(client.exists(self.root + '/e'))
            self.assertEqual(stat.ephemeralOwner, owner)
        self.ok(client.create(self.root + '/e2', b'', flags=wire.EPHEMERAL))
        client.close()
        self.assertEqual(self.everywhere(self.root + '/e'), [])
        self.assertEqual(self.everywhere(self.root + '/e2'), [])

    def test_the_connection_left_behind_cannot_write(self):
        old = self.client(self.one)
        self.ok(old.create(self.root + '/a'))
        new = self.resume_session(self.two, old)
        self.ok(new.set(self.root + '/a', b'new'))
        try:
            reply = old.set(self.root + '/a', b'old')
            self.assertIn(reply.error, ('SessionMoved', 'SessionExpired'))
        except wire.Closed:
            pass
        value, _ = self.ok(new.get(self.root + '/a'))
        self.assertEqual(value, b'new')

    def test_a_wrong_password_is_refused_everywhere(self):
        client = self.client(self.one)
        for member in self.shared.members:
            other = wire.Client(member.address, connect=False)
            session = other.open(session_id=client.session.id, passwd=b'x' * 16)
            other.conn.close()
            self.assertEqual((session.timeout_ms, session.id), (0, 0))
        # Apache drops the rightful connection, too; the session must live on.
        client.drop()
        self.ok(self.resume_session(self.three, client).create(self.root + '/alive'))

    def test_a_vanished_client_expires_on_every_member_and_not_early(self):
        client = self.client(self.two, timeout_ms=2000)
        self.ok(client.create(self.root + '/e', b'', flags=wire.EPHEMERAL))
        client.ping()
        begin = time.monotonic()
        client.drop()
        reader = self.synced(self.shared, self.three)
        eventually(lambda: reader.exists(self.root + '/e').error == 'NoNode', 20,
                   what='the ephemeral goes')
        # Expiry is rounded to ticks and may come a tick early after the last word at a follower.
        self.assertGreater(time.monotonic() - begin, 1.4)
        self.assertEqual(self.everywhere(self.root + '/e'), [])

    def test_pings_at_any_member_keep_a_session_alive(self):
        clients = [self.client(m, timeout_ms=2000) for m in self.shared.members]
        for i, client in enumerate(clients):
            self.ok(client.create(f'{self.root}/e{i}', flags=wire.EPHEMERAL))
        until = time.monotonic() + 6
        while time.monotonic() < until:
            for client in clients:
                client.ping()
            time.sleep(0.4)             # pings of an idle client
        self.assertEqual(self.everywhere(self.root + '/e0'), [1, 2, 3])
        for i, client in enumerate(clients):
            self.ok(client.exists(f'{self.root}/e{i}'))

    def test_numbers_of_sequential_znodes_are_unique_among_members(self):
        made, lock = [], threading.Lock()

        def make(member):
            client = member.client()
            for _ in range(50):
                path = client.create(self.root + '/s', flags=wire.SEQUENTIAL).value
                with lock:
                    made.append(path)
            client.close()

        threads = [threading.Thread(target=make, args=(m,)) for m in self.shared.members * 2]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(made), [f'{self.root}/s{i:010d}' for i in range(300)])


class Views(SharedCase):
    def test_what_was_written_elsewhere_is_read_after_a_sync(self):
        writer, reader = self.client(self.one), self.client(self.two)
        third = self.client(self.three)
        self.ok(writer.create(self.root + '/a', b'-1'))
        for i in range(200):
            self.ok((writer, third)[i % 2].set(self.root + '/a', b'%d' % i))
            reader.send('sync', wire.enc_path(self.root))
            reader.send('getData', wire.enc_path_watch(self.root + '/a'))
            self.ok(reader.wait_reply())
            value, _ = self.ok(reader.wait_reply())
            self.assertEqual(value, b'%d' % i)

    def test_zxids_in_answers_only_grow_and_are_those_of_the_write(self):
        clients = [self.client(m) for m in self.shared.members]
        last = 0
        for i in range(30):
            reply = clients[i % 3].create2(f'{self.root}/n{i}')
            _, stat = self.ok(reply)
            self.assertEqual(stat.czxid, reply.zxid)
            self.assertGreater(reply.zxid, last)
            last = reply.zxid

    def test_watches_fire_for_what_others_write(self):
        self.ok(self.client(self.one).create(self.root + '/a'))
        watchers = [self.synced(self.shared, m) for m in self.shared.members]
        for w in watchers:
            self.ok(w.get(self.root + '/a', watch=True))
            self.ok(w.children(self.root, watch=True))
            self.assertEqual(w.exists(self.root + '/b', watch=True).error, 'NoNode')
        writer = self.client(self.two)
        self.ok(writer.set(self.root + '/a', b'x'))
        self.ok(writer.create(self.root + '/b'))
        for w in watchers:
            got = [w.wait_event() for _ in range(3)]
            self.assertEqual([(wire.EVENTS[e.type], e.path) for e in got],
                             [('NodeDataChanged', self.root + '/a'),
                              ('NodeCreated', self.root + '/b'),
                              ('NodeChildrenChanged', self.root)])

    def test_an_older_server_is_refused_to_a_client_that_has_seen_more(self):
        ahead = wire.Client(self.one.address, connect=False)
        self.addCleanup(lambda: ahead.conn.close())
        with self.assertRaises(wire.Closed):
            ahead.open(last_zxid=self.one.zxid() + (1 << 32))

    def test_words_tell_the_role(self):
        leader = self.shared.wait_leader()
        for member in self.shared.members:
            mode = 'leader' if member is leader else 'follower'
            self.assertIn(f'Mode: {mode}\n', member.word('stat'))
            figures = member.mntr()
            self.assertEqual(figures['zk_server_state'], mode)
            self.assertIn(f'serverId={member.id}\n', member.word('conf'))
            self.assertEqual(member.word('ruok'), 'imok')
            self.assertEqual(member.word('isro'), 'rw')
        figures = leader.mntr()
        self.assertEqual(float(figures['zk_synced_followers']), 2)


class OverAFailover(EnsembleCase):
    def test_sessions_ephemerals_and_watches_survive_the_leader(self):
        ensemble = self.ensemble(3)
        leader = ensemble.wait_leader()
        stays = [m for m in ensemble.members if m is not leader]
        holder = self.client(leader, timeout_ms=10000)
        watcher = self.client(stays[0], timeout_ms=10000)
        self.ok(holder.create('/e', b'mine', flags=wire.EPHEMERAL))
        self.ok(holder.create('/data', b'0'))
        self.ok(watcher.sync())
        self.ok(watcher.get('/data', watch=True))
        self.ok(watcher.children('/', watch=True))
        seen = watcher.last_zxid
        leader.kill()
        ensemble.wait_leader(other_than=leader)
        ensemble.wait_serving()
        holder = self.resume_session(stays[1], holder)
        self.ok(holder.set('/data', b'1'))
        self.assertEqual(self.ok(holder.exists('/e')).ephemeralOwner, holder.session.id)
        # As client libraries do: the watches are told to whoever answers now.
        watcher = self.resume_session(stays[1], watcher)
        watcher.send('setWatches', wire.enc_set_watches(seen, data=['/data'], child=['/']),
                     xid=wire.XID_SET_WATCHES)
        self.ok(watcher.wait_reply())
        event = watcher.wait_event()
        self.assertEqual((wire.EVENTS[event.type], event.path), ('NodeDataChanged', '/data'))
        self.ok(holder.create('/new'))
        event = watcher.wait_event()
        self.assertEqual((wire.EVENTS[event.type], event.path), ('NodeChildrenChanged', '/'))
        leader.spawn()
        ensemble.wait_serving()
        self.assertEqual(ensemble.trees_differ()[0], [])

    def test_a_session_whose_client_died_with_the_leader_still_expires(self):
        ensemble = self.ensemble(3)
        leader = ensemble.wait_leader()
        client = self.client(leader, timeout_ms=3000)
        self.ok(client.create('/e', flags=wire.EPHEMERAL))
        leader.kill()
        client.conn.close()
        ensemble.wait_leader(other_than=leader)
        ensemble.wait_serving()
        reader = self.synced(ensemble, ensemble.running()[0])
        eventually(lambda: reader.exists('/e').error == 'NoNode', 20, what='the ephemeral goes')
        leader.spawn()
        ensemble.wait_serving()
        self.assertEqual(ensemble.trees_differ()[0], [])


class HandOver(EnsembleCase):
    def test_the_word_hand_moves_leadership_without_loss(self):
        if servers.server_class() is servers.ApacheServer:
            self.skipTest("Apache's leaders cannot hand over")
        ensemble = self.ensemble(3)
        load = Workload(ensemble)
        with load:
            load.wait_acks(10)
            for _ in range(4):
                leader = ensemble.wait_leader()
                answer = leader.word('hand')
                self.assertIn('hand', answer.lower())
                ensemble.wait_leader(other_than=leader)
                ensemble.wait_serving()
                load.wait_acks(10)
        load.check()
