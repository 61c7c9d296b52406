"""Scenarios: permissions, identities, ACL lists."""

from lib import servers, wire
from stage import scenario

BOB = 'bob:ikIaKsbtGweaHnb/jKn7OHqbunM='
U1 = 'u1:fpT/y03U+EjItKZOSLGvjnJlyng='
WORLD = [(31, 'world', 'anyone')]
BITS = {'r': 1, 'w': 2, 'c': 4, 'd': 8, 'a': 16, 'none': 0, 'all': 31, 'ra': 17, 'cd': 12}


@scenario()
def permission_matrix(stage):
    """Every operation on nodes that carry each permission alone."""
    a = stage.actor('A')
    for name, perms in BITS.items():
        stage.title(name)
        acl = [(perms, 'world', 'anyone')]
        path = '/' + name
        a.create(path, b'x')
        a.create(path + '/k')
        a.create(path + '/own', acl=acl)
        a.set_acl(path, acl)
        a.get(path)
        a.children(path)
        a.children2(path)
        a.count(path)
        a.get_acl(path)
        a.sync(path)
        a.set(path, b'y')
        a.create(path + '/new')
        a.create(path + '/seq-', flags=wire.SEQUENTIAL)
        a.delete(path + '/k')
        a.delete(path + '/own')
        a.multi(('check', wire.enc_path_version(path, -1)))
        a.multi_read(('getData', wire.enc_path_watch(path)))
        a.add_watch(path, 0)
        a.remove_watches(path, wire.WATCH_ANY)
        a.set_acl(path, acl)
        a.set_acl(path, WORLD)


@scenario()
def exists_and_permission(stage):
    """exists on a node that may not be read (3.8.0 asks for no permission)."""
    a = stage.actor('A')
    a.create('/shut', acl=[(31, 'digest', BOB)])
    a.exists('/shut')
    a.exists('/shut/nope')
    b = stage.actor('B')
    b.auth('digest', b'bob:pw')
    b.exists('/shut')


@scenario()
def acl_lists_refused(stage):
    """Lists that are not accepted, at create and at setACL."""
    a = stage.actor('A')
    a.create('/n')
    for acl in (None, (), [(31, 'world', 'anyone'), (1, 'nosuch', 'x')], [(31, None, 'x')],
                [(31, None, None)], [(31, '', 'x')], [(31, 'world', 'Anyone')],
                [(31, 'world', '')], [(31, 'WORLD', 'anyone')], [(31, 'auth', '')],
                [(31, 'digest', '')], [(31, 'digest', 'a')], [(31, 'digest', 'a:')],
                [(31, 'digest', ':b')], [(31, 'digest', 'a:b:c')], [(31, 'ip', '')],
                [(31, 'ip', '1.2.3')], [(31, 'ip', '1.2.3.4.5')], [(31, 'ip', '1.2.3.256')],
                [(31, 'ip', '1.2.3.4/33')], [(31, 'ip', '1.2.3.4/-1')], [(31, 'ip', '1.2.3.4/')],
                [(31, 'ip', '1.2.3.x')], [(31, 'ip', 'localhost')], [(31, 'super', 'x')],
                [(31, 'x509', 'CN=x')], [(31, 'sasl', 'x')]):
        a.create('/x', acl=acl)
        a.delete('/x')
        a.set_acl('/n', acl)
    a.exists('/n')


@scenario()
def null_ids_in_acls(stage):
    """An entry without an id text."""
    a = stage.actor('A')
    a.create('/n')
    for scheme in ('world', 'digest', 'ip', 'auth', 'nosuch'):
        a.create('/x', acl=[(31, scheme, None)])
        a.set_acl('/n', [(31, scheme, None)])
    a.exists('/n')


