"""One data folder handed from Paddock to Apache and back, with every kind of node in it."""

import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from lib import fourletter, servers, tree, wire  # noqa: E402
from folders import FolderCase  # noqa: E402

DIGEST_OF_BOB = 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM='       # of the password "pw"
OWNER_TIMEOUT_MS = 40000
SMALL_SNAPSHOTS = {'zookeeper.snapCount': '40', 'zookeeper.preAllocSize': '64'}


def fill(client, root):
    """Every node kind, ACLs, a quota, multis good and bad, deletions; under `root`."""
    def make(path, *args, **kwargs):
        reply = client.create(root + path, *args, **kwargs)
        assert reply.err == 0, reply
        return reply.value

    make('')
    make('/null', None)
    make('/big', bytes(range(256)) * 400)
    make('/\u4e2d\u6587 and "quotes"', 'é'.encode())
    make('/eph', b'e', flags=wire.EPHEMERAL)
    for flags in (wire.SEQUENTIAL, wire.EPHEMERAL_SEQUENTIAL, wire.SEQUENTIAL):
        make('/s-', flags=flags)
    make('/acls', acl=[(wire.ALL, 'digest', DIGEST_OF_BOB), (wire.READ, 'ip', '10.0.0.0/8'),
                       (wire.READ | wire.CREATE | wire.DELETE | wire.WRITE, 'world', 'anyone')])
    assert client.create_container(root + '/container').err == 0
    make('/container/child')
    assert client.create_ttl(root + '/ttl', 1 << 39, b't').err == 0
    assert client.create_ttl(root + '/ttl-', 5000000, flags=wire.TTL_SEQUENTIAL).err == 0
    for i in range(60):                     # enough for snapshots at a small snapCount
        make(f'/n{i}', b'%d' % i)
    for i in range(0, 60, 3):
        assert client.delete(f'{root}/n{i}').err == 0
    for i in range(1, 60, 3):
        assert client.set(f'{root}/n{i}', b'again').err == 0
    assert client.set_acl(root + '/n1', [(wire.ALL, 'world', 'anyone'),
                                         (wire.READ, 'ip', '127.0.0.1')]).err == 0
    multi = client.multi(('create', wire.enc_create(root + '/m')),
                         ('setData', wire.enc_set_data(root + '/m', b'in multi')),
                         ('check', wire.enc_path_version(root + '/m', 1)),
                         ('delete', wire.enc_path_version(root + '/n2')))
    assert all(r.err == 0 for r in multi.value), multi
    bad = client.multi(('create', wire.enc_create(root + '/never')),
                       ('check', wire.enc_path_version(root + '/m', 77)))
    assert bad.value[1].err == wire.ERR['BadVersion'], bad


def add_quota(client, root):
    quota = '/zookeeper/quota' + root
    assert client.create(quota).err == 0
    assert client.create(quota + '/zookeeper_limits', b'count=1000,bytes=-1').err == 0
    assert client.create(quota + '/zookeeper_stats', b'count=0,bytes=0').err == 0


