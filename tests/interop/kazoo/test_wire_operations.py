"""Requests that kazoo never sends, and the exact shape of the answers to those it does."""

import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from wire_case import WireCase  # noqa: E402

BOB = 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM='
SECRET = [(wire.ALL, 'digest', BOB)]


class Reads(WireCase):
    def test_the_empty_path_is_the_root_for_reads(self):
        self.assertEqual(self.ok(self.c.get(''))[1], self.ok(self.c.get('/'))[1])
        self.assertIn('zookeeper', self.ok(self.c.children('')))

    def test_odd_paths_are_just_missing_for_reads(self):
        for path in ('x', '/a//b', '/a/', '/./a', '/\x01', '/a/..', '//'):
            with self.subTest(path=path):
                self.fails('NoNode', self.c.get(path))
                self.fails('NoNode', self.c.exists(path))
                self.fails('NoNode', self.c.children(path))
                self.fails('NoNode', self.c.get_acl(path))

    def test_exists_refuses_a_nul(self):
        self.fails('BadArguments', self.c.exists('/a\0b'))

    def test_sync_echoes_any_path(self):
        for path in ('/', '/nope', 'nope', ''):
            self.assertEqual(self.ok(self.c.sync(path)), path)

    def test_multi_read_answers_each_entry_on_its_own(self):
        a = self.made('/a', data=b'A')
        self.made('/a/k')
        secret = self.made('/s', acl=SECRET)
        results = self.ok(self.c.multi_read(
            ('getChildren', wire.enc_path_watch(a)), ('getData', wire.enc_path_watch(a)),
            ('getData', wire.enc_path_watch(self.root + '/nope')),
            ('getData', wire.enc_path_watch(secret))))
        self.assertEqual([r.type for r in results], [8, 4, -1, -1])
        self.assertEqual(results[0].value, ['k'])
        self.assertEqual(results[1].value, self.ok(self.c.get(a)))
        self.assertEqual([r.err for r in results[2:]], [wire.ERR['NoNode'], wire.ERR['NoAuth']])

    def test_multi_read_sets_no_watch_and_may_be_empty(self):
        self.ok(self.c.multi_read(('getData', wire.enc_path_watch(self.root, True))))
        self.fails('NoWatcher', self.c.check_watches(self.root, wire.WATCH_ANY))
        self.assertEqual(self.ok(self.c.multi_read()), [])

    def test_multi_read_with_a_write_in_it(self):
        reply = self.c.multi_read(('create', wire.enc_create(self.root + '/x')))
        self.assertEqual(reply.error, 'MarshallingError')
        self.fails('NoNode', self.c.exists(self.root + '/x'))

    def test_whoami_lists_every_identity(self):
        self.assertEqual(self.ok(self.c.whoami()), [('ip', '127.0.0.1')])
        self.ok(self.c.auth('digest', b'bob:pw'))
        self.ok(self.c.auth('digest', b'bob:pw'))
        self.ok(self.c.auth('digest', b'ann:x'))
        self.assertEqual(sorted(self.ok(self.c.whoami())),
                         [('digest', 'ann'), ('digest', 'bob'), ('ip', '127.0.0.1')])

    def test_get_ephemerals_are_the_callers_own_by_string_prefix(self):
        other = self.client()
        for name in ('/e', '/e2', '/f'):
            self.ok(self.c.create(self.root + name, flags=wire.EPHEMERAL))
        self.ok(other.create(self.root + '/theirs', flags=wire.EPHEMERAL))
        self.made('/plain')
        mine = sorted(self.root + n for n in ('/e', '/e2', '/f'))
        for prefix in ('/', '', None):
            self.assertEqual(sorted(self.ok(self.c.ephemerals(prefix))), mine)
        self.assertEqual(sorted(self.ok(self.c.ephemerals(self.root + '/e'))), mine[:2])
        self.assertEqual(self.ok(self.c.ephemerals('/nope')), [])
        self.assertEqual(self.ok(other.ephemerals()), [self.root + '/theirs'])

    def test_get_all_children_number_counts_descendants(self):
        self.made('/a', '/a/b', '/a/b/c', '/d')
        self.assertEqual(self.ok(self.c.count(self.root)), 4)
        self.assertEqual(self.ok(self.c.count(self.root + '/a')), 2)
        self.assertEqual(self.ok(self.c.count(self.root + '/d')), 0)
        self.fails('NoNode', self.c.count(self.root + '/nope'))
        before = self.ok(self.c.count('/'))
        self.made('/e')
        self.assertEqual(self.ok(self.c.count('/')), before + 1)

    def test_get_all_children_number_asks_for_read_on_the_node_only(self):
        self.made('/a')
        secret = self.made('/a/s', acl=SECRET)
        self.assertEqual(self.ok(self.c.count(self.root)), 2)
        self.fails('NoAuth', self.c.count(secret))

    def test_sasl_answers_as_a_server_without_it(self):
        reply = self.c.call('sasl', wire.buffer(b'token'))
        self.assertEqual((reply.error, reply.zxid, reply.value), ('Ok', 0, None))
        self.ok(self.c.ping())

    def test_reconfig_is_disabled(self):
        reply = self.c.call('reconfig', wire.enc_reconfig(leaving='2'))
        self.fails('ReconfigDisabled', reply)
        self.ok(self.c.ping())


