"""Ensembles of real servers: each member Apache's or Paddock's, on loopback.

A `Member` keeps its id, ports, data and log for as long as the ensemble lives, while the
process (and even the kind of server) behind it may change.  Nothing waits for a fixed
time: `wait_leader` and its like poll what members say of themselves until a deadline.

What the members hold is read through their client ports: `trees_differ` and
`digests_differ` compare all running members with each other.
"""

import itertools
import os
import pathlib
import random
import shutil
import socket
import tempfile

from . import fourletter, servers, tree, wire
from .case import eventually

HOST = '127.0.0.1'
KINDS = {'paddock': servers.PaddockServer, 'apache': servers.ApacheServer}

# Ticks are short so that a test of failures is; limits are wide because machines are slow.
DEFAULTS = {'tickTime': 500, 'initLimit': 40, 'syncLimit': 8, 'maxClientCnxns': 0,
            'reconfigEnabled': 'true'}
LEADER_TIMEOUT_S = 40.0
READ_ATTEMPTS = 5
SERVING = ('leader', 'follower', 'observer')


def _first_of_kernels_ports():
    path = pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range')
    return int(path.read_text().split()[0])


def free_ports(count):
    """Ports below those that the kernel gives to outgoing connections.

    A member that is down must find its ports free when it comes back.
    """
    found = []
    if count == 0:
        return found
    candidates = random.sample(range(10000, _first_of_kernels_ports()), 2000)
    for port in candidates:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise servers.ServerFailed(f'no {count} free ports below the kernel\'s own')


class Member:
    """One member: what it is called and where it keeps things; `server` is its process."""

    def __init__(self, ensemble, number, kind, role):
        self.ensemble = ensemble
        self.id = number
        self.role = role
        self.home = ensemble.home / str(number)
        self.data_dir = self.home / 'data'
        self.data_dir.mkdir(parents=True)
        (self.data_dir / 'myid').write_text(f'{number}\n')
        self.host = None if ensemble.network is None else ensemble.network.add_host(number)
        self.ip = HOST if self.host is None else self.host.ip
        self.name = self.peer_name = self.ip    # what stands in configs, for clients and peers
        self.client_port, self.quorum_port, self.election_port = free_ports(3)
        self.config = {}        # of this member alone, beyond or instead of the ensemble's
        self.server = None
        self.set_kind(kind)

    def __repr__(self):
        return f'<member {self.id} {self.kind} {self.role}>'

    @property
    def kind(self):
        return self.server.kind

    @property
    def address(self):
        return (self.ip, self.client_port)

    @property
    def hosts(self):
        return f'{self.ip}:{self.client_port}'

    def line(self):
        """What stands behind `server.N=`."""
        return (f'{self.peer_name}:{self.quorum_port}:{self.election_port}:{self.role};'
                f'{self.name}:{self.client_port}')

    def set_kind(self, kind):
        """Another server for the same data; the old one must have ended."""
        if self.server is not None:
            self.server.close()
        self.server = self.ensemble.classes[kind](data_dir=self.data_dir, port=self.client_port)
        self.server.log_path = self.home / 'server.log'
        self.server.properties.update(self.ensemble.properties)
        self.server.host = self.host

    # -- life

    def spawn(self):
        """Starts the process; `Ensemble.wait_serving` waits for it."""
        config = {**DEFAULTS, 'clientPort': None, 'clientPortAddress': None,
                  '4lw.commands.whitelist': '*, hand' if self.kind == 'paddock' else '*',
                  **self.ensemble.config, **self.ensemble.lines(), **self.config}
        self.server.config.update(config)
        if self.role == 'observer':
            self.server.config['peerType'] = 'observer'
        self.server.spawn()
        return self

    def kill(self):
        self.server.kill()

    def terminate(self):
        return self.server.terminate()

    def pause(self):
        self.server.pause()

    def resume(self):
        self.server.resume()

    def running(self):
        return self.server.running()

    def restart(self):
        self.server.terminate()
        return self.spawn()

    # -- what it says

    def srvr(self):
        """{key: value} of `srvr`; empty while it does not serve."""
        try:
            return fourletter.key_values(fourletter.ask(self.address, 'srvr', timeout_s=1.0), ':')
        except OSError:
            return {}

    def mode(self):
        """leader, follower, observer, read-only, standalone; None while it serves nobody."""
        return self.srvr().get('Mode')

    def zxid(self):
        return int(self.srvr().get('Zxid', '-1'), 16)

    def word(self, word):
        return fourletter.ask(self.address, word)

    def mntr(self):
        return fourletter.mntr(self.address)

    def client(self, **kwargs):
        return wire.Client(self.address, **kwargs)


