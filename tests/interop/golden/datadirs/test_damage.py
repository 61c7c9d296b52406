"""Damaged folders: a torn tail is cut, older snapshots stand in, rot stops the start."""

import pathlib
import random
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from lib import wire  # noqa: E402
from folders import FolderCase, TRUST_EMPTY  # noqa: E402
import logfile  # noqa: E402


class TornTails(FolderCase):
    def test_a_torn_tail_is_cut_for_good_and_the_log_goes_on(self):
        folder = self.unpack('3.8.0', 'tornlog')
        server = self.server(folder).start()
        client = self.client(server)
        self.assertEqual(client.create('/after', b'new').error, 'Ok')
        server.kill()
        again = self.server(folder).start()
        nodes = self.client(again)
        self.assertEqual(nodes.get('/after').value[0], b'new')

    def test_a_last_record_with_a_bad_checksum_and_zeros_behind_is_torn(self):
        folder = self.unpack('3.8.0', 'zeros')
        log = folder / 'version-2' / 'log.b'
        logfile.flip_in_record(log, -1)
        last = logfile.records(log)[-1][2]
        server = self.server(folder).start()
        self.assertEqual(int(self.last_zxid(server), 16), last)

    def test_an_empty_newest_log_is_no_obstacle(self):
        folder = self.unpack('3.8.0', 'zeros')
        (folder / 'version-2' / 'log.15').write_bytes(b'')
        self.assert_serves_the_expectation(self.server(folder).start())


