"""Scenarios: nodes, their stats, names, sequence numbers."""

import struct
import zlib

from lib import wire
from stage import scenario

WORLD = [(31, 'world', 'anyone')]


@scenario()
def a_fresh_tree(stage):
    """What is there before anybody wrote, and what cannot be done to it."""
    a = stage.actor('A')
    for path in ('/', '', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'):
        a.get(path)
        a.children2(path)
        a.get_acl(path)
        a.count(path)
    for path in ('/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'):
        a.delete(path)
        a.create(path)
    a.set('/', b'root data')
    a.set('/zookeeper', b'x')
    a.set('/zookeeper/quota', b'x')
    a.set('/zookeeper/config', b'x')
    a.create('/zookeeper/mine', b'x')
    a.set_acl('/', [(31, 'world', 'anyone'), (1, 'ip', '10.0.0.1')])
    a.get_acl('/')
    a.children2('/zookeeper')
    a.exists('/')


@scenario()
def the_life_of_a_node(stage):
    """Each operation on one node and what it does to its stat."""
    a = stage.actor('A')
    a.create('/n', b'one')
    a.exists('/n')
    a.get('/n')
    a.set('/n', b'three')
    a.set('/n', None)
    a.get('/n')
    a.set('/n', b'', 2)
    a.set('/n', b'stale', 2)
    a.set_acl('/n', [(31, 'world', 'anyone'), (1, 'ip', '1.2.3.4')])
    a.set_acl('/n', WORLD, 1)
    a.set_acl('/n', WORLD, 1)
    a.get_acl('/n')
    a.sync('/n')
    a.delete('/n', 1)
    a.delete('/n', 3)
    a.exists('/n')
    a.create2('/n', b'again')
    a.create2('/n', b'exists')
    a.delete('/n')
    a.delete('/n')
    a.get('/n')
    a.set('/n', b'')
    a.set_acl('/n', WORLD)
    a.get_acl('/n')
    a.children('/n')


@scenario()
def parents_and_children(stage):
    """cversion, pzxid and numChildren of the parent through creations and deletions."""
    a = stage.actor('A')
    a.create('/p')
    for name in 'abc':
        a.create(f'/p/{name}')
        a.exists('/p')
    a.delete('/p/b')
    a.exists('/p')
    a.create('/p/b')
    a.exists('/p')
    a.set('/p/a', b'x')
    a.set_acl('/p/a', WORLD)
    a.exists('/p')
    a.create('/p/a/deep')
    a.exists('/p')
    a.exists('/p/a')
    a.delete('/p')
    a.delete('/p/a')
    a.children2('/p')
    a.count('/p')
    a.count('/')
    a.create('/p/e', flags=wire.EPHEMERAL)
    a.exists('/p')
    a.create('/p/e/below')
    a.create_container('/p/box')
    a.create_ttl('/p/ttl', 1000000)
    a.exists('/p')
    a.children2('/p')


NAMES = ['/ok', '/ ', '/a b', '/...', '/.a', '/a.', '/"', '/\\', '/\u00e9', '/\u4e2d', '/\ud7ff',
         '/\uf900', '/\uffef', '/\u00a0', '', 'x', 'a/b', '//', '/a//b', '/a/', '/.', '/..',
         '/./a', '/ok/.', '/ok/..', '/\x01', '/\x1f', '/\x7f', '/\x85', '/\x9f', '/\ue000',
         '/\uf8ff', '/\ufff0', '/\uffff', '/a\0b', '/\U0001f600', b'/\xff', b'/\xed\xa0\x80',
         b'/\xc3', b'/\xc0\x80', b'/\xf4\x90\x80\x80', b'/\xe2\x82']


@scenario()
def names_for_create(stage):
    """Which names a node may have."""
    a = stage.actor('A')
    for name in NAMES:
        a.create(name)
    a.children('/')
    for name in NAMES:
        a.create(name, flags=wire.SEQUENTIAL)
    a.create_container('/a/')
    a.create_ttl('//x', 1000)


@scenario()
def names_for_everything_else(stage):
    """What each operation says to each kind of bad path."""
    a = stage.actor('A')
    for name in NAMES:
        a.exists(name)
        a.get(name)
        a.children(name)
        a.get_acl(name)
        a.sync(name)
        a.set(name, b'')
        a.set_acl(name, WORLD)
        a.delete(name)
        a.multi(('check', wire.enc_path_version(name, 0)))
    for name in ('', 'x', '/a//b', '/a/', '/\x01', '/a\0b'):
        a.count(name)
        a.ephemerals(name)
    for name in ('/a//b', '/a/', '/\x01', '/a\0b'):
        a.add_watch(name, 0)
        a.exists(name, True)
        a.check_watches(name, 3)
        a.remove_watches(name, 3)


@scenario()
def sequence_numbers(stage):
    """How the counter of a parent runs."""
    a = stage.actor('A')
    a.create('/s')
    for _ in range(3):
        a.create('/s/n', flags=wire.SEQUENTIAL)
    a.create('/s/plain')
    a.create('/s/', flags=wire.SEQUENTIAL)
    a.create('/s/e-', flags=wire.EPHEMERAL_SEQUENTIAL)
    a.create2('/s/n', b'x', flags=wire.SEQUENTIAL)
    a.create_ttl('/s/t', 100000, flags=wire.TTL_SEQUENTIAL)
    a.create_container('/s/box')
    a.delete('/s/n0000000001')
    a.create('/s/n', flags=wire.SEQUENTIAL)
    a.create('/s/n0000000012')
    a.exists('/s')
    a.create('/s/n', flags=wire.SEQUENTIAL)
    a.create('/s/n', flags=wire.SEQUENTIAL)
    a.create('/s/n0000000014/below', flags=wire.SEQUENTIAL)
    a.create('/nowhere/n', flags=wire.SEQUENTIAL)
    a.create('/s/e-0000000005/n', flags=wire.SEQUENTIAL)
    a.create('/top-', flags=wire.SEQUENTIAL)
    a.children2('/s')
    a.multi(*[('create', wire.enc_create('/s/m', flags=wire.SEQUENTIAL)) for _ in range(3)])
    a.multi(('create', wire.enc_create('/fresh')),
            ('create', wire.enc_create('/fresh/m', flags=wire.SEQUENTIAL)),
            ('create', wire.enc_create('/fresh/x')),
            ('create', wire.enc_create('/fresh/m', flags=wire.EPHEMERAL_SEQUENTIAL)))


@scenario()
def flags_of_create(stage):
    """Every create opcode with every flag."""
    a = stage.actor('A')
    for op in ('create', 'create2', 'createContainer'):
        for flags in (0, 1, 2, 3, 4, 5, 6, 7, -1, 1 << 30):
            a.create(f'/{op}{flags}', flags=flags, op=op)
    for flags in (5, 6):
        for ttl in (1, 5, (1 << 40) - 1, 1 << 40, 0, -1, -(1 << 60)):
            a.create_ttl(f'/t{flags}_{ttl}', ttl * 1000000 if ttl == 5 else ttl, flags=flags)
    a.ephemerals('/')


@scenario()
def big_and_small_data(stage):
    """Sizes around the limits of what a frame carries."""
    a = stage.actor('A')
    empty = len(wire.request(1, 'setData', wire.enc_set_data('/d', b''))) - 4
    a.create('/d')
    for size in (0, 1, 1000, 1048575 - empty):
        a.set('/d', bytes(size))
        a.exists('/d')
    a.set('/d', bytes(1048575 - empty + 1))
    a.reopen()
    a.exists('/d')
    a.get('/d')


@scenario()
def own_ephemerals(stage):
    """getEphemerals and what close does to them."""
    a, b = stage.actor('A'), stage.actor('B')
    a.create('/dir')
    for path in ('/dir/e1', '/dir/e2', '/e', '/e3'):
        a.create(path, b'x', flags=wire.EPHEMERAL)
    b.create('/dir/b', flags=wire.EPHEMERAL)
    for prefix in ('/', '', None, ' ', '/dir', '/dir/', '/e', '/nope', 'x'):
        a.ephemerals(prefix)
    b.ephemerals('/')
    b.set('/dir/e1', b'by B')
    b.delete('/dir/e2')
    b.delete('/dir')
    a.ephemerals('/dir')
    a.close()
    b.children2('/dir')
    b.children2('/')
    b.exists('/dir/e1')
    b.count('/')


def _log_record(zxid, kind, body):
    """A log record; transaction time is 0, so that no time is of now."""
    txn = struct.pack('>qiqqi', 0x1234, 1, zxid, 0, kind) + body
    return struct.pack('>qi', zlib.adler32(txn), len(txn)) + txn + b'B'


def _create_txn(path, parent_cversion):
    return (wire.ustring(path) + wire.buffer(b'') + wire.acl_vector(wire.OPEN_ACL)
            + wire.boolean(False) + wire.i32(parent_cversion))


def _set_txn(path, version):
    return wire.ustring(path) + wire.buffer(b'x') + wire.i32(version)


def _set_acl_txn(path, version):
    return wire.ustring(path) + wire.acl_vector(wire.OPEN_ACL) + wire.i32(version)


def nearly_overflown(folder):
    """A folder whose log takes counters of /s, /v and /a to just below 2^31."""
    top = (1 << 31) - 1
    stat = struct.pack('>qqqqiiiqq', 0, 0, 0, 0, 0, 0, 0, 0, 0)
    nodes = b''.join(wire.ustring(p) + wire.buffer(b'') + wire.i64(-1) + stat
                     for p in ('', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'))
    head = struct.pack('>iiq', 0x5a4b534e, 2, -1)
    body = head + struct.pack('>ii', 0, 0) + nodes + wire.ustring('/')
    seal = struct.pack('>q', zlib.adler32(body)) + wire.ustring('/')
    version_2 = folder / 'version-2'
    version_2.mkdir(parents=True)
    (version_2 / 'snapshot.0').write_bytes(body + seal)
    records = [(1, _create_txn('/s', 1)), (1, _create_txn('/v', 2)), (1, _create_txn('/a', 3)),
               (1, _create_txn('/s/first', top - 1)), (5, _set_txn('/v', top - 1)),
               (7, _set_acl_txn('/a', top - 1))]
    log = struct.pack('>iiq', 0x5a4b4c47, 2, 0)
    for zxid, (kind, txn) in enumerate(records, 1):
        log += _log_record(zxid, kind, txn)
    (version_2 / 'log.1').write_bytes(log + bytes(65536))


@scenario(folder=nearly_overflown)
def counters_that_overflow(stage):
    """Sequence numbers and versions run from 2147483647 to -2147483648."""
    a = stage.actor('A')
    for _ in range(4):
        a.create('/s/n', flags=wire.SEQUENTIAL)
        a.exists('/s')
    a.create('/s/e-', flags=wire.EPHEMERAL_SEQUENTIAL)
    for _ in range(3):
        a.set('/v', b'y')
    a.set('/v', b'z', -(1 << 31))
    a.set('/v', b'z', -(1 << 31) + 1)
    for _ in range(3):
        a.set_acl('/a', WORLD)
    a.set_acl('/a', WORLD, 5)
    a.delete('/s/first')
    a.children2('/s')


@scenario()
def a_restart_keeps_everything(stage):
    """kill -9 and an orderly stop: the tree, the session and its ephemerals stay."""
    a = stage.actor('A')
    a.create('/p', b'1')
    a.create('/p/e', flags=wire.EPHEMERAL)
    a.create('/p/s-', flags=wire.SEQUENTIAL)
    a.set('/p', b'2')
    a.create('/p')
    for end in ('kill', 'terminate'):
        stage.restart(end)
        a.client.address = stage.server.address
        a.reopen()
        a.get('/p')
        a.children2('/p')
        a.exists('/p/e')
        a.ephemerals('/')
        a.create('/p/s-', flags=wire.SEQUENTIAL)


@scenario()
def odd_operations(stage):
    """What is switched off, and what no client may send."""
    a = stage.actor('A')
    a.call('reconfig', wire.enc_reconfig(leaving='2'))
    a.call('sasl', wire.buffer(b'x'))
    stage.actor('N').call('sasl', wire.buffer(None))
    for op in (0, -1, 10, 23, 99, 108, 1 << 20):
        a.raw(f'opcode {op}', wire.request(5, op), closes=True)
        a.reopen()
    a.ping()
    a.exists('/')


@scenario(config={'reconfigEnabled': 'true'})
def reconfig_without_an_ensemble(stage):
    """A standalone server has nothing to reconfigure."""
    a = stage.actor('A')
    a.call('reconfig', wire.enc_reconfig(leaving='2'))
    a.call('reconfig', wire.enc_reconfig(joining='server.5=127.0.0.1:1:2;3'))
    a.call('reconfig', wire.enc_reconfig())
    a.get('/zookeeper/config')
    a.exists('/')


@scenario(properties={'zookeeper.extendedTypesEnabled': 'false'})
def ttl_switched_off(stage):
    """TTL nodes need the extended types; containers do not."""
    a = stage.actor('A')
    a.create_ttl('/t', 1000)
    a.create_ttl('/t', -1)
    a.create('/t', flags=wire.TTL)
    a.multi(('createTTL', wire.enc_create_ttl('/t')), ('create', wire.enc_create('/x')))
    a.create_container('/c')
    a.exists('/')
