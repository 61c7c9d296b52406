"""Test case with kazoo clients in it."""

import logging
import threading

from kazoo.client import KazooClient

from lib import case

# Short ticks: sessions may be as short as 400 ms, so that expiry need not be waited for long.
TICK_MS = 200
LONG_S = 20.0

# Lost connections are part of these tests; kazoo need not tell about each.
logging.getLogger('kazoo').setLevel(logging.CRITICAL)


class KazooCase(case.ServerCase):
    config = {'tickTime': TICK_MS, 'maxSessionTimeout': 60000}
    properties = {'zookeeper.extendedTypesEnabled': 'true'}

    def kazoo(self, hosts=None, timeout=LONG_S, chroot=None, start=True, **kwargs):
        """A client whose root is this test's own node; stopped after the test."""
        base = (hosts or self.server.hosts) + (self.root if chroot is None else chroot)
        client = KazooClient(hosts=base, timeout=timeout, **kwargs)
        self.addCleanup(_stop, client)
        if start:
            client.start(timeout=15)
        return client


def _stop(client):
    client.stop()
    client.close()


class Collector:
    """A callback that remembers what it was called with; wait_for(n) calls."""

    def __init__(self, returns=None):
        self.calls = []
        self.changed = threading.Condition()
        self.returns = returns

    def __call__(self, *args):
        with self.changed:
            self.calls.append(args[0] if len(args) == 1 else args)
            self.changed.notify_all()
        return self.returns

    def wait_for(self, count, timeout=10):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.calls) >= count, timeout):
                raise AssertionError(f'{len(self.calls)} of {count} calls: {self.calls}')
            return list(self.calls)

    def wait_until(self, check, timeout=15):
        with self.changed:
            if not self.changed.wait_for(lambda: check(self.calls), timeout):
                raise AssertionError(f'not seen in {self.calls}')
