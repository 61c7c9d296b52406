"""kill -9 at random moments under load: what was acknowledged is there, whole and in order.

CRASH_SEED repeats the moments of a run (not the scheduler's part), CRASH_ROUNDS makes more."""

import os
import random
import time
import unittest

from crash_case import CrashCase, Stream, wire

SEED = int(os.environ.get('CRASH_SEED', '20240917'))
ROUNDS = int(os.environ.get('CRASH_ROUNDS', '30'))
STREAMS = 4
GUEST_NODES = 20
# Kills hit snapshots, new log files and purges.
CONFIG = {'snapCount': 60, 'preAllocSize': 16, 'autopurge.purgeInterval': '20ms',
          'paddock.logLevel': 'warn'}


class Kill(CrashCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        print(f'CRASH_SEED={SEED} CRASH_ROUNDS={ROUNDS} ', end='', flush=True)
        self.data = self.folder()
        self.streams = [Stream(f's{i}') for i in range(STREAMS)]
        self.guests = []        # [(prefix, how many ephemerals may be there)]

    def guest(self, server, prefix, nodes):
        client = self.client(server)
        for i in range(nodes):
            client.send('create', wire.enc_create(f'/e/{prefix}-{i}', flags=wire.EPHEMERAL))
        for _ in range(nodes):
            self.assert_ok(client.wait_reply())
        return client

    def count(self, client, prefix):
        return sum(x.startswith(f'{prefix}-') for x in client.children('/e').value)

    def verify(self, server):
        client = self.client(server)
        done = [s.check(self, client) for s in self.streams]
        for prefix, allowed in self.guests:
            self.assertIn(self.count(client, prefix), allowed, prefix)
        client.close()
        return done

    def start(self):
        """Sometimes the start itself is killed first: recovery must not need to finish."""
        if self.random.random() < 0.25:
            doomed = self.server(self.data, CONFIG).spawn()
            time.sleep(self.random.uniform(0, 0.04))    # the moment is what is being tested
            doomed.kill()
            doomed.close()
        return self.server(self.data, CONFIG).start()

    def one_round(self, number, server, stay):
        """Returns the session that shall live on."""
        if stay is not None:
            stay.address = server.address
            stay.reopen()
            self.assertNotEqual(stay.session.timeout_ms, 0, 'a live session was lost')
            self.assertEqual(self.count(stay, f'stay{number - 1}'), 3)
            self.assert_ok(stay.close())
            self.guests.append((f'stay{number - 1}', [0]))
        closed = self.guest(server, f'closed{number}', GUEST_NODES)
        self.assert_ok(closed.close())
        leaving = self.guest(server, f'leaving{number}', GUEST_NODES)
        stay = self.guest(server, f'stay{number}', 3)
        for stream in self.streams:
            stream.start(self.client(server), self.random.choice((1, 4, 16)))
        time.sleep(self.random.uniform(0.02, 0.25))     # the moment is what is being tested
        leaving.send('closeSession')
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 0.004))
        server.kill()
        for stream in self.streams:
            stream.join(self)
        self.guests = [(f'closed{number}', [0]), (f'leaving{number}', [0, GUEST_NODES])] + [
            g for g in self.guests if g[1] == [0]]
        return stay

    def test_nothing_acknowledged_is_lost_in_any_round(self):
        server = self.start()
        client = self.client(server)
        self.assert_ok(client.create('/e'))
        for stream in self.streams:
            stream.prepare(client)
        stay, snapshots, total = None, set(), []
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=SEED):
                stay = self.one_round(number, server, stay)
                snapshots |= {p.name for p in self.data.rglob('snapshot.*')}
                server.close()
                server = self.start()
                total = self.verify(server)
        self.assertGreater(min(total), 10 * ROUNDS, 'hardly any load')
        self.assertGreater(len(snapshots), ROUNDS // 2, 'kills did not meet snapshots')
        self.assertEqual(server.terminate(), 0)


if __name__ == '__main__':
    unittest.main()
