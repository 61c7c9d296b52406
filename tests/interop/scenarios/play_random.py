"""Scenarios: long walks of random operations, the same on both servers.

The seeds are fixed, so that a run repeats; INTEROP_SEEDS=7,8,9 adds others.  What the
versions are known to answer differently is left out: unknown flags and create2 in a
multi, exists without READ, several watch modes of one connection on one path.
"""

import os
import random

from lib import wire
from stage import scenario

SEEDS = [1, 2, 3] + [int(x) for x in os.environ.get('INTEROP_SEEDS', '').split(',') if x]
STEPS = 700

NAMES = ['a', 'b', 'c', 'd']
ACLS = [wire.OPEN_ACL] * 6 + [
    [(1, 'world', 'anyone')], [(31, 'auth', '')], [(15, 'world', 'anyone')], (),
    [(31, 'digest', 'u1:fpT/y03U+EjItKZOSLGvjnJlyng=')], [(31, 'ip', '127.0.0.0/8')]]
PERSISTENT_FLAGS = [0, 0, 0, wire.SEQUENTIAL]
QUOTA = '/zookeeper/quota/t'


class Walk:
    def __init__(self, stage, seed):
        self.rng = random.Random(seed)
        self.stage = stage
        self.writers = [stage.actor('A'), stage.actor('B'), stage.actor('C')]
        self.writers[1].auth('digest', b'u1:p1')
        self.one_shot, self.recursive = stage.actor('V'), stage.actor('W')
        self.there = ['/t']         # paths that the answers told of; some are gone again

    def prepare(self):
        a = self.writers[0]
        for path in ('/t', '/e', QUOTA):
            a.create(path)
        most = self.rng.choice((40, 300))
        limits = f'count=-1,bytes=-1=;byteHardLimit=20000;countHardLimit={most}'
        a.create(QUOTA + '/zookeeper_limits', limits.encode())
        a.create(QUOTA + '/zookeeper_stats', b'count=0,bytes=0')
        self.recursive.add_watch('/t', 1)

    def old(self):
        """A path that is, or was, there."""
        return self.rng.choice(self.there[-40:])

    def new(self):
        """A path to create: mostly below a node that is there."""
        parent = self.old() if self.rng.random() < 0.9 else '/t/nope'
        return (parent if parent.count('/') < 5 else '/t') + '/' + self.rng.choice(NAMES)

    def path(self):
        return self.old() if self.rng.random() < 0.85 else self.new()

    def made(self, reply):
        if reply and reply.err == 0:
            value = reply.value
            self.there.append(value if isinstance(value, str) else value[0])

    def gone(self, path, reply):
        if reply and reply.err == 0:
            self.there = [p for p in self.there if p != path] or ['/t']

    def data(self):
        return self.rng.choice((None, b'', b'x' * self.rng.randrange(200)))

    def version(self):
        return self.rng.choice((-1, -1, -1, 0, 1, 2))

    def write_request(self):
        """An operation for a multi: (op, body)."""
        kind = self.rng.randrange(5)
        if kind <= 1:
            return 'create', wire.enc_create(self.new(), self.data(), wire.OPEN_ACL,
                                             self.rng.choice(PERSISTENT_FLAGS))
        if kind == 2:
            return 'setData', wire.enc_set_data(self.old(), self.data())
        if kind == 3:
            return 'check', wire.enc_path_version(self.old(), self.rng.choice((-1, -1, -1, 0)))
        return 'delete', wire.enc_path_version(self.old(), -1)

    def step(self):
        a, rng = self.rng.choice(self.writers), self.rng
        kind = rng.randrange(100)
        if kind < 26:
            self.made(a.create(self.new(), self.data(), rng.choice(ACLS),
                               rng.choice(PERSISTENT_FLAGS)))
        elif kind < 30:
            self.made(a.create2(self.new(), self.data(), rng.choice(ACLS),
                                rng.choice(PERSISTENT_FLAGS)))
        elif kind < 33:
            self.made(a.create_container(self.new(), self.data()))
        elif kind < 36:
            self.made(a.create_ttl(self.new(), 10 ** 9, self.data(), flags=rng.choice((5, 6))))
        elif kind < 39:
            a.create('/e/' + rng.choice(NAMES), self.data(), flags=rng.choice((1, 3)))
        elif kind < 48:
            path = self.old()
            self.gone(path, a.delete(path, self.version()))
        elif kind < 50:
            a.delete('/e/' + rng.choice(NAMES))
        elif kind < 62:
            a.set(self.path(), self.data(), self.version())
        elif kind < 66:
            a.set_acl(self.path(), rng.choice(ACLS), self.version())
        elif kind < 76:
            a.multi(*[self.write_request() for _ in range(rng.randrange(4))])
        elif kind < 80:
            a.children2(self.path())
        elif kind < 84:
            a.get(self.path())
        elif kind < 86:
            a.get_acl(self.path())
        elif kind < 88:
            a.count(self.path())
        elif kind < 90:
            a.multi_read(('getChildren', wire.enc_path_watch(self.path())),
                         ('getData', wire.enc_path_watch(self.path())))
        elif kind < 96:
            getattr(self.one_shot, rng.choice(('get', 'children')))(self.path(), True)
        elif kind < 97:
            self.one_shot.remove_watches(self.path(), rng.choice((1, 2, 3)))
        elif kind < 98:
            a.get(QUOTA + '/zookeeper_stats')
        else:
            self.one_shot.settle()
            self.recursive.settle()

    def look_at_everything(self):
        self.one_shot.settle()
        self.recursive.settle()
        a = self.writers[1]
        for path in ('/', '/t', '/e', '/zookeeper'):
            a.children2(path)
        todo = ['/t']
        while todo:
            path = todo.pop(0)
            a.get(path)
            names = a.children2(path)
            if names.err == 0:
                todo += [f'{path}/{name}' for name in sorted(names.value[0])]
        a.get(QUOTA + '/zookeeper_stats')


def _define(seed):
    def walk(stage):
        w = Walk(stage, seed)
        w.prepare()
        for i in range(STEPS):
            if i % 100 == 0:
                stage.title(f'step {i}')
            w.step()
        w.look_at_everything()
        stage.restart('kill')
        for actor in w.writers + [w.one_shot, w.recursive]:
            actor.client.address = stage.server.address
        w.writers[1].reopen()
        w.writers[1].auth('digest', b'u1:p1')
        w.one_shot.reopen()
        w.recursive.reopen()
        w.look_at_everything()

    walk.__name__ = f'random_walk_{seed}'
    walk.__doc__ = f'{STEPS} random operations from seed {seed}, then a restart.'
    scenario(properties={'zookeeper.enforceQuota': 'true'})(walk)


for _seed in SEEDS:
    _define(_seed)
