"""Persistent and recursive watches, their removal, setWatches: what kazoo 2.8 cannot do."""

import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from wire_case import WireCase  # noqa: E402

CREATED, DELETED = 'NodeCreated', 'NodeDeleted'
CHANGED, CHILDREN = 'NodeDataChanged', 'NodeChildrenChanged'
PERSISTENT, RECURSIVE = 0, 1


class AddWatch(WireCase):
    def setUp(self):
        super().setUp()
        self.w = self.client()

    def life_of(self, node):
        """Each change that a watch on `node` can see."""
        for reply in (self.c.create(node), self.c.set(node, b'1'), self.c.create(node + '/a'),
                      self.c.set(node + '/a', b'2'), self.c.create(node + '/a/b'),
                      self.c.set_acl(node, wire.OPEN_ACL), self.c.delete(node + '/a/b'),
                      self.c.delete(node + '/a'), self.c.delete(node), self.c.create(node)):
            self.ok(reply)

    def test_a_persistent_watch_sees_node_and_children_for_ever(self):
        n = self.root + '/n'
        self.assertEqual(self.ok(self.w.add_watch(n, PERSISTENT)), 0)
        self.life_of(n)
        self.assert_events(self.w, [(CREATED, n), (CHANGED, n), (CHILDREN, n), (CHILDREN, n),
                                    (DELETED, n), (CREATED, n)])

    def test_a_recursive_watch_sees_the_subtree_without_children_events(self):
        n = self.root + '/n'
        self.ok(self.w.add_watch(n, RECURSIVE))
        self.life_of(n)
        self.assert_events(self.w, [
            (CREATED, n), (CHANGED, n), (CREATED, n + '/a'), (CHANGED, n + '/a'),
            (CREATED, n + '/a/b'), (DELETED, n + '/a/b'), (DELETED, n + '/a'), (DELETED, n),
            (CREATED, n)])

    def test_a_recursive_watch_does_not_see_siblings_with_a_common_prefix(self):
        self.ok(self.w.add_watch(self.root + '/ab', RECURSIVE))
        self.made('/abc', '/a', '/ab', '/ab/c')
        self.assert_events(self.w, [(CREATED, self.root + '/ab'), (CREATED, self.root + '/ab/c')])

    def test_one_shot_and_recursive_on_one_node_both_work(self):
        n = self.made('/n')
        self.ok(self.w.add_watch(n, RECURSIVE))
        self.ok(self.w.children(n, watch=True))
        self.made('/n/a', '/n/b')
        self.assert_events(self.w, [(CREATED, n + '/a'), (CHILDREN, n), (CREATED, n + '/b')])

    def test_one_event_for_one_change_however_many_watches(self):
        n = self.made('/n')
        self.ok(self.w.add_watch(n, RECURSIVE))
        self.ok(self.w.add_watch(self.root, RECURSIVE))
        self.ok(self.w.add_watch(n, PERSISTENT))
        self.ok(self.w.get(n, watch=True))
        self.ok(self.c.set(n, b'x'))
        self.ok(self.c.set(n, b'y'))
        self.assert_events(self.w, [(CHANGED, n), (CHANGED, n)])

    def test_a_one_shot_watch_beside_a_persistent_one_leaves_it_in_place(self):
        self.not_on_apache('the last mode set replaces the one before')
        n = self.made('/n')
        self.ok(self.w.add_watch(n, PERSISTENT))
        self.ok(self.w.get(n, watch=True))
        for _ in range(3):
            self.ok(self.c.set(n, b'x'))
        self.assert_events(self.w, [(CHANGED, n)] * 3)

    def test_an_unknown_mode_is_a_marshalling_error(self):
        for mode in (2, -1, 1 << 20):
            self.fails('MarshallingError', self.w.add_watch(self.root, mode))
        self.ok(self.w.ping())

    def test_a_watch_may_wait_for_a_node_deep_below_nothing(self):
        deep = self.root + '/x/y/z'
        self.ok(self.w.add_watch(deep, PERSISTENT))
        self.made('/x', '/x/y', '/x/y/z')
        self.assert_events(self.w, [(CREATED, deep)])

    def test_watches_end_with_the_connection_not_with_the_session(self):
        self.ok(self.w.add_watch(self.root, RECURSIVE))
        self.w.drop()
        self.w.reopen()
        self.made('/n')
        self.assert_events(self.w, [])

    def test_an_ephemeral_that_goes_with_its_session_is_seen(self):
        owner = self.client()
        self.ok(owner.create(self.root + '/e', flags=wire.EPHEMERAL))
        self.ok(self.w.add_watch(self.root, RECURSIVE))
        owner.close()
        self.assert_events(self.w, [(DELETED, self.root + '/e')])

    def test_events_of_a_multi_come_in_the_order_of_its_operations(self):
        n = self.made('/n')
        self.ok(self.w.add_watch(self.root, RECURSIVE))
        self.ok(self.c.multi(('setData', wire.enc_set_data(n, b'1')),
                             ('create', wire.enc_create(n + '/k')),
                             ('delete', wire.enc_path_version(n + '/k')),
                             ('create', wire.enc_create(self.root + '/m'))))
        self.assert_events(self.w, [(CHANGED, n), (CREATED, n + '/k'), (DELETED, n + '/k'),
                                    (CREATED, self.root + '/m')])

    def test_a_failed_multi_is_not_seen(self):
        self.ok(self.w.add_watch(self.root, RECURSIVE))
        self.ok(self.c.multi(('create', wire.enc_create(self.root + '/m')),
                             ('delete', wire.enc_path_version(self.root + '/nope'))))
        self.assert_events(self.w, [])


