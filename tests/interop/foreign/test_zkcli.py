"""zkCli.sh, Apache's own command line, driven as people and scripts drive it."""
import re
import subprocess
import unittest

import stage
from conversation import Conversation

ZKCLI = '/usr/share/zookeeper/bin/zkCli.sh'

USAGE = {
    'addWatch': 'addWatch [-m mode] path # optional mode is one of [PERSISTENT, '
                'PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE',
    'create': 'create [-s] [-e] [-c] [-t ttl] path [data] [acl]',
    'delete': 'delete [-v version] path',
    'deleteall': 'deleteall path [-b batch size]',
    'get': 'get [-s] [-w] path',
    'getAcl': 'getAcl [-s] path',
    'getAllChildrenNumber': 'getAllChildrenNumber path',
    'ls': 'ls [-s] [-w] [-R] path',
    'removewatches': 'removewatches path [-c|-d|-a] [-l]',
    'set': 'set [-s] [-v version] path data',
    'setAcl': 'setAcl [-s] [-v version] [-R] path acl',
    'setquota': 'org.apache.commons.cli.MissingOptionException: Missing required option: '
                '[-n num soft quota, -b bytes soft quota, -N num hard quota, '
                '-B bytes hard quota]',
    'setquota -n 1': 'setquota -n|-b|-N|-B val path',
    'stat': 'stat [-w] path',
    'sync': 'sync path',
}

# The stat block; what changes from run to run is checked for its form and then replaced.
DATE = r'[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [A-Z+:0-9-]{3,} \d{4}'
VOLATILE = [
    (re.compile(r'^([cmp]Zxid) = 0x[0-9a-f]+$'), r'\1 = ZXID'),
    (re.compile(r'^([cm]time) = ' + DATE + '$'), r'\1 = DATE'),
    (re.compile(r'^(ephemeralOwner) = 0x[0-9a-f]{10,}$'), r'\1 = SESSION'),
]
EVENT = re.compile(r'^WatchedEvent state:(\w+) type:(\w+) path:(.*)$', re.MULTILINE)
PROMPT_ANSWER = 'ZooKeeper CLI version:'


def stat_block(cversion=0, version=0, aversion=0, owner='0x0', length=0, children=0):
    return (f'cZxid = ZXID\nctime = DATE\nmZxid = ZXID\nmtime = DATE\npZxid = ZXID\n'
            f'cversion = {cversion}\ndataVersion = {version}\naclVersion = {aversion}\n'
            f'ephemeralOwner = {owner}\ndataLength = {length}\nnumChildren = {children}')


class ZkCli:
    """An interactive zkCli.sh.  Without a terminal it shows no prompt, so each command is
    followed by `version`, whose answer marks the end of the command's output."""

    def __init__(self, address, *options):
        self.talk = Conversation([ZKCLI, '-server', address, *options])
        self._events_seen = 0
        self.talk.expect('WatchedEvent state:SyncConnected type:None path:null\n')
        self._events_seen = len(EVENT.findall(self.talk.text))

    def do(self, command):
        """What the command printed, on both streams; without events and blank lines."""
        before = len(self.talk.text)
        self.talk.send(command)
        self.talk.ask('version', f'^{PROMPT_ANSWER}.*\n')
        lines = []
        for line in self.talk.text[before:].splitlines():
            if not line.strip() or line.startswith((PROMPT_ANSWER, 'WATCHER::')):
                continue
            if EVENT.match(line):
                continue
            for pattern, instead in VOLATILE:
                line = pattern.sub(instead, line)
            lines.append(line)
        return '\n'.join(lines)

    def event(self):
        """The next event that was or will be printed, as (state, type, path)."""
        while len(EVENT.findall(self.talk.text)) <= self._events_seen:
            self.talk.expect(EVENT.pattern + '\n')
        self._events_seen += 1
        return EVENT.findall(self.talk.text)[self._events_seen - 1]

    def node_event(self):
        state, kind, path = self.event()
        assert state == 'SyncConnected', state
        return f'{kind} {path}'

    def more_events(self):
        """Those that the server has sent and nobody looked at: sync answers on the thread that
        prints events, so whatever came before it is printed."""
        self.do('sync /')
        return EVENT.findall(self.talk.text)[self._events_seen:]


