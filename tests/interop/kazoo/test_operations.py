"""Every operation that kazoo offers, and every error it can bring."""

import pathlib
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from kazoo import exceptions as ke  # noqa: E402
from kazoo.security import ACL, CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE  # noqa: E402
from kazoo.security import Id, make_acl, make_digest_acl  # noqa: E402
from kazoo.security import make_digest_acl_credential  # noqa: E402

from kazoo_case import Collector, KazooCase  # noqa: E402


class Nodes(KazooCase):
    def setUp(self):
        super().setUp()
        self.zk = self.kazoo()

    def test_create_returns_the_path_and_get_the_data_and_the_stat(self):
        before = time.time() * 1000
        self.assertEqual(self.zk.create('/a', b'one'), '/a')
        data, stat = self.zk.get('/a')
        self.assertEqual(data, b'one')
        self.assertEqual((stat.version, stat.cversion, stat.aversion), (0, 0, 0))
        self.assertEqual((stat.data_length, stat.numChildren, stat.ephemeralOwner), (3, 0, 0))
        self.assertEqual(stat.czxid, stat.mzxid)
        self.assertEqual(stat.czxid, stat.pzxid)
        self.assertEqual(stat.ctime, stat.mtime)
        self.assertAlmostEqual(stat.ctime, before, delta=5000)

    def test_create_with_include_data_returns_the_stat_too(self):
        path, stat = self.zk.create('/a', b'xyz', include_data=True)
        self.assertEqual((path, stat.data_length), ('/a', 3))
        self.assertEqual(stat, self.zk.get('/a')[1])

    def test_create_of_an_existing_node(self):
        self.zk.create('/a')
        with self.assertRaises(ke.NodeExistsError):
            self.zk.create('/a')

    def test_create_below_nothing(self):
        with self.assertRaises(ke.NoNodeError):
            self.zk.create('/a/b')

    def test_create_with_makepath_makes_the_parents(self):
        self.assertEqual(self.zk.create('/a/b/c', b'x', makepath=True), '/a/b/c')
        self.assertEqual(self.zk.get('/a')[0], b'')

    def test_create_below_an_ephemeral(self):
        self.zk.create('/e', ephemeral=True)
        with self.assertRaises(ke.NoChildrenForEphemeralsError):
            self.zk.create('/e/child')

    def test_ensure_path_is_idempotent(self):
        self.assertTrue(self.zk.ensure_path('/x/y/z'))
        self.assertTrue(self.zk.ensure_path('/x/y/z'))
        self.assertEqual(self.zk.get_children('/x'), ['y'])

    def test_exists_tells_the_stat_or_none(self):
        self.assertIsNone(self.zk.exists('/a'))
        self.zk.create('/a', b'12345')
        self.assertEqual(self.zk.exists('/a').data_length, 5)

    def test_set_raises_the_version_and_changes_mzxid(self):
        self.zk.create('/a', b'0')
        first = self.zk.exists('/a')
        second = self.zk.set('/a', b'11')
        self.assertEqual(second.version, 1)
        self.assertGreater(second.mzxid, first.mzxid)
        self.assertEqual((second.czxid, second.pzxid), (first.czxid, first.pzxid))
        self.assertEqual(self.zk.set('/a', b'222', version=1).version, 2)
        self.assertEqual(self.zk.get('/a')[0], b'222')

    def test_set_with_a_stale_version(self):
        self.zk.create('/a')
        self.zk.set('/a', b'x')
        with self.assertRaises(ke.BadVersionError):
            self.zk.set('/a', b'y', version=0)
        self.assertEqual(self.zk.get('/a')[0], b'x')

    def test_set_and_get_of_nothing(self):
        with self.assertRaises(ke.NoNodeError):
            self.zk.set('/nope', b'')
        with self.assertRaises(ke.NoNodeError):
            self.zk.get('/nope')

    def test_data_of_every_size_up_to_the_limit_comes_back(self):
        for size in (0, 1, 255, 256, 65535, 65536, 1000000):
            data = bytes(i % 251 for i in range(size))
            path = self.zk.create(f'/d{size}', data)
            self.assertEqual(self.zk.get(path)[0], data)

    def test_data_over_the_frame_limit_costs_the_connection(self):
        with self.assertRaises((ke.ConnectionLoss, ke.SessionExpiredError)):
            self.zk.create('/huge', bytes(1100000))
        self.assertIsNone(self.kazoo().exists('/huge'))

    def test_null_data_differs_from_empty_only_on_the_wire(self):
        self.zk.create('/empty', b'')
        self.assertEqual(self.zk.get('/empty')[0], b'')

    def test_delete(self):
        self.zk.create('/a')
        self.assertTrue(self.zk.delete('/a'))
        self.assertIsNone(self.zk.exists('/a'))
        with self.assertRaises(ke.NoNodeError):
            self.zk.delete('/a')

    def test_delete_with_a_version(self):
        self.zk.create('/a')
        self.zk.set('/a', b'')
        with self.assertRaises(ke.BadVersionError):
            self.zk.delete('/a', version=0)
        self.zk.delete('/a', version=1)

    def test_delete_of_a_node_with_children(self):
        self.zk.create('/a/b', makepath=True)
        with self.assertRaises(ke.NotEmptyError):
            self.zk.delete('/a')
        self.zk.delete('/a', recursive=True)
        self.assertIsNone(self.zk.exists('/a'))

    def test_delete_recursive_of_a_deep_tree(self):
        for i in range(5):
            for j in range(5):
                self.zk.create(f'/t/{i}/{j}', makepath=True)
        self.zk.delete('/t', recursive=True)
        self.assertEqual(self.zk.get_children('/'), [])

    def test_children_with_and_without_the_stat(self):
        for name in 'abc':
            self.zk.create('/' + name)
        self.assertEqual(sorted(self.zk.get_children('/')), ['a', 'b', 'c'])
        children, stat = self.zk.get_children('/', include_data=True)
        self.assertEqual((sorted(children), stat.numChildren), (['a', 'b', 'c'], 3))
        with self.assertRaises(ke.NoNodeError):
            self.zk.get_children('/nope')

    def test_cversion_counts_creations_and_deletions_of_children(self):
        self.zk.create('/p')
        for name in 'abc':
            self.zk.create('/p/' + name)
        self.assertEqual(self.zk.exists('/p').cversion, 3)
        self.zk.delete('/p/b')
        stat = self.zk.exists('/p')
        self.assertEqual((stat.cversion, stat.numChildren, stat.version), (4, 2, 0))
        self.zk.set('/p/a', b'x')
        self.assertEqual(self.zk.exists('/p'), stat)
        self.zk.create('/p/a/deep')
        self.assertEqual(self.zk.exists('/p'), stat)

    def test_pzxid_follows_the_direct_children(self):
        self.zk.create('/p')
        stat = self.zk.create('/p/c', include_data=True)[1]
        self.assertEqual(self.zk.exists('/p').pzxid, stat.czxid)
        self.zk.delete('/p/c')
        self.assertGreater(self.zk.exists('/p').pzxid, stat.czxid)

    def test_names_of_every_kind(self):
        for name in ('a b', '中文', 'é', '"q"', '...', '.a', 'a..b', "it's", '%00', 'x' * 500, '-'):
            self.zk.create('/' + name, name.encode())
            self.assertEqual(self.zk.get('/' + name)[0], name.encode())
        self.assertIn('中文', self.zk.get_children('/'))

    def test_sync_returns_the_path(self):
        self.assertEqual(self.zk.sync('/'), '/')

    def test_ten_thousand_children(self):
        pending = [self.zk.create_async(f'/c{i:05d}') for i in range(10000)]
        for p in pending:
            p.get(timeout=30)
        self.assertEqual(sorted(self.zk.get_children('/')), [f'c{i:05d}' for i in range(10000)])

    def test_asynchronous_calls_are_answered_in_order(self):
        order = Collector()
        self.zk.create('/a', b'0')
        results = []
        for i in range(200):
            result = self.zk.set_async('/a', b'%d' % i)
            result.rawlink(lambda r, i=i: order(i))
            results.append(result)
        versions = [r.get(timeout=15).version for r in results]
        self.assertEqual(versions, list(range(1, 201)))
        self.assertEqual(order.wait_for(200), list(range(200)))
        self.assertEqual(self.zk.get('/a')[0], b'199')

    def test_server_version_and_words(self):
        self.assertGreaterEqual(self.zk.server_version()[:2], (3, 5))
        self.assertEqual(self.zk.command(b'ruok'), 'imok')


