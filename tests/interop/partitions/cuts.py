"""Networks that break, under load.  Run by test_partitions.py in namespaces.

After each fault every member must hold the same tree, stats and digests included, with all
that was acknowledged; clients see nothing but lost connections and expired sessions.
"""

import pathlib
import random
import sys
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase, long  # noqa: E402
from lib.hosts import ROUTER, Network  # noqa: E402
from lib.proxy import SlowProxy  # noqa: E402

CLIENT_ERRORS = {'ConnectionLoss', 'SessionExpired', 'SessionMoved'}
TICK_MS, SYNC_LIMIT = 250, 8
LIMIT_S = TICK_MS * SYNC_LIMIT / 1000
# A tick until the next look at who was heard, and what a busy machine adds.
SLACK_S = TICK_MS / 1000 + 1.5


class Barrier(threading.Thread):
    """Asks one member for sync and then reads a register that a writer elsewhere moves on.

    An answered sync promises that the read behind it knows what was acknowledged before
    the sync was sent.  A member that answers neither is in its right.
    """

    PATH = '/barrier'

    def __init__(self, member, writer_member):
        super().__init__(daemon=True)
        self.member, self.writer_member = member, writer_member
        self.stopping = threading.Event()
        self.acked = self.answered = 0
        self.stale = []

    def run(self):
        writer = threading.Thread(target=self._write, daemon=True)
        writer.start()
        while not self.stopping.is_set():
            self._with_client(self.member, self._read)
        writer.join()

    def _with_client(self, member, turn):
        client = wire.Client(member.address, connect=False, wait_s=1.0)
        try:
            client.open()
            if client.session.timeout_ms <= 0:
                return
            while not self.stopping.is_set():
                turn(client)
        except (OSError, wire.Closed, wire.Quiet):
            self.stopping.wait(0.02)
        finally:
            if client.conn:
                client.conn.close()

    def _read(self, client):
        before = self.acked
        client.send('sync', wire.enc_path(self.PATH))
        client.send('getData', wire.enc_path_watch(self.PATH))
        synced, read = client.wait_reply(), client.wait_reply()
        if synced.err == 0 and read.err == 0:
            self.answered += 1
            if int(read.value[0]) < before:
                self.stale.append(f'{self.member} answered sync and then read '
                                  f'{read.value[0]} after {before} was acknowledged')

    def _write(self):
        number = 0

        def turn(client):
            nonlocal number
            number += 1
            if client.set(self.PATH, b'%d' % number).err == 0:
                self.acked = number
        while not self.stopping.is_set():
            self._with_client(self.writer_member, turn)


class CutCase(EnsembleCase):
    config = {'tickTime': TICK_MS, 'syncLimit': SYNC_LIMIT}

    def begin(self, members=3):
        self.network = Network()
        return self.begin_with(self.ensemble(members, network=self.network))

    def begin_with(self, ensemble):
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        return ensemble, load, leader, [m for m in ensemble.members if m is not leader]

    def finish(self, ensemble, load):
        self.network.heal()
        ensemble.wait_serving(ensemble.members)
        load.wait_acks(3)
        load.check(ensemble.members)
        self.assertLessEqual(set(load.errors()), CLIENT_ERRORS)

    def wait_another(self, others):
        return eventually(lambda: next((m for m in others if m.mode() == 'leader'), None), 40,
                          what='another leads')

    def barrier(self, ensemble, member, writer_member):
        self.ok(self.synced(ensemble, writer_member).create(Barrier.PATH, b'0'))
        self.synced(ensemble, member)
        watch = Barrier(member, writer_member)
        self.addCleanup(watch.stopping.set)
        watch.start()
        eventually(lambda: watch.answered and watch.acked, what='syncs are answered')
        return watch

    def assert_no_stale(self, watch):
        watch.stopping.set()
        watch.join(10)
        self.assertEqual(watch.stale, [])

    def steps_down(self, leader, since):
        eventually(lambda: leader.mode() != 'leader', 40, 0.01, 'the old leader steps down')
        took = time.monotonic() - since
        print(f'note: stepped down after {took:.2f} s of {LIMIT_S:.2f} s')
        self.assertLess(took, LIMIT_S + SLACK_S)