class Writes(WireCase):
    def test_null_data_is_kept_apart_from_empty_data(self):
        null, empty = self.made('/null', data=None), self.made('/empty', data=b'')
        self.assertIsNone(self.ok(self.c.get(null))[0])
        self.assertEqual(self.ok(self.c.get(empty))[0], b'')
        self.ok(self.c.set(empty, None))
        data, stat = self.ok(self.c.get(empty))
        self.assertEqual((data, stat.dataLength, stat.version), (None, 0, 1))

    def test_a_failed_write_uses_a_zxid_and_a_failed_read_does_not(self):
        zxid = self.ok(self.c.set(self.root, b'')).mzxid
        self.assertEqual(self.fails('NoNode', self.c.get(self.root + '/x')).zxid, zxid)
        self.assertEqual(self.fails('NodeExists', self.c.create(self.root)).zxid, zxid + 1)
        self.assertEqual(self.fails('BadVersion', self.c.set(self.root, b'', 99)).zxid, zxid + 2)
        self.assertEqual(self.ok(self.c.set(self.root, b'')).mzxid, zxid + 3)

    def test_forbidden_paths(self):
        for path in ('x', '', '/a\0', self.root + '/', self.root + '/\x1f',
                     self.root + '/\x7f', self.root + '/\x9f', self.root + '/.',
                     self.root + '/..', self.root + '/\ud800', self.root + '/\uf8ff',
                     self.root + '/\ufff0', self.root + '/\uffff'):
            with self.subTest(path=path):
                raw = path.encode('utf-8', 'surrogatepass')
                self.fails('BadArguments', self.c.create(raw))
                self.fails('BadArguments', self.c.set(raw, b''))
                self.fails('BadArguments', self.c.set_acl(raw, wire.OPEN_ACL))

    def test_outside_the_basic_plane_is_forbidden_too(self):
        self.fails('BadArguments', self.c.create(self.root + '/\U0001f600'))
        self.fails('BadArguments', self.c.create(self.root.encode() + b'/\xff\xfe'))

    def test_allowed_paths(self):
        for name in (' ', '\xa0', '\ud7ff', '\uf900', '\uffef', '...', 'a.', '.a', '"', '\\'):
            with self.subTest(name=name):
                path = self.root + '/' + name
                self.assertEqual(self.ok(self.c.create(path)), path)

    def test_a_slash_too_many_means_a_missing_parent(self):
        self.fails('NoNode', self.c.create(self.root + '//b'))
        self.fails('NoNode', self.c.create(self.root + '/nope/'))

    def test_the_reserved_nodes_cannot_go(self):
        for path in ('/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'):
            self.fails('BadArguments', self.c.delete(path))
        self.fails('NodeExists', self.c.create('/'))
        self.fails('NoAuth', self.c.set('/zookeeper/config', b''))

    def test_precedence_of_errors(self):
        eph = self.made('/eph', flags=wire.EPHEMERAL)
        full = self.made('/full')
        self.made('/full/k')
        shut = self.made('/shut', acl=SECRET)
        bad_acl = [(31, 'nosuch', 'x')]
        for error, reply in (
                ('BadArguments', self.c.create(self.root + '/n/x', acl=bad_acl, flags=9)),
                ('BadArguments', self.c.create('nope', acl=bad_acl)),
                ('InvalidACL', self.c.create(self.root + '/nope/x', acl=bad_acl)),
                ('NoNode', self.c.create(self.root + '/nope/.')),
                ('NoAuth', self.c.create(shut + '/.')),
                ('BadArguments', self.c.create(eph + '/.')),
                ('NodeExists', self.c.create(eph)),
                ('NoChildrenForEphemerals', self.c.create(eph + '/k')),
                ('BadVersion', self.c.delete(full, 7)),
                ('NotEmpty', self.c.delete(full, 0)),
                ('NoAuth', self.c.delete(shut + '/nope', 7)),
                ('NoAuth', self.c.set(shut, b'', 7)),
                ('InvalidACL', self.c.set_acl(self.root + '/nope', bad_acl)),
                ('NoNode', self.c.set_acl(self.root + '/nope', wire.OPEN_ACL)),
                ('NoAuth', self.c.set_acl(shut, wire.OPEN_ACL, 7))):
            self.fails(error, reply)

    def test_acl_lists_that_are_refused(self):
        for acl in (None, (), [(31, None, 'x')], [(31, 'world', 'x')], [(31, 'auth', '')],
                    [(31, 'digest', 'a:b:c')], [(31, 'ip', '1.2.3')], [(31, 'ip', '1.2.3.4/-1')],
                    [(31, 'super', '')]):
            with self.subTest(acl=acl):
                self.fails('InvalidACL', self.c.create(self.root + '/x', acl=acl))
                self.fails('InvalidACL', self.c.set_acl(self.root, acl))

    def test_duplicates_in_an_acl_go_and_unknown_bits_stay(self):
        acl = [(0xff, 'world', 'anyone'), (1, 'ip', '1.2.3.4'), (0xff, 'world', 'anyone')]
        node = self.made('/x', acl=acl)
        self.assertEqual(self.ok(self.c.get_acl(node))[0], acl[:2])

    def test_check_outside_a_multi_is_no_request(self):
        self.not_on_apache('it is executed and never answered')
        reply = self.c.call('check', wire.enc_path_version(self.root, 0))
        self.assertEqual((reply.error, reply.zxid), ('Unimplemented', -1))
        self.assertTrue(self.c.conn.closed_by_server())

    def test_what_only_servers_send_is_refused(self):
        self.not_on_apache('it is carried out')
        container = self.root + '/c'
        self.ok(self.c.create_container(container))
        for op, body in (('createSession', wire.i32(30000)),
                         ('deleteContainer', wire.ustring(container))):
            client = self.client()
            reply = client.call(op, body)
            self.assertEqual((reply.error, reply.zxid), ('Unimplemented', -1))
            self.assertTrue(client.conn.closed_by_server())
        self.ok(self.c.exists(container))

    def test_create_ttl_with_a_flag_of_another_kind(self):
        self.not_on_apache('ttl -1 would kill it')
        for flags in (0, 1, 2, 3, 4, 7, -1):
            for ttl in (-1, 1000):
                self.fails('BadArguments', self.c.create_ttl(self.root + '/x', ttl, flags=flags))
        self.ok(self.c.ping())

    def test_create_ttl_ranges(self):
        for ttl in (0, -1, 1 << 40, -(1 << 62)):
            self.fails('BadArguments', self.c.create_ttl(self.root + '/x', ttl))
        self.ok(self.c.create_ttl(self.root + '/x', (1 << 40) - 1))

    def test_create_with_a_ttl_flag_but_no_ttl(self):
        self.fails('BadArguments', self.c.create(self.root + '/x', flags=wire.TTL))

    def test_multi_answers_each_kind_with_its_own_record(self):
        node = self.made('/n')
        results = self.ok(self.c.multi(
            ('create', wire.enc_create(node + '/a')),
            ('create2', wire.enc_create(node + '/b', flags=wire.SEQUENTIAL)),
            ('createContainer', wire.enc_create(node + '/c', flags=wire.CONTAINER)),
            ('createTTL', wire.enc_create_ttl(node + '/t', ttl_ms=1 << 30)),
            ('setData', wire.enc_set_data(node, b'x')),
            ('check', wire.enc_path_version(node, 1)),
            ('delete', wire.enc_path_version(node + '/a'))))
        second = 1 if self.on_apache else 15
        self.assertEqual([r.type for r in results], [1, second, 15, 15, 5, 13, 2])
        self.assertEqual(results[0].value, node + '/a')
        self.assertEqual({r.err for r in results}, {0})
        self.assertEqual(results[4].value.version, 1)
        if not self.on_apache:
            self.assertEqual(results[1].value[0], node + '/b0000000001')
            self.assertEqual(results[1].value[1].czxid, results[4].value.mzxid)

    def test_a_failed_multi_tells_who_failed(self):
        node = self.made('/n')
        reply = self.c.multi(('create', wire.enc_create(node + '/a')),
                             ('check', wire.enc_path_version(node, 5)),
                             ('delete', wire.enc_path_version(node)))
        self.assertEqual(reply.err, 0)
        self.assertEqual([(r.type, r.err) for r in reply.value],
                         [(-1, 0), (-1, wire.ERR['BadVersion']),
                          (-1, wire.ERR['RuntimeInconsistency'])])
        self.assertEqual(self.ok(self.c.children(node)), [])

    def test_what_may_not_be_in_a_multi(self):
        node = self.made('/n')
        for name, ops in (
                ('setACL', [('setACL', wire.enc_set_acl(node, wire.OPEN_ACL))]),
                ('sync', [('sync', wire.enc_path(node))]),
                ('read', [('getData', wire.enc_path_watch(node))]),
                ('mixed', [('setData', wire.enc_set_data(node, b'')),
                           ('getData', wire.enc_path_watch(node))]),
                ('flags', [('create', wire.enc_create(node + '/x', flags=99))])):
            if name == 'flags' and self.on_apache:
                continue
            with self.subTest(name=name):
                self.fails('MarshallingError', self.c.multi(*ops))
        self.assertEqual(self.ok(self.c.exists(node)).version, 0)

    def test_a_thousand_operations_in_one_multi(self):
        ops = [('create', wire.enc_create(f'{self.root}/n{i}', b'%d' % i)) for i in range(1000)]
        results = self.ok(self.c.multi(*ops))
        self.assertEqual([r.value for r in results], [f'{self.root}/n{i}' for i in range(1000)])
        stat = self.ok(self.c.exists(self.root))
        self.assertEqual((stat.numChildren, stat.cversion), (1000, 1000))

    def test_a_sequential_name_too_many_is_not_reused(self):
        parent = self.made('/p')
        made = [self.ok(self.c.create(parent + '/s', flags=wire.SEQUENTIAL)) for _ in range(3)]
        self.ok(self.c.delete(made[1]))
        self.assertEqual(self.ok(self.c.create(parent + '/s', flags=wire.SEQUENTIAL)),
                         parent + '/s0000000003')