class Sequences(KazooCase):
    def setUp(self):
        super().setUp()
        self.zk = self.kazoo()

    def test_numbers_are_ten_digits_and_shared_by_all_names(self):
        self.assertEqual(self.zk.create('/a-', sequence=True), '/a-0000000000')
        self.assertEqual(self.zk.create('/b-', sequence=True), '/b-0000000001')
        self.zk.create('/plain')
        self.assertEqual(self.zk.create('/a-', sequence=True, ephemeral=True), '/a-0000000003')

    def test_deletes_do_not_turn_the_counter_back(self):
        self.zk.delete(self.zk.create('/n', sequence=True))
        self.assertEqual(self.zk.create('/n', sequence=True), '/n0000000001')

    def test_a_trailing_slash_gives_a_bare_number(self):
        self.zk.create('/q')
        self.assertEqual(self.zk.create('/q/', sequence=True), '/q/0000000000')

    def test_a_number_that_exists_already(self):
        self.zk.create('/s0000000001')
        with self.assertRaises(ke.NodeExistsError):
            self.zk.create('/s', sequence=True)

    def test_many_writers_get_different_numbers(self):
        others = [self.kazoo() for _ in range(4)]
        pending = [zk.create_async('/n-', sequence=True) for _ in range(50) for zk in others]
        names = [p.get(timeout=15) for p in pending]
        self.assertEqual(sorted(names), [f'/n-{i:010d}' for i in range(200)])


