"""SIGTERM under load, and who may share a folder with a running server."""

import signal
import threading
import time
import unittest

from crash_case import CrashCase, Stream

STOP_S = 8.0
EXIT_DATA_DIR = 3


class Stop(CrashCase):
    def loaded(self, config=None):
        """A server with four busy connections, each with a good number of answers."""
        folder = self.folder()
        server = self.server(folder, {'snapCount': 200, **(config or {})}).start()
        client = self.client(server)
        streams = [Stream(f's{i}') for i in range(4)]
        for stream in streams:
            stream.prepare(client)
        for depth, stream in zip((1, 8, 64, 256), streams):
            stream.start(self.client(server), depth)
        while min(s.acked for s in streams) < 50:
            time.sleep(0.005)
            self.assertTrue(all(s.unexpected is None for s in streams))
        return server, folder, streams

    def assert_everything_answered_is_there(self, folder, streams):
        client = self.client(self.server(folder).start())
        for stream in streams:
            stream.check(self, client)

    def test_sigterm_keeps_every_answered_write_and_ends_with_0(self):
        for name in ('SIGTERM', 'SIGINT'):
            with self.subTest(name):
                server, folder, streams = self.loaded()
                server.process.send_signal(getattr(signal, name))
                self.assert_ended(server, 0, STOP_S)
                for stream in streams:
                    stream.join(self)
                self.assertEqual(len(server.lines('server.stopped')), 1)
                self.assert_everything_answered_is_there(folder, streams)

    def test_sigterm_does_not_wait_for_a_client_that_reads_nothing(self):
        server, folder, streams = self.loaded({'nio.shutdownTimeout': 500})
        deaf = self.client(server)
        self.assert_ok(deaf.create('/big', b'x' * 90000))
        for _ in range(200):
            deaf.send('getData', b'\0\0\0\x04/big\0')
        server.process.send_signal(signal.SIGTERM)
        self.assert_ended(server, 0, STOP_S)
        for stream in streams:
            stream.join(self)
        self.assert_everything_answered_is_there(folder, streams)

    def test_a_second_signal_ends_it_at_once(self):
        server, folder, streams = self.loaded()
        stopper = threading.Thread(target=lambda: [server.process.send_signal(signal.SIGTERM)
                                                   for _ in range(2)])
        stopper.start()
        stopper.join()
        code = server.process.wait(STOP_S)
        self.assertIn(code, (0, 128 + signal.SIGTERM))
        for stream in streams:
            stream.join(self)
        self.assert_everything_answered_is_there(folder, streams)

    def test_a_second_server_is_refused_by_either_folder(self):
        data, logs = self.folder(), self.folder()
        first = self.server(data, {'dataLogDir': logs}).start()
        client, stream = self.client(first), Stream('s')
        stream.prepare(client)
        stream.start(self.client(first), 4)
        for config_data, config_logs, named in ((data, self.folder(), data),
                                                (self.folder(), logs, logs)):
            second = self.server(config_data, {'dataLogDir': config_logs})
            self.assertEqual(second.run_to_end(), EXIT_DATA_DIR, second.log_tail())
            errors = second.lines('store.open_failed', 'error')
            self.assertEqual(len(errors), 1, second.log_tail())
            self.assertIn(f'another server is using {named}', errors[0])
        stream.stop()
        stream.join(self)
        first.kill()
        again = self.server(data, {'dataLogDir': logs}).start()     # the lock died with its owner
        stream.check(self, self.client(again))


if __name__ == '__main__':
    unittest.main()
