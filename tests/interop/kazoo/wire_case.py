"""Test case of the raw clients; the tests below say what kazoo has no call for."""

from lib import case

TICK_MS = 200


class WireCase(case.ServerCase):
    config = {'tickTime': TICK_MS, 'maxSessionTimeout': 60000}
    properties = {'zookeeper.extendedTypesEnabled': 'true'}

    def setUp(self):
        super().setUp()
        self.c = self.client()

    def made(self, *names, **kwargs):
        """Creates nodes below the test's root; returns their paths (one: not a list)."""
        paths = [self.root + name for name in names]
        for path in paths:
            self.ok(self.c.create(path, **kwargs))
        return paths[0] if len(paths) == 1 else paths

    def not_on_apache(self, why):
        if self.on_apache:
            self.skipTest(f'3.8.0 differs: {why}')