class Snapshots(FolderCase):
    def newest_snapshot(self, folder):
        found = (folder / 'version-2').glob('snapshot.*')
        return max(found, key=lambda p: int(p.name.split('.')[1], 16))

    def test_a_snapshot_with_a_flipped_byte_yields_to_the_one_before(self):
        folder = self.unpack('3.8.0', 'types')
        path = self.newest_snapshot(folder)
        logfile.flip(path, path.stat().st_size // 2)
        self.assert_serves_the_expectation(self.server(folder).start())

    def test_a_snapshot_cut_in_half_yields_to_the_one_before(self):
        folder = self.unpack('master', 'types')
        path = self.newest_snapshot(folder)
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        self.assert_serves_the_expectation(self.server(folder).start())

    def test_a_cut_gzip_snapshot_yields_to_the_one_before(self):
        folder = self.unpack('3.9', 'gz')
        path = self.newest_snapshot(folder)
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        self.assert_serves_the_expectation(self.server(folder).start())

    def test_a_left_over_temporary_snapshot_is_never_used(self):
        folder = self.unpack('3.8.0', 'zeros')
        good = self.newest_snapshot(folder).read_bytes()
        (folder / 'version-2' / 'snapshot.ff.tmp').write_bytes(good)
        self.assert_serves_the_expectation(self.server(folder).start())

    def test_no_loadable_snapshot_stops_the_start(self):
        folder = self.unpack('3.8.0', 'zeros')
        for path in (folder / 'version-2').glob('snapshot.*'):
            logfile.flip(path, 40)
        self.assert_refuses_to_start(self.server(folder), 'snapshot')


class WhatStopsTheStart(FolderCase):
    def test_logs_without_a_snapshot_unless_trusted(self):
        folder = self.unpack('3.8.0', 'logonly')
        self.assert_refuses_to_start(self.server(folder), 'snapshot')
        self.assert_serves_the_expectation(self.server(folder, TRUST_EMPTY).start())

    def test_a_damaged_record_with_good_ones_behind_it(self):
        folder = self.unpack('3.8.0', 'zeros')
        logfile.flip_in_record(folder / 'version-2' / 'log.b', 2)
        self.assert_refuses_to_start(self.server(folder), 'log.b')

    def test_a_wrong_end_mark_in_an_older_log(self):
        folder = self.unpack('3.8.0', 'logonly')
        log = folder / 'version-2' / 'log.1'
        offset, length, _ = logfile.records(log)[5]
        logfile.flip(log, offset + length - 1)
        self.assert_refuses_to_start(self.server(folder, TRUST_EMPTY), 'log.1')

    def test_a_log_missing_between_two_others(self):
        folder = self.unpack('3.8.0', 'types')
        (folder / 'version-2' / 'snapshot.57').unlink()
        (folder / 'version-2' / 'log.39').unlink()
        self.assert_refuses_to_start(self.server(folder), 'log.59')

    def test_a_log_with_a_wrong_magic_number(self):
        folder = self.unpack('3.8.0', 'zeros')
        logfile.flip(folder / 'version-2' / 'log.b', 0)
        self.assert_refuses_to_start(self.server(folder), 'log.b')

    def test_snapshots_in_the_folder_of_the_logs(self):
        folder = self.unpack('3.8.0', 'zeros')
        other = self.temporary_folder()
        (other / 'version-2').mkdir()
        server = self.server(other, config={'dataLogDir': folder})
        self.assert_refuses_to_start(server, 'snapshot')

    def test_a_second_server_on_the_same_folder(self):
        folder = self.unpack('3.8.0', 'zeros')
        first = self.server(folder).start()
        self.assert_refuses_to_start(self.server(folder), str(folder))
        self.assertTrue(first.running())
        self.assert_serves_the_expectation(first)


class OwnLogs(FolderCase):
    """The same rules for what Paddock itself wrote."""

    def written(self, count):
        """A folder with `count` acknowledged creates whose server was killed."""
        folder = self.temporary_folder()
        server = self.server(folder).start()
        client = self.client(server)
        for i in range(count):
            self.assertEqual(client.create(f'/n{i}', b'x' * 100).error, 'Ok')
        server.kill()
        return folder

    def newest_log(self, folder):
        found = (folder / 'version-2').glob('log.*')
        return max(found, key=lambda p: int(p.name.split('.')[1], 16))

    def test_the_first_answered_write_of_a_new_folder_has_a_snapshot_below_it(self):
        """Without one neither Apache nor Paddock opens the log after a kill -9."""
        for _ in range(20):             # the moment is short
            folder = self.temporary_folder()
            server = self.server(folder)
            server.ready = 'port'
            server.start()
            client = self.client(server)
            self.assertEqual(client.create('/first').error, 'Ok')
            server.kill()
            self.assertIn('snapshot.0', [p.name for p in (folder / 'version-2').iterdir()])

    def test_every_acknowledged_write_survives_kill_9(self):
        folder = self.written(200)
        client = self.client(self.server(folder).start())
        names = set(client.children('/').value)
        self.assertEqual(names, {f'n{i}' for i in range(200)} | {'zookeeper'})

    def test_rot_among_acknowledged_records_stops_the_start(self):
        folder = self.written(20)
        log = self.newest_log(folder)
        logfile.flip_in_record(log, 3)
        self.assert_refuses_to_start(self.server(folder), log.name)

    def test_a_tail_that_was_never_acknowledged_is_cut(self):
        folder = self.written(20)
        log = self.newest_log(folder)
        offset, length, zxid = logfile.records(log)[-1]
        with open(log, 'r+b') as f:     # a record begun behind the last one, not finished
            f.seek(offset)
            begun = f.read(length)
            f.seek(offset + length)
            f.write(begun[:length // 2])
        server = self.server(folder).start()
        self.assertEqual(int(self.last_zxid(server), 16), zxid)

    def test_sigterm_under_load_ends_well_and_keeps_every_answered_write(self):
        folder = self.temporary_folder()
        server = self.server(folder).start()
        client = self.client(server)
        for i in range(2000):
            client.send('create', wire.enc_create(f'/n{i}'))
        answered = 0
        while answered < 100:
            self.assertEqual(client.wait_reply().error, 'Ok')
            answered += 1
        server.process.terminate()
        try:
            while client.wait_reply().error == 'Ok':
                answered += 1
        except wire.Closed:
            pass
        self.assertEqual(server.process.wait(15), 0)
        after = self.client(self.server(folder).start())
        names = [f'n{i}' for i in range(len(after.children('/').value) - 1)]
        self.assertGreaterEqual(len(names), answered)
        self.assertEqual(set(after.children('/').value), set(names) | {'zookeeper'})

    def test_killed_again_and_again_at_any_moment(self):
        folder = self.temporary_folder()
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        answered = 0
        for turn in range(8):
            server = self.server(folder, {'zookeeper.snapCount': '60'}).start()
            client = self.client(server)
            got = len(client.children('/').value) - 1
            self.assertGreaterEqual(got, answered, f'seed {seed} turn {turn}')
            sent = got + rng.randrange(1, 300)
            for i in range(got, sent):
                client.send('create', wire.enc_create(f'/n{i:05d}', b'x' * rng.randrange(500)))
            for _ in range(rng.randrange(sent - got)):
                self.assertEqual(client.wait_reply().error, 'Ok', f'seed {seed} turn {turn}')
                got += 1
            answered = got
            server.kill()
        after = self.client(self.server(folder).start())
        names = sorted(after.children('/').value)[:-1]
        self.assertEqual(names, [f'n{i:05d}' for i in range(len(names))])
        self.assertGreaterEqual(len(names), answered)

    def test_kill_9_under_load_loses_nothing_and_leaves_nothing_half_done(self):
        folder = self.temporary_folder()
        server = self.server(folder).start()
        client = self.client(server)
        pair = [('create', wire.enc_create(f'/p{i}')) for i in range(2)]
        self.assertEqual(client.multi(*pair).error, 'Ok')
        for i in range(500):            # pipelined: some will be in flight at the kill
            ops = [('setData', wire.enc_set_data(f'/p{j}', b'%d' % i)) for j in range(2)]
            client.send('multi', wire.enc_multi(ops))
        acknowledged = -1
        for i in range(100):
            self.assertEqual(client.wait_reply().error, 'Ok')
            acknowledged = i
        server.kill()
        after = self.client(self.server(folder).start())
        values = [int(after.get(f'/p{j}').value[0]) for j in range(2)]
        self.assertEqual(values[0], values[1])
        self.assertGreaterEqual(values[0], acknowledged)


if __name__ == '__main__':
    unittest.main()
