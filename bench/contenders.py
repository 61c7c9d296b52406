"""The servers that are compared: Paddock, Apache ZooKeeper, and the machine's limits.

Starting, watching and stopping them is the interop suites' work (tests/interop/lib/servers.py);
here they only get the settings of a server in service instead of those of a short test.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests' / 'interop'))

from lib import ensemble, servers, wire                        # noqa: E402, F401

BIN = ROOT / 'build' / 'bin'


def status_bytes(pid, field):
    """VmRSS, VmHWM, ... of a process."""
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith(field + ':'):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


class Paddock(servers.PaddockServer):
    def __init__(self, config=None, **kwargs):
        super().__init__(config={'maxClientCnxns': 0, **(config or {})}, **kwargs)


class Apache(servers.ApacheServer):
    """As zkServer.sh starts it, with a heap that a million znodes fit in."""

    heap = '-Xmx2g'

    def __init__(self, config=None, **kwargs):
        super().__init__(config={'maxClientCnxns': 0, **(config or {})}, **kwargs)

    def command(self, config_path):
        line = ['java', self.heap, '-Dzookeeper.jmx.log4j.disable=true',
                '-Djava.net.preferIPv4Stack=true',
                '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
        line += [f'-D{key}={value}' for key, value in self.properties.items()]
        return line + ['-cp', self.classpath,
                       'org.apache.zookeeper.server.quorum.QuorumPeerMain', str(config_path)]


class Echo:
    """bench-echo: answers with as many bytes and does nothing else."""

    def __init__(self, folder, log=False):
        self.kind = 'echo+log' if log else 'echo'
        self.command = [str(BIN / 'bench-echo')]
        if log:
            self.command += ['--log', str(pathlib.Path(folder) / 'echo.log')]
        self.process = None
        self.port = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=servers.die_with_parent)
        self.port = int(self.process.stdout.readline().split()[1])
        return self

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None
