"""Scenarios: multi and multiRead."""

from lib import wire
from stage import scenario

SECRET = [(31, 'digest', 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=')]


def create(path, data=b'', acl=wire.OPEN_ACL, flags=0):
    return ('create', wire.enc_create(path, data, acl, flags))


def delete(path, version=-1):
    return ('delete', wire.enc_path_version(path, version))


def check(path, version=0):
    return ('check', wire.enc_path_version(path, version))


def set_data(path, data=b'x', version=-1):
    return ('setData', wire.enc_set_data(path, data, version))


@scenario()
def a_multi_of_everything(stage):
    """All that may stand in a multi, in one zxid."""
    a = stage.actor('A')
    a.create('/old', b'x')
    a.multi(create('/a', b'1'), create('/a/b'), set_data('/a', b'2', 0), check('/a', 1),
            delete('/old', 0), create('/a/s-', flags=2), create('/a/e', flags=1),
            ('createContainer', wire.enc_create('/a/box', flags=4)),
            ('createTTL', wire.enc_create_ttl('/a/ttl', ttl_ms=99999)),
            delete('/a/b'), create('/a/b', b'again'))
    for path in ('/a', '/a/b', '/a/s-0000000001', '/a/e', '/a/box', '/a/ttl', '/'):
        a.exists(path)
    a.multi()
    a.multi(check('/a', 1))
    a.exists('/')


@scenario()
def multis_that_fail(stage):
    """Each way an operation fails in a multi, first, in the middle and last."""
    a, b = stage.actor('A'), stage.actor('B')
    b.auth('digest', b'bob:pw')
    b.create('/shut', acl=SECRET)
    b.create('/shut/k')
    a.create('/n', b'0')
    a.create('/full')
    a.create('/full/k')
    a.create('/e', flags=1)
    failing = [
        create('/n'), create('/nope/x'), create('/e/x'), create('/shut/x'), create('/x/'),
        create('x'), create('/x', acl=()), create('/x', acl=[(31, 'nosuch', 'y')]),
        create('/x', acl=[(31, 'auth', '')]), delete('/nope'), delete('/full'), delete('/n', 7),
        delete('/'), delete('/shut/k'), delete('/zookeeper/quota'), set_data('/nope'),
        set_data('/n', version=9), set_data('/shut'), set_data('x'), check('/n', 3),
        check('/nope'), check('/shut'), check('x'), check('/zookeeper/config', -1),
        ('createTTL', wire.enc_create_ttl('/x', ttl_ms=0)),
        ('createTTL', wire.enc_create_ttl('/x', ttl_ms=-1)),
    ]
    for op in failing:
        a.multi(create('/before'), op, create('/after'))
    a.multi(failing[0], create('/after'))
    a.multi(create('/before'), failing[0])
    a.multi(failing[9], failing[0])
    a.exists('/before')
    a.exists('/n')
    a.exists('/')


@scenario()
def operations_see_those_before_them(stage):
    """Within one multi: existence, versions, children, sequence counters."""
    a = stage.actor('A')
    a.create('/p')
    a.multi(create('/p/a'), create('/p/a/b'), delete('/p/a/b'), delete('/p/a'))
    a.multi(create('/p/a'), create('/p/a'))
    a.multi(delete('/p'), create('/p'), set_data('/p'), check('/p', 1))
    a.exists('/p')
    a.multi(create('/p/x'), delete('/p'))
    a.multi(set_data('/p', b'1', 1), set_data('/p', b'2', 2), set_data('/p', b'3', 3))
    a.get('/p')
    a.multi(set_data('/p', b'1', 4), set_data('/p', b'2', 4))
    a.get('/p')
    a.multi(create('/e', flags=1), create('/e/k'))
    a.multi(create('/q', acl=SECRET), create('/q/k'))
    a.multi(create('/q', acl=SECRET), check('/q', 0))
    a.multi(*[create('/p/s', flags=2) for _ in range(3)])
    a.multi(create('/p/s', flags=2), check('/p', 99))
    a.multi(create('/p/s', flags=2))
    a.exists('/p')


@scenario()
def what_a_multi_may_not_hold(stage):
    """Operations that cannot be in a multi fail it as a whole."""
    a = stage.actor('A')
    a.create('/n')
    a.multi(set_data('/n'), ('setACL', wire.enc_set_acl('/n', wire.OPEN_ACL)))
    a.multi(set_data('/n'), ('sync', wire.enc_path('/n')))
    a.multi(set_data('/n'), ('exists', wire.enc_path_watch('/n')))
    a.multi(set_data('/n'), ('getData', wire.enc_path_watch('/n')))
    a.multi(('getData', wire.enc_path_watch('/n')))
    a.multi(set_data('/n'), (99, b''))
    a.multi(set_data('/n'), ('multi', wire.enc_multi([])))
    a.exists('/n')
    a.exists('/')


@scenario()
def multi_reads(stage):
    """Each read answers for itself; no watch is set."""
    a, b = stage.actor('A'), stage.actor('B')
    b.auth('digest', b'bob:pw')
    b.create('/shut', b'x', acl=SECRET)
    a.create('/n', b'data')
    for name in 'abc':
        a.create('/n/' + name)
    kids, data = ('getChildren', wire.enc_path_watch('/n', True)), \
        ('getData', wire.enc_path_watch('/n', True))
    a.multi_read(kids, data)
    a.multi_read()
    a.multi_read(('getData', wire.enc_path_watch('/nope')), data)
    a.multi_read(('getData', wire.enc_path_watch('/shut')),
                 ('getChildren', wire.enc_path_watch('/shut')), kids)
    a.multi_read(('getData', wire.enc_path_watch('x')), ('getData', wire.enc_path_watch('')))
    a.multi_read(data, set_data('/n'))
    a.multi_read(set_data('/n'))
    a.multi_read(('exists', wire.enc_path_watch('/n')))
    b.set('/n', b'changed')
    a.settle()
    a.get('/n')


@scenario()
def multis_and_watches(stage):
    """Events of a multi come in the order of its operations; a failed one has none."""
    a, b = stage.actor('A'), stage.actor('B')
    a.create('/p')
    a.create('/p/old')
    for path in ('/p/new', '/p/old', '/p'):
        b.exists(path, True)
    b.children('/p', True)
    a.multi(create('/p/new'), set_data('/p'), delete('/p/old'), check('/p', 77))
    b.settle()
    a.multi(create('/p/new'), set_data('/p'), delete('/p/old'), create('/p/more'))
    b.settle()
    a.children('/p', True)
    a.multi(create('/p/x'), delete('/p/x'))
    a.settle()
