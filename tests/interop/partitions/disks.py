"""Members whose disks fill, fail or are slow, under load.  Run by test_disks.py in namespaces."""

import errno
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import hosts, servers  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase, long  # noqa: E402

CLIENT_ERRORS = {'ConnectionLoss', 'SessionExpired', 'SessionMoved'}
DISK_KIB = 12000
EXIT_DISK = 10
VALUE = b'x' * 40000
FAULTS_C = servers.ROOT / 'tests' / 'crash' / 'faults.c'
SLOW_MS = 400
# A preloaded library stands before ASan's; a server that is killed reports no leaks.
ASAN_OPTIONS = 'verify_asan_link_order=0:detect_leaks=0'


class DiskCase(EnsembleCase):
    # Small steps for the log and small requests: a small disk has room for them.
    config = {'tickTime': 250, 'syncLimit': 8, 'preAllocSize': 256, 'jute.maxbuffer': 100000,
              'paddock.inFlightBytes': 262144}

    def setUp(self):
        hosts.loopback_up()

    def begin(self, ensemble):
        ensemble.start()
        load = self.workload(ensemble)
        leader = ensemble.wait_leader()
        return load, leader, [m for m in ensemble.members if m is not leader]

    def finish(self, ensemble, load):
        ensemble.wait_serving(ensemble.members)
        load.wait_acks(3)
        load.check(ensemble.members)
        self.assertLessEqual(set(load.errors()), CLIENT_ERRORS)

    def wait_log(self, member, text):
        eventually(lambda: text in member.server.log_text(), what=f'{text} in the log of {member}')


class Full(DiskCase):
    def mounted(self):
        """An ensemble with a small disk for every member."""
        ensemble = self.ensemble(3, start=False)
        for member in ensemble.members:
            hosts.run('mount', '-t', 'tmpfs', '-o', f'size={DISK_KIB}k', 'tmpfs', member.data_dir)
            (member.data_dir / 'myid').write_text(f'{member.id}\n')
        return ensemble

    def fill(self, member, but=0):
        """A file of somebody else's that takes all there is, but for some bytes."""
        path = member.data_dir / 'filler'
        with open(path, 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                f.truncate(f.tell() - but)
                return path

    def use_up(self, ensemble, member, through):
        """Writes until the log of `member` has no room; the others' disks are large enough."""
        client = self.synced(ensemble, through)
        self.ok(client.create('/big', VALUE))
        for _ in range(100):
            if 'log.space.none' in member.server.log_text():
                return
            self.ok(client.set('/big', VALUE))
        raise AssertionError(f'the disk of {member} does not fill')

    def test_a_follower_leaves_and_comes_back_when_there_is_room(self):
        ensemble = self.mounted()
        load, leader, others = self.begin(ensemble)
        filler = self.fill(others[0])
        self.use_up(ensemble, others[0], leader)
        eventually(lambda: others[0].mode() is None, 40, what='the full one leaves')
        load.wait_acks(10)
        self.assertIs(ensemble.leader(), leader)
        self.assertTrue(others[0].running())
        filler.unlink()
        eventually(lambda: others[0].mode() == 'follower', 40, what='it follows again')
        self.finish(ensemble, load)

    def test_who_is_full_before_the_start_stays_out(self):
        ensemble = self.mounted()
        last = ensemble[3]          # among equals it would be elected
        filler = self.fill(last, but=65536)     # room for what a first start writes
        last.spawn()
        self.wait_log(last, 'log.space.none')
        for member in ensemble.members[:2]:
            member.spawn()
        load = self.workload(ensemble)
        self.assertIsNone(last.mode())
        load.wait_acks(10)
        filler.unlink()
        eventually(lambda: last.mode() == 'follower', 40, what='it follows when there is room')
        self.finish(ensemble, load)

    def test_a_leader_hands_over(self):
        ensemble = self.mounted()
        load, leader, others = self.begin(ensemble)
        filler = self.fill(leader)
        eventually(lambda: any(m.mode() == 'leader' for m in others), 40, what='another leads')
        load.wait_acks(10)
        self.assertTrue(leader.running())
        filler.unlink()
        eventually(lambda: leader.mode() == 'follower', 40, what='it follows')
        self.finish(ensemble, load)


class Sick(DiskCase):
    @classmethod
    def setUpClass(cls):
        compiler = shutil.which('gcc') or shutil.which('cc')
        if compiler is None:
            raise cls.skipTest('no C compiler for faults.c')
        folder = pathlib.Path(tempfile.mkdtemp(prefix='interop-faults-'))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.library = folder / 'faults.so'
        subprocess.run([compiler, '-std=c17', '-O1', '-shared', '-fPIC', '-o', cls.library,
                        FAULTS_C, '-ldl'], check=True)

    def sick(self, number, slow_ms=0, **kwargs):
        """An ensemble in which `switch` makes the syncs of a member's log fail or slow."""
        ensemble = self.ensemble(3, start=False, **kwargs)
        for m in ensemble.members:
            m.server.env = {
                'LD_PRELOAD': str(self.library), 'ASAN_OPTIONS': ASAN_OPTIONS,
                'FAULT_CALL': 'fdatasync', 'FAULT_PATH': '*/version-2/log.*', 'FAULT_TIMES': '0',
                'FAULT_ERRNO': str(number), 'FAULT_SLOW_MS': str(slow_ms),
                'FAULT_SWITCH': str(self.switch(m))}
        return ensemble

    def switch(self, member):
        return member.home / 'sick'

    def ends_and_comes_back(self, ensemble, load, member):
        self.switch(member).touch()
        self.assertEqual(member.server.process.wait(30), EXIT_DISK)
        self.assertIn('log.failed', member.server.log_tail())
        others = [m for m in ensemble.members if m is not member]
        eventually(lambda: sorted(m.mode() or '' for m in others) == ['follower', 'leader'], 40,
                   what='the others go on')
        load.wait_acks(10)
        self.switch(member).unlink()
        member.spawn()
        ensemble.wait_serving(ensemble.members)

    def test_whose_disk_fails_ends_and_the_others_go_on(self):
        ensemble = self.sick(errno.EIO)
        load, leader, others = self.begin(ensemble)
        self.ends_and_comes_back(ensemble, load, leader)
        self.ends_and_comes_back(ensemble, load, others[0])
        self.finish(ensemble, load)

    def test_a_leader_whose_disk_is_slow_hands_over(self):
        ensemble = self.sick(0, SLOW_MS, config={'paddock.slowSyncHandOverMs': SLOW_MS // 2})
        load, leader, others = self.begin(ensemble)
        self.switch(leader).touch()
        eventually(lambda: any(m.mode() == 'leader' for m in others), 40, what='another leads')
        self.assertIn('disk is slow', leader.server.log_text())
        load.wait_acks(20)
        self.switch(leader).unlink()
        self.finish(ensemble, load)

    @long
    def test_a_slow_follower_holds_up_nobody(self):
        ensemble = self.sick(0, SLOW_MS)
        load, leader, others = self.begin(ensemble)
        self.switch(others[0]).touch()
        load.wait_acks(50)
        self.assertIs(ensemble.leader(), leader)
        self.switch(others[0]).unlink()
        self.finish(ensemble, load)