class Cuts(CutCase):
    def test_a_leader_cut_off_steps_down_and_comes_back(self):
        ensemble, load, leader, others = self.begin()
        watch = self.barrier(ensemble, leader, others[0])
        self.network.cut([leader], others)
        cut_at = time.monotonic()
        self.steps_down(leader, cut_at)
        self.wait_another(others)
        acked = watch.acked
        eventually(lambda: watch.acked > acked, what='writes go on')
        self.assertIsNone(leader.mode())
        self.network.heal()
        eventually(lambda: leader.mode() == 'follower', 40, what='the old leader follows')
        self.assert_no_stale(watch)
        self.finish(ensemble, load)

    def test_a_follower_cut_off_is_not_missed(self):
        ensemble, load, leader, others = self.begin()
        self.network.cut([others[0]], [leader, others[1]])
        eventually(lambda: others[0].mode() is None, 40, what='the follower serves nobody')
        self.assertIs(ensemble.leader(), leader)
        load.wait_acks(10)
        self.network.heal()
        eventually(lambda: others[0].mode() == 'follower', 40, what='it follows again')
        self.assertIs(ensemble.leader(), leader)
        self.finish(ensemble, load)

    def test_a_leader_that_is_not_heard_is_replaced(self):
        ensemble, load, leader, others = self.begin()
        watch = self.barrier(ensemble, leader, others[0])
        self.network.cut_one_way([leader], others)
        self.steps_down(leader, time.monotonic())
        self.wait_another(others)
        self.network.heal()
        eventually(lambda: leader.mode() == 'follower', 40, what='the old leader follows')
        self.assert_no_stale(watch)
        self.finish(ensemble, load)

    @long
    def test_a_leader_that_hears_nobody_is_replaced(self):
        ensemble, load, leader, others = self.begin()
        watch = self.barrier(ensemble, leader, others[0])
        self.network.cut_one_way(others, [leader])
        self.steps_down(leader, time.monotonic())
        self.wait_another(others)
        self.network.heal()
        eventually(lambda: leader.mode() == 'follower', 40, what='the old leader follows')
        self.assert_no_stale(watch)
        self.finish(ensemble, load)


class Deposed(CutCase):
    """A leader that is more patient than the others believes to lead when they follow another.

    Nothing is in flight when it is cut off, so that nothing but the barrier holds a sync up.
    """

    PATIENT = 6

    def begin_with_patient_leader(self):
        self.network = Network()
        ensemble = self.ensemble(3, start=False, network=self.network)
        patient, others = ensemble[3], [ensemble[1], ensemble[2]]
        for member in others:
            member.config['syncLimit'] = SYNC_LIMIT // 2
        patient.config['syncLimit'] = SYNC_LIMIT // 2 * self.PATIENT
        ensemble.start()
        while (leader := ensemble.wait_leader()) is not patient:
            leader.word('hand')
            ensemble.wait_leader(other_than=leader)
            ensemble.wait_serving()
        return ensemble, patient, others

    def test_sync_through_a_leader_that_does_not_know_it_yet(self):
        ensemble, patient, others = self.begin_with_patient_leader()
        client = self.synced(ensemble, patient)
        self.ok(client.create(Barrier.PATH, b'old'))
        for member in others:
            self.synced(ensemble, member).close()
        self.ok(client.sync())
        self.network.cut([patient], others)
        writer = self.synced(ensemble, self.wait_another(others))
        self.ok(writer.set(Barrier.PATH, b'new'))
        client.send('sync', wire.enc_path(Barrier.PATH))
        client.send('getData', wire.enc_path_watch(Barrier.PATH))
        client.conn.timeout_s = 1.0
        self.assertEqual(patient.mode(), 'leader', 'the test came too late')
        with self.assertRaises((wire.Quiet, wire.Closed)):
            self.fail(f'a deposed leader answers {client.wait_reply()}')
        self.network.heal()
        eventually(lambda: patient.mode() == 'follower', 40, what='the old leader follows')
        self.finish(ensemble, self.workload(ensemble))