class Ephemerals(KazooCase):
    def test_owner_is_the_session_and_close_removes_them(self):
        zk, other = self.kazoo(), self.kazoo()
        zk.create('/e', ephemeral=True)
        zk.create('/p', b'stays')
        zk.create('/p/e-', ephemeral=True, sequence=True)
        self.assertEqual(other.exists('/e').ephemeralOwner, zk.client_id[0])
        zk.stop()
        self.assertIsNone(other.exists('/e'))
        self.assertEqual(other.get_children('/p'), [])

    def test_others_may_write_and_delete_them(self):
        zk, other = self.kazoo(), self.kazoo()
        zk.create('/e', b'mine', ephemeral=True)
        self.assertEqual(other.set('/e', b'theirs').version, 1)
        other.delete('/e')
        self.assertIsNone(zk.exists('/e'))
        zk.create('/e', ephemeral=True)

    def test_a_thousand_go_with_one_close(self):
        zk, other = self.kazoo(), self.kazoo()
        for p in [zk.create_async(f'/e{i}', ephemeral=True) for i in range(1000)]:
            p.get(timeout=30)
        zk.stop()
        self.assertEqual(other.get_children('/'), [])


class Acls(KazooCase):
    def test_default_is_open(self):
        zk = self.kazoo()
        zk.create('/a')
        acls, stat = zk.get_acls('/a')
        self.assertEqual((acls, stat.aversion), (OPEN_ACL_UNSAFE, 0))

    def test_set_acls_raises_aversion_only(self):
        zk = self.kazoo()
        zk.create('/a')
        before = zk.exists('/a')
        after = zk.set_acls('/a', READ_ACL_UNSAFE + [make_acl('world', 'anyone', admin=True)])
        self.assertEqual(after.aversion, 1)
        self.assertEqual((after.version, after.mzxid, after.pzxid),
                         (before.version, before.mzxid, before.pzxid))
        with self.assertRaises(ke.BadVersionError):
            zk.set_acls('/a', OPEN_ACL_UNSAFE, version=0)
        self.assertEqual(zk.set_acls('/a', OPEN_ACL_UNSAFE, version=1).aversion, 2)

    def test_digest_keeps_others_out(self):
        alice = self.kazoo(auth_data=[('digest', 'alice:secret')])
        stranger = self.kazoo()
        alice.create('/a', b'hers', acl=[make_digest_acl('alice', 'secret', all=True)])
        self.assertEqual(alice.get('/a')[0], b'hers')
        for call in (lambda: stranger.get('/a'), lambda: stranger.set('/a', b''),
                     lambda: stranger.get_children('/a'), lambda: stranger.create('/a/b'),
                     lambda: stranger.set_acls('/a', OPEN_ACL_UNSAFE),
                     lambda: stranger.get_acls('/a')):
            with self.assertRaises(ke.NoAuthError):
                call()
        stranger.add_auth('digest', 'alice:wrong')
        with self.assertRaises(ke.NoAuthError):
            stranger.get('/a')
        stranger.add_auth('digest', 'alice:secret')
        self.assertEqual(stranger.get('/a')[0], b'hers')

    def test_delete_is_asked_of_the_parent(self):
        alice = self.kazoo(auth_data=[('digest', 'alice:secret')])
        stranger = self.kazoo()
        own = [make_digest_acl('alice', 'secret', all=True)]
        alice.create('/shut', acl=own)
        alice.create('/shut/open')
        alice.create('/closed', acl=own)
        with self.assertRaises(ke.NoAuthError):
            stranger.delete('/shut/open')
        stranger.delete('/closed')

    def test_auth_scheme_stands_for_every_identity(self):
        zk = self.kazoo(auth_data=[('digest', 'u1:p1'), ('digest', 'u2:p2')])
        zk.create('/a', acl=CREATOR_ALL_ACL)
        ids = {a.id.id for a in zk.get_acls('/a')[0]}
        self.assertEqual(ids, {make_digest_acl_credential('u1', 'p1'),
                               make_digest_acl_credential('u2', 'p2')})

    def test_auth_scheme_without_an_identity(self):
        with self.assertRaises(ke.InvalidACLError):
            self.kazoo().create('/a', acl=CREATOR_ALL_ACL)

    def test_acls_that_make_no_sense(self):
        zk = self.kazoo()
        for scheme, name in (('world', 'someone'), ('nosuch', 'x'), ('ip', 'not.an.ip'),
                             ('ip', '10.0.0.1/33'), ('digest', 'nocolon'), ('super', 'x')):
            with self.subTest(scheme=scheme, id=name):
                with self.assertRaises(ke.InvalidACLError):
                    zk.create('/a', acl=[ACL(31, Id(scheme, name))])
        with self.assertRaises(ke.InvalidACLError):
            zk.set_acls('/', [ACL(31, Id('nosuch', 'x'))])

    def test_ip(self):
        zk = self.kazoo()
        zk.create('/here', acl=[make_acl('ip', '127.0.0.1', all=True)])
        zk.create('/net', acl=[make_acl('ip', '127.0.0.0/8', all=True)])
        zk.create('/elsewhere', acl=[make_acl('ip', '10.9.8.7', all=True)])
        zk.get('/here')
        zk.get('/net')
        with self.assertRaises(ke.NoAuthError):
            zk.get('/elsewhere')

    def test_each_permission_lets_its_operations_through(self):
        zk = self.kazoo()
        # Tried in this order: a delete of the child must come after its creation.
        tries = {
            'read': lambda p: zk.get(p), 'write': lambda p: zk.set(p, b'x'),
            'create': lambda p: zk.create(p + '/new'), 'delete': lambda p: zk.delete(p + '/child'),
            'admin': lambda p: zk.set_acls(p, OPEN_ACL_UNSAFE),
        }
        for permission in tries:
            path = zk.create('/' + permission)
            zk.create(path + '/child')
            zk.set_acls(path, [make_acl('world', 'anyone', **{permission: True})])
            for name, call in tries.items():
                with self.subTest(permission=permission, operation=name):
                    if name == permission:
                        call(path)
                    else:
                        with self.assertRaises(ke.NoAuthError):
                            call(path)

    def test_a_digest_is_masked_for_who_may_only_read(self):
        zk = self.kazoo()
        zk.create('/a', acl=[make_acl('world', 'anyone', read=True),
                             make_digest_acl('bob', 'pw', all=True)])
        self.assertIn('bob:x', [a.id.id for a in zk.get_acls('/a')[0]])
        zk.add_auth('digest', 'bob:pw')
        self.assertIn(make_digest_acl_credential('bob', 'pw'),
                      [a.id.id for a in zk.get_acls('/a')[0]])

    def test_the_super_user_passes_everywhere(self):
        zk = self.kazoo()
        zk.create('/none', b'x', acl=[make_acl('world', 'anyone')])
        with self.assertRaises(ke.NoAuthError):
            zk.get('/none')
        boss = self.kazoo(auth_data=[('digest', 'super:secret')])
        self.assertEqual(boss.get('/none')[0], b'x')
        boss.set_acls('/none', OPEN_ACL_UNSAFE)
        zk.get('/none')

    def test_an_unknown_scheme_fails_the_connection(self):
        with self.assertRaises(ke.AuthFailedError):
            self.kazoo().add_auth('nosuch', 'x')

    def test_identities_do_not_outlive_the_connection_but_kazoo_repeats_them(self):
        zk = self.kazoo(auth_data=[('digest', 'u:p')])
        zk.create('/a', b'x', acl=[make_digest_acl('u', 'p', all=True)])
        zk.stop()
        zk.start()
        self.assertEqual(zk.get('/a')[0], b'x')


