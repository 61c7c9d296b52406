"""Four-letter words: who may ask, and the shape of each answer."""

import pathlib
import re
import socket
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import fourletter, wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from wire_case import TICK_MS, WireCase  # noqa: E402

WORDS = ('ruok srvr stat conf cons crst srst dump envi mntr wchs wchc wchp dirs isro hash gtmk'
         .split())
NOT_ALLOWED = '{} is not executed because it is not in the whitelist.\n'
VERSION = r'Zookeeper version: [A-Za-z0-9.{}$-]+, built on \S+ \d\d:\d\d \S+'
SUMMARY = (r'Latency min/avg/max: \d+/\d+\.\d+/\d+\nReceived: \d+\nSent: \d+\nConnections: \d+\n'
           r'Outstanding: \d+\nZxid: 0x[0-9a-f]+\nMode: standalone\nNode count: \d+\n')
CLIENT = (r' /127\.0\.0\.1:\d+\[[0-9a-f]+\]\(queued=\d+,recved=\d+,sent=\d+')
DATE = r'\w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ \d{4}'
# The metrics people look at; the values are integers.
METRICS = """avg_latency max_latency min_latency packets_received packets_sent
    num_alive_connections outstanding_requests znode_count watch_count ephemerals_count
    approximate_data_size open_file_descriptor_count max_file_descriptor_count
    last_client_response_size max_client_response_size min_client_response_size uptime
    global_sessions local_sessions connection_drop_probability outstanding_tls_handshake
    auth_failed_count commit_count connection_request_count connection_drop_count
    connection_rejected bytes_received_count snap_count digest_mismatches_count
    stale_sessions_expired unrecoverable_error_count sessionless_connections_expired""".split()
SUMMARIES = 'fsynctime snapshottime readlatency updatelatency node_created_watch_count'.split()


