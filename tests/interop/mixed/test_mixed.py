"""Paddock and Apache 3.8.0 in one ensemble, each in every role, both ways round.

Who leads is made sure of by the ids: of voters that start with nothing the one with the
highest id leads, and the other members join them.
"""

import pathlib
import shutil
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase, long  # noqa: E402

APACHE, PADDOCK = 'apache', 'paddock'
# Who is further behind than this is sent a snapshot: Apache keeps no fewer in memory, and the
# log on disk is not used.
KEPT = 500
SNAP_SOON = {'zookeeper.commitLogCount': str(KEPT), 'zookeeper.snapshotSizeFactor': '-1',
             'paddock.commitLogBytes': '0'}


class MixedCase(EnsembleCase):
    def led_by_the_last_voter(self, kinds, **kwargs):
        ensemble = self.ensemble(kinds, start=False, **kwargs)
        voters = ensemble.voters()
        first = [voters[-1]] + voters[:len(voters) // 2]        # a bare majority
        for member in first:
            member.spawn()
        leader = ensemble.wait_serving(first)
        self.assertIs(leader, voters[-1])
        for member in ensemble.members:
            if not member.running():
                member.spawn()
        self.assertIs(ensemble.wait_serving(), leader)
        return ensemble, leader

    def figure(self, member, name):
        return float(member.mntr()[name])

    def compare(self, ensemble):
        differing, nodes = ensemble.trees_differ()
        self.assertEqual(differing, [])
        self.assertEqual(ensemble.digests_differ(), [])
        return nodes

    def fill(self, member, names):
        client = self.client(member)
        for name in names:
            client.send('create', wire.enc_create(name, name.encode() * 20))
        for _ in names:
            self.ok(client.wait_reply())
        client.close()

    def all_of_it(self, ensemble):
        """A bit of everything through every member, a fall of the leader, the comparison."""
        for m in ensemble.members:
            self.everything_through(ensemble, m)
        self.compare(ensemble)
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        leader.kill()
        ensemble.wait_leader(other_than=leader)
        load.wait_acks(5)
        leader.spawn()
        ensemble.wait_serving()
        load.wait_acks(5)
        load.check()

    def everything_through(self, ensemble, member):
        """Every kind of transaction, made through one member and undone where that makes one."""
        c = self.client(member)
        base = f'/m{member.id}'
        self.ok(c.create(base, b'x' * 1000))
        self.ok(c.create_container(base + '/container'))
        self.ok(c.create(base + '/s', flags=wire.SEQUENTIAL))
        self.ok(c.create(base + '/e', b'', flags=wire.EPHEMERAL))
        self.ok(c.set(base, b'new'))
        self.ok(c.set_acl(base + '/container', ((wire.ALL, 'world', 'anyone'),
                                                (wire.READ, 'ip', '127.0.0.1'))))
        results = self.ok(c.multi(('create', wire.enc_create(base + '/a', b'1')),
                                  ('setData', wire.enc_set_data(base + '/a', b'2')),
                                  ('delete', wire.enc_path_version(base + '/e')),
                                  ('check', wire.enc_path_version(base, 1))))
        self.assertEqual([r.err for r in results], [0] * 4)
        failed = c.multi(('create', wire.enc_create(base + '/b', b'1')),
                         ('check', wire.enc_path_version(base, 7)))
        self.assertEqual([r.err for r in failed.value], [0, wire.ERR['BadVersion']])
        self.assertEqual(c.create(base).error, 'NodeExists')
        self.ok(c.create(base + '/gone'))
        self.ok(c.delete(base + '/gone'))
        self.ok(c.create(base + '/e', b'', flags=wire.EPHEMERAL))
        other = next(m for m in ensemble.members if m is not member)
        c.drop()
        c = self.resume_session(other, c)
        self.assertEqual(self.ok(c.exists(base + '/e')).ephemeralOwner, c.session.id)
        c.close()
        self.assertEqual(self.synced(ensemble, member).exists(base + '/e').error, 'NoNode')


class Roles(MixedCase):
    def test_a_paddock_leads_apaches(self):
        ensemble, _ = self.led_by_the_last_voter([APACHE, APACHE, PADDOCK])
        self.all_of_it(ensemble)

    def test_an_apache_leads_paddocks(self):
        ensemble, _ = self.led_by_the_last_voter([PADDOCK, PADDOCK, APACHE])
        self.all_of_it(ensemble)

    @long
    def test_a_paddock_leads_both(self):
        ensemble, _ = self.led_by_the_last_voter([APACHE, PADDOCK, PADDOCK])
        self.all_of_it(ensemble)

    @long
    def test_an_apache_leads_both(self):
        ensemble, _ = self.led_by_the_last_voter([PADDOCK, APACHE, APACHE])
        self.all_of_it(ensemble)

    def test_an_apache_observes_a_paddock(self):
        ensemble, _ = self.led_by_the_last_voter([APACHE, APACHE, PADDOCK, APACHE], observers=(4,))
        self.assertEqual(ensemble[4].mode(), 'observer')
        self.all_of_it(ensemble)

    def test_a_paddock_observes_an_apache(self):
        ensemble, _ = self.led_by_the_last_voter([PADDOCK, PADDOCK, APACHE, PADDOCK],
                                                 observers=(4,))
        self.assertEqual(ensemble[4].mode(), 'observer')
        self.all_of_it(ensemble)

    @long
    def test_five_of_both(self):
        ensemble, _ = self.led_by_the_last_voter([PADDOCK, APACHE, PADDOCK, APACHE, PADDOCK])
        self.all_of_it(ensemble)


class Synchronisation(MixedCase):
    """How a member that was away gets what it missed."""

    def away_and_back(self, ensemble, leader, member, count, name, wipe=False):
        """Stops `member`, writes, starts it; how far the leader's count `name` went up."""
        member.kill()
        ensemble.wait_serving()
        self.fill(leader, [f'/away{member.id}-{i}' for i in range(count)])
        if wipe:
            shutil.rmtree(member.data_dir / 'version-2')
        before = self.figure(leader, name)
        member.spawn()
        self.assertIs(ensemble.wait_serving(), leader)
        eventually(lambda: self.figure(leader, name) > before, 10, what=f'{name} of the leader')
        nodes = self.compare(ensemble)
        self.assertIn(f'/away{member.id}-{count - 1}', nodes)

    def diff(self, kinds, **kwargs):
        ensemble, leader = self.led_by_the_last_voter(kinds, **kwargs)
        # One whose log is empty would get a snapshot.
        self.fill(leader, ['/first'])
        self.compare(ensemble)
        self.away_and_back(ensemble, leader, ensemble[1], 30, 'zk_diff_count')

    def snap(self, kinds, **kwargs):
        ensemble, leader = self.led_by_the_last_voter(kinds, properties=SNAP_SOON, **kwargs)
        holder = self.client(leader, timeout_ms=9000)
        self.ok(holder.create('/held', b'x', flags=wire.EPHEMERAL,
                              acl=((wire.ALL, 'world', 'anyone'), (wire.READ, 'digest', 'a:b'))))
        self.away_and_back(ensemble, leader, ensemble[1], KEPT + 100, 'zk_snap_count')
        self.away_and_back(ensemble, leader, ensemble[2], KEPT + 100, 'zk_snap_count', wipe=True)
        # What came by snapshot must carry on: the next leader may be one of those two.
        leader.kill()
        ensemble.wait_leader(other_than=leader)
        ensemble.wait_serving()
        holder = self.resume_session(ensemble[1], holder)
        self.assertEqual(self.ok(holder.exists('/held')).ephemeralOwner, holder.session.id)
        holder.close()
        leader.spawn()
        ensemble.wait_serving()
        self.assertNotIn('/held', self.compare(ensemble))

    def test_diff_from_apache_to_paddock(self):
        self.diff([PADDOCK, APACHE, APACHE])

    def test_diff_from_paddock_to_apache(self):
        self.diff([APACHE, PADDOCK, PADDOCK])

    def test_snapshots_from_apache_to_paddock(self):
        self.snap([PADDOCK, PADDOCK, APACHE])

    def test_snapshots_from_paddock_to_apache(self):
        self.snap([APACHE, APACHE, PADDOCK])
