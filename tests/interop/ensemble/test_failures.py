"""Members are killed, stopped and restarted under load: nothing acknowledged is lost.

After each fault every member must hold the same tree, stats and digests included, and
clients must have seen nothing but lost connections and expired sessions.
"""

import itertools
import pathlib
import random
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib.case import eventually  # noqa: E402
from lib.ensemble import DEFAULTS  # noqa: E402
from lib.ensemble_case import LONG, EnsembleCase, long  # noqa: E402

CLIENT_ERRORS = {'ConnectionLoss', 'SessionExpired', 'SessionMoved'}


class FailureCase(EnsembleCase):
    def finish(self, ensemble, load):
        """Everybody is back: the load ends and all is compared."""
        ensemble.wait_serving(ensemble.members)
        load.wait_acks(3)
        load.check(ensemble.members)
        self.assertLessEqual(set(load.errors()), CLIENT_ERRORS)


class Three(FailureCase):
    def test_one_leads_and_writes_through_each_reach_all(self):
        ensemble = self.ensemble()
        modes = sorted(m.mode() for m in ensemble.members)
        self.assertEqual(modes, ['follower', 'follower', 'leader'])
        for writer in ensemble.members:
            client = self.client(writer)
            self.ok(client.create(f'/by{writer.id}', b'%d' % writer.id))
            for reader in ensemble.members:
                value, _ = self.ok(self.synced(ensemble, reader).get(f'/by{writer.id}'))
                self.assertEqual(value, b'%d' % writer.id)
        self.assertEqual(ensemble.trees_differ()[0], [])

    def test_a_killed_leader_is_replaced_and_comes_back(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        for _ in range(3 if LONG else 2):
            leader = ensemble.wait_leader()
            leader.kill()
            self.assertIsNot(ensemble.wait_leader(other_than=leader), leader)
            load.wait_acks(10)
            leader.spawn()
            ensemble.wait_serving()
            load.wait_acks(10)
        self.finish(ensemble, load)

    def test_a_killed_follower_is_not_missed_and_comes_back(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        for follower in ensemble.followers():
            follower.kill()
            load.wait_acks(10)
            self.assertIs(ensemble.leader(), leader)
            follower.spawn()
            ensemble.wait_serving()
            load.wait_acks(10)
        self.finish(ensemble, load)

    def test_a_stopped_leader_is_replaced_and_follows_when_it_goes_on(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        leader.pause()
        try:
            others = [m for m in ensemble.members if m is not leader]
            eventually(lambda: any(m.mode() == 'leader' for m in others), 40, what='another leads')
            load.wait_acks(10)
        finally:
            leader.resume()
        eventually(lambda: leader.mode() == 'follower', 40, what='the old leader follows')
        self.finish(ensemble, load)

    def test_a_stopped_follower_catches_up_when_it_goes_on(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        follower = ensemble.followers()[0]
        follower.pause()
        try:
            limit_s = DEFAULTS['tickTime'] * DEFAULTS['syncLimit'] / 1000
            # Until the leader has given it up.
            eventually(lambda: leader.mntr().get('zk_synced_followers', '').startswith('1'),
                       limit_s + 20, what='the leader drops the follower')
            load.wait_acks(10)
        finally:
            follower.resume()
        self.assertIs(ensemble.wait_leader(), leader)
        self.finish(ensemble, load)

    def test_a_rolling_restart_loses_nothing(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        for member in ensemble.members:
            member.restart()
            ensemble.wait_serving()
            load.wait_acks(5)
        self.finish(ensemble, load)

    def test_all_killed_at_once_come_back_in_any_order(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        orders = list(itertools.permutations(ensemble.members))
        for order in orders if LONG else orders[1:6:2]:
            for member in ensemble.members:
                member.kill()
            for member in order[:2]:
                member.spawn()
            ensemble.wait_serving()
            load.wait_acks(3)
            order[2].spawn()
            ensemble.wait_serving()
        self.finish(ensemble, load)

    def test_a_minority_serves_nobody(self):
        ensemble = self.ensemble()
        load = self.workload(ensemble)
        survivor = ensemble.followers()[0]
        others = [m for m in ensemble.members if m is not survivor]
        for member in others:
            member.kill()
        eventually(lambda: survivor.mode() is None, 40, what='the survivor stops serving')
        acked = load.acked()
        others[0].spawn()
        ensemble.wait_serving()
        load.wait_acks(5)
        self.assertGreater(load.acked(), acked)
        others[1].spawn()
        self.finish(ensemble, load)


class Five(FailureCase):
    def test_two_may_die_the_leader_among_them(self):
        ensemble = self.ensemble(5)
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        dead = [leader, ensemble.followers()[0]]
        for member in dead:
            member.kill()
        ensemble.wait_leader(other_than=leader)
        load.wait_acks(10)
        for member in dead:
            member.spawn()
        self.finish(ensemble, load)

    @long
    def test_random_faults(self):
        ensemble = self.ensemble(5)
        load = self.workload(ensemble, writers=6)
        seed = random.randrange(1 << 30)
        print(f'seed {seed}', flush=True)
        draw = random.Random(seed)
        for _ in range(12):
            victims = draw.sample(ensemble.members, draw.choice((1, 1, 2)))
            paused = draw.random() < 0.3
            for member in victims:
                member.pause() if paused else member.kill()
            load.wait_acks(draw.randrange(1, 30))
            for member in victims:
                member.resume() if paused else member.spawn()
            if draw.random() < 0.7:
                ensemble.wait_serving()
        self.finish(ensemble, load)


class WithObservers(FailureCase):
    def test_observers_serve_but_do_not_vote(self):
        ensemble = self.ensemble(5, observers=(4, 5))
        load = self.workload(ensemble, writers=5)
        self.assertEqual([m.mode() for m in ensemble.observers()], ['observer'] * 2)
        client = self.client(ensemble[4])
        self.ok(client.create('/through-an-observer', b'x'))
        self.ok(self.synced(ensemble, ensemble[1]).get('/through-an-observer'))
        leader = ensemble.wait_leader()
        leader.kill()
        ensemble.wait_leader(other_than=leader)
        ensemble.wait_serving()
        load.wait_acks(5)
        # One voter of three is left: observers do not make a quorum.
        second = ensemble.followers()[0]
        second.kill()
        eventually(lambda: ensemble[4].mode() is None, 40, what='the observer stops serving')
        self.assertIsNone(ensemble.leader())
        ensemble[5].kill()
        leader.spawn()
        second.spawn()
        ensemble.wait_serving()
        load.wait_acks(5)
        ensemble[5].spawn()
        self.finish(ensemble, load)