@scenario()
def acl_lists_accepted(stage):
    """What the server makes of a list: duplicates, order, bits, masks."""
    a = stage.actor('A')
    for i, acl in enumerate((
            WORLD * 3, [(0xff, 'world', 'anyone')], [(-1, 'world', 'anyone')],
            [(1, 'world', 'anyone'), (31, 'digest', BOB), (1, 'world', 'anyone')],
            [(31, 'ip', '127.0.0.1/32'), (31, 'ip', '127.0.0.0/8'), (31, 'ip', '0.0.0.0/0')],
            [(31, 'digest', 'a:b')], [(31, 'world', 'anyone'), (0, 'world', 'anyone')])):
        a.create(f'/n{i}', acl=acl)
        a.get_acl(f'/n{i}')
        a.get(f'/n{i}')
        a.create(f'/n{i}/k')
    a.set_acl('/n0', [(1, 'world', 'anyone')] * 2 + [(16, 'world', 'anyone')])
    a.get_acl('/n0')


@scenario()
def addresses(stage):
    """Which ip entries match a client on 127.0.0.1 and one on 127.0.0.2."""
    a = stage.actor('A')
    b = stage.actor('B', source='127.0.0.2')
    b.whoami()
    for i, address in enumerate(('127.0.0.1', '127.0.0.2', '127.0.0.0/8', '127.0.0.0/30',
                                 '127.0.0.2/31', '127.0.0.1/32', '10.0.0.0/8', '0.0.0.0/0',
                                 '255.255.255.255/1', '127.0.0.255/24', '128.0.0.0/1')):
        path = a.client.create(f'/ip{i}', acl=[(1, 'ip', address)])
        stage.say(f'{address}: {path.error}')
        a.get(f'/ip{i}')
        b.get(f'/ip{i}')


@scenario()
def identities(stage):
    """auth packets, whoAmI, and what `auth` in an ACL becomes."""
    a = stage.actor('A')
    a.whoami()
    a.create('/none', acl=[(31, 'auth', '')])
    a.auth('digest', b'bob:pw')
    a.whoami()
    a.create('/bob', acl=[(31, 'auth', 'ignored')])
    a.get_acl('/bob')
    a.auth('digest', b'u1:p1')
    a.auth('digest', b'bob:pw')
    a.whoami()
    a.create('/both', acl=[(1, 'auth', ''), (2, 'world', 'anyone')])
    a.call('getACL', wire.enc_path('/bob'))
    a.exists('/both')
    a.auth('ip', b'1.2.3.4')
    for text in (b'', b'nocolon', b'a:b:c', b':x', b'x:'):
        a.auth('digest', text)
    a.whoami()
    for scheme in ('nosuch', 'world', 'auth', 'super', '', None):
        b = stage.actor('B')
        b.auth(scheme, b'x:y')
        b.ping()
    c = stage.actor('C')
    c.raw('auth cut short', wire.request(-4, 'auth', wire.i32(0)))
    d = stage.actor('D')
    d.call('auth', wire.enc_auth('digest', b'u1:p1'), xid=17)
    d.whoami()
    d.get('/both')
    d.get('/bob')


@scenario()
def who_sees_digests(stage):
    """getACL masks digest ids for those without ADMIN."""
    a = stage.actor('A')
    b = stage.actor('B')
    b.auth('digest', b'bob:pw')
    mixed = [(1, 'world', 'anyone'), (31, 'digest', BOB), (2, 'digest', U1), (4, 'ip', '1.2.3.4')]
    b.create('/n', acl=mixed)
    a.get_acl('/n')
    b.get_acl('/n')
    b.create('/m', acl=[(17, 'world', 'anyone'), (31, 'digest', BOB)])
    a.get_acl('/m')
    b.create('/o', acl=[(31, 'digest', BOB)])
    a.get_acl('/o')
    a.create('/p', acl=[(1, 'world', 'anyone'), (31, 'digest', 'nocolon:')])
    a.get_acl('/p')


@scenario()
def the_super_user(stage):
    """Passes every check."""
    a = stage.actor('A')
    a.create('/none', b'x', acl=[(0, 'world', 'anyone')])
    a.get('/none')
    f = stage.actor('F')
    f.auth('digest', b'super:wrong')
    f.get('/none')
    s = stage.actor('S')
    s.auth('digest', servers.SUPER_AUTH)
    s.whoami()
    s.get('/none')
    s.get_acl('/none')
    s.create('/none/k')
    s.delete('/none/k')
    s.set('/zookeeper/config', b'by super')
    s.get('/zookeeper/config')
    s.delete('/zookeeper/config')
    s.set_acl('/none', WORLD)
    a.get('/none')
    s.create('/auth', acl=[(31, 'auth', '')])
    s.get_acl('/auth')


