"""Hosts of a test's own: network namespaces around a router, in a world without other networks.

Works only `inside()` (lib.inside): there this process is root of a user namespace and owns
its network and its mounts.  Each host has one address of the range kept for documentation
(RFC 5737), which leads nowhere else.  All packets between two hosts pass the router, so
that a rule there drops them silently and in one direction, as a broken network does: no
end is told.
"""

import ctypes
import os
import pathlib
import subprocess

ROUTER = '192.0.2.254'
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


def loopback_up():
    """For tests inside that need no hosts."""
    run('ip', 'link', 'set', 'lo', 'up')


class Host:
    """One namespace; a server whose `host` it is starts in there."""

    def __init__(self, number):
        self.ip = f'192.0.2.{number}'
        self.device = f'veth{number}'       # the router's end of its cable
        self.name = f'host{number}'
        run('ip', 'netns', 'add', self.name)
        run('ip', 'link', 'add', self.device, 'type', 'veth', 'peer', 'name', 'eth0',
            'netns', self.name)
        run('ip', 'link', 'set', self.device, 'up')
        for device in ('lo', 'eth0'):
            self.ip_inside('link', 'set', device, 'up')
        self.ip_inside('route', 'add', ROUTER, 'dev', 'eth0')
        self.move(self.ip)
        self.namespace = os.open(f'/run/netns/{self.name}', os.O_RDONLY | os.O_CLOEXEC)

    def ip_inside(self, *words):
        run('ip', '-n', self.name, *words)

    def move(self, ip):
        """Another address; what had the old one must have ended."""
        self.ip_inside('addr', 'flush', 'dev', 'eth0')
        self.ip = ip
        self.ip_inside('addr', 'add', f'{ip}/32', 'dev', 'eth0')
        self.ip_inside('route', 'replace', ROUTER, 'dev', 'eth0')
        self.ip_inside('route', 'replace', 'default', 'via', ROUTER, 'src', ip)
        run('ip', 'route', 'flush', 'dev', self.device)
        run('ip', 'route', 'add', ip, 'dev', self.device)

    def enter(self):
        """Between fork and exec: the process goes on in here."""
        if _libc.setns(self.namespace, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'setns')


class Network:
    """All hosts of this process, and the router, on which the tests' clients live."""

    def __init__(self):
        self.hosts = {}
        self.cuts = set()
        run('mount', '-t', 'tmpfs', 'tmpfs', '/run')        # where `ip netns` keeps its names
        loopback_up()
        run('ip', 'addr', 'add', f'{ROUTER}/32', 'dev', 'lo')
        pathlib.Path('/proc/sys/net/ipv4/ip_forward').write_text('1\n')

    def add_host(self, number):
        self.hosts[number] = Host(number)
        return self.hosts[number]

    def cut_one_way(self, sources, sinks):
        """Nothing that the members `sources` send reaches the members `sinks`."""
        for source in sources:
            for sink in sinks:
                cut = (source.ip, sink.ip)
                if source is not sink and cut not in self.cuts:
                    run('ip', 'rule', 'add', 'from', cut[0], 'to', cut[1], 'blackhole')
                    self.cuts.add(cut)

    def cut(self, some, others):
        self.cut_one_way(some, others)
        self.cut_one_way(others, some)

    def heal(self):
        for source, sink in self.cuts:
            run('ip', 'rule', 'del', 'from', source, 'to', sink, 'blackhole')
        self.cuts.clear()
