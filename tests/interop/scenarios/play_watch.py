"""Scenarios: which events come, in which order."""

from lib import wire
from stage import scenario

BOB = [(31, 'digest', 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=')]


def life(a, node):
    """Every kind of change at and below `node`."""
    a.create(node)
    a.set(node, b'1')
    a.create(node + '/k')
    a.set(node + '/k', b'2')
    a.create(node + '/k/deep')
    a.set_acl(node, wire.OPEN_ACL)
    a.delete(node + '/k/deep')
    a.delete(node + '/k')
    a.delete(node)


@scenario()
def one_shot_watches(stage):
    """Each read's watch through the whole life of a node, set again each time."""
    for kind in ('exists', 'get', 'children', 'children2'):
        stage.title(kind)
        a, w = stage.actor('A'), stage.actor('W')
        node = '/' + kind
        watch = getattr(w, kind)
        for step in (lambda: a.create(node), lambda: a.set(node, b'1'),
                     lambda: a.create(node + '/k'), lambda: a.set(node + '/k', b'2'),
                     lambda: a.set_acl(node, wire.OPEN_ACL), lambda: a.delete(node + '/k'),
                     lambda: a.delete(node)):
            watch(node, True)
            step()
            w.settle()
        w.check_watches(node, wire.WATCH_ANY)
        w.close()


@scenario()
def several_watches_on_one_node(stage):
    """Data and child watches of one connection, and of two, on a node that goes."""
    a, v, w = stage.actor('A'), stage.actor('V'), stage.actor('W')
    a.create('/p')
    a.create('/p/n')
    for reads in (('get',), ('children',), ('get', 'children'), ('exists', 'get', 'children2')):
        for read in reads:
            getattr(w, read)('/p/n', True)
        v.children('/p', True)
        w.children('/p', True)
        a.delete('/p/n')
        w.settle()
        v.settle()
        a.create('/p/n')
        w.settle()
        v.settle()


@scenario()
def own_changes(stage):
    """The event of a session's own change comes before the answer to it."""
    a = stage.actor('A')
    a.create('/n')
    a.get('/n', True)
    a.set('/n', b'x')
    a.exists('/n', True)
    a.children('/', True)
    a.delete('/n')
    a.exists('/n', True)
    a.create('/n')
    a.get('/n', True)
    a.pipeline(('setData', wire.enc_set_data('/n', b'1')),
               ('getData', wire.enc_path_watch('/n', True)),
               ('setData', wire.enc_set_data('/n', b'2')),
               ('delete', wire.enc_path_version('/n')))
    a.settle()


@scenario()
def persistent_watches(stage):
    """addWatch mode 0."""
    a, w = stage.actor('A'), stage.actor('W')
    w.add_watch('/n', 0)
    life(a, '/n')
    w.settle()
    a.create('/n')
    w.settle()
    w.remove_watches('/n', wire.WATCH_ANY)
    w.remove_watches('/n', wire.WATCH_ANY)
    life(a, '/m')
    a.delete('/n')
    w.settle()


@scenario()
def recursive_watches(stage):
    """addWatch mode 1, at a node, above it and at the root."""
    a = stage.actor('A')
    for path in ('/n', '/n/k', '/', '/n2', '/x'):
        w = stage.actor('W')
        stage.title(path)
        w.add_watch(path, 1)
        life(a, '/n')
        w.settle()
        w.close()


@scenario()
def modes_side_by_side(stage):
    """Recursive above, one-shot below, persistent beside: one event per change and table."""
    a, w = stage.actor('A'), stage.actor('W')
    a.create('/n')
    w.add_watch('/', 1)
    w.children('/n', True)
    a.create('/n/k')
    a.create('/n/l')
    w.settle()
    w.get('/n/k', True)
    a.set('/n/k', b'x')
    a.set('/n/k', b'y')
    w.settle()
    for mode in (2, 3, -1):
        w.add_watch('/n', mode)


@scenario()
def checks_and_removals_of_one_shot_watches(stage):
    """checkWatches and removeWatches by kind, for one-shot watches."""
    w = stage.actor('W')
    w.create('/n')
    for reads in ((), ('get',), ('exists',), ('children',), ('get', 'children')):
        for kind in (1, 2, 3):
            for read in reads:
                getattr(w, read)('/n', True)
            for other in (1, 2, 3):
                w.check_watches('/n', other)
            w.remove_watches('/n', kind)
            for other in (1, 2, 3):
                w.check_watches('/n', other)
            w.remove_watches('/n', 3)
    for kind in (0, 6, -1):
        w.check_watches('/n', kind)
        w.remove_watches('/n', kind)
    w.check_watches('/nope', 3)
    w.exists('/nope', True)
    w.check_watches('/nope', 2)
    w.remove_watches('/nope', 2)


@scenario()
def catching_up(stage):
    """setWatches and setWatches2 on a new connection after changes."""
    a = stage.actor('A')
    for name in ('chg', 'del', 'same', 'again', 'kids', 'nokids'):
        a.create('/' + name)
    a.create('/kids/old')
    seen = a.client.last_zxid
    a.set('/chg', b'x')
    a.delete('/del')
    a.delete('/again')
    a.create('/again')
    a.create('/new')
    a.delete('/kids/old')
    paths = ['/chg', '/del', '/same', '/again', '/new', '/nope', '/kids', '/nokids']
    for op, encode, lists in (
            ('setWatches', wire.enc_set_watches, ('data', 'exist', 'child')),
            ('setWatches2', wire.enc_set_watches2,
             ('data', 'exist', 'child', 'persistent', 'recursive'))):
        for which in lists:
            w = stage.actor({'persistent': 'P', 'recursive': 'R'}.get(which, 'W'))
            stage.title(f'{op} {which}')
            w.call(op, encode(seen, **{which: paths}))
            for kind in (1, 2, 3):
                w.check_watches('/same', kind)
            w.close()
        w = stage.actor('W')
        stage.title(f'{op} all lists')
        w.call(op, encode(seen, **{which: paths for which in lists}), xid=-8)
        w.close()
    w = stage.actor('W')
    w.call('setWatches', wire.enc_set_watches(seen, data=['/same'], child=['/nokids']))
    w.call('setWatches2', wire.enc_set_watches2(seen, recursive=['/kids']))
    a.set('/same', b'x')
    a.create('/nokids/k')
    a.create('/kids/k')
    w.settle()


@scenario()
def a_session_goes(stage):
    """Events when a session with one ephemeral closes, seen by each kind of watch."""
    for watch in ('exists', 'children', 'persistent', 'recursive'):
        stage.title(watch)
        a, e, w = stage.actor('A'), stage.actor('E'), stage.actor('W')
        a.create('/' + watch)
        node = f'/{watch}/e'
        e.create(node, flags=wire.EPHEMERAL)
        if watch == 'exists':
            w.exists(node, True)
        elif watch == 'children':
            w.children('/' + watch, True)
        else:
            w.add_watch('/' + watch, ('persistent', 'recursive').index(watch))
        e.close()
        w.settle()
        a.exists('/' + watch)


@scenario()
def what_may_not_be_read_is_not_told(stage):
    """The READ filter of events (3.8.0 of Debian has it)."""
    a, w = stage.actor('A'), stage.actor('W')
    a.auth('digest', b'bob:pw')
    a.create('/dir')
    w.add_watch('/dir', 1)
    w.children('/dir', True)
    w.exists('/dir/s', True)
    a.create('/dir/s', acl=BOB)
    w.settle()
    a.set('/dir/s', b'x')
    a.create('/dir/s/k')
    a.set('/dir/s/k', b'x')
    w.settle()
    a.set_acl('/dir/s', wire.OPEN_ACL)
    a.set('/dir/s', b'y')
    w.settle()
    a.set_acl('/dir', BOB)
    p = stage.actor('P')
    p.add_watch('/dir', 0)
    a.create('/dir/t')
    w.settle()
    p.settle()
    a.set('/dir', b'x')
    a.set_acl('/dir/s', BOB)
    a.delete('/dir/s/k')
    a.delete('/dir/s')
    a.delete('/dir/t')
    w.settle()
    p.settle()


@scenario()
def watches_and_connections(stage):
    """Watches go with the connection; two connections are told alike."""
    a, w = stage.actor('A'), stage.actor('W')
    w.get('/', True)
    w.add_watch('/', 1)
    w.drop()
    w.reopen()
    w.check_watches('/', wire.WATCH_ANY)
    a.create('/n')
    w.settle()
    v = stage.actor('V')
    v.children('/', True)
    w.children('/', True)
    a.create('/m')
    v.settle()
    w.settle()
