"""Recorded conversations, file by file, against a fresh server each.

Paddock must answer the recordings of 3.9 and master, but for the entries of
deviations.json.  The recordings of 3.8.0 are replayed against Paddock with that version's
entries, and against Debian's 3.8.0 with none: that checks the replayer itself.
"""

import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from lib import servers  # noqa: E402
from lib.ensemble import free_ports  # noqa: E402
import replay  # noqa: E402

VERSIONS = ('3.8.0', '3.9', 'master')


def recordings(version):
    return sorted((replay.RECORDINGS / version).glob('*.txt'))


class GoldenCase(unittest.TestCase):
    maxDiff = None

    def replay(self, kind, path, deviations):
        why = servers.missing(kind)
        if why:
            self.skipTest(why)
        numbered = replay.apply_deviations(path.read_text().splitlines(), deviations)
        numbers, lines = zip(*numbered)
        recorded = sorted(replay.ports_of(lines))
        lines = replay.with_ports(lines, dict(zip(recorded, free_ports(len(recorded)))))
        config, properties = replay.settings_of(lines)
        steps = replay.parse(list(zip(numbers, lines)))
        with self.server(kind, config, properties) as server:
            problems = replay.Replay(server.address, steps, f'{path.parent.name}/{path.name}').run()
            if problems:
                self.fail('\n'.join(problems) + '\n--- server log\n' + server.log_tail())

    @staticmethod
    def server(kind, config, properties):
        """Standalone, or member 1 of the ensemble that the config names; nobody else runs."""
        port = replay.client_port_of(config)
        if port is None:
            return kind(config=config, properties=properties)
        config.update({'clientPort': None, 'clientPortAddress': None})
        server = kind(config=config, properties=properties, port=port)
        server.data_dir.mkdir()
        (server.data_dir / 'myid').write_text('1\n')
        return server


def _add(cls, kind, version, path):
    _, known = replay.load_deviations()
    mine = [d for d in known if (d.version, d.file) == (version, path.name)]
    if kind is servers.ApacheServer:
        mine = []

    def test(self):
        self.replay(kind, path, mine)

    name = f'{version}_{path.stem}'.replace('.', '_').replace('-', '_')
    setattr(cls, f'test_{name}', test)


class AnswersAsRecorded(GoldenCase):
    pass


class ReplayerAgreesWithApache(GoldenCase):
    pass


for _version in VERSIONS:
    for _path in recordings(_version):
        _add(AnswersAsRecorded, servers.PaddockServer, _version, _path)
for _path in recordings('3.8.0'):
    _add(ReplayerAgreesWithApache, servers.ApacheServer, '3.8.0', _path)


class TheListOfDeviations(unittest.TestCase):
    def test_names_a_reason_that_is_explained_for_every_entry(self):
        reasons, known = replay.load_deviations()
        self.assertEqual(set(reasons), {d.reason for d in known})

    def test_matches_the_recordings_it_talks_about(self):
        _, known = replay.load_deviations()
        for version in VERSIONS:
            for path in recordings(version):
                mine = [d for d in known if (d.version, d.file) == (version, path.name)]
                replay.apply_deviations(path.read_text().splitlines(), mine)
        places = {(v, p.name) for v in VERSIONS for p in recordings(v)}
        self.assertEqual([d for d in known if (d.version, d.file) not in places], [])

    def test_only_holds_hazards_where_3_9_and_master_are_concerned(self):
        _, known = replay.load_deviations()
        newer = {d.reason for d in known if d.version != '3.8.0'}
        self.assertEqual(newer, {'createSession-refused', 'deleteContainer-refused'})


if __name__ == '__main__':
    unittest.main()
