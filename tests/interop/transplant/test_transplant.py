"""Three Apache servers under load become three Paddocks one by one, and back again.

Each exchange is made by tools/migrate/member.py, as an operator would; its commands ask
this process to stop and start servers, so that none can outlive the test.
"""

import os
import pathlib
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import servers, wire  # noqa: E402
from lib.ensemble_case import EnsembleCase  # noqa: E402

SCRIPT = servers.ROOT / 'tools' / 'migrate' / 'member.py'
SWAP_TIMEOUT_S = 60
APACHE, PADDOCK = 'apache', os.environ.get('INTEROP_SERVER') or 'paddock'


class Operator:
    """Runs the script beside an ensemble and does what its commands ask for."""

    def __init__(self, ensemble):
        self.ensemble = ensemble
        self.post = ensemble.home / 'post'
        self.post.mkdir()

    def command(self, what):
        """A shell command that asks this process for something and waits until it is done."""
        asked, done = self.post / what, self.post / 'done'
        return f'rm -f {done}; touch {asked}; while [ ! -e {done} ]; do sleep 0.02; done'

    def run(self, command, member, *more):
        """Runs the script; returns (exit code, output)."""
        line = [sys.executable, str(SCRIPT), command, str(member.server.home / 'zoo.cfg'), *more]
        out = self.ensemble.home / 'script.log'
        with open(out, 'w', encoding='utf-8') as log:
            script = subprocess.Popen(line, stdout=log, stderr=log,
                                      preexec_fn=servers.die_with_parent)
            while script.poll() is None:
                for asked in self.post.iterdir():
                    if asked.name != 'done':
                        asked.unlink()
                        self._do(asked.name, member)
                        (self.post / 'done').touch()
                time.sleep(0.02)        # between two looks
        return script.returncode, out.read_text()

    def _do(self, word, member):
        what, _, kind = word.partition('-')
        if what == 'stop':
            member.terminate()
        elif what == 'start':
            # The folder of the config goes with the old server: the script has read it.
            member.set_kind(kind)
            member.spawn()

    def swap(self, member, kind):
        return self.run('swap', member, '--stop', self.command('stop'),
                        '--start', self.command(f'start-{kind}'), '--timeout', str(SWAP_TIMEOUT_S))


class Transplant(EnsembleCase):
    def exchange_all(self, ensemble, load, operator, kind):
        leader = ensemble.wait_leader()
        for member in ensemble.followers() + [leader]:
            code, out = operator.swap(member, kind)
            self.assertEqual(code, 0, out)
            load.wait_acks(10)
        self.assertEqual({m.kind for m in ensemble.members}, {kind})

    def test_three_apaches_become_paddocks_and_apaches_again(self):
        ensemble = self.ensemble([APACHE] * 3)
        operator = Operator(ensemble)
        code, out = operator.run('check', ensemble[1])
        self.assertEqual(code, 0, out)
        self.assertRegex(out, r'in this order: \d, \d, ' + str(ensemble.wait_leader().id))
        # A session from the first day to the last, which nobody may expire.
        holder = self.client(ensemble[1], timeout_ms=10000)
        self.ok(holder.create('/held', b'x', flags=wire.EPHEMERAL))
        load = self.workload(ensemble)
        for kind in (PADDOCK, APACHE):
            self.exchange_all(ensemble, load, operator, kind)
            holder.conn.close()
            holder = self.resume_session(ensemble[2], holder)
            self.assertEqual(self.ok(holder.exists('/held')).ephemeralOwner, holder.session.id)
        load.check()
        self.assertEqual(set(load.errors()), {'ConnectionLoss'})

    def test_a_member_that_does_not_come_back_is_taken_back(self):
        ensemble = self.ensemble([APACHE] * 3)
        operator = Operator(ensemble)
        member = ensemble.followers()[0]
        code, out = operator.run('swap', member, '--stop', operator.command('stop'), '--start',
                                 'false', '--undo', operator.command('start-apache'))
        self.assertEqual(code, 3, out)
        self.assertIn('serves with the old program', out)
        self.assertIsNotNone(ensemble.wait_serving(ensemble.members))
        ensemble.followers()[0].kill()
        code, out = operator.swap(ensemble.wait_leader(), PADDOCK)
        self.assertEqual(code, 1, out)
        self.assertIn('Nothing was changed', out)
