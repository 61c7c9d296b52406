"""Unpacked golden data folders, and the test case that serves them."""

import pathlib
import shutil
import tarfile
import tempfile
import unittest

from lib import fourletter, servers, tree, wire

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / 'golden' / 'datadir'

# Nodes that expire by themselves must stay while they are read.
PROPERTIES = {
    'zookeeper.extendedTypesEnabled': 'true',
    'znode.container.checkIntervalMs': '86400000',
}
TRUST_EMPTY = {'zookeeper.snapshot.trust.empty': 'true'}


def cases(version):
    return sorted(p.name.removesuffix('.tar.gz') for p in (GOLDEN / version).glob('*.tar.gz'))


class FolderCase(unittest.TestCase):
    kind = servers.PaddockServer

    def setUp(self):
        why = servers.missing(self.kind)
        if why:
            self.skipTest(why)
        self.expectation = None

    # -- folders

    def temporary_folder(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='interop-datadir-'))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def unpack(self, version, case):
        """A copy of a golden folder; sets the expectation."""
        folder = self.temporary_folder()
        with tarfile.open(GOLDEN / version / f'{case}.tar.gz') as tar:
            tar.extractall(folder)
        self.expectation = tree.load_expectation(GOLDEN / version / f'{case}.expect.jsonl')
        return folder / case

    # -- servers

    def server(self, data_dir, properties=None, config=None, kind=None):
        server = (kind or self.kind)(config=config, properties={**PROPERTIES, **(properties or {})},
                                     data_dir=data_dir)
        self.addCleanup(server.close)
        return server

    def client(self, server, **kwargs):
        client = wire.Client(server.address, **kwargs)
        self.addCleanup(client.conn.close)
        return client

    def super_client(self, server):
        client = self.client(server)
        self.assertEqual(client.auth('digest', servers.SUPER_AUTH).err, 0)
        return client

    # -- checks

    @staticmethod
    def last_zxid(server):
        return fourletter.key_values(server.word('srvr'), ': ')['Zxid']

    def assert_serves_the_expectation(self, server):
        facts, nodes = self.expectation
        self.assertEqual(self.last_zxid(server), facts['lastZxid'])
        self.assert_same_tree(nodes, tree.read_tree(self.super_client(server)), server)

    def assert_same_tree(self, expected, got, server):
        wrong = tree.differences(expected, got)
        if wrong:
            self.fail('\n'.join(wrong[:20]) + f'\n({len(wrong)} differences)\n'
                      + server.log_tail())

    def assert_session_is_alive(self, server, session):
        """Re-attaches by id and password; the session must own the ephemerals expected."""
        sid = int(session['id'], 16)
        again = self.client(server, session_id=sid, passwd=wire.password_of(sid),
                            timeout_ms=session['timeoutMs'])
        self.assertEqual((again.session.id, again.session.timeout_ms), (sid, session['timeoutMs']))
        owned = {p for p, n in self.expectation[1].items() if int(n['ephemeralOwner'], 16) == sid}
        self.assertEqual(set(again.ephemerals().value), owned)

    def assert_refuses_to_start(self, server, *words):
        """It must end by itself with an error, and tell the operator about `words`."""
        code = server.run_to_end()
        self.assertNotEqual(code, 0, server.log_tail())
        for word in words:
            self.assertIn(word, server.log_text())
