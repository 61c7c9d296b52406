"""An ensemble grows from three to five and loses its leader by reconfig, under load."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import servers, wire  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase  # noqa: E402

CONFIG = '/zookeeper/config'


class Membership(EnsembleCase):
    def reconfig(self, ensemble, member, **change):
        client = self.synced(ensemble, member)
        self.ok(client.auth('digest', servers.SUPER_AUTH))
        text, _ = self.ok(client.call('reconfig', wire.enc_reconfig(**change)))
        client.close()
        return text.decode()

    def numbers(self, text):
        """The ids in a config's text."""
        return sorted(int(line[len('server.'):].partition('=')[0])
                      for line in text.splitlines() if line.startswith('server.'))

    def test_it_grows_and_its_leader_leaves_under_load(self):
        ensemble = self.ensemble(5, start=False)
        one, two, three, four, five = ensemble.members
        for member in (one, two, three):
            member.config = {'server.4': None, 'server.5': None}
            member.spawn()
        four.config = {'server.5': None}
        ensemble.wait_serving([one, two, three])
        load = self.workload(ensemble)
        watcher = self.synced(ensemble, one)
        self.ok(watcher.get(CONFIG, watch=True))
        for member in (four, five):
            member.spawn()
            text = self.reconfig(ensemble, one, joining=f'server.{member.id}={member.line()}')
            self.assertIn(member.id, self.numbers(text))
            eventually(lambda m=member: m.mode() == 'follower', 40, what=f'{member} follows')
            load.wait_acks(5)
        event = watcher.wait_event()
        self.assertEqual((wire.EVENTS[event.type], event.path), ('NodeDataChanged', CONFIG))
        leader = ensemble.wait_leader()
        through = ensemble.followers()[0]
        stay = [m for m in ensemble.members if m is not leader]
        try:
            self.reconfig(ensemble, through, leaving=str(leader.id))
        except wire.Closed:
            pass            # the leader steps back at once: followers drop their clients
        eventually(lambda: sorted(m.mode() or '' for m in stay) == ['follower'] * 3 + ['leader'],
                   40, what='the others go on')
        leader.kill()
        load.wait_acks(5)
        load.check(stay)
        for member in stay:
            config, _ = self.ok(self.synced(ensemble, member).get(CONFIG))
            self.assertEqual(self.numbers(config.decode()), [m.id for m in stay])
