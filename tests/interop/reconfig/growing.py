"""Ensembles that grow and shrink by reconfig."""

from lib import servers, wire
from lib.case import eventually
from lib.ensemble import Ensemble, Member

CONFIG = '/zookeeper/config'


class Growing(Ensemble):
    """`in_force`: ids of who belongs to it; others may run beside them."""

    def __init__(self, kinds, **kwargs):
        config = {'standaloneEnabled': 'false', **kwargs.pop('config', {})}
        super().__init__(kinds, config=config, **kwargs)
        self.in_force = {m.id for m in self.members}
        self.joining = set()

    def lines(self):
        """What a server is started with: the present members and itself."""
        named = self.in_force | self.joining
        return {f'server.{m.id}': m.line() for m in self.members if m.id in named}

    def joiner(self, kind='paddock', role='participant'):
        """A server that runs and is no member yet: it learns without a vote."""
        member = Member(self, max(m.id for m in self.members) + 1, kind, role)
        self.members.append(member)
        self.joining = {member.id}
        member.spawn()
        self.joining = set()
        self.wait_serving([member])
        return member

    # -- the command

    def super_client(self, member=None):
        """A client that may reconfigure, of any member that serves."""
        client = self.synced_client(member or self.wait_leader())
        reply = client.auth('digest', servers.SUPER_AUTH)
        if reply.err != 0:
            raise AssertionError(repr(reply))
        return client

    def reconfig(self, through=None, retry=('NewConfigNoQuorum', 'ReconfigInProgress'), **what):
        """The config that a reconfig brought, as {sid or 'version': text}.

        A joiner that serves may not have acknowledged everything yet: then again.
        """
        def attempt():
            client = self.super_client(through)
            try:
                reply = client.call('reconfig', wire.enc_reconfig(**what))
                if reply.error in retry:
                    return None
                if reply.err != 0:
                    raise AssertionError(repr(reply))
                # The session stays: the server may lose its role now, and hang up.
                return config_of(reply.value[0])
            finally:
                client.conn.close()
        found = eventually(attempt, 30.0, 0.1, f'reconfig {what}')
        self.in_force = {sid for sid in found if sid != 'version'}
        return found

    def add(self, *members, **kwargs):
        return self.reconfig(
            joining=','.join(f'server.{m.id}={m.line()}' for m in members), **kwargs)

    def remove(self, *members, **kwargs):
        return self.reconfig(leaving=','.join(str(m.id) for m in members), **kwargs)

    def replace_all(self, *members, **kwargs):
        return self.reconfig(
            members=','.join(f'server.{m.id}={m.line()}' for m in members), **kwargs)

    # -- what servers say of it

    def config_at(self, member):
        client = self.synced_client(member)
        try:
            return config_of(client.get(CONFIG).value[0])
        finally:
            client.conn.close()

    def wait_config(self, version, members=None):
        """Until all of them show this version or a later one."""
        for m in members or self.running():
            eventually(lambda m=m: self.config_at(m)['version'] >= version, 30.0, 0.1,
                       f'{m} shows config {version:x}')


def config_of(text):
    out = {}
    for line in text.decode().splitlines():
        key, _, value = line.partition('=')
        if key == 'version':
            out['version'] = int(value, 16)
        else:
            out[int(key.removeprefix('server.'))] = value
    return out
