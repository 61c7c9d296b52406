"""Full disks.  Run by test_full_disk.py inside `unshare -Urm`, where tmpfs may be mounted."""

import pathlib
import subprocess
import tempfile
import time

from crash_case import CrashCase, Stream, wait_until, wire

RESUME_S = 5.0          # the server looks for space every second
SHORT_MS = 400          # a session that would soon be gone if it could expire
VALUE = b'x' * 40000


class FullDisk(CrashCase):
    def mount(self, size_kib):
        path = pathlib.Path(tempfile.mkdtemp(prefix='crash-full-'))
        self.addCleanup(path.rmdir)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size_kib}k', 'tmpfs', path],
                       check=True)
        # Lazily: cleanups run backwards, but a process may still be on its way out.
        self.addCleanup(subprocess.run, ['umount', '-l', path], check=True)
        return path

    def fill(self, disk):
        """A file of somebody else's that takes all there is."""
        path = disk / 'filler'
        with open(path, 'wb', buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        return path

    def write_until_refused(self, clients, limit=400):
        """{path: data} of what was answered with Ok, and the refused paths."""
        kept, refused = {}, []
        for i in range(limit):
            client = clients[i % len(clients)]
            path = f'/n{i}'
            reply = client.create(path, VALUE)
            if reply.err == 0:
                kept[path] = VALUE
            else:
                self.assertEqual(reply.error, 'SystemError', path)
                refused.append(path)
                if len(refused) == 2 * len(clients):
                    return kept, refused
        raise AssertionError(f'{limit} writes of {len(VALUE)} bytes and the disk is not full')

    def refuse_all_kinds_of_writes(self, server, client):
        self.assertEqual(client.set('/keep', b'no').error, 'SystemError')
        self.assertEqual(client.delete('/keep').error, 'SystemError')
        reply = client.multi(('create', wire.enc_create('/m1')), ('create', wire.enc_create('/m2')))
        self.assertEqual(reply.error, 'SystemError')
        self.assert_no_new_session(server)

    def start_with_sessions(self, server):
        """A client that stays, and a session without a connection that would expire soon."""
        server.start()
        keeper = self.client(server)
        self.assert_ok(keeper.create('/keep', b'kept'))
        lonely = self.client(server, timeout_ms=SHORT_MS)
        self.assert_ok(lonely.create('/lonely', flags=wire.EPHEMERAL))
        return keeper, lonely

    def stay_full(self, keeper, lonely):
        """Longer than the short session could live: nobody expires, reads go on."""
        lonely.drop()
        # Time without any traffic, in which it would expire; the server looks every second.
        time.sleep(1 + 1.5 * SHORT_MS / 1000)
        self.assert_ok(keeper.ping())
        self.assertEqual(self.assert_ok(keeper.get('/keep')).value[0], b'kept')
        self.assert_ok(keeper.exists('/lonely'))
        lonely.reopen()
        self.assertEqual(lonely.session.timeout_ms, SHORT_MS)
        self.assert_ok(lonely.exists('/lonely'))

    def assert_holds(self, client, kept, refused):
        for path, data in kept.items():
            self.assertEqual(self.assert_ok(client.get(path)).value[0], data, path)
        for path in refused:
            self.assertEqual(client.exists(path).error, 'NoNode', path)

    def test_filled_by_its_own_znodes_it_refuses_writes_and_serves_reads(self):
        disk = self.mount(6000)
        server = self.server(disk / 'data')
        keeper, lonely = self.start_with_sessions(server)
        kept, refused = self.write_until_refused([keeper, self.client(server)])
        self.refuse_all_kinds_of_writes(server, keeper)
        self.assertEqual(len(server.lines('log.space.none', 'error')), 1, server.log_tail())
        self.stay_full(keeper, lonely)
        self.assert_holds(keeper, kept, refused)

        server.kill()
        again = self.server(disk / 'data').start()      # still full
        keeper.address = again.address
        keeper.reopen()
        self.assert_holds(keeper, kept, refused + ['/m1', '/m2'])
        wait_until(lambda: again.lines('log.space.none'), 'the line about the full disk')
        self.refuse_all_kinds_of_writes(again, keeper)

    def test_filled_by_somebody_else_it_resumes_when_there_is_room(self):
        disk = self.mount(8000)
        server = self.server(disk / 'data')
        keeper, lonely = self.start_with_sessions(server)
        clients = [keeper, self.client(server)]
        stream = Stream('s')
        stream.prepare(keeper)
        stream.write(keeper, 8, limit=200)
        filler = self.fill(disk)
        kept, refused = self.write_until_refused(clients)
        self.stay_full(keeper, lonely)
        lonely.conn.close()     # to be expired when that can be logged

        filler.unlink()
        wait_until(lambda: keeper.set('/keep', b'new').err == 0, 'service resumes', RESUME_S)
        self.assertEqual(len(server.lines('log.space.back')), 1, server.log_tail())
        self.assert_ok(self.client(server).create('/after', b'room'))
        kept.update({'/after': b'room', '/keep': b'new'})
        wait_until(lambda: keeper.exists('/lonely').error == 'NoNode', 'it expires at last')
        stream.write(keeper, 8, limit=200)
        self.assertIsNone(stream.unexpected)

        server.kill()
        client = self.client(self.server(disk / 'data').start())
        self.assert_holds(client, kept, refused + ['/lonely'])
        self.assertEqual(stream.check(self, client), 400)

    def test_full_before_the_first_write(self):
        disk = self.mount(6000)
        server = self.server(disk / 'data').start()
        filler = self.fill(disk)
        # What was reserved in time may serve some; then it is refused, and nothing worse.
        for _ in range(50):
            try:
                client = self.client(server)
            except wire.Closed:
                break
            if client.create('/n', VALUE, flags=wire.PERSISTENT | wire.SEQUENTIAL).err != 0:
                break
        self.assertIsNone(server.process.poll(), server.log_tail())
        wait_until(lambda: server.lines('log.space.none'), 'the line about the full disk')
        filler.unlink()
        wait_until(lambda: server.lines('log.space.back'), 'service resumes', RESUME_S)
        self.assert_ok(self.client(server).create('/after'))

    def test_full_before_the_start(self):
        disk = self.mount(6000)
        first = self.server(disk / 'data').start()
        self.assert_ok(self.client(first).create('/keep'))
        self.assertEqual(first.terminate(), 0)
        filler = self.fill(disk)
        server = self.server(disk / 'data').start()
        self.assert_no_new_session(server)
        self.assertEqual(server.word('ruok'), 'imok')
        filler.unlink()
        wait_until(lambda: server.lines('log.space.back'), 'service resumes', RESUME_S)
        self.assert_ok(self.client(server).get('/keep'))
        self.assert_ok(self.client(server).create('/after'))

    def test_only_the_disk_of_the_log_is_full(self):
        logs, data = self.mount(6000), self.mount(6000)
        server = self.server(data / 'data', {'dataLogDir': logs / 'log', 'snapCount': 50})
        keeper, lonely = self.start_with_sessions(server)
        filler = self.fill(logs)
        kept, refused = self.write_until_refused([keeper])
        self.stay_full(keeper, lonely)
        filler.unlink()
        wait_until(lambda: keeper.set('/keep', b'new').err == 0, 'service resumes', RESUME_S)
        before = len(server.lines('snapshot.written'))
        for i in range(100):
            self.assert_ok(keeper.set('/keep', str(i).encode()))
        wait_until(lambda: len(server.lines('snapshot.written')) > before, 'a snapshot')
        self.assertEqual(server.lines('snapshot.failed'), [])
        server.kill()
        client = self.client(self.server(data / 'data', {'dataLogDir': logs / 'log'}).start())
        self.assert_holds(client, {**kept, '/keep': b'99'}, refused)

    def test_only_the_disk_of_the_snapshots_is_full(self):
        logs, data = self.mount(16000), self.mount(3000)
        config = {'dataLogDir': logs / 'log', 'snapCount': 40}
        server = self.server(data / 'data', config)
        keeper, _ = self.start_with_sessions(server)
        filler = self.fill(data)
        stream = Stream('s')
        stream.prepare(keeper)
        while len(server.lines('snapshot.failed', 'error')) < 2:
            stream.write(keeper, 8, limit=50)
            self.assertIsNone(stream.unexpected)
            self.assertLess(stream.sent, 5000, server.log_tail())
        self.assert_no_leftovers(data)
        self.assertEqual(server.lines('log.space.none'), [])
        filler.unlink()
        before = len(server.lines('snapshot.written'))
        while len(server.lines('snapshot.written')) == before:
            stream.write(keeper, 8, limit=50)
            self.assertLess(stream.sent, 10000, server.log_tail())
        server.kill()
        client = self.client(self.server(data / 'data', config).start())
        self.assertEqual(stream.check(self, client), stream.acked)