class ZkCliCase(stage.StageCase):
    @classmethod
    def setUpClass(cls):
        stage.need_files('zookeeper', ZKCLI)
        super().setUpClass()

    def open(self, address=None, *options):
        cli = ZkCli(address or self.stage.rich.hosts, *options)
        self.addCleanup(cli.talk.close)
        return cli

    def prints(self, cli, command, *lines):
        self.assertEqual(cli.do(command), '\n'.join(lines), command)


class Commands(ZkCliCase):
    """All in one zkCli.sh, one after the other; each test has a node of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cli = ZkCli(cls.stage.rich.hosts)
        cls.addClassCleanup(cls.cli.talk.close)

    def setUp(self):
        self.root = '/' + self.id().rsplit('.', 1)[-1]
        self.says(f'create {self.root} old', f'Created {self.root}')
        for _ in self.cli.more_events():
            self.cli.event()

    def says(self, command, *lines):
        self.prints(self.cli, command, *lines)

    def test_create(self):
        r = self.root
        self.says(f'create {r}/a', f'Created {r}/a')
        self.says(f'create {r}/b data', f'Created {r}/b')
        self.says(f'create -s {r}/s- x', f'Created {r}/s-0000000002')
        self.says(f'create -e {r}/e x', f'Created {r}/e')
        self.says(f'create -s -e {r}/es x', f'Created {r}/es0000000004')
        self.says(f'create -c {r}/c', f'Created {r}/c')
        self.says(f'create -t 60000 {r}/t x', f'Created {r}/t')
        self.says(f'create -t 60000 -s {r}/ts x', f'Created {r}/ts0000000007')
        self.says(f'create "{r}/two words" "two words"', f'Created {r}/two words')
        self.says(f'get {r}/a', 'null')
        self.says(f'get {r}/b', 'data')
        self.says(f'get "{r}/two words"', 'two words')
        self.says(f'ls {r}', '[a, b, c, e, es0000000004, s-0000000002, t, ts0000000007, '
                             'two words]')
        self.says(f'stat {r}/e', stat_block(owner='SESSION', length=1))

    def test_create_that_fails(self):
        r = self.root
        self.says(f'create -e {r}/e', f'Created {r}/e')
        self.says(f'create {r}', f'Node already exists: {r}')
        self.says(f'create {r}/no/a', f'Node does not exist: {r}/no/a')
        self.says(f'create {r}/e/a', f'Ephemerals cannot have children: {r}/e/a')
        self.says(f'create {r}/a x foo:bar:r', f'KeeperErrorCode = InvalidACL for {r}/a',
                  f'Acl is not valid : {r}/a')
        self.says(f'create -c -s {r}/a', '-c cannot be combined with -s or -e. Containers '
                                         'cannot be ephemeral or sequential.')
        self.says(f'create -t 10 -e {r}/a', 'TTLs cannot be used with Ephemeral znodes')
        self.says(f'create -t 10 -c {r}/a', 'TTLs cannot be used with Container znodes')
        self.says('create nopath', 'Path must start with / character')
        self.says(f'create {r}/', 'Path must not end with / character')
        self.says(f'create {r}//b', f'Invalid path string "{r}//b" caused by empty node name '
                                    f'specified @{len(r) + 1}')
        self.says(f'ls {r}', '[e]')

    def test_get_and_set(self):
        r = self.root
        self.says(f'get {r}', 'old')
        self.says(f'get -s {r}', 'old', stat_block(length=3))
        self.says(f'set {r} "two words"')
        self.says(f'get {r}', 'two words')
        self.says(f'set -s {r} x', stat_block(version=2, length=1))
        self.says(f'set -v 0 {r} y', f'version No is not valid : {r}')
        self.says(f'set -s -v 2 {r} yy', stat_block(version=3, length=2))
        self.says(f'get {r}/no', f'Node does not exist: {r}/no')
        self.says(f'set {r}/no x', f'Node does not exist: {r}/no')
        self.says('set /zookeeper/config x', 'Insufficient permission : /zookeeper/config')

    def test_ls_and_stat(self):
        r = self.root
        self.says(f'ls {r}', '[]')
        for path in ('/b', '/a', '/a/y', '/a/x', '/a/x/1'):
            self.says(f'create {r}{path}', f'Created {r}{path}')
        self.says(f'ls {r}', '[a, b]')
        self.says(f'ls -s {r}', '[a, b]', stat_block(cversion=2, length=3, children=2))
        # The order is the client's: breadth first in 3.8, depth first later.
        self.assertEqual(sorted(self.cli.do(f'ls -R {r}').split('\n')),
                         [r, f'{r}/a', f'{r}/a/x', f'{r}/a/x/1', f'{r}/a/y', f'{r}/b'])
        self.says(f'stat {r}', stat_block(cversion=2, length=3, children=2))
        self.says(f'getAllChildrenNumber {r}', '5')
        self.says(f'ls {r}/no', f'Node does not exist: {r}/no')
        self.says(f'stat {r}/no', f'Node does not exist: {r}/no')
        self.says(f'getAllChildrenNumber {r}/no', f'Node does not exist: {r}/no')

    def test_delete_and_deleteall(self):
        r = self.root
        for path in ['/a', '/a/b', '/z'] + [f'/many{i}' for i in range(12)]:
            self.says(f'create {r}{path}', f'Created {r}{path}')
        self.says(f'delete -v 4 {r}/z', f'version No is not valid : {r}/z')
        self.says(f'delete -v 0 {r}/z')
        self.says(f'delete {r}/z', f'Node does not exist: {r}/z')
        self.says(f'delete {r}/a', f'Node not empty: {r}/a')
        self.says(f'deleteall {r}/a')
        self.says(f'deleteall {r} -b 5')
        self.says(f'deleteall {r}', f'Node does not exist: {r}')
        self.says('delete /zookeeper', 'Arguments are not valid : /zookeeper')

    def test_getEphemerals(self):
        r = self.root
        self.says(f'create -e {r}/e1', f'Created {r}/e1')
        self.says(f'create -e {r}/e2', f'Created {r}/e2')
        self.says(f'getEphemerals {r}', f'[{r}/e1, {r}/e2]')
        self.says(f'getEphemerals {r}/e2', f'[{r}/e2]')
        self.says(f'getEphemerals {r}/nothing', '[]')
        self.assertIn(f'{r}/e1', self.cli.do('getEphemerals'))

    def test_acls(self):
        r = self.root
        self.says(f'create {r}/a x world:anyone:ra,ip:127.0.0.1:cdrwa', f'Created {r}/a')
        self.says(f'getAcl {r}/a', "'world,'anyone", ': ra', "'ip,'127.0.0.1", ': cdrwa')
        self.says(f'getAcl -s {r}', "'world,'anyone", ': cdrwa', stat_block(
            cversion=1, length=3, children=1))
        self.says(f'setAcl -s -v 0 {r}/a world:anyone:cdrwa',
                  stat_block(aversion=1, length=1))
        self.says(f'setAcl -v 0 {r}/a world:anyone:r', f'version No is not valid : {r}/a')
        self.says(f'setAcl {r}/a bogus', 'bogus does not have the form scheme:id:perm',
                  'Acl is not valid : null')
        self.says(f'setAcl {r}/no world:anyone:r', f'Node does not exist: {r}/no')
        self.says(f'create {r}/a/b', f'Created {r}/a/b')
        self.says(f'setAcl -R {r}/a world:anyone:ra')
        self.says(f'getAcl {r}/a/b', "'world,'anyone", ': ra')
        self.says(f'set {r}/a/b x', f'Insufficient permission : {r}/a/b')
        self.says(f'create {r}/a/c', f'Insufficient permission : {r}/a/c')
        self.says(f'delete {r}/a/b', f'Insufficient permission : {r}/a/b')
        self.says(f'setAcl {r}/a world:anyone:w')
        self.says(f'get {r}/a', f'Insufficient permission : {r}/a')
        self.says(f'ls {r}/a', f'Insufficient permission : {r}/a')
        self.says(f'getAcl {r}/a', f'Insufficient permission : {r}/a')
        self.says(f'setAcl {r}/a world:anyone:r', f'Insufficient permission : {r}/a')

    def test_soft_quotas(self):
        r = self.root
        limits = f'absolute path is /zookeeper/quota{r}/zookeeper_limits'
        self.says(f'listquota {r}', limits, f'quota for {r} does not exist.')
        self.says(f'create {r}/a 12345', f'Created {r}/a')
        self.says(f'setquota -n 1 {r}', '[Warning]: the count quota you create is less than the '
                                        'existing count:2')
        self.says(f'listquota {r}', limits,
                  f'Output quota for {r} count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1',
                  f'Output stat for {r} count=2,bytes=8')
        self.says(f'setquota -n 9 {r}')
        self.says(f'setquota -b 4 {r}', '[Warning]: the bytes quota you create is less than the '
                                        'existing bytes:8')
        self.says(f'create {r}/b 1', f'Created {r}/b')
        self.says(f'listquota {r}', limits,
                  f'Output quota for {r} count=9,bytes=4=;byteHardLimit=-1;countHardLimit=-1',
                  f'Output stat for {r} count=3,bytes=9')
        self.says(f'setquota -n 1 {r}/a', f'{r}/a has a parent {r} which has a quota')
        self.says(f'delquota -n {r}')
        self.says(f'listquota {r}', limits,
                  f'Output quota for {r} count=-1,bytes=4=;byteHardLimit=-1;countHardLimit=-1',
                  f'Output stat for {r} count=3,bytes=9')
        self.says(f'delquota {r}')
        self.says(f'delquota {r}', f'Quota does not exist for {r}')

    def test_hard_quotas(self):
        r = self.root
        self.says(f'setquota -N 3 {r}')
        self.says(f'setquota -B 10 {r}')
        self.says(f'create {r}/a 12345', f'Created {r}/a')
        self.says(f'create {r}/b 123456', f'Quota has exceeded : {r}/b')
        self.says(f'create {r}/b', f'Created {r}/b')
        self.says(f'create {r}/c', f'Quota has exceeded : {r}/c')
        self.says(f'set {r}/a 12345678', f'Quota has exceeded : {r}/a')
        self.says(f'listquota {r}', f'absolute path is /zookeeper/quota{r}/zookeeper_limits',
                  f'Output quota for {r} count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3',
                  f'Output stat for {r} count=3,bytes=8')
        self.says(f'delquota -N {r}')
        self.says(f'create {r}/c', f'Created {r}/c')
        self.says(f'delquota -B {r}')
        self.says(f'set {r}/a 12345678')
        self.says(f'setquota -n 1 {r}/no', f'{r}/no does not exist.')
        self.says(f'setquota -n 1 -b 1 {r}', "org.apache.commons.cli.AlreadySelectedException: "
                  "The option 'b' was specified but an option from this group has already been "
                  "selected: 'n'")

    def test_one_shot_watches(self):
        r = self.root
        self.says(f'get -w {r}', 'old')
        self.says(f'set {r} new')
        self.assertEqual(self.cli.node_event(), f'NodeDataChanged {r}')
        self.says(f'stat -w {r}', stat_block(version=1, length=3))
        self.says(f'set {r} newer')
        self.assertEqual(self.cli.node_event(), f'NodeDataChanged {r}')
        self.says(f'ls -w {r}', '[]')
        self.says(f'create {r}/a', f'Created {r}/a')
        self.assertEqual(self.cli.node_event(), f'NodeChildrenChanged {r}')
        self.says(f'get -w {r}/a', 'null')
        self.says(f'delete {r}/a')
        self.assertEqual(self.cli.node_event(), f'NodeDeleted {r}/a')
        self.says('config -w')
        self.assertEqual(self.cli.more_events(), [])

    def test_persistent_watches(self):
        r = self.root
        self.says(f'addWatch {r}')
        self.says(f'create {r}/a', f'Created {r}/a')
        self.says(f'set {r}/a x')
        self.says(f'delete {r}/a')
        for event in ('NodeCreated', 'NodeDataChanged', 'NodeDeleted'):
            self.assertEqual(self.cli.node_event(), f'{event} {r}/a')
        self.says(f'removewatches {r}')
        self.assertEqual(self.cli.node_event(), f'PersistentWatchRemoved {r}')
        self.says(f'addWatch -m PERSISTENT {r}')
        self.says(f'create {r}/a', f'Created {r}/a')
        self.says(f'set {r} x')
        self.assertEqual(self.cli.node_event(), f'NodeChildrenChanged {r}')
        self.assertEqual(self.cli.node_event(), f'NodeDataChanged {r}')
        self.says(f'removewatches {r} -a')
        self.assertEqual(self.cli.node_event(), f'PersistentWatchRemoved {r}')
        self.says(f'addWatch -m FOO {r}', USAGE['addWatch'])
        self.says(f'set {r} y')
        self.assertEqual(self.cli.more_events(), [])

    def test_removed_watches(self):
        r = self.root
        no_such = f'KeeperErrorCode = No such watcher for {r}'
        self.says(f'removewatches {r}', no_such)
        self.says(f'get -w {r}', 'old')
        self.says(f'removewatches {r} -c', no_such)
        self.says(f'removewatches {r} -d')
        self.assertEqual(self.cli.node_event(), f'DataWatchRemoved {r}')
        self.says(f'ls -w {r}', '[]')
        self.says(f'removewatches {r} -d', no_such)
        self.says(f'removewatches {r} -c')
        self.assertEqual(self.cli.node_event(), f'ChildWatchRemoved {r}')
        self.says(f'set {r} x')
        self.says(f'create {r}/a', f'Created {r}/a')
        self.assertEqual(self.cli.more_events(), [])

    def test_config_and_reconfig(self):
        self.says('config')
        self.says('config -s', stat_block(aversion=-1))
        self.says('config -c')
        disabled = 'KeeperErrorCode = Reconfig is disabled'
        self.says('reconfig -remove 1', disabled)
        self.says('reconfig -add server.2=127.0.0.1:2:3;4', disabled)
        self.says('reconfig -members server.2=127.0.0.1:2:3;4', disabled)

    def test_sync(self):
        self.says(f'sync {self.root}', 'Sync is OK')
        self.says(f'sync {self.root}/no', 'Sync is OK')

    def test_wrong_usage(self):
        for command, usage in USAGE.items():
            self.says(command, usage)
        self.assertRegex(self.cli.do('help'), r'(?s)^ZooKeeper -server host:port.*'
                                              r'Command not found: Command not found help$')

    def test_history_and_printwatches(self):
        self.says(f'get {self.root}', 'old')
        self.assertRegex(self.cli.do('history'), rf'(?m)^\d+ - get {self.root}$')
        self.says('printwatches', 'printwatches is on')
        self.says('printwatches off')
        self.says(f'get -w {self.root}', 'old')
        self.says(f'set {self.root} x')
        self.assertEqual(self.cli.more_events(), [])
        self.says('printwatches', 'printwatches is off')
        self.says('printwatches on')
        self.says(f'get -w {self.root}', 'x')
        self.says(f'set {self.root} y')
        self.assertEqual(self.cli.node_event(), f'NodeDataChanged {self.root}')
        self.assertEqual(self.cli.more_events(), [])


class Sessions(ZkCliCase):
    """Each test with a zkCli.sh of its own."""

    def test_identities(self):
        cli = self.open()
        self.prints(cli, 'whoami', 'Auth scheme: User', 'ip: 127.0.0.1')
        self.prints(cli, 'create /auth x auth::cdrwa', 'KeeperErrorCode = InvalidACL for /auth',
                    'Acl is not valid : /auth')
        self.prints(cli, 'addauth digest bob:pw')
        # The order of identities is the server's choice.
        self.assertEqual(sorted(cli.do('whoami').split('\n')),
                         ['Auth scheme: User', 'digest: bob', 'ip: 127.0.0.1'])
        self.prints(cli, 'create /auth x auth::cdrwa', 'Created /auth')
        self.prints(cli, 'getAcl /auth', "'digest,'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=",
                    ': cdrwa')
        stranger = self.open()
        self.prints(stranger, 'get /auth', 'Insufficient permission : /auth')
        self.prints(stranger, 'addauth digest super:secret')
        self.prints(stranger, 'get /auth', 'x')
        self.prints(stranger, 'deleteall /auth')

    def test_chroot(self):
        cli = self.open()
        self.prints(cli, 'create /jail', 'Created /jail')
        inside = self.open(self.stage.rich.hosts + '/jail')
        self.prints(inside, 'create /a x', 'Created /a')
        self.prints(inside, 'create -s /s-', 'Created /s-0000000001')
        self.prints(inside, 'ls -R /', '/', '/a', '/s-0000000001')
        self.prints(inside, 'create -e /e', 'Created /e')
        self.prints(inside, 'get -w /a', 'x')
        self.prints(cli, 'set /jail/a y')
        self.assertEqual(inside.node_event(), 'NodeDataChanged /a')
        self.prints(cli, 'ls /jail', '[a, e, s-0000000001]')

    def test_close_connect_and_quit(self):
        cli = self.open()
        other = self.open()
        self.prints(cli, 'create -e /closes', 'Created /closes')
        cli.talk.ask('close', 'state:Closed type:None path:null\n')
        self.prints(other, 'stat /closes', 'Node does not exist: /closes')
        cli.talk.ask('ls /', '^Not connected\n')
        cli.talk.ask(f'connect {self.stage.rich.hosts}', 'state:SyncConnected.*\n')
        self.prints(cli, 'create -e /closes', 'Created /closes')
        self.prints(other, 'get -w /closes', 'null')
        cli.talk.ask('ls /nope', '^Node does not exist: /nope\n')
        cli.talk.send('quit')
        self.assertEqual(cli.talk.end(), 1, 'the code of the last command')
        self.assertEqual(other.node_event(), 'NodeDeleted /closes')
        other.talk.send('quit')
        self.assertEqual(other.talk.end(), 0)

    def test_a_session_is_taken_up_after_a_restart(self):
        cli = self.open()
        self.prints(cli, 'create -e /restart x', 'Created /restart')
        self.prints(cli, 'get -w /restart', 'x')
        self.stage.bounce()
        self.assertEqual(cli.event()[0], 'Disconnected')
        self.assertEqual(cli.event()[0], 'SyncConnected')
        self.prints(cli, 'getEphemerals', '[/restart]')
        self.prints(cli, 'set /restart y')
        self.assertEqual(cli.node_event(), 'NodeDataChanged /restart')

    def test_an_expired_session_finds_its_ephemerals_gone(self):
        watcher = self.open()
        cli = self.open(f'127.0.0.1:{self.stage.wire.port}', '-timeout', '1200')
        self.prints(cli, 'create -e /expires', 'Created /expires')
        self.prints(watcher, 'stat -w /expires', stat_block(owner='SESSION'))
        self.stage.wire.freeze()
        self.addCleanup(self.stage.wire.thaw)
        self.assertEqual(watcher.node_event(), 'NodeDeleted /expires')
        self.stage.wire.thaw()
        states = []
        while 'Expired' not in states:
            states.append(cli.event()[0])
        self.prints(watcher, 'stat /expires', 'Node does not exist: /expires')
        # zkCli.sh notices that its session has ended and opens another.
        self.prints(cli, f'connect 127.0.0.1:{self.stage.wire.port}')
        self.prints(cli, 'create -e /expires', 'Created /expires')


class OneShots(ZkCliCase):
    """A command on the command line: its output and exit code are what scripts go by."""

    def run_once(self, *words, address=None):
        done = subprocess.run([ZKCLI, '-server', address or self.stage.rich.hosts, *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        out = [x for x in done.stdout.splitlines()
               if x and not x.startswith(('Connecting to', 'WATCHER::', 'WatchedEvent'))]
        err = [x for x in done.stderr.splitlines() if not x.startswith('SLF4J')]
        return done.returncode, '\n'.join(out), '\n'.join(err)

    def test_success_exits_with_0_and_failure_with_1(self):
        self.assertEqual(self.run_once('create', '/once', 'data'), (0, '', 'Created /once'))
        self.assertEqual(self.run_once('create', '/once'),
                         (1, '', 'Node already exists: /once'))
        self.assertEqual(self.run_once('-waitforconnection', 'get', '/once'), (0, 'data', ''))
        self.assertEqual(self.run_once('-r', '-timeout', '5000', 'ls', '/once'), (0, '[]', ''))
        self.assertEqual(self.run_once('get', '/no'), (1, '', 'Node does not exist: /no'))
        self.assertEqual(self.run_once('create', '-e', '/once/e'), (0, '', 'Created /once/e'))
        self.assertEqual(self.run_once('deleteall', '/once'), (0, '', ''))
        self.assertEqual(self.run_once('nosuch')[0], 127)

    def test_a_server_that_forbids_ttl_says_so(self):
        code, _, err = self.run_once('create', '-t', '1000', '/ttl',
                                     address=self.stage.plain.hosts)
        self.assertEqual((code, err), (1, 'KeeperErrorCode = Unimplemented for /ttl'))


if __name__ == '__main__':
    unittest.main()