class Transactions(KazooCase):
    def setUp(self):
        super().setUp()
        self.zk = self.kazoo()

    def test_all_or_nothing(self):
        self.zk.create('/old')
        t = self.zk.transaction()
        t.create('/a', b'1')
        t.create('/a/b')
        t.set_data('/a', b'2')
        t.check('/a', 1)
        t.delete('/old')
        t.create('/s-', sequence=True)
        results = t.commit()
        self.assertEqual(results[:2], ['/a', '/a/b'])
        self.assertEqual((results[2].version, results[3], results[4]), (1, True, True))
        self.assertEqual(results[5], '/s-0000000002')
        self.assertEqual(sorted(self.zk.get_children('/')), ['a', 's-0000000002'])
        self.assertEqual(self.zk.exists('/a').mzxid, self.zk.exists('/a/b').czxid)

    def test_the_failing_operation_is_named_and_nothing_happened(self):
        for error, add in ((ke.NodeExistsError, lambda t: t.create('/there')),
                           (ke.NoNodeError, lambda t: t.delete('/nope')),
                           (ke.BadVersionError, lambda t: t.check('/there', 7)),
                           (ke.NoNodeError, lambda t: t.check('/nope', 0)),
                           (ke.BadVersionError, lambda t: t.set_data('/there', b'', version=9)),
                           (ke.NotEmptyError, lambda t: t.delete('/full'))):
            with self.subTest(error=error.__name__):
                self.zk.ensure_path('/there')
                self.zk.ensure_path('/full/child')
                t = self.zk.transaction()
                t.create('/before')
                add(t)
                t.create('/after')
                results = t.commit()
                self.assertIsInstance(results[0], ke.RolledBackError)
                self.assertIsInstance(results[1], error)
                self.assertIsInstance(results[2], ke.RuntimeInconsistency)
                self.assertIsNone(self.zk.exists('/before'))

    def test_an_empty_transaction(self):
        self.assertEqual(self.zk.transaction().commit(), [])

    def test_as_context_manager(self):
        with self.zk.transaction() as t:
            t.create('/x', ephemeral=True)
        self.assertIsNotNone(self.zk.exists('/x'))

    def test_acl_is_checked_inside(self):
        self.zk.create('/shut', acl=READ_ACL_UNSAFE)
        t = self.zk.transaction()
        t.create('/a')
        t.create('/shut/b')
        self.assertIsInstance(t.commit()[1], ke.NoAuthError)


class Chroot(KazooCase):
    def test_a_client_sees_only_its_part_under_short_names(self):
        whole = self.kazoo()
        whole.ensure_path('/app/x')
        part = self.kazoo(chroot=self.root + '/app')
        self.assertEqual(part.get_children('/'), ['x'])
        self.assertEqual(part.create('/y', b'1'), '/y')
        self.assertEqual(part.create('/s', sequence=True), '/s0000000002')
        self.assertEqual(whole.get('/app/y')[0], b'1')
        events = []
        part.get('/y', watch=events.append)
        whole.set('/app/y', b'2')
        part.sync('/')
        self.assertEqual([(e.type, e.path) for e in events], [('CHANGED', '/y')])

    def test_a_root_that_is_not_there_yet(self):
        part = self.kazoo(chroot=self.root + '/deep/er')
        with self.assertRaises(ke.NoNodeError):
            part.create('/a')
        whole = self.kazoo()
        whole.ensure_path('/deep/er')
        part.create('/a')
        self.assertIsNotNone(whole.exists('/deep/er/a'))


if __name__ == '__main__':
    unittest.main()
