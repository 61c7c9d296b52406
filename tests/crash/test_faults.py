"""A dying disk: the n-th call fails (faults.c), on a real server."""

import errno
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from crash_case import CrashCase, Stream, wait_until, wire

HERE = pathlib.Path(__file__).resolve().parent
EXIT_DISK = 10
LOG = '*/version-2/log.*'
SNAPSHOT_TEMP = '*/version-2/paddock.tmp.snapshot.*'
SNAP_COUNT = 40


class Faults(CrashCase):
    library = None

    @classmethod
    def setUpClass(cls):
        compiler = shutil.which('gcc') or shutil.which('cc')
        if compiler is None:
            raise unittest.SkipTest('no C compiler for faults.c')
        folder = pathlib.Path(tempfile.mkdtemp(prefix='crash-faults-'))
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.library = folder / 'faults.so'
        subprocess.run([compiler, '-std=c17', '-Wall', '-Wextra', '-Werror', '-O1', '-shared',
                        '-fPIC', '-o', cls.library, HERE / 'faults.c', '-ldl'], check=True)

    def faulty(self, data_dir, call, path, nth=1, times=1, number=errno.EIO, config=None, **more):
        env = {'LD_PRELOAD': str(self.library), 'FAULT_CALL': call, 'FAULT_PATH': path,
               'FAULT_NTH': str(nth), 'FAULT_TIMES': str(times), 'FAULT_ERRNO': str(number)}
        env.update({f'FAULT_{k.upper()}': str(v) for k, v in more.items()})
        return self.server(data_dir, config, env=env)

    # -- the log: the server stops, and nothing that it said was untrue

    def stop_at(self, call, path, nth, expect=None, number=errno.EIO, config=None, **more):
        folder = self.folder()
        server = self.faulty(folder, call, path, nth, number=number, config=config, **more).start()
        pipelined, single = Stream('p'), Stream('s')
        pipelined.prepare(self.client(server))
        single.prepare(self.client(server))
        pipelined.start(self.client(server), 16)
        single.write(self.client(server), 1, limit=3000)
        pipelined.stop()
        pipelined.join(self)
        self.assertIsNone(single.unexpected)
        self.assertEqual(single.sent - single.acked, 1, 'what could not be synced was answered')

        self.assert_ended(server, EXIT_DISK)
        errors = [x for x in server.log_text().splitlines() if ' error ' in x]
        self.assertEqual(len(errors), 1, server.log_tail())
        self.assertIn('log.failed', errors[0])
        self.assertIn(expect or os.strerror(number), errors[0])

        again = self.server(folder).start()
        client = self.client(again)
        for stream in (pipelined, single):
            stream.check(self, client)
            stream.write(client, 8, limit=20)
            self.assertIsNone(stream.unexpected)
        self.assertEqual([x for x in again.log_text().splitlines() if ' error ' in x], [])

    def test_a_failing_sync_of_the_log_stops_the_server(self):
        self.stop_at('fdatasync', LOG, 40)

    def test_a_sync_without_space_is_a_failed_sync(self):
        self.stop_at('fdatasync', LOG, 40, number=errno.ENOSPC)

    def test_a_failing_write_of_the_log_stops_the_server(self):
        self.stop_at('pwritev', LOG, 60)

    def test_half_a_write_of_the_log_is_a_torn_tail(self):
        self.stop_at('pwritev', LOG, 60, half=1)

    def test_a_write_of_the_log_without_space_is_a_failed_write(self):
        self.stop_at('pwritev', LOG, 60, number=errno.ENOSPC, half=1)

    def test_a_failing_reservation_stops_the_server(self):
        self.stop_at('fallocate', LOG, 2, config={'preAllocSize': 1})

    def test_a_new_log_file_that_cannot_be_named_stops_the_server(self):
        self.stop_at('rename', LOG, 2, config={'snapCount': SNAP_COUNT})

    def test_a_folder_that_cannot_be_synced_stops_the_server(self):
        # Of the folder itself: each snapshot and each log file needs one.
        self.stop_at('fsync', '*/version-2', 6, config={'txnLogSizeLimitInKb': 4})

    def test_a_mark_that_cannot_be_synced_stops_the_server(self):
        self.stop_at('fdatasync', '*/paddock.synced', 6, config={'txnLogSizeLimitInKb': 4})

    # -- what need not stop it

    def test_a_reservation_without_space_refuses_writes_for_a_while(self):
        folder = self.folder()
        server = self.faulty(folder, 'fallocate', LOG, 2, number=errno.ENOSPC, times=6,
                             config={'preAllocSize': 0}).start()
        client = self.client(server)
        self.assert_ok(client.create('/n', b''))
        kept, refused = -1, None
        for i in range(2000):
            reply = client.set('/n', str(i).encode() + b' ' * 20000)
            if reply.err != 0:
                self.assertEqual(reply.error, 'SystemError')
                refused = i
                break
            kept = i
        self.assertIsNotNone(refused, 'no reservation failed')
        self.assertEqual(client.get('/n').value[0].split(), [str(kept).encode()])
        wait_until(lambda: client.set('/n', b'after').err == 0, 'service resumes', 5)
        self.assertEqual(len(server.lines('log.space.back')), 1, server.log_tail())
        server.kill()
        client = self.client(self.server(folder).start())
        self.assertEqual(client.get('/n').value[0], b'after')

    def accepted(self, server):
        try:
            return self.client(server).create('/n', flags=wire.EPHEMERAL_SEQUENTIAL).err == 0
        except wire.Closed:
            return False

    def test_a_full_disk_that_says_so_late_is_no_surprise(self):
        """No write gets in before the first look at the log's space has ended."""
        folder = self.folder()
        self.server(folder).start().terminate()
        server = self.faulty(folder, 'fallocate', '*/paddock.tmp.log', number=errno.ENOSPC,
                             times=8, slow_ms=300).start()
        self.accepted(server)
        wait_until(lambda: server.lines('log.space.none'), 'the line about the full disk')
        wait_until(lambda: self.accepted(server), 'service resumes', 5)
        self.assertIsNone(server.process.poll(), server.log_tail())

    def test_marks_that_cannot_be_written_are_missed_but_not_needed(self):
        folder = self.folder()
        server = self.faulty(folder, 'pwritev', '*/paddock.synced', 12, times=0,
                             config={'preAllocSize': 64}).start()
        client = self.client(server)
        stream = Stream('s')
        stream.prepare(client)
        stream.write(client, 4, limit=300)
        self.assertEqual(stream.acked, 300, stream.unexpected)
        self.assertEqual(len(server.lines('store.mark.failed', 'warn')), 1, server.log_tail())
        server.kill()
        stream.check(self, self.client(self.server(folder).start()))

    def lose_one_snapshot(self, call, path, number=errno.EIO, nth=2):
        """The first is that of the empty server."""
        folder = self.folder()
        server = self.faulty(folder, call, path, nth, number=number,
                             config={'snapCount': SNAP_COUNT}).start()
        client = self.client(server)
        stream = Stream('s')
        stream.prepare(client)
        while not server.lines('snapshot.failed', 'error'):
            self.assertLess(stream.sent, 3000, server.log_tail())
            stream.write(client, 4, limit=10)
        self.assert_no_leftovers(folder)
        before = len(server.lines('snapshot.written'))
        while len(server.lines('snapshot.written')) == before:
            self.assertLess(stream.sent, 6000, server.log_tail())
            stream.write(client, 4, limit=10)
        self.assertIsNone(stream.unexpected)
        self.assertEqual(len(server.lines('snapshot.failed')), 1, server.log_tail())
        self.assertIn(os.strerror(number), server.lines('snapshot.failed')[0])
        server.kill()
        again = self.server(folder).start()
        self.assertEqual(stream.check(self, self.client(again)), stream.sent)

    def test_a_failing_write_costs_one_snapshot(self):
        self.lose_one_snapshot('pwritev', SNAPSHOT_TEMP)

    def test_a_full_disk_costs_one_snapshot(self):
        self.lose_one_snapshot('pwritev', SNAPSHOT_TEMP, errno.ENOSPC)

    def test_a_failing_sync_costs_one_snapshot(self):
        self.lose_one_snapshot('fsync', SNAPSHOT_TEMP)

    def test_a_failing_rename_costs_one_snapshot(self):
        self.lose_one_snapshot('rename', '*/version-2/snapshot.*')


if __name__ == '__main__':
    unittest.main()