class Ensemble:
    """`kinds`: 'paddock' or 'apache' for the members 1, 2, ...; `observers`: ids of those.

    `classes`: other classes of servers than KINDS for those names.  `network` (lib.hosts):
    every member is a host of its own there.
    """

    def __init__(self, kinds, observers=(), config=None, properties=None, classes=None,
                 network=None):
        self.network = network
        self.classes = classes or KINDS
        for kind in set(kinds):
            why = servers.missing(self.classes[kind])
            if why:
                raise servers.ServerFailed(why)
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='interop-ensemble-'))
        self.config = dict(config or {})
        self.properties = dict(properties or {})
        self.members = []
        for number, kind in enumerate(kinds, 1):
            role = 'observer' if number in observers else 'participant'
            self.members.append(Member(self, number, kind, role))

    def lines(self):
        return {f'server.{m.id}': m.line() for m in self.members}

    # -- life

    def start(self):
        for member in self.members:
            member.spawn()
        self.wait_serving()
        return self

    def close(self):
        """Ends every process and removes the folder."""
        for member in self.members:
            member.server.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    # -- who is who

    def __getitem__(self, number):
        return next(m for m in self.members if m.id == number)

    def running(self):
        return [m for m in self.members if m.running()]

    def voters(self):
        return [m for m in self.members if m.role == 'participant']

    def leader(self):
        """The member that says it leads; None when nobody does, or more than one."""
        leaders = [m for m in self.running() if m.mode() == 'leader']
        return leaders[0] if len(leaders) == 1 else None

    def followers(self):
        return [m for m in self.running() if m.mode() == 'follower']

    def observers(self):
        return [m for m in self.members if m.role == 'observer']

    def hosts(self):
        return ','.join(m.hosts for m in self.members)

    def addresses(self):
        return [m.address for m in self.members]

    # -- waiting

    def wait_leader(self, other_than=None, timeout_s=LEADER_TIMEOUT_S):
        """The one leader that a quorum follows."""
        def look():
            self.check_alive()
            leader = self.leader()
            return leader if leader is not other_than else None
        return eventually(look, timeout_s, 0.02, 'one member leads')

    def wait_serving(self, members=None, timeout_s=LEADER_TIMEOUT_S):
        """Until all of `members` (default: every running one) serve, and one leads."""
        members = members or self.running()

        def look():
            self.check_alive(members)
            modes = [m.mode() for m in members]
            return all(mode in SERVING for mode in modes)
        try:
            eventually(look, timeout_s, 0.02, f'{members} serve')
        except AssertionError as e:
            raise AssertionError(f'{e}: {[(m.id, m.mode()) for m in self.running()]}') from None
        return self.wait_leader(timeout_s=timeout_s)

    def check_alive(self, members=None):
        """A process that ended on its own ends the test with its log."""
        for m in members or self.members:
            process = m.server.process
            if process is None:
                continue
            code = process.poll()
            if code not in (None, 0, -9, -15, 143):
                raise servers.ServerFailed(f'{m} ended with {code}\n{m.server.log_tail()}')

    # -- what they hold

    def synced_client(self, member, timeout_s=LEADER_TIMEOUT_S):
        """A client of this very member that has seen all that was committed before."""
        def attempt():
            try:
                client = member.client()
            except (OSError, wire.Closed, wire.Quiet):
                return None
            try:
                if client.session.timeout_ms > 0 and client.sync('/').err == 0:
                    return client
            except (wire.Closed, wire.Quiet):
                pass
            client.conn.close()
            return None
        return eventually(attempt, timeout_s, 0.05, f'{member} syncs')

    def dump(self, member):
        """The member's tree after a sync; again if its connection breaks meanwhile."""
        for attempt in range(READ_ATTEMPTS):
            client = self.synced_client(member)
            try:
                nodes = read_tree(client)
                client.close()
                return nodes
            except (wire.Closed, wire.Quiet):
                if attempt == READ_ATTEMPTS - 1:
                    raise
            finally:
                client.conn.close()
        return None

    def trees_differ(self, members=None):
        """Sentences on how the trees of the members differ; and the first one's tree.

        Nobody may write meanwhile; a session that expires between two readings is a reason
        to read again.
        """
        members = members or self.running()
        for _ in range(READ_ATTEMPTS):
            zxids = {m.zxid() for m in members}
            trees = [self.dump(m) for m in members]
            # Reading opens and closes one session per member, and changes nothing else.
            if max(m.zxid() for m in members) <= max(zxids) + 2 * len(members):
                break
        out = []
        for member, other in zip(members[1:], trees[1:]):
            out += [f'{member} beside {members[0]}: {text}'
                    for text in tree.differences(trees[0], other)]
        return out, trees[0]

    def digests_differ(self, members=None):
        """Compares the digests that members noted at the same zxids (the word `hash`)."""
        noted = {}
        for member in members or self.running():
            for line in member.word('hash').splitlines():
                zxid, _, digest = line.partition(': ')
                if digest:
                    noted.setdefault(zxid, {})[member.id] = digest
        return [f'digests at {zxid}: {of}' for zxid, of in noted.items() if len(set(of.values())) > 1]

    def logs(self, lines=40):
        """The end of every member's log, for a failed test."""
        out = []
        for m in self.members:
            # Java's stack traces would push out what matters.
            text = [x for x in m.server.log_text().splitlines() if not x.startswith('\tat ')]
            out += [f'--- end of the log of {m} ({m.home})'] + text[-lines:]
        return '\n'.join(out)


def read_tree(client, root='/'):
    """As tree.read_tree, but asks for a whole level at once."""
    nodes = _read_levels(client, root)
    if '/zookeeper/config' in nodes:
        # Every server writes this znode itself as it starts, with the time of its own clock.
        del nodes['/zookeeper/config']['mtime']
    return nodes


def _read_levels(client, root):
    nodes, level = {}, [root]
    while level:
        below = []
        for some in _slices(level, 200):
            for path in some:
                client.send('getChildren', wire.enc_path_watch(path))
                client.send('getData', wire.enc_path_watch(path))
                client.send('getACL', wire.enc_path(path))
            for path in some:
                names, (data, stat), (acl, _) = (_value(client, path) for _ in range(3))
                nodes[path] = tree.node_of(data, stat, acl)
                below += [(path if path != '/' else '') + '/' + name for name in names]
        level = below
    return nodes


def _slices(items, size):
    at = iter(items)
    while part := list(itertools.islice(at, size)):
        yield part


def _value(client, path):
    reply = client.wait_reply()
    if reply.err != 0:
        raise AssertionError(f'{path}: {reply}')
    return reply.value


def kinds_of(count):
    """The kind under test, `count` times."""
    return [os.environ.get('INTEROP_SERVER') or 'paddock'] * count
