"""The base of test cases with ensembles: closed after each test, logs beside a failure."""

import os
import sys
import unittest

from . import servers, wire
from .case import eventually
from .ensemble import KINDS, Ensemble, kinds_of
from .workload import Workload

LONG = os.environ.get('INTEROP_LONG') == '1'


def long(test):
    """Not part of `make test`: runs with INTEROP_LONG=1."""
    return unittest.skipUnless(LONG, 'takes long: INTEROP_LONG=1 runs it')(test)


class EnsembleCase(unittest.TestCase):
    config = {}

    def run(self, result=None):
        self.opened = []
        before = _failures(result)
        try:
            super().run(result)
            if _failures(result) > before:
                for ensemble in self.opened:
                    print(ensemble.logs(), file=sys.stderr, flush=True)
        finally:
            for ensemble in self.opened:
                ensemble.close()
        return result

    # -- helpers

    def ensemble(self, kinds=3, start=True, config=None, **kwargs):
        """`kinds`: a list, or how many of the kind under test."""
        kinds = kinds_of(kinds) if isinstance(kinds, int) else kinds
        for kind in set(kinds):
            why = servers.missing(KINDS[kind])
            if why:
                self.skipTest(why)
        ensemble = Ensemble(kinds, config={**self.config, **(config or {})}, **kwargs)
        self.opened.append(ensemble)
        return ensemble.start() if start else ensemble

    def workload(self, ensemble, **kwargs):
        """Writers that have begun; stopped after the test if it does not come to `check`."""
        load = Workload(ensemble, **kwargs)
        self.addCleanup(load.stopping.set)
        load.start()
        load.wait_acks(3)
        return load

    def client(self, member, **kwargs):
        client = member.client(**kwargs)
        self.addCleanup(client.conn.close)
        return client

    def synced(self, ensemble, member):
        client = ensemble.synced_client(member)
        self.addCleanup(client.conn.close)
        return client

    def ok(self, reply):
        self.assertEqual(reply.error, 'Ok', repr(reply))
        return reply.value

    def resume_session(self, member, client):
        """The client's session at another member, as client libraries go on with it.

        A member that has not yet seen what the client has hangs up: then it is asked again.
        """
        def attempt():
            other = wire.Client(member.address, client.timeout_ms, connect=False)
            try:
                other.open(session_id=client.session.id, passwd=client.session.passwd,
                           last_zxid=client.last_zxid)
                return other
            except (OSError, wire.Closed):
                return None
        other = eventually(attempt, what=f'{member} takes the session')
        self.addCleanup(other.conn.close)
        self.assertEqual(other.session.id, client.session.id)
        self.assertGreater(other.session.timeout_ms, 0, 'the session was refused')
        return other


def _failures(result):
    return len(result.failures) + len(result.errors) if result is not None else 0
