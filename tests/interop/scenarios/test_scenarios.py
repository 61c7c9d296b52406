"""Plays every scenario on Apache 3.8.0 and on Paddock and compares the transcripts.

Environment: INTEROP_SERVER=apache plays both sides on Apache, which shows whether the
scenarios are deterministic; INTEROP_TRANSCRIPTS=FOLDER keeps the transcripts there.
"""

import concurrent.futures
import os
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import servers  # noqa: E402
import deviations  # noqa: E402
import stage  # noqa: E402
import play_acl  # noqa: E402,F401
import play_multi  # noqa: E402,F401
import play_quota  # noqa: E402,F401
import play_random  # noqa: E402,F401
import play_session  # noqa: E402,F401
import play_tree  # noqa: E402,F401
import play_watch  # noqa: E402,F401
import play_words  # noqa: E402,F401

ON_BOTH = os.environ.get('INTEROP_SERVER') == 'apache'
KEEP = os.environ.get('INTEROP_TRANSCRIPTS')


class Scenarios(unittest.TestCase):
    used = set()            # indices of the deviations that some transcript showed
    played = set()

    @classmethod
    def setUpClass(cls):
        for kind in (servers.ApacheServer, servers.server_class()):
            why = servers.missing(kind)
            if why:
                raise unittest.SkipTest(why)

    def compare(self, scenario):
        pair = [scenario.server(kind) for kind in (servers.ApacheServer, servers.server_class())]
        for server in pair:
            self.addCleanup(server.close)
            server.spawn()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            apache, other = pool.map(lambda s: stage.play(scenario, s.wait_ready()), pair)
        self.keep(scenario.name, apache, other)
        expected = apache if ON_BOTH else stage.expected_lines(
            scenario.name, apache, deviations.KNOWN, self.used)
        self.played.add(scenario.name)
        difference = stage.compare(expected, other)
        if difference:
            self.fail('- what Paddock should say (Apache with the known deviations), '
                      '+ what it says\n' + '\n'.join(difference) + '\n'
                      + '\n'.join(stage.log_tail(s) for s in pair))

    @staticmethod
    def keep(name, apache, other):
        if KEEP:
            folder = pathlib.Path(KEEP)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f'{name}.apache').write_text('\n'.join(apache) + '\n')
            (folder / f'{name}.other').write_text('\n'.join(other) + '\n')


def _add(scenario):
    def test(self):
        self.compare(scenario)
    test.__doc__ = scenario.play.__doc__
    setattr(Scenarios, 'test_' + scenario.name, test)


for _scenario in stage.ALL_SCENARIOS.values():
    _add(_scenario)


class TheListOfDeviations(unittest.TestCase):
    """Runs after the scenarios (classes run in the order of their names)."""

    def test_every_entry_was_needed(self):
        if ON_BOTH or Scenarios.played != set(stage.ALL_SCENARIOS):
            self.skipTest('only after a run of all scenarios against Paddock')
        unused = [d for i, d in enumerate(deviations.KNOWN) if i not in Scenarios.used]
        self.assertEqual(unused, [])


if __name__ == '__main__':
    unittest.main()
