"""Data folders that Apache's servers wrote are served exactly as their expectation says."""

import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from lib import servers  # noqa: E402
from folders import FolderCase, TRUST_EMPTY, cases  # noqa: E402


class ServesWhatApacheWrote(FolderCase):
    pass


class CheckerAgreesWithApache(FolderCase):
    kind = servers.ApacheServer


def _add(cls, version, case):
    def test(self):
        folder = self.unpack(version, case)
        server = self.server(folder, TRUST_EMPTY if case == 'logonly' else None).start()
        self.assert_serves_the_expectation(server)
        for session in self.expectation[0]['sessions']:
            self.assert_session_is_alive(server, session)

    setattr(cls, f'test_{version}_{case}'.replace('.', '_'), test)


for _version in ('3.8.0', '3.9', 'master'):
    for _case in cases(_version):
        _add(ServesWhatApacheWrote, _version, _case)
for _case in cases('3.8.0'):
    _add(CheckerAgreesWithApache, '3.8.0', _case)


if __name__ == '__main__':
    unittest.main()
