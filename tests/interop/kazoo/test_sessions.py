"""Sessions through kazoo: kept over lost connections and restarts, lost when they expire."""

import pathlib
import signal
import subprocess
import sys
import threading
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from kazoo import exceptions as ke  # noqa: E402
from kazoo.protocol.states import EventType, KazooState  # noqa: E402

from lib import servers, wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from kazoo_case import Collector, KazooCase  # noqa: E402

SHORT_S = 0.8


class Sessions(KazooCase):
    def setUp(self):
        super().setUp()
        self.proxy = Proxy(self.server.address)
        self.addCleanup(self.proxy.close)
        self.watcher = self.kazoo()

    def far_client(self, **kwargs):
        """A client behind the proxy and the collector of its states."""
        zk = self.kazoo(hosts=self.proxy.hosts, start=False, **kwargs)
        states = Collector()
        zk.add_listener(states)
        zk.start(timeout=15)
        return zk, states

    def gone(self, path):
        """An event that is set when `path` is deleted."""
        event = threading.Event()
        stat = self.watcher.exists(path, watch=lambda e: e.type == EventType.DELETED
                                   and event.set())
        self.assertIsNotNone(stat)
        return event

    def test_a_cut_connection_does_not_cost_the_session(self):
        zk, states = self.far_client()
        zk.create('/e', ephemeral=True)
        session = zk.client_id
        for _ in range(3):
            del states.calls[:]
            self.proxy.cut()
            states.wait_until(lambda calls: KazooState.CONNECTED in calls)
        self.assertEqual(states.calls, [KazooState.SUSPENDED, KazooState.CONNECTED])
        self.assertEqual(zk.client_id, session)
        self.assertEqual(self.watcher.exists('/e').ephemeralOwner, session[0])
        zk.set('/e', b'still writing')

    def test_too_long_away_costs_session_and_ephemerals(self):
        zk, states = self.far_client(timeout=SHORT_S)
        zk.create('/e', ephemeral=True)
        gone, session = self.gone('/e'), zk.client_id
        self.proxy.refuse()
        self.assertTrue(gone.wait(10))
        self.proxy.accept()
        states.wait_until(lambda calls: KazooState.LOST in calls
                          and calls[-1] == KazooState.CONNECTED)
        self.assertNotEqual(zk.client_id[0], session[0])
        self.assertIsNone(zk.exists('/e'))
        zk.create('/e', ephemeral=True)
        self.assertEqual(self.watcher.exists('/e').ephemeralOwner, zk.client_id[0])

    def test_a_stopped_process_finds_its_ephemeral_gone(self):
        path = self.root + '/stopped'
        child = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name('stopped_client.py')),
             self.server.hosts, path, str(SHORT_S)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            preexec_fn=servers.die_with_parent)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        said = []
        for line in child.stdout:
            said.append(line.strip())
            if said[-1] == 'CREATED':
                gone = self.gone('/stopped')
                child.send_signal(signal.SIGSTOP)
                self.assertTrue(gone.wait(10))
                child.send_signal(signal.SIGCONT)
        self.assertEqual(said, ['CONNECTED', 'CREATED', 'SUSPENDED', 'LOST', 'CONNECTED', 'GONE',
                                'LOST'])

    def test_a_client_that_pings_outlives_many_timeouts(self):
        zk, states = self.far_client(timeout=1.5)
        zk.create('/e', ephemeral=True)
        gone = self.gone('/e')
        self.assertFalse(gone.wait(4))
        self.assertEqual(states.calls, [KazooState.CONNECTED])

    def test_another_client_may_take_the_session_over(self):
        first, _ = self.far_client()
        first.create('/e', ephemeral=True)
        session = first.client_id
        self.proxy.refuse()             # else the first would fight for its session
        second = self.kazoo(client_id=session, start=False)
        second.start(timeout=15)
        self.assertEqual(second.client_id, session)
        self.assertEqual(second.exists('/e').ephemeralOwner, session[0])
        second.stop()
        self.assertIsNone(self.watcher.exists('/e'))

    def test_a_wrong_password_is_as_good_as_expired(self):
        first, _ = self.far_client()
        first.create('/e', ephemeral=True)
        session, password = first.client_id
        thief = self.kazoo(client_id=(session, bytes(16)), start=False)
        states = Collector()
        thief.add_listener(states)
        thief.start(timeout=15)
        states.wait_until(lambda calls: calls and calls[-1] == KazooState.CONNECTED)
        self.assertNotEqual(thief.client_id, (session, password))
        self.assertIsNotNone(self.watcher.exists('/e'))

    def test_a_call_under_way_when_the_connection_goes_fails(self):
        zk, _ = self.far_client()
        self.server.pause()
        self.addCleanup(self.server.resume)
        answer = zk.get_async('/')
        eventually(lambda: not zk._queue, what='sent')
        self.proxy.cut()
        with self.assertRaises(ke.ConnectionLoss):
            answer.get(timeout=10)
        self.server.resume()
        self.assertEqual(zk.get('/')[0], b'')

    def test_stop_closes_the_session_at_once(self):
        zk, _ = self.far_client()
        zk.create('/e', ephemeral=True)
        gone = self.gone('/e')
        zk.stop()
        self.assertTrue(gone.wait(5))


class Restarts(KazooCase):
    """A server that is killed and started again on its folder keeps sessions and nodes."""

    def setUp(self):
        super().setUp()
        self.proxy = Proxy(self.server.address)
        self.addCleanup(self.proxy.close)

    def tearDown(self):
        """The next test starts on a new folder."""
        super().tearDown()
        self.server.close()
        type(self).server = type(self.server)(config=self.config, properties=self.properties)
        self.addClassCleanup(self.server.close)
        self.server.start()

    def again(self):
        """A new process on the same folder; clients reach it through the proxy."""
        server = type(self.server)(config=self.config, properties=self.properties,
                                   data_dir=self.server.data_dir)
        self.addCleanup(server.close)
        server.start()
        self.proxy.target = server.address
        return server

    def test_kill_9_keeps_sessions_ephemerals_and_every_answered_write(self):
        zk = self.kazoo(hosts=self.proxy.hosts)
        states = Collector()
        zk.add_listener(states)
        zk.create('/e', b'mine', ephemeral=True)
        session = zk.client_id
        answered = [zk.create(f'/n{i}') for i in range(50)]
        self.server.kill()
        server = self.again()
        states.wait_until(lambda calls: KazooState.CONNECTED in calls)
        self.assertEqual(zk.client_id, session)
        self.assertEqual(zk.exists('/e').ephemeralOwner, session[0])
        self.assertEqual({'/' + n for n in zk.get_children('/')}, set(answered) | {'/e'})
        seen = Collector()
        zk.get('/e', watch=seen)
        zk.set('/e', b'after')
        self.assertEqual(seen.wait_for(1)[0].type, EventType.CHANGED)
        server.terminate()
        self.again()
        self.assertEqual(zk.retry(zk.get, '/e')[0], b'after')

    def test_a_session_that_does_not_come_back_after_a_restart_expires(self):
        lost = self.client(timeout_ms=600)
        self.ok(lost.create(self.root + '/e', flags=wire.EPHEMERAL))
        self.server.kill()
        server = self.again()
        watcher = wire.Client(server.address)
        self.addCleanup(watcher.conn.close)
        if watcher.exists(self.root + '/e', watch=True).err == 0:
            self.assertEqual(watcher.wait_event().path, self.root + '/e')
        lost.address = server.address
        self.assertEqual(lost.reopen().timeout_ms, 0)


if __name__ == '__main__':
    unittest.main()