class ContainersAndTtl(WireCase):
    properties = {**WireCase.properties, 'znode.container.checkIntervalMs': '100',
                  'znode.container.maxPerMinute': '60000'}

    def gone(self, path, timeout_s=10):
        eventually(lambda: self.c.exists(path).error == 'NoNode', timeout_s, what=f'{path} gone')

    def test_a_container_goes_when_its_last_child_has_gone(self):
        box = self.root + '/box'
        path, stat = self.ok(self.c.create_container(box))
        self.assertEqual((path, stat.ephemeralOwner), (box, 0))
        self.ok(self.c.create(box + '/k'))
        watcher = self.client()
        self.ok(watcher.exists(box, watch=True))
        self.ok(self.c.delete(box + '/k'))
        self.gone(box)
        self.assert_events(watcher, [('NodeDeleted', box)])

    def test_a_container_that_never_had_children_stays(self):
        box, other = self.root + '/box', self.root + '/other'
        self.ok(self.c.create_container(box))
        self.ok(self.c.create_container(other))
        self.ok(self.c.create(other + '/k'))
        self.ok(self.c.delete(other + '/k'))
        self.gone(other)
        self.ok(self.c.exists(box))

    def test_create_with_the_container_flag_is_no_container(self):
        plain, box = self.made('/plain', flags=wire.CONTAINER), self.root + '/box'
        self.ok(self.c.create_container(box, flags=0))
        for node in (plain, box):
            self.ok(self.c.create(node + '/k'))
            self.ok(self.c.delete(node + '/k'))
        self.gone(box)
        self.ok(self.c.exists(plain))

    def test_a_ttl_node_goes_after_its_time(self):
        node = self.root + '/ttl'
        path, stat = self.ok(self.c.create_ttl(node, 300))
        self.assertEqual((path, stat.ephemeralOwner), (node, 0))
        self.ok(self.c.exists(node))
        self.gone(node)

    def test_a_write_renews_and_children_hold_a_ttl_node(self):
        kept, held = self.root + '/kept', self.root + '/held'
        probe = self.root + '/probe'
        self.ok(self.c.create_ttl(kept, 700))
        self.ok(self.c.create_ttl(held, 100))
        self.ok(self.c.create(held + '/k'))
        for i in range(4):              # each probe takes over 300 ms to go
            self.ok(self.c.create_ttl(f'{probe}{i}', 300))
            self.gone(f'{probe}{i}')
            self.ok(self.c.set(kept, b'again'))
        self.ok(self.c.exists(held))
        self.ok(self.c.delete(held + '/k'))
        self.gone(held)
        self.gone(kept)

    def test_sequential_ttl_nodes(self):
        path, _ = self.ok(self.c.create_ttl(self.root + '/t', 200, flags=wire.TTL_SEQUENTIAL))
        self.assertEqual(path, self.root + '/t0000000000')
        self.gone(path)


