"""The watches kazoo knows: exists, get, get_children; one shot each."""

import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from kazoo.protocol.states import EventType, KazooState  # noqa: E402
from kazoo.security import make_acl  # noqa: E402

from lib.proxy import Proxy  # noqa: E402
from kazoo_case import Collector, KazooCase  # noqa: E402


def pairs(events):
    return [(e.type, e.path) for e in events]


class OneShot(KazooCase):
    def setUp(self):
        super().setUp()
        self.zk, self.other = self.kazoo(), self.kazoo()
        self.seen = Collector()

    def expect(self, *events):
        self.assertEqual(pairs(self.seen.wait_for(len(events))), list(events))

    def expect_nothing_more(self, count):
        """A round trip later the number of events is still `count`."""
        self.zk.sync('/')
        self.zk.exists('/')
        self.assertEqual(len(self.seen.calls), count)

    def test_exists_on_nothing_sees_the_creation_once(self):
        self.assertIsNone(self.zk.exists('/a', watch=self.seen))
        self.other.create('/a')
        self.expect((EventType.CREATED, '/a'))
        self.other.set('/a', b'x')
        self.other.delete('/a')
        self.expect_nothing_more(1)

    def test_exists_on_a_node_sees_a_change(self):
        self.zk.create('/a')
        self.zk.exists('/a', watch=self.seen)
        self.other.set('/a', b'x')
        self.other.set('/a', b'y')
        self.expect((EventType.CHANGED, '/a'))
        self.expect_nothing_more(1)

    def test_exists_on_a_node_sees_the_deletion(self):
        self.zk.create('/a')
        self.zk.exists('/a', watch=self.seen)
        self.other.delete('/a')
        self.expect((EventType.DELETED, '/a'))

    def test_get_sees_change_and_deletion_when_set_again(self):
        self.zk.create('/a')
        self.zk.get('/a', watch=self.seen)
        self.other.set('/a', b'1')
        self.seen.wait_for(1)
        self.zk.get('/a', watch=self.seen)
        self.other.delete('/a')
        self.expect((EventType.CHANGED, '/a'), (EventType.DELETED, '/a'))

    def test_a_set_to_the_same_data_is_a_change(self):
        self.zk.create('/a', b'same')
        self.zk.get('/a', watch=self.seen)
        self.other.set('/a', b'same')
        self.expect((EventType.CHANGED, '/a'))

    def test_children_sees_creation_but_no_change_below(self):
        self.zk.create('/p')
        self.zk.create('/p/c')
        self.zk.get_children('/p', watch=self.seen)
        self.other.set('/p/c', b'x')
        self.other.set('/p', b'x')
        self.other.create('/p/c/deep')
        self.expect_nothing_more(0)
        self.other.create('/p/d')
        self.expect((EventType.CHILD, '/p'))

    def test_children_sees_a_child_go(self):
        self.zk.create('/p')
        self.zk.create('/p/c')
        self.zk.get_children('/p', watch=self.seen)
        self.other.delete('/p/c')
        self.expect((EventType.CHILD, '/p'))

    def test_children_sees_the_node_itself_go(self):
        self.zk.create('/p')
        self.zk.get_children('/p', watch=self.seen)
        self.other.delete('/p')
        self.expect((EventType.DELETED, '/p'))

    def test_a_change_of_acl_is_no_event(self):
        self.zk.create('/a')
        self.zk.get('/a', watch=self.seen)
        self.zk.get_children('/a', watch=self.seen)
        self.other.set_acls('/a', [make_acl('world', 'anyone', all=True)])
        self.expect_nothing_more(0)

    def test_several_watches_of_one_client_all_fire_on_one_change(self):
        self.zk.create('/a')
        watchers = [Collector() for _ in range(3)]
        for w in watchers:
            self.zk.get('/a', watch=w)
        self.other.set('/a', b'x')
        for w in watchers:
            self.assertEqual(pairs(w.wait_for(1)), [(EventType.CHANGED, '/a')])

    def test_the_session_that_changes_is_told_too(self):
        self.zk.create('/a')
        self.zk.get('/a', watch=self.seen)
        self.zk.set('/a', b'x')
        self.expect((EventType.CHANGED, '/a'))

    def test_a_transaction_fires_for_each_of_its_changes(self):
        self.zk.create('/a')
        self.zk.exists('/b', watch=self.seen)
        self.zk.get('/a', watch=self.seen)
        self.zk.get_children('/', watch=self.seen)
        t = self.other.transaction()
        t.create('/b')
        t.set_data('/a', b'x')
        t.commit()
        self.expect((EventType.CREATED, '/b'), (EventType.CHILD, '/'), (EventType.CHANGED, '/a'))

    def test_an_ephemeral_that_goes_with_its_session_fires(self):
        self.other.create('/e', ephemeral=True)
        self.zk.exists('/e', watch=self.seen)
        self.zk.get_children('/', watch=self.seen)
        self.other.stop()
        self.expect((EventType.DELETED, '/e'), (EventType.CHILD, '/'))

    def test_no_watch_stays_from_a_get_that_failed(self):
        with self.assertRaises(Exception):
            self.zk.get('/later', watch=self.seen)
        self.other.create('/later')
        self.expect_nothing_more(0)

    def test_events_of_one_writer_arrive_in_the_order_of_its_writes(self):
        for i in range(100):
            self.zk.create(f'/n{i}')
            self.zk.get(f'/n{i}', watch=self.seen)
        for p in [self.other.set_async(f'/n{i}', b'') for i in range(100)]:
            p.get(timeout=15)
        self.expect(*[(EventType.CHANGED, f'/n{i}') for i in range(100)])

    def test_a_thousand_watchers_of_one_node(self):
        self.zk.create('/a')
        clients = [self.zk] + [self.kazoo() for _ in range(9)]
        for i in range(1000):
            clients[i % 10].get('/a', watch=lambda e: self.seen(e))
        self.other.set('/a', b'x')
        self.seen.wait_for(1000)


class LostConnection(KazooCase):
    def test_watchers_are_told_and_may_watch_again(self):
        """kazoo 2.8 sends no setWatches: it tells its watchers and forgets them."""
        proxy = Proxy(self.server.address)
        self.addCleanup(proxy.close)
        zk, other = self.kazoo(hosts=proxy.hosts), self.kazoo()
        states, seen = Collector(), Collector()
        zk.add_listener(states)
        zk.create('/a')
        zk.get('/a', watch=seen)
        proxy.cut()
        states.wait_until(lambda calls: KazooState.CONNECTED in calls)
        self.assertEqual([e.type for e in seen.wait_for(1)], [EventType.NONE])
        other.set('/a', b'unseen')
        zk.get('/a', watch=seen)
        other.set('/a', b'seen')
        self.assertEqual(pairs(seen.wait_for(2)[1:]), [(EventType.CHANGED, '/a')])


if __name__ == '__main__':
    unittest.main()