class Exchange(FolderCase):
    def setUp(self):
        super().setUp()
        why = servers.missing(servers.ApacheServer)
        if why:
            self.skipTest(why)

    def filled_by(self, kind, folder, root, stop):
        """Fills `root` on a server of `kind` and stops it; returns tree and session."""
        server = self.server(folder, SMALL_SNAPSHOTS, kind=kind).start()
        owner = self.client(server, timeout_ms=OWNER_TIMEOUT_MS)
        fill(owner, root)
        add_quota(owner, root)
        nodes = tree.read_tree(self.super_client(server))
        zxid = self.last_zxid(server)
        getattr(server, stop)()
        return nodes, owner.session, zxid

    def assert_opens(self, kind, folder, nodes, session, zxid):
        server = self.server(folder, SMALL_SNAPSHOTS, kind=kind).start()
        self.assertEqual(self.last_zxid(server), zxid)
        told = fourletter.mntr(server.address)
        self.assertEqual(told['zk_digest_mismatches_count'], '0')
        self.assert_same_tree(nodes, tree.read_tree(self.super_client(server)), server)
        again = self.client(server, session_id=session.id, passwd=session.passwd,
                            timeout_ms=OWNER_TIMEOUT_MS)
        self.assertEqual(again.session.id, session.id)
        counters = [p for p in nodes if p.endswith('/zookeeper_stats')]
        for path in counters:
            root = path[len('/zookeeper/quota'):-len('/zookeeper_stats')]
            inside = [p for p in nodes if p == root or p.startswith(root + '/')]
            size = sum(nodes[p]['dataLength'] for p in inside)
            self.assertEqual(again.get(path).value[0], f'count={len(inside)},bytes={size}'.encode())
        server.close()

    def test_apache_opens_what_paddock_left_after_sigterm(self):
        folder = self.temporary_folder()
        left = self.filled_by(servers.PaddockServer, folder, '/from-paddock', 'terminate')
        self.assert_opens(servers.ApacheServer, folder, *left)

    def test_apache_opens_what_paddock_left_after_kill_9(self):
        folder = self.temporary_folder()
        left = self.filled_by(servers.PaddockServer, folder, '/from-paddock', 'kill')
        self.assert_opens(servers.ApacheServer, folder, *left)

    def test_paddock_opens_what_a_running_apache_left(self):
        folder = self.temporary_folder()
        left = self.filled_by(servers.ApacheServer, folder, '/from-apache', 'kill')
        self.assert_opens(servers.PaddockServer, folder, *left)

    def test_a_folder_goes_to_and_fro_and_gains_from_both(self):
        folder = self.temporary_folder()
        turns = [servers.PaddockServer, servers.ApacheServer] * 2
        left = None
        for turn, kind in enumerate(turns):
            if left:
                self.assert_opens(kind, folder, *left)
            left = self.filled_by(kind, folder, f'/turn{turn}', 'kill' if turn % 2 else 'terminate')
        self.assert_opens(servers.PaddockServer, folder, *left)

    def test_apache_opens_snapshots_that_were_taken_while_everything_changed(self):
        folder = self.temporary_folder()
        server = self.server(folder, {**SMALL_SNAPSHOTS, 'zookeeper.snapCount': '100'}).start()
        client = self.client(server)
        acls = [wire.OPEN_ACL, [(31, 'world', 'anyone'), (1, 'ip', '1.2.3.4')],
                [(31, 'world', 'anyone'), (1, 'ip', '5.6.7.8')]]
        for i in range(3000):           # pipelined: snapshots are taken under way
            path = f'/n{i % 97}'
            op = i % 5
            if op in (0, 1):
                client.send('create', wire.enc_create(path, b'%d' % i, acls[i % 3]))
            elif op == 2:
                client.send('delete', wire.enc_path_version(path))
            elif op == 3:
                client.send('setACL', wire.enc_set_acl(path, acls[i % 3]))
            else:
                client.send('setData', wire.enc_set_data(path, b'%d' % i * 20))
        for _ in range(3000):
            client.wait_reply(30)
        nodes = tree.read_tree(self.super_client(server))
        zxid = self.last_zxid(server)
        server.kill()
        snapshots = sorted((folder / 'version-2').glob('snapshot.*'))
        self.assertGreater(len(snapshots), 1, 'one was taken under way')
        self.assert_opens(servers.ApacheServer, folder, nodes, client.session, zxid)

    def test_both_record_the_same_tree_digests(self):
        """The `hash` word tells (zxid, digest) pairs; the other server must agree on all."""
        folder = self.temporary_folder()
        first = self.server(folder, {'zookeeper.snapCount': '1000000'}).start()
        client = self.client(first)
        for i in range(300):
            self.assertEqual(client.create(f'/d{i}', b'%d' % i).err, 0)
        own = first.word('hash')
        self.assertGreaterEqual(len(own.splitlines()), 2, own)
        first.kill()
        second = self.server(folder, kind=servers.ApacheServer).start()
        self.assertEqual(set(second.word('hash').splitlines()), set(own.splitlines()))


if __name__ == '__main__':
    unittest.main()