class Order(WireCase):
    def test_the_event_of_an_own_change_comes_before_its_reply(self):
        n = self.made('/n')
        self.ok(self.c.get(n, watch=True))
        del self.c.trail[:]
        self.ok(self.c.set(n, b'x'))
        self.assertEqual([kind for kind, _ in self.c.trail], ['event', 'reply'])

    def test_no_read_shows_a_change_before_its_event(self):
        n = self.made('/n', data=b'0')
        reader = self.client()
        for i in range(1, 50):
            self.ok(reader.get(n, watch=True))
            self.c.send('setData', wire.enc_set_data(n, b'%d' % i))
            del reader.trail[:]
            while self.ok(reader.get(n))[0] != b'%d' % i:
                pass
            kinds = [kind for kind, _ in reader.trail]
            self.assertEqual(kinds.index('event'), len(kinds) - 2, kinds)
            self.ok(self.c.wait_reply())

    def test_the_header_of_an_event_carries_the_zxid_of_the_change(self):
        self.not_on_apache('-1')
        n = self.made('/n')
        self.ok(self.c.get(n, watch=True))
        zxid = self.c.set(n, b'').zxid
        self.assertEqual(self.c.settle()[0], wire.Event(3, 3, n, zxid))

    def test_of_one_change_the_node_comes_before_its_parent(self):
        n = self.made('/n')
        self.ok(self.c.children(self.root, watch=True))
        self.ok(self.c.children(n, watch=True))
        self.ok(self.c.get(n, watch=True))
        self.ok(self.c.delete(n))
        self.assert_events(self.c, [(DELETED, n), (CHILDREN, self.root)])


