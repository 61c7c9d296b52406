"""libzookeeper_mt, Apache's own C client (program in c/), and Debian's cli_mt."""
import subprocess
import unittest

import stage
from conversation import Conversation

CLI_MT = '/usr/lib/zookeeper/bin/cli_mt'
HEADER = '/usr/include/zookeeper/zookeeper.h'
PROGRAM = stage.BUILD / 'c' / 'client'


@stage.checks_in('c/*.c')
class CClient(stage.ProgramCase):
    @classmethod
    def argv(cls):
        stage.need_files('gcc', '/usr/bin/gcc')
        stage.need_files('libzookeeper-mt-dev', HEADER)
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(
            ['gcc', '-std=c17', '-D_GNU_SOURCE', '-DTHREADED', '-O1', '-g', '-pthread', '-Wall',
             '-Wextra', '-Wpedantic', '-Wconversion', '-Wshadow', '-Wstrict-prototypes',
             '-Wmissing-prototypes', '-Wvla', '-Werror', '-isystem', '/usr/include/zookeeper',
             '-o', str(PROGRAM)] + [str(p) for p in sorted((stage.HERE / 'c').glob('*.c'))]
            + ['-lzookeeper_mt'], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise AssertionError('gcc:\n' + result.stderr)
        return [str(PROGRAM)]


class CliMt(stage.StageCase):
    """The command line that comes with the C client.  It sends each command at once and prints
    results as they come, in any number of lines, so each is awaited before the next."""

    @classmethod
    def setUpClass(cls):
        stage.need_files('zookeeper-bin', CLI_MT)
        super().setUpClass()

    def open(self, address=None, *options):
        talk = Conversation([CLI_MT, '-h', address or self.stage.rich.hosts, *options])
        self.addCleanup(talk.close)
        talk.expect('state = CONNECTED_STATE\n')
        return talk

    @staticmethod
    def stat(version=0, aversion=0, owner='0'):
        return (r'\tctime = .*\n\tczxid=[0-9a-f]+\n\tmtime=.*\n\tmzxid=[0-9a-f]+\n'
                rf'\tversion={version}\taversion={aversion}\n\tephemeralOwner = {owner}\n')

    def test_create_and_delete(self):
        t = self.open()
        own = '[1-9a-f][0-9a-f]+'
        t.ask('create /n', r'^\[/n\]: rc = 0\n\tname = /n\n')
        t.ask('create /n', r'^\[/n\]: rc = -110\n')
        t.ask('create +s /n/s', r'rc = 0\n\tname = /n/s0000000000\n')
        t.ask('create2 +es /n/es', r'rc = 0\n\tname = /n/es0000000001\n' + self.stat(owner=own))
        t.ask('create2 +c /n/c', r'rc = 0\n\tname = /n/c\n' + self.stat())
        t.ask('create2 +t=60000 /n/t', r'rc = 0\n\tname = /n/t\n' + self.stat())
        t.ask('create +e /n/e', r'rc = 0\n\tname = /n/e\n')
        t.ask('create /n/e/x', r'^\[/n/e/x\]: rc = -108\n')
        t.ask('create /no/x', r'^\[/no/x\]: rc = -101\n')
        t.ask('delete /n', r'^/n: rc = -111\n')
        t.ask('delete /n/c', r'^/n/c: rc = 0\n')
        t.ask('delete /no', r'^/no: rc = -101\n')
        t.send('quit')
        self.assertEqual(t.end(), 0)
        again = self.open()
        self.assertEqual(self.children(again, '/n'), ['s0000000000', 't'])

    def children(self, talk, path):
        found = talk.ask(f'ls {path}', rf'^{path}: rc = 0\n((?:\t.*\n)*)time = ')
        return sorted(found[1].split())

    def test_data_and_children(self):
        t = self.open()
        t.ask('create /d', 'rc = 0')
        t.ask('get /d', r'^/d: rc = 0\n value_len = \d+\n')
        t.ask('set /d hello', r'^/d: rc = 0 Stat:\n' + self.stat(version=1))
        t.ask('get /d', r'^/d: rc = 0\n value_len = 5\nhello\nStat:\n' + self.stat(version=1))
        t.ask('aget /d', r'^/d: rc = 0\n value_len = 5\nhello\n')
        # It prints nothing for a node that is there.
        t.send('exists /d')
        t.ask('exists /no', '^Error -101 for /no\n')
        t.ask('get /no', r'^/no: rc = -101\n')
        t.ask('set /no x', r'^/no: rc = -101 Stat:\n')
        t.ask('create /d/b', 'rc = 0')
        t.ask('create /d/a', 'rc = 0')
        self.assertEqual(self.children(t, '/d'), ['a', 'b'])
        t.ask('ls2 /d', r'^/d: rc = 0\n(\t[ab]\n){2}time = .*\n' + self.stat(version=1))
        t.ask('ls /no', r'^/no: rc = -101\n')
        t.ask('sync /d', r'^\[/d\]: rc = 0\n\tname = /d\n')
        t.ask('set /zookeeper/config x', r'^/zookeeper/config: rc = -102 ')
        t.ask('reconfig -remove 1', 'rc = -123')
        self.assertEqual(self.children(t, '/d'), ['a', 'b'])

    def test_watches(self):
        t = self.open()
        other = self.open()
        t.ask('create /w', 'rc = 0')
        t.send('wexists /w')
        t.ask('sync /w', 'rc = 0')
        other.ask('set /w x', 'rc = 0')
        t.expect('^Watcher CHANGED_EVENT state = CONNECTED_STATE for path /w\n')
        t.ask('wexists /w/new', 'Error -101 for /w/new')
        other.ask('create /w/new', 'rc = 0')
        t.expect('^Watcher CREATED_EVENT state = CONNECTED_STATE for path /w/new\n')
        t.send('wexists /w/new')
        t.ask('sync /w', 'rc = 0')
        other.ask('delete /w/new', 'rc = 0')
        t.expect('^Watcher DELETED_EVENT state = CONNECTED_STATE for path /w/new\n')

    def test_sessions(self):
        id_file = str(self.stage.rich.home / 'cli_mt.id')
        open(id_file, 'wb').close()
        t = self.open(f'127.0.0.1:{self.stage.wire.port}', '-m', id_file)
        session = t.expect('Got a new session id: (0x[0-9a-f]+)')[1]
        t.ask('create +e /s', 'rc = 0')
        self.stage.wire.drop()
        t.expect('state = CONNECTING_STATE\n')
        t.expect('state = CONNECTED_STATE\n')
        t.ask('get /s', f'ephemeralOwner = {session[2:]}')
        # The next process takes the session up with the id and password of the file.
        t.close()
        again = self.open(None, '-m', id_file)
        again.ask('get /s', f'ephemeralOwner = {session[2:]}')
        again.send('quit')
        again.end()

    def test_identities(self):
        t = self.open()
        t.send('addauth digest super:secret')
        t.ask('set /zookeeper/config x', r'^/zookeeper/config: rc = 0 ')
        t.ask('addauth nosuch x', 'state = AUTH_FAILED_STATE')


if __name__ == '__main__':
    unittest.main()
