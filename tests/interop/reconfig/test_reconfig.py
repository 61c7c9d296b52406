"""Reconfig with real processes: members come, change and go while clients write."""

import pathlib
import random
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from kazoo.client import KazooClient  # noqa: E402

from lib import servers, wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble import KINDS, free_ports  # noqa: E402
from lib.ensemble_case import LONG, EnsembleCase  # noqa: E402
from growing import CONFIG, Growing, config_of  # noqa: E402

ROUNDS = 25 if LONG else 6


class ReconfigCase(EnsembleCase):
    def growing(self, kinds=1, leader=None, **kwargs):
        """`leader`: the id of the member that has to lead, the highest of them."""
        kinds = ['paddock'] * kinds if isinstance(kinds, int) else kinds
        for kind in set(kinds):
            why = servers.missing(KINDS[kind])
            if why:
                self.skipTest(why)
        ensemble = Growing(kinds, **kwargs)
        self.opened.append(ensemble)
        if leader is None:
            return ensemble.start()
        # Of two that start with nothing the one with the higher id leads.
        ensemble[leader].spawn()
        ensemble[1].spawn()
        self.assertIs(ensemble.wait_serving([ensemble[1], ensemble[leader]]), ensemble[leader])
        for member in ensemble.members:
            if not member.running():
                member.spawn()
        ensemble.wait_serving()
        return ensemble

    def modes(self, ensemble):
        return {m.id: m.mode() for m in ensemble.running()}

    def wait_mode(self, member, *modes):
        return eventually(lambda: member.mode() in modes, 40.0, 0.05, f'{member} is {modes}')

    def dynamic_files(self, member):
        return sorted(p.name for p in member.server.home.glob('zoo.cfg.dynamic*'))


class Members(ReconfigCase):
    def test_an_observer_joins_and_becomes_a_voter(self):
        e = self.growing(3)
        o = e.joiner(role='observer')
        # Nobody's member yet, it learns without a vote, whatever its own config says.
        self.wait_mode(o, 'follower', 'observer')
        config = e.add(o)
        self.assertEqual(config[o.id], o.line())
        e.wait_config(config['version'])
        self.wait_mode(o, 'observer')
        o.role = 'participant'
        config = e.add(o)
        self.assertEqual(config[o.id], o.line())
        e.wait_config(config['version'])
        self.wait_mode(o, 'follower')
        # Its vote counts now: two of four others are no quorum without it.
        load = self.workload(e)
        for m in e.followers():
            if m is not o:
                m.kill()
                break
        load.wait_acks(3)
        load.check(e.running())

    def test_from_one_to_five_and_back_under_load(self):
        e = self.growing(1)
        load = self.workload(e)
        for count in (3, 5):
            joiners = [e.joiner() for _ in range(2)]
            load.wait_acks(3)
            e.add(*joiners)
            load.addresses[:] = e.addresses()
            load.wait_acks(5)
            self.assertEqual(len(e.in_force), count)
            e.wait_serving()
        self.assertEqual(sorted(self.modes(e).values()), ['follower'] * 4 + ['leader'])
        while len(e.in_force) > 1:
            leader = e.wait_leader()
            going = [m for m in e.members if m.id in e.in_force and m is not leader][:2]
            e.remove(*going)
            load.wait_acks(5)
            for m in going:
                m.terminate()
                e.members.remove(m)
                self.addCleanup(m.server.close)
            load.addresses[:] = e.addresses()
            load.wait_acks(5)
        load.check()

    def test_the_leader_removes_itself(self):
        e = self.growing(3)
        load = self.workload(e)
        leader = e.wait_leader()
        e.remove(leader, through=e.followers()[0])
        new = e.wait_leader(other_than=leader)
        self.assertNotIn(leader.id, e.in_force)
        load.wait_acks(5)
        # It goes on without a vote.
        self.wait_mode(leader, 'follower', 'observer')
        self.assertIs(e.wait_leader(), new)
        load.wait_acks(3)
        load.check()

    def test_a_removed_server_follows_without_a_vote_and_can_come_back(self):
        e = self.growing(3)
        gone = e.followers()[0]
        config = e.remove(gone)
        self.wait_mode(gone, 'follower', 'observer')
        client = self.synced(e, gone)
        self.ok(client.create('/through-the-removed'))
        # Two voters are left: without one of them there is no quorum, whatever the third says.
        other = next(m for m in e.followers() if m is not gone)
        other.kill()
        eventually(lambda: e.leader() is None, 40.0, 0.05, 'the leader steps down')
        other.server.respawn()
        e.wait_serving([m for m in e.members if m is not gone])
        self.wait_mode(gone, 'follower', 'observer')
        config = e.add(gone)
        e.wait_config(config['version'])
        self.assertEqual(e.in_force, {1, 2, 3})
        differing, _ = e.trees_differ()
        self.assertEqual(differing, [])

    def test_all_at_once(self):
        e = self.growing(3)
        load = self.workload(e)
        joiners = [e.joiner() for _ in range(2)]
        leader = e.wait_leader()
        staying = [leader, *joiners]
        config = e.replace_all(*staying)
        self.assertEqual(set(config) - {'version'}, {m.id for m in staying})
        e.wait_config(config['version'], staying)
        load.wait_acks(5)
        load.check()

    def test_what_is_refused(self):
        e = self.growing(3)
        c = e.super_client()
        self.addCleanup(c.conn.close)
        nobody = 'server.9=127.0.0.1:1:2:participant;127.0.0.1:3'
        plain = self.synced(e, e.followers()[0])

        def error(client, **what):
            return client.call('reconfig', wire.enc_reconfig(**what)).error
        self.assertEqual(error(plain, leaving='3'), 'NoAuth')
        self.assertEqual(error(c, config_id=5, leaving='3'), 'BadVersion')
        self.assertEqual(error(c, leaving='1,2,3'), 'BadArguments')
        self.assertEqual(error(c, joining='server.9=127.0.0.1:1:2'), 'BadArguments')
        self.assertEqual(error(c, leaving='1,2', joining=nobody), 'NewConfigNoQuorum')
        follower = e.super_client(e.followers()[0])
        self.addCleanup(follower.conn.close)
        self.assertEqual(error(follower, leaving='1,2,3'), 'BadArguments')
        version = config_of(c.get(CONFIG).value[0])['version']
        self.assertEqual(error(follower, config_id=version), 'Ok')

    def test_kazoo_reconfigures_and_watches(self):
        e = self.growing(3)
        seen = []
        k = KazooClient(hosts=e.hosts(), auth_data=[('digest', 'super:secret')], timeout=10)
        k.start(20)
        self.addCleanup(k.close)
        self.addCleanup(k.stop)
        k.get(CONFIG, watch=seen.append)
        o = e.joiner(role='observer')
        data, stat = k.reconfig(joining=f'server.{o.id}={o.line()}', leaving=None,
                                new_members=None)
        config = config_of(data)
        self.assertEqual(config[o.id], o.line())
        self.assertEqual(stat.mzxid, config['version'])
        eventually(lambda: seen, what='the watch fires')
        self.assertEqual((seen[0].type, seen[0].path), ('CHANGED', CONFIG))
        data, stat = k.reconfig(joining=None, leaving=str(o.id), new_members=None,
                                from_config=config['version'])
        self.assertNotIn(o.id, config_of(data))