class CheckAndRemove(WireCase):
    def kinds_found(self, path):
        kinds = {'children': 1, 'data': 2, 'any': 3, 'persistent': 4, 'recursive': 5}
        return {name for name, kind in kinds.items()
                if self.c.check_watches(path, kind).error == 'Ok'}

    def test_check_finds_just_the_kind_that_was_set(self):
        self.not_on_apache('kinds 4 and 5 are unknown')
        a, b, c, d, e = self.made('/a', '/b', '/c', '/d', '/e')
        self.ok(self.c.get(a, watch=True))
        self.ok(self.c.children(b, watch=True))
        self.ok(self.c.add_watch(c, PERSISTENT))
        self.ok(self.c.add_watch(d, RECURSIVE))
        self.assertEqual(self.kinds_found(a), {'data', 'any'})
        self.assertEqual(self.kinds_found(b), {'children', 'any'})
        self.assertEqual(self.kinds_found(c), {'persistent', 'any'})
        self.assertEqual(self.kinds_found(d), {'recursive', 'any'})
        self.assertEqual(self.kinds_found(e), set())

    def test_exists_sets_a_data_watch_also_on_nothing(self):
        nothing = self.root + '/nothing'
        self.fails('NoNode', self.c.exists(nothing, watch=True))
        self.ok(self.c.check_watches(nothing, wire.WATCH_DATA))

    def test_remove_takes_one_kind_and_leaves_the_others(self):
        n = self.made('/n')
        self.ok(self.c.get(n, watch=True))
        self.ok(self.c.children(n, watch=True))
        self.ok(self.c.remove_watches(n, wire.WATCH_DATA))
        self.fails('NoWatcher', self.c.remove_watches(n, wire.WATCH_DATA))
        self.ok(self.c.set(n, b'x'))
        self.made('/n/k')
        self.assert_events(self.c, [(CHILDREN, n)])

    def test_remove_any_takes_all(self):
        n = self.made('/n')
        self.ok(self.c.get(n, watch=True))
        self.ok(self.c.children(n, watch=True))
        self.ok(self.c.add_watch(n, PERSISTENT))
        self.ok(self.c.remove_watches(n, wire.WATCH_ANY))
        self.fails('NoWatcher', self.c.check_watches(n, wire.WATCH_ANY))
        self.ok(self.c.set(n, b'x'))
        self.made('/n/k')
        self.assert_events(self.c, [])

    def test_remove_of_a_persistent_watch_by_its_kind(self):
        self.not_on_apache('kind 4 is unknown')
        n = self.made('/n')
        self.ok(self.c.add_watch(n, PERSISTENT))
        self.ok(self.c.add_watch(n, RECURSIVE))
        self.ok(self.c.remove_watches(n, wire.WATCH_PERSISTENT))
        self.made('/n/k')
        self.assert_events(self.c, [(CREATED, n + '/k')])

    def test_a_watch_of_another_session_is_not_found(self):
        n, other = self.made('/n'), self.client()
        self.ok(other.get(n, watch=True))
        self.fails('NoWatcher', self.c.remove_watches(n, wire.WATCH_ANY))
        self.ok(self.c.set(n, b'x'))
        self.assert_events(other, [(CHANGED, n)])

    def test_an_unknown_kind_is_a_marshalling_error(self):
        for kind in (0, 6, -1):
            self.fails('MarshallingError', self.c.check_watches(self.root, kind))
            self.fails('MarshallingError', self.c.remove_watches(self.root, kind))


