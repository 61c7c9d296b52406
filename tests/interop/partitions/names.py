"""Members that come back under another address.  Run by test_names.py in namespaces.

ZOOKEEPER-2982: the others must find them again by their names without being restarted.
"""

import pathlib
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import hosts  # noqa: E402
from lib.ensemble_case import EnsembleCase  # noqa: E402

CLIENT_ERRORS = {'ConnectionLoss', 'SessionExpired', 'SessionMoved'}


class Names(EnsembleCase):
    config = {'tickTime': 250, 'syncLimit': 8}

    def setUp(self):
        self.network = hosts.Network()
        with tempfile.NamedTemporaryFile('w', prefix='hosts-', delete=False) as f:
            self.table = pathlib.Path(f.name)
        # The same file is read by all: in this world it is the one /etc/hosts.
        hosts.run('mount', '--bind', str(self.table), '/etc/hosts')

    def publish(self, ensemble):
        lines = [f'{m.ip} {m.name}\n' for m in ensemble.members]
        self.table.write_text('127.0.0.1 localhost\n' + ''.join(lines))

    def move(self, ensemble, member, ip):
        """The member ends and comes back elsewhere."""
        member.terminate()
        member.host.move(ip)
        member.ip = ip
        self.publish(ensemble)
        member.spawn()

    def test_each_comes_back_under_another_address(self):
        ensemble = self.ensemble(3, start=False, network=self.network)
        for member in ensemble.members:
            member.name = member.peer_name = f'member{member.id}.test'
        self.publish(ensemble)
        ensemble.start()
        load = self.workload(ensemble)
        started = {m.id: m.server.process.pid for m in ensemble.members}
        leader = ensemble.wait_leader()
        order = [m for m in ensemble.members if m is not leader] + [leader]
        for member in order:
            self.move(ensemble, member, f'192.0.2.{member.id + 100}')
            load.addresses = ensemble.addresses()
            ensemble.wait_serving(ensemble.members)
            load.wait_acks(5)
            started.pop(member.id)
            for other, pid in started.items():
                self.assertEqual(ensemble[other].server.process.pid, pid)
        load.check(ensemble.members)
        self.assertLessEqual(set(load.errors()), CLIENT_ERRORS)