class Addresses(ReconfigCase):
    def test_a_client_port_moves(self):
        e = self.growing(3)
        for member in (e.followers()[0], e.leader()):
            old = member.address
            member.client_port = member.server.port = member.server.fixed_port = free_ports(1)[0]
            config = e.add(member, through=next(m for m in e.members if m is not member))
            self.assertEqual(config[member.id], member.line())
            self.wait_mode(member, 'leader', 'follower')
            client = self.synced(e, member)
            self.ok(client.create(f'/moved{member.id}'))
            eventually(lambda old=old: refuses(old), what='nobody listens on the old port')

    def test_quorum_and_election_ports_move(self):
        e = self.growing(3)
        load = self.workload(e)
        for member in (e.followers()[0], e.leader()):
            member.quorum_port, member.election_port = free_ports(2)
            config = e.add(member, through=next(m for m in e.members if m is not member))
            self.assertEqual(config[member.id], member.line())
            e.wait_serving()
            load.wait_acks(5)
        leader = e.wait_leader()
        leader.kill()
        e.wait_leader(other_than=leader)
        load.wait_acks(5)
        leader.server.respawn()
        e.wait_serving()
        load.check()


class Files(ReconfigCase):
    def test_members_restart_with_what_they_have_learned(self):
        e = self.growing(3)
        self.assertTrue(all(self.dynamic_files(m) for m in e.members))
        four = e.joiner()
        config = e.add(four)
        e.wait_config(config['version'])
        for m in e.members:
            eventually(lambda m=m: f'zoo.cfg.dynamic.{config["version"]:x}'
                       in self.dynamic_files(m), what='the dynamic file')
            self.assertNotIn('zoo.cfg.dynamic.next', self.dynamic_files(m))
            text = m.server.config_path.read_text()
            self.assertNotIn('server.', text)
            self.assertIn('dynamicConfigFile=', text)
        for m in e.members:
            m.terminate()
        for m in e.members:
            m.server.respawn()
        e.wait_serving()
        for m in e.members:
            self.assertEqual(e.config_at(m), config)

    def test_an_unfinished_reconfig_is_finished_after_a_restart(self):
        """A config that all have noted as proposed takes effect with the next leader."""
        e = self.growing(3)
        before = e.config_at(e.leader())
        for m in e.members:
            m.terminate()
        version = before['version'] + 1
        for m in e.members:
            lines = ''.join(f'server.{sid}={before[sid]}\n' for sid in (1, 2, 3))
            moved = lines.replace('participant;', 'observer;', 1)
            (m.server.home / 'zoo.cfg.dynamic.next').write_text(f'{moved}version={version:x}\n')
        for m in e.members:
            m.server.respawn()
        e.wait_serving()
        for m in e.members:
            self.assertIn('observer', e.config_at(m)[1])
            self.assertNotIn('zoo.cfg.dynamic.next', self.dynamic_files(m))

    def test_apache_takes_over_the_files_and_gives_them_back(self):
        why = servers.missing(servers.ApacheServer)
        if why:
            self.skipTest(why)
        e = self.growing(3)
        config = e.add(e.joiner())
        e.wait_config(config['version'])
        member = e.followers()[0]
        ours = member.server
        ours.terminate()
        theirs = servers.ApacheServer(data_dir=member.data_dir, port=member.client_port)
        self.addCleanup(theirs.close)
        theirs.properties.update(e.properties)
        theirs.config_path.write_text(ours.config_path.read_text() + 'admin.enableServer=false\n')
        member.server = theirs
        theirs.respawn()
        e.wait_serving()
        self.assertEqual(e.config_at(member), config)
        config = e.remove(next(m for m in e.followers() if m is not member))
        e.wait_config(config['version'])
        theirs.terminate()
        # Apache has written a file of its own, and zoo.cfg names it.
        text = theirs.config_path.read_text()
        self.assertIn(f'.dynamic.{config["version"]:x}', text)
        ours.config_path.write_text(text)
        member.server = ours
        ours.respawn()
        e.wait_serving()
        self.assertEqual(e.config_at(member), config)