class SetWatches(WireCase):
    """What a client that was away is told, and which watches it has again."""

    def setUp(self):
        super().setUp()
        self.chg, self.was, self.same, self.kids = self.made('/chg', '/was', '/same', '/kids')
        self.new = self.root + '/new'
        self.seen = self.c.last_zxid
        self.ok(self.c.set(self.chg, b'x'))
        self.ok(self.c.delete(self.was))
        self.ok(self.c.create(self.new))
        self.ok(self.c.create(self.kids + '/k'))
        self.w = self.client()

    def test_catch_up_tells_what_was_missed_list_by_list_in_order(self):
        self.ok(self.w.call('setWatches', wire.enc_set_watches(
            self.seen, data=[self.was, self.chg, self.same], exist=[self.new, self.was],
            child=[self.kids, self.was, self.same]), xid=wire.XID_SET_WATCHES))
        self.assertEqual([(wire.EVENTS[e.type], e.path) for e in self.w.events],
                         [(DELETED, self.was), (CHANGED, self.chg), (CREATED, self.new),
                          (CHILDREN, self.kids), (DELETED, self.was)])
        self.assertEqual({e.zxid for e in self.w.events}, {-1})

    def test_what_was_not_missed_is_watched_again(self):
        self.ok(self.w.call('setWatches', wire.enc_set_watches(
            self.seen, data=[self.same], exist=[self.root + '/later'], child=[self.same])))
        self.assert_events(self.w, [])
        self.made('/later', '/same/k')
        self.ok(self.c.set(self.same, b''))
        self.ok(self.c.set(self.same, b''))
        self.assert_events(self.w, [(CREATED, self.root + '/later'), (CHILDREN, self.same),
                                    (CHANGED, self.same)])

    def test_set_watches_2_brings_persistent_ones_back_without_catch_up(self):
        self.ok(self.w.call('setWatches2', wire.enc_set_watches2(
            self.seen, persistent=[self.chg], recursive=[self.kids])))
        self.assert_events(self.w, [])
        self.ok(self.c.set(self.chg, b'1'))
        self.ok(self.c.set(self.kids + '/k', b'1'))
        self.made('/chg/c', '/kids/l')
        self.ok(self.c.set(self.chg, b'2'))
        self.assert_events(self.w, [(CHANGED, self.chg), (CHANGED, self.kids + '/k'),
                                    (CHILDREN, self.chg), (CREATED, self.kids + '/l'),
                                    (CHANGED, self.chg)])

    def test_deleted_and_made_again_counts_as_changed(self):
        self.ok(self.c.delete(self.same))
        self.ok(self.c.create(self.same))
        self.ok(self.w.call('setWatches', wire.enc_set_watches(self.seen, data=[self.same])))
        self.assert_events(self.w, [(CHANGED, self.same)])

    def test_ten_thousand_watches_come_back(self):
        paths = [f'{self.root}/w{i}' for i in range(10000)]
        self.ok(self.w.call('setWatches', wire.enc_set_watches(self.seen, exist=paths)))
        self.made('/w9999', '/w0')
        self.assert_events(self.w, [(CREATED, paths[9999]), (CREATED, paths[0])])

    def test_null_lists_are_a_marshalling_error(self):
        reply = self.w.call('setWatches', wire.i64(0) + wire.i32(-1) * 3)
        self.fails('MarshallingError', reply)
        self.ok(self.w.ping())


class ReadFilter(WireCase):
    """Who may not read a node is not told about it."""

    SECRET = [(wire.ALL, 'digest', 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=')]

    def setUp(self):
        super().setUp()
        self.ok(self.c.auth('digest', b'bob:pw'))
        self.w = self.client()

    def test_events_of_unreadable_nodes_are_dropped(self):
        self.ok(self.w.add_watch(self.root, RECURSIVE))
        self.made('/s', acl=self.SECRET)
        self.ok(self.c.set(self.root + '/s', b'x'))
        self.made('/open')
        self.ok(self.c.delete(self.root + '/s'))
        self.assert_events(self.w, [(CREATED, self.root + '/open')])

    def test_children_events_ask_for_read_on_the_parent(self):
        parent = self.made('/p', acl=self.SECRET)
        self.ok(self.w.add_watch(parent, PERSISTENT))
        self.ok(self.c.create(parent + '/k', acl=wire.OPEN_ACL))
        self.assert_events(self.w, [])

    def test_a_dropped_event_uses_the_one_shot_watch_up(self):
        self.ok(self.w.children(self.root, watch=True))
        self.assertEqual(self.w.exists(self.root + '/s', watch=True).error, 'NoNode')
        self.made('/s', acl=self.SECRET)
        self.ok(self.c.set_acl(self.root + '/s', wire.OPEN_ACL))
        self.ok(self.c.set(self.root + '/s', b'x'))
        self.assert_events(self.w, [(CHILDREN, self.root)])

    def test_exists_needs_read_and_sets_no_watch_without(self):
        self.not_on_apache('exists needs no permission')
        node = self.made('/s', acl=self.SECRET)
        self.fails('NoAuth', self.w.exists(node, watch=True))
        self.fails('NoWatcher', self.w.check_watches(node, wire.WATCH_ANY))


if __name__ == '__main__':
    unittest.main()