class Words(WireCase):
    def ask(self, word):
        return fourletter.ask(self.server.address, word)

    def matches(self, pattern, text):
        self.assertIsNotNone(re.fullmatch(pattern, text), f'{pattern}\ndoes not match\n{text}')

    def test_ruok(self):
        for raw in (b'ruok', b'ruok\n', b'ruok and more'):
            self.assertEqual(fourletter.ask_bytes(self.server.address, raw), b'imok')

    def test_isro_and_trace_masks(self):
        self.assertEqual(self.ask('isro'), 'rw')
        self.assertEqual(self.ask('gtmk'), '306')
        answer = fourletter.ask_bytes(self.server.address, b'stmk' + wire.i64(306))
        self.assertEqual(answer, b'306')

    def test_srvr(self):
        self.matches(f'{VERSION}\n{SUMMARY}', self.ask('srvr'))

    def test_the_version_says_which_apache_it_stands_for(self):
        self.not_on_apache('it is Apache')
        self.matches(r'Zookeeper version: 3\.9\.5-paddock-[A-Za-z0-9.-]+, built on '
                     r'\d\d/\d\d/\d{4} \d\d:\d\d [A-Z+0-9]+', self.ask('srvr').splitlines()[0])

    def test_srvr_tells_zxid_nodes_and_connections_as_they_are(self):
        told = fourletter.key_values(self.ask('srvr'), ': ')
        zxid = self.ok(self.c.set(self.root, b'')).mzxid
        self.made('/n')
        again = fourletter.key_values(self.ask('srvr'), ': ')
        self.assertEqual(int(again['Zxid'], 16), zxid + 1)
        self.assertEqual(int(again['Node count']), int(told['Node count']) + 1)

    def test_stat(self):
        self.matches(f'{VERSION}\nClients:\n({CLIENT}\\)\n)+\n{SUMMARY}', self.ask('stat'))

    def test_cons(self):
        self.ok(self.c.exists(self.root))
        text = self.ask('cons')
        details = (r',sid=0x[0-9a-f]+,lop=[A-Z]+,est=\d+,to=\d+(,lcxid=0x[0-9a-f]+)?,'
                   r'lzxid=0x[0-9a-f]+,lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+')
        self.matches(f'({CLIENT}({details})?\\)\n)+\n', text)
        mine = [x for x in text.splitlines() if f'sid={self.c.session.id:#x}' in x]
        self.assertEqual(len(mine), 1)
        self.assertIn(',lop=EXIS,', mine[0])
        self.assertIn(f',lcxid={self.c.xid:#x},', mine[0])
        self.assertIn(',to=30000,', mine[0])

    def test_crst_and_srst_set_the_counters_back(self):
        for _ in range(5):
            self.ok(self.c.ping())
        self.assertEqual(self.ask('crst'), 'Connection stats reset.\n')
        mine = [x for x in self.ask('cons').splitlines() if f'{self.c.session.id:#x}' in x]
        self.assertIn('recved=0,sent=0', mine[0])
        self.assertEqual(self.ask('srst'), 'Server stats reset.\n')
        told = fourletter.key_values(self.ask('srvr'), ': ')
        self.assertLessEqual(int(told['Received']), 2)

    def test_conf(self):
        text = self.ask('conf')
        keys = [line.split('=')[0] for line in text.splitlines()]
        self.assertEqual(keys, ['clientPort', 'secureClientPort', 'dataDir', 'dataDirSize',
                                'dataLogDir', 'dataLogSize', 'tickTime', 'maxClientCnxns',
                                'minSessionTimeout', 'maxSessionTimeout',
                                'clientPortListenBacklog', 'serverId'])
        told = fourletter.key_values(text)
        self.assertEqual(told['clientPort'], str(self.server.port))
        self.assertEqual(told['dataDir'], f'{self.server.data_dir}/version-2')
        self.assertEqual((told['tickTime'], told['minSessionTimeout'], told['maxSessionTimeout']),
                         (str(TICK_MS), str(2 * TICK_MS), '60000'))
        self.assertEqual((told['secureClientPort'], told['serverId']), ('-1', '0'))

    def test_dump(self):
        self.ok(self.c.create(self.root + '/e', flags=wire.EPHEMERAL))
        session = f'{self.c.session.id:#x}'
        text = self.ask('dump')
        self.matches(
            r'SessionTracker dump:\nSession Sets \(\d+\)/\(\d+\):\n'
            rf'(\d+ expire at {DATE}:\n(\t0x[0-9a-f]+\n)*)+'
            r'ephemeral nodes dump:\nSessions with Ephemerals \(1\):\n'
            rf'{session}:\n\t{self.root}/e\n'
            r'Connections dump:\nConnections Sets \(\d+\)/\(\d+\):\n'
            rf'(\d+ expire at {DATE}:\n(\tip: /127\.0\.0\.1:\d+ sessionId: 0x[0-9a-f]+\n)*)+',
            text)
        self.assertIn(f'\t{session}\n', text)

    def test_envi(self):
        lines = self.ask('envi').splitlines()
        self.assertEqual(lines[0], 'Environment:')
        keys = [line.split('=')[0] for line in lines[1:]]
        self.assertEqual(keys[:13], [
            'zookeeper.version', 'host.name', 'java.version', 'java.vendor', 'java.home',
            'java.class.path', 'java.library.path', 'java.io.tmpdir', 'java.compiler', 'os.name',
            'os.arch', 'os.version', 'user.name'])
        self.assertEqual(keys[13:15], ['user.home', 'user.dir'])
        self.assertEqual([k.split('.', 1)[1] for k in keys[15:]],
                         ['memory.free', 'memory.max', 'memory.total'])
        values = fourletter.key_values('\n'.join(lines))
        self.assertEqual(values['os.name'], 'Linux')
        self.assertTrue(values['zookeeper.version'][0].isdigit())

    def test_watches(self):
        a, b = self.made('/a', '/b')
        other = self.client()
        self.ok(self.c.get(a, watch=True))
        self.ok(other.get(a, watch=True))
        self.ok(other.exists(b, watch=True))
        # Connections of earlier tests may take a moment to go.
        eventually(lambda: self.ask('wchs') == '2 connections watching 2 paths\nTotal watches:3\n',
                   what='three watches')
        mine, theirs = f'{self.c.session.id:#x}', f'{other.session.id:#x}'
        self.assertEqual(blocks(self.ask('wchc')), {mine: {a}, theirs: {a, b}})
        self.assertEqual(blocks(self.ask('wchp')), {a: {mine, theirs}, b: {theirs}})

    def test_mntr(self):
        text = self.ask('mntr')
        lines = text.splitlines()
        self.assertTrue(all(re.fullmatch(r'zk_[A-Za-z0-9_.:/-]+\t.*', x) for x in lines), text)
        self.matches(r'zk_version\t[^,]+, built on \S+ \d\d:\d\d \S+', lines[0])
        self.assertEqual(lines[1], 'zk_server_state\tstandalone')
        told = fourletter.mntr(self.server.address)
        self.assertEqual([m for m in METRICS if 'zk_' + m not in told], [])
        for name in METRICS:
            float(told['zk_' + name])
        for name in SUMMARIES:
            for part in ('avg', 'min', 'max', 'cnt', 'sum'):
                self.assertIn(f'zk_{part}_{name}', told)
        for part in ('p50', 'p95', 'p99', 'p999'):
            self.assertIn(f'zk_{part}_readlatency', told)

    def test_dirs(self):
        self.matches(r'datadir_size: \d+\nlogdir_size: \d+\n', self.ask('dirs'))

    def test_hash(self):
        for i in range(130):
            self.ok(self.c.set(self.root, b'%d' % i))
        self.matches(r'([0-9a-f]+: -?\d+\n)+', self.ask('hash'))

    def test_an_unknown_word_is_no_frame_length_either(self):
        conn = socket.create_connection(self.server.address, timeout=5)
        self.addCleanup(conn.close)
        conn.sendall(b'none')
        self.assertEqual(conn.recv(100), b'')

    def test_words_after_the_handshake_are_lengths(self):
        self.c.conn.send(b'ruok')
        self.assertTrue(self.c.conn.closed_by_server())

    def test_asking_while_others_work(self):
        node = self.made('/n')
        for i in range(300):
            self.c.send('setData', wire.enc_set_data(node, b'%d' % i))
            if i % 50 == 0:
                self.assertEqual(self.ask('ruok'), 'imok')
        for _ in range(300):
            self.ok(self.c.wait_reply())


def blocks(text):
    """{heading: set of the indented lines below it}."""
    out, heading = {}, None
    for line in text.splitlines():
        if line.startswith('\t'):
            out[heading].add(line.strip())
        elif line:
            heading = line
            out[heading] = set()
    return out


class DefaultWhitelist(WireCase):
    config = {**WireCase.config, '4lw.commands.whitelist': None}

    def test_only_srvr_answers(self):
        for word in WORDS:
            answer = fourletter.ask(self.server.address, word)
            if word == 'srvr':
                self.assertTrue(answer.startswith('Zookeeper version'))
            else:
                self.assertEqual(answer, NOT_ALLOWED.format(word))


class ChosenWhitelist(WireCase):
    config = {**WireCase.config, '4lw.commands.whitelist': 'ruok, mntr,conf'}

    def test_the_named_words_and_srvr_answer(self):
        allowed = [w for w in WORDS if fourletter.ask(self.server.address, w)
                   != NOT_ALLOWED.format(w)]
        self.assertEqual(allowed, ['ruok', 'srvr', 'conf', 'mntr'])


if __name__ == '__main__':
    unittest.main()