class MoreCuts(CutCase):
    @long
    def test_one_way_between_the_leader_and_one_follower(self):
        ensemble, load, leader, others = self.begin()
        for source, sink in ((leader, others[0]), (others[0], leader)):
            self.network.cut_one_way([source], [sink])
            eventually(lambda: others[0].mode() is None, 40, what='the follower leaves')
            load.wait_acks(10)
            self.network.heal()
            ensemble.wait_serving(ensemble.members)
            load.wait_acks(5)
        self.finish(ensemble, load)

    @long
    def test_followers_that_do_not_see_each_other_are_no_matter(self):
        ensemble, load, leader, others = self.begin()
        self.network.cut([others[0]], [others[1]])
        until = time.monotonic() + 2 * LIMIT_S
        while time.monotonic() < until:
            load.wait_acks(5)
        self.assertIs(ensemble.leader(), leader)
        self.assertEqual({m.mode() for m in others}, {'follower'})
        self.finish(ensemble, load)

    @long
    def test_who_does_not_see_the_leader_disturbs_nobody(self):
        ensemble, load, leader, others = self.begin()
        self.network.cut([leader], [others[0]])
        eventually(lambda: others[0].mode() is None, 40, what='the follower leaves')
        until = time.monotonic() + 2 * LIMIT_S
        while time.monotonic() < until:
            load.wait_acks(5)
        self.assertIs(ensemble.leader(), leader)
        self.finish(ensemble, load)

    @long
    def test_flapping_links(self):
        ensemble, load, _, _ = self.begin()
        seed = random.randrange(1 << 30)
        print(f'note: seed {seed}')
        draw = random.Random(seed)
        for _ in range(12):
            one, other = draw.sample(ensemble.members, 2)
            if draw.random() < 0.5:
                self.network.cut([one], [other])
            else:
                self.network.cut_one_way([one], [other])
            time.sleep(draw.uniform(0.05, 1.5 * LIMIT_S))       # how long the link is down
            self.network.heal()
            time.sleep(draw.uniform(0.05, 1.0))
        self.finish(ensemble, load)


class Five(CutCase):
    def test_two_of_five_with_the_leader_are_cut_off(self):
        ensemble, load, leader, others = self.begin(5)
        minority, majority = [leader, others[0]], others[1:]
        watch = self.barrier(ensemble, others[0], majority[0])
        self.network.cut(minority, majority)
        self.steps_down(leader, time.monotonic())
        self.wait_another(majority)
        acked = watch.acked
        eventually(lambda: watch.acked > acked, what='writes go on')
        self.assertEqual([m.mode() for m in minority], [None, None])
        self.network.heal()
        for member in minority:
            eventually(lambda m=member: m.mode() == 'follower', 40, what=f'{member} follows')
        self.assert_no_stale(watch)
        self.finish(ensemble, load)

    @long
    def test_random_splits(self):
        ensemble, load, _, _ = self.begin(5)
        seed = random.randrange(1 << 30)
        print(f'note: seed {seed}')
        draw = random.Random(seed)
        for _ in range(6):
            members = draw.sample(ensemble.members, 5)
            some, rest = members[:2], members[2:]
            draw.choice((self.network.cut, self.network.cut_one_way))(
                *draw.choice(((some, rest), (rest, some))))
            load.wait_acks(draw.randrange(1, 20))
            self.network.heal()
            if draw.random() < 0.7:
                ensemble.wait_serving()
        self.finish(ensemble, load)


class SlowLinks(CutCase):
    """What members say to each other goes through relays on the router."""

    DELAY_S, BYTES_PER_S = 0.06, 100_000

    def begin_slow(self):
        self.network = Network()
        self.slow = set()
        ensemble = self.ensemble(3, start=False, network=self.network,
                                 config={'quorumListenOnAllIPs': 'true'})
        for member in ensemble.members:
            member.peer_name = ROUTER
            for port in (member.quorum_port, member.election_port):
                proxy = SlowProxy((member.ip, port), (ROUTER, port), self.DELAY_S,
                                  self.BYTES_PER_S, lambda *ends: self.slow.intersection(ends))
                self.addCleanup(proxy.close)
        return self.begin_with(ensemble.start())

    def test_a_follower_behind_a_slow_link_holds_up_nobody(self):
        ensemble, load, leader, others = self.begin_slow()
        self.slow.add(others[0].ip)
        begin = time.monotonic()
        load.wait_acks(50)
        print(f'note: 50 writes by each took {time.monotonic() - begin:.2f} s')
        self.assertIs(ensemble.leader(), leader)
        self.slow.clear()
        self.finish(ensemble, load)

    @long
    def test_a_leader_behind_a_slow_link_stays_and_is_found(self):
        ensemble, load, leader, others = self.begin_slow()
        self.slow.add(leader.ip)
        load.wait_acks(20)
        self.assertIs(ensemble.leader(), leader)
        leader.kill()
        self.wait_another(others)
        load.wait_acks(5)
        leader.spawn()          # catches up through the slow link
        ensemble.wait_serving(ensemble.members)
        self.slow.clear()
        self.finish(ensemble, load)