class TtlSwitchedOff(WireCase):
    properties = {'zookeeper.extendedTypesEnabled': 'false'}

    def test_create_ttl_is_unimplemented_and_the_connection_stays(self):
        self.fails('Unimplemented', self.c.create_ttl(self.root + '/t', 1000))
        self.ok(self.c.ping())

    def test_containers_work_without_the_switch(self):
        self.ok(self.c.create_container(self.root + '/c'))


class Quotas(WireCase):
    properties = {**WireCase.properties, 'zookeeper.enforceQuota': 'true'}

    def set_quota(self, path, text):
        made = ''
        for part in ('zookeeper/quota' + path).split('/'):
            made += '/' + part
            self.assertIn(self.c.create(made).error, ('Ok', 'NodeExists'))
        self.ok(self.c.create(made + '/zookeeper_limits', text.encode()))
        self.ok(self.c.create(made + '/zookeeper_stats', b'count=0,bytes=0'))

    def usage(self, path):
        data = self.ok(self.c.get(f'/zookeeper/quota{path}/zookeeper_stats'))[0]
        return data.decode()

    def test_usage_follows_the_subtree(self):
        self.made('/a', data=b'1234')
        self.set_quota(self.root, 'count=-1,bytes=-1')
        self.assertEqual(self.usage(self.root), 'count=2,bytes=4')
        self.made('/b', data=b'56')
        self.assertEqual(self.usage(self.root), 'count=3,bytes=6')
        self.ok(self.c.set(self.root + '/b', b'5678'))
        self.assertEqual(self.usage(self.root), 'count=3,bytes=8')
        self.ok(self.c.delete(self.root + '/a'))
        self.assertEqual(self.usage(self.root), 'count=2,bytes=4')

    def test_usage_changes_leave_stat_and_watches_alone(self):
        self.set_quota(self.root, 'count=-1,bytes=-1')
        stats = f'/zookeeper/quota{self.root}/zookeeper_stats'
        before = self.ok(self.c.get(stats, watch=True))[1]
        self.made('/a')
        after = self.ok(self.c.get(stats))[1]
        self.assertEqual(after._replace(dataLength=0), before._replace(dataLength=0))
        self.assert_events(self.c, [])

    def test_hard_limits_refuse(self):
        self.made('/a', data=b'1234')
        self.set_quota(self.root, 'count=-1,bytes=-1=;byteHardLimit=6;countHardLimit=3')
        self.fails('QuotaExceeded', self.c.create(self.root + '/b', b'123'))
        self.ok(self.c.create(self.root + '/b', b'12'))
        self.fails('QuotaExceeded', self.c.create(self.root + '/c'))
        self.fails('QuotaExceeded', self.c.set(self.root + '/b', b'123'))
        self.ok(self.c.set(self.root + '/b', b'1'))
        self.fails('QuotaExceeded', self.c.create_container(self.root + '/c'))
        self.fails('QuotaExceeded', self.c.create_ttl(self.root + '/c', 100000))
        results = self.ok(self.c.multi(('create', wire.enc_create(self.root + '/c'))))
        self.assertEqual(results[0].err, wire.ERR['QuotaExceeded'])
        self.ok(self.c.delete(self.root + '/b'))
        self.ok(self.c.create(self.root + '/c'))

    def test_soft_limits_only_warn(self):
        self.set_quota(self.root, 'count=1,bytes=1')
        for i in range(3):
            self.ok(self.c.create(f'{self.root}/n{i}', b'12345'))
        self.assertEqual(self.usage(self.root), 'count=4,bytes=15')

    def test_the_longest_prefix_with_limits_counts(self):
        self.made('/in')
        self.set_quota(self.root, 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3')
        self.set_quota(self.root + '/in', 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=9')
        for i in range(5):
            self.ok(self.c.create(f'{self.root}/in/{i}'))
        self.assertEqual(self.usage(self.root + '/in'), 'count=6,bytes=0')

    def test_a_quota_that_is_removed_no_longer_holds(self):
        self.set_quota(self.root, 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1')
        self.fails('QuotaExceeded', self.c.create(self.root + '/a'))
        self.ok(self.c.delete(f'/zookeeper/quota{self.root}/zookeeper_limits'))
        self.ok(self.c.create(self.root + '/a'))


class QuotasNotEnforced(WireCase):
    def test_hard_limits_are_not_looked_at(self):
        quota = '/zookeeper/quota' + self.root
        for path, data in ((quota, b''), (quota + '/zookeeper_limits',
                                          b'count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1'),
                           (quota + '/zookeeper_stats', b'count=0,bytes=0')):
            self.ok(self.c.create(path, data))
        self.made('/a', data=b'12345')


if __name__ == '__main__':
    unittest.main()
