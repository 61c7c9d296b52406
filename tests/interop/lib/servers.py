"""Starts, watches and stops the servers under test.

A server lives in a temporary folder of its own (config, data, log) and listens on a
free loopback port.  It is ready when it answers `srvr`; nothing here waits for a fixed
time.  It cannot outlive the test process: the kernel kills it with the thread that
started it (so start servers on the main thread) and atexit stops it in an orderly end.

`PaddockServer` runs the binary named by the environment variable PADDOCKD (default:
build/bin/paddockd of this tree); `ApacheServer` runs Debian's ZooKeeper 3.8.0.
`server_class()` picks one of them by INTEROP_SERVER=paddock|apache, so that a suite
written for Paddock can be checked against Apache.
"""

import atexit
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import fourletter

ROOT = pathlib.Path(__file__).resolve().parents[3]

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
PORT_ATTEMPTS = 5

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

# The super user that every suite may use: text to authenticate with and its digest.
SUPER_AUTH = b'super:secret'
SUPER_DIGEST = 'super:lK75jTNcA+U9vtVEw5vB51mj/w4='


def die_with_parent():
    """Runs in the child between fork and exec."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A loopback port that was free a moment ago; the caller retries if it got taken."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def listens(pid, port):
    """Does this process hold a listening TCP socket on that port?"""
    inodes = set()
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == '0A' and int(fields[1].rsplit(':', 1)[1], 16) == port:
                inodes.add(f'socket:[{fields[9]}]')
    if not inodes:
        return False
    try:
        return any(os.readlink(f'/proc/{pid}/fd/{fd}') in inodes
                   for fd in os.listdir(f'/proc/{pid}/fd'))
    except OSError:
        return False            # it has ended, or closed a file while we looked


class ServerFailed(Exception):
    """The server ended or did not become ready; the text holds the end of its log."""


class Server:
    """One server process and its folder.

    config       zoo.cfg keys beyond (or instead of) the defaults below
    properties   Java system properties: `zookeeper.x` names or bare ones
    data_dir     an existing dataDir to serve; by default an empty one is made
    ready        what `wait_ready` waits for: 'srvr' (the service answers) or 'port'
    port         the client port to listen on; by default a free one at each start

    Attributes that a test may set before a start: `env` {name: value} on top of this
    process's environment; `host` (lib.hosts) whose network the process lives in.
    """

    kind = 'abstract'
    live = []           # every server that has been started and not yet stopped

    def __init__(self, config=None, properties=None, data_dir=None, ready='srvr',
                 port=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='interop-'))
        self.data_dir = pathlib.Path(data_dir) if data_dir else self.home / 'data'
        self.config = {'tickTime': 2000, '4lw.commands.whitelist': '*'}
        self.config.update(config or {})
        self.properties = {'zookeeper.DigestAuthenticationProvider.superDigest': SUPER_DIGEST}
        self.properties.update(properties or {})
        self.ready = ready
        self.log_path = self.home / 'server.log'
        self.fixed_port = port
        self.port = port
        self.process = None
        self.env = {}
        self.host = None

    # -- life

    def spawn(self):
        """Starts the process without waiting for it to serve."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.port = self.fixed_port or free_port()
        config = {'dataDir': self.data_dir, 'clientPort': self.port,
                  'clientPortAddress': '127.0.0.1'}
        config.update(self.config)
        self.config_path.write_text(
            ''.join(f'{k}={v}\n' for k, v in config.items() if v is not None))
        return self.respawn()

    def respawn(self):
        """Starts the process with the config file as its last run has left it."""
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                self.command(self.config_path), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.home, preexec_fn=self._in_child, env=self.environment())
        if self not in Server.live:
            Server.live.append(self)
        return self

    def wait_ready(self, timeout_s=READY_TIMEOUT_S):
        """Waits until the server serves; takes another port if this one was taken."""
        for _ in range(PORT_ATTEMPTS):
            deadline = time.monotonic() + timeout_s
            while self.process.poll() is None:
                if self._probe():
                    return self
                if time.monotonic() > deadline:
                    self.kill()
                    raise ServerFailed(f'not ready after {timeout_s} s\n{self.log_tail()}')
                time.sleep(0.01)            # between two probes
            if self.fixed_port or not self._port_was_taken():
                break
            self.spawn()
        code = self.process.returncode
        raise ServerFailed(f'{self.kind} ended with {code} before it served\n{self.log_tail()}')

    def start(self):
        return self.spawn().wait_ready()

    def run_to_end(self, timeout_s=READY_TIMEOUT_S):
        """For starts that must fail: waits for the end, returns the exit code."""
        self.spawn()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f'still running after {timeout_s} s\n{self.log_tail()}') from None

    def terminate(self, timeout_s=STOP_TIMEOUT_S):
        """SIGTERM and wait; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed(f'SIGTERM did not stop it in {timeout_s} s\n{self.log_tail()}') \
                from None

    def kill(self):
        """SIGKILL: what the server had not made durable is gone."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        """Ends the process at once and removes its folder (not a data_dir passed in)."""
        self.kill()
        if self in Server.live:
            Server.live.remove(self)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    # -- what tests ask for

    @property
    def config_path(self):
        return self.home / 'zoo.cfg'

    @property
    def address(self):
        return ('127.0.0.1', self.port)

    @property
    def hosts(self):
        return f'127.0.0.1:{self.port}'

    def word(self, word, **kwargs):
        return fourletter.ask(self.address, word, **kwargs)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self):
        return self.log_path.read_text(errors='replace') if self.log_path.exists() else ''

    def log_tail(self, lines=30):
        return '\n'.join(self.log_text().splitlines()[-lines:])

    # -- details

    def _in_child(self):
        die_with_parent()
        if self.host is not None:
            self.host.enter()

    def _probe(self):
        # Another server may have got the port; and a connect to a port of the kernel's
        # range on which nobody listens may by chance connect to itself.
        if not listens(self.process.pid, self.port):
            return False
        try:
            if self.ready == 'port':
                socket.create_connection(self.address, timeout=1).close()
                return True
            answer = fourletter.ask(self.address, 'srvr', timeout_s=0.5)
            return answer.startswith('Zookeeper version')
        except OSError:
            return False

    def _port_was_taken(self):
        text = self.log_text().lower()
        return any(x in text for x in ('address already in use', 'bindexception', 'port_taken'))

    def command(self, config_path):
        raise NotImplementedError

    def environment(self):
        return {**os.environ, **self.env}


class PaddockServer(Server):
    kind = 'paddock'

    def __init__(self, *args, binary=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.binary = str(binary or paddockd_path())

    def command(self, config_path):
        line = [self.binary]
        for key, value in self.properties.items():
            line += ['-D', f'{key}={value}']
        return line + [str(config_path)]


class ApacheServer(Server):
    kind = 'apache'

    jar = pathlib.Path('/usr/share/java/zookeeper.jar')
    classpath = f'{jar}:/usr/share/java/slf4j-simple.jar'

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.config.setdefault('admin.enableServer', 'false')

    @classmethod
    def installed(cls):
        return cls.jar.exists() and shutil.which('java') is not None

    def command(self, config_path):
        # Short-lived JVMs: no optimising compiler, small heap, archived class data.
        line = ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx512m',
                '-XX:-UsePerfData', f'-Djava.io.tmpdir={self.home}',
                '-Dzookeeper.jmx.log4j.disable=true', '-Djava.net.preferIPv4Stack=true',
                '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
        line += [f'-D{key}={value}' for key, value in self.properties.items()]
        return line + ['-cp', self.classpath,
                       'org.apache.zookeeper.server.quorum.QuorumPeerMain', str(config_path)]


def paddockd_path():
    return pathlib.Path(os.environ.get('PADDOCKD') or ROOT / 'build' / 'bin' / 'paddockd')


def server_class():
    return ApacheServer if os.environ.get('INTEROP_SERVER') == 'apache' else PaddockServer


def missing(kind):
    """Why servers of this class cannot run here, or None.

    Only Apache may be missing: without the server under test its tests must fail.
    """
    if kind is ApacheServer and not ApacheServer.installed():
        return "Debian's zookeeper and a JRE are not installed"
    return None


@atexit.register
def _stop_all():
    for server in list(Server.live):
        server.close()