class Crashes(ReconfigCase):
    def test_members_die_amid_reconfigs(self):
        """Whoever dies when: one config is in force everywhere, and no write is lost."""
        e = self.growing(5)
        load = self.workload(e)
        draw = random.Random(7)
        for _ in range(ROUNDS):
            changing = draw.choice(e.members)
            changing.role = draw.choice(('participant', 'observer'))
            voters = [m for m in e.members if m.role == 'participant']
            if len(voters) < 3:
                changing.role = 'participant'
            through = draw.choice(e.followers() or e.running())
            client = e.super_client(through)
            client.send('reconfig', wire.enc_reconfig(
                joining=f'server.{changing.id}={changing.line()}'))
            time.sleep(draw.choice((0, 0, 0.001, 0.003, 0.01)))      # when, not for what
            victim = draw.choice([e.leader() or e.members[0], draw.choice(e.members)])
            victim.kill()
            client.conn.close()
            load.wait_acks(3)
            victim.server.respawn()
            e.wait_serving()
            configs = self.settled(e)
            for m in e.members:
                m.role = 'participant' if ':participant' in configs[m.id] else 'observer'
        load.check()

    def settled(self, e):
        """The config that all show."""
        def same():
            found = [e.config_at(m) for m in e.members]
            return found[0] if all(f == found[0] for f in found) else None
        return eventually(same, 30.0, 0.1, 'all show one config')


class Mixed(ReconfigCase):
    def grow(self, kinds, joiner):
        e = self.growing(kinds, leader=3)
        load = self.workload(e)
        m = e.joiner(kind=joiner)
        config = e.add(m)
        e.wait_config(config['version'])
        load.wait_acks(5)
        leader = e.wait_leader()
        e.remove(next(x for x in e.members if x is not m and x is not leader))
        load.wait_acks(5)
        load.check()

    def test_an_apache_server_joins_and_another_leaves(self):
        self.grow(['paddock'] * 3, 'apache')

    def test_a_paddock_server_joins_under_an_apache_leader(self):
        self.grow(['paddock', 'paddock', 'apache'], 'paddock')

    def test_leadership_leaves_with_an_apache_leader(self):
        e = self.growing(['paddock', 'paddock', 'apache'], leader=3)
        load = self.workload(e)
        leader = e.wait_leader()
        e.remove(leader, through=e.followers()[0])
        e.wait_leader(other_than=leader)
        load.wait_acks(5)
        self.wait_mode(leader, 'follower', 'observer')
        load.check()


def refuses(address):
    try:
        wire.Conn(address).close()
    except OSError:
        return True
    return False