@scenario()
def versions_of_acls(stage):
    """aversion, and which check comes first."""
    a = stage.actor('A')
    a.create('/n')
    a.set_acl('/n', WORLD, 0)
    a.set_acl('/n', WORLD, 0)
    a.set_acl('/n', [(1, 'world', 'anyone')], 1)
    a.set_acl('/n', WORLD, 1)
    a.set_acl('/n', WORLD, 2)
    a.set_acl('/n', (), 9)
    a.set_acl('/nope', (), 9)
    a.set_acl('nope', (), 9)
    a.exists('/n')


@scenario()
def errors_in_order(stage):
    """Where two things are wrong, which is told."""
    a = stage.actor('A')
    b = stage.actor('B')
    b.auth('digest', b'bob:pw')
    b.create('/shut', acl=[(31, 'digest', BOB)])
    b.create('/shut/full')
    b.create('/shut/full/k')
    a.create('/e', flags=wire.EPHEMERAL)
    a.create('/n')
    a.create('/n/k')
    bad = [(31, 'nosuch', 'x')]
    for path in ('/nope/x', '/shut/x', '/shut/.', '/e/x', '/e/.', '/n', 'n', '/n/', '/shut/', '/'):
        for acl in (WORLD, bad):
            for flags in (0, wire.SEQUENTIAL, 99):
                a.create(path, acl=acl, flags=flags)
    for path in ('/shut/full', '/shut/nope', '/nope/x', '/n', '/', 'n', '/n/', '/shut/full/k'):
        for version in (-1, 5):
            a.delete(path, version)
    for path in ('/shut', '/nope', 'n', '/n/', '/zookeeper/config', '/n'):
        a.set(path, b'', 5)
        a.set_acl(path, bad, 5)
        a.set_acl(path, WORLD, 5)
        a.multi(('check', wire.enc_path_version(path, 5)))
    a.exists('/')


@scenario(properties={'zookeeper.skipACL': 'yes'})
def acls_switched_off(stage):
    """skipACL=yes: lists are kept but nobody looks at them."""
    a = stage.actor('A')
    a.create('/n', b'x', acl=[(0, 'world', 'anyone')])
    a.get('/n')
    a.set('/n', b'y')
    a.create('/n/k')
    a.delete('/n/k')
    a.get_acl('/n')
    a.create('/bad', acl=[(31, 'nosuch', 'x')])
    a.create('/auth', acl=[(31, 'auth', '')])
    a.create('/empty', acl=())
    a.set_acl('/n', [(31, 'digest', BOB)])
    a.get_acl('/n')
    a.set('/zookeeper/config', b'x')


@scenario(properties={'zookeeper.DigestAuthenticationProvider.digestAlg': 'SHA-256'})
def another_digest_algorithm(stage):
    """The ids of digest identities follow the configured hash."""
    a = stage.actor('A')
    a.auth('digest', b'bob:pw')
    a.create('/n', acl=[(31, 'auth', '')])
    a.get_acl('/n')
    b = stage.actor('B')
    b.get('/n')


@scenario(properties={'zookeeper.DigestAuthenticationProvider.enabled': 'false'})
def digest_switched_off(stage):
    """Without the digest provider the scheme is unknown."""
    a = stage.actor('A')
    a.create('/n', acl=[(31, 'digest', BOB)])
    a.auth('digest', b'bob:pw')
    a.ping()


@scenario(properties={'zookeeper.enableEagerACLCheck': 'true'})
def eager_checks_on_one_server(stage):
    """A standalone server checks where it always did."""
    a = stage.actor('A')
    a.create('/n', acl=[(1, 'world', 'anyone')])
    a.set('/n', b'')
    a.create('/n/k')
    a.create('/x', acl=())
    a.exists('/')
