"""The base of the suites' test cases: a server per class, its log beside a failure."""

import sys
import time
import unittest

from . import servers, wire


class ServerCase(unittest.TestCase):
    """One server for the tests of a class; override `config` and `properties`.

    Each test gets a root of its own (`self.root`), made before it runs, so that tests
    need not care what others left in the tree.
    """

    config = {}
    properties = {}
    server_kind = None          # a class of lib.servers; None: the one under test

    @classmethod
    def setUpClass(cls):
        kind = cls.server_kind or servers.server_class()
        why = servers.missing(kind)
        if why:
            raise unittest.SkipTest(why)
        cls.server = kind(config=cls.config, properties=cls.properties)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def setUp(self):
        self.root = '/' + self.id().rsplit('.', 1)[-1]
        with_session = self.client()
        with_session.create(self.root)
        with_session.close()

    def run(self, result=None):
        before = _failures(result)
        super().run(result)
        if _failures(result) > before:
            _show_logs()
        return result

    # -- helpers

    @property
    def on_apache(self):
        return self.server.kind == 'apache'

    def client(self, **kwargs):
        """A raw client whose socket is closed after the test."""
        client = wire.Client(self.server.address, **kwargs)
        self.addCleanup(client.conn.close)
        return client

    def super_client(self, **kwargs):
        client = self.client(**kwargs)
        self.ok(client.auth('digest', servers.SUPER_AUTH))
        return client

    def conn(self):
        conn = wire.Conn(self.server.address)
        self.addCleanup(conn.close)
        return conn

    def ok(self, reply):
        self.assertEqual(reply.error, 'Ok', repr(reply))
        return reply.value

    def fails(self, error, reply):
        self.assertEqual(reply.error, error, repr(reply))
        self.assertEqual(reply.body, b'', 'an error reply is the bare header')
        return reply

    def assert_events(self, client, expected):
        """`expected`: [(type name, path)] in order; settles the client first."""
        got = [(wire.EVENTS[e.type], e.path) for e in client.settle()]
        self.assertEqual(got, expected)


def eventually(check, timeout_s=15.0, step_s=0.02, what='condition'):
    """Polls `check` until it returns something true; returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'{what}: not true after {timeout_s} s')
        time.sleep(step_s)          # between two looks


def _failures(result):
    return len(result.failures) + len(result.errors) if result is not None else 0


def _show_logs():
    for server in servers.Server.live:
        print(f'--- end of the log of {server.kind} ({server.home})', file=sys.stderr)
        print(server.log_tail(), file=sys.stderr)
