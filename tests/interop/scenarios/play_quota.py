"""Scenarios: quotas, containers and TTL nodes that go by themselves."""

from lib import wire
from stage import scenario

ENFORCED = {'zookeeper.enforceQuota': 'true'}
QUOTA = '/zookeeper/quota'
# Nodes go in their own time; what is compared is the order, so the checker runs often.
FAST_CHECK = {'znode.container.checkIntervalMs': '50'}


def limits(a, path, text, stats=True):
    made = QUOTA
    for part in path.strip('/').split('/'):
        made += '/' + part
        a.create(made)
    a.create(made + '/zookeeper_limits', text.encode())
    if stats:
        a.create(made + '/zookeeper_stats', b'count=0,bytes=0')


def usage(a, path):
    a.get(f'{QUOTA}{path}/zookeeper_stats')


def hard(count=-1, size=-1):
    return f'count=-1,bytes=-1=;byteHardLimit={size};countHardLimit={count}'


@scenario(properties=ENFORCED)
def usage_of_a_subtree(stage):
    """count and bytes follow every kind of change."""
    a = stage.actor('A')
    a.create('/q', b'12')
    a.create('/q/a', b'345')
    limits(a, '/q', 'count=100,bytes=100')
    usage(a, '/q')
    a.create('/q/b', b'6')
    a.create('/q/n', None)
    usage(a, '/q')
    a.set('/q/a', b'')
    a.set('/q', b'123456')
    a.set('/q/b', None)
    usage(a, '/q')
    a.create('/q/e', b'eph', flags=wire.EPHEMERAL)
    a.create('/q/s-', b'seq', flags=wire.SEQUENTIAL)
    a.create_container('/q/box', b'box')
    a.create_ttl('/q/ttl', 1000000, b'ttl')
    a.create('/q/a/deep', b'deep')
    a.create('/other', b'not counted')
    usage(a, '/q')
    a.multi(('create', wire.enc_create('/q/m', b'mm')),
            ('setData', wire.enc_set_data('/q/m', b'mmm')),
            ('delete', wire.enc_path_version('/q/b')))
    usage(a, '/q')
    a.delete('/q/a/deep')
    a.delete('/q/a')
    usage(a, '/q')
    a.exists(f'{QUOTA}/q/zookeeper_stats')
    a.set_acl('/q', wire.OPEN_ACL)
    a.create('/q/m')
    usage(a, '/q')
    b = stage.actor('B')
    a.close()
    usage(b, '/q')


@scenario(properties=ENFORCED)
def hard_limits(stage):
    """What is refused when a hard limit would be passed, and in which order of checks."""
    a = stage.actor('A')
    a.create('/q', b'')
    limits(a, '/q', hard(3, 10))
    a.create('/q/a', b'12345')
    a.create('/q/b', b'123456')
    a.create('/q/b', b'12345')
    a.create('/q/c')
    a.create('/q/a')
    a.create('/q/nope/x')
    a.set('/q/a', b'123456')
    a.set('/q/a', b'1', 9)
    a.set('/q/a', b'123456', 9)
    a.set('/q/a', b'1')
    a.set('/q/b', b'123456789')
    usage(a, '/q')
    a.create('/q/c', flags=wire.EPHEMERAL)
    a.create('/q/c', flags=wire.SEQUENTIAL)
    a.create_container('/q/c')
    a.create_ttl('/q/c', 99999)
    a.create2('/q/c')
    a.delete('/q/b')
    a.multi(('create', wire.enc_create('/q/x')), ('create', wire.enc_create('/q/y')),
            ('create', wire.enc_create('/q/z')))
    usage(a, '/q')
    a.multi(('create', wire.enc_create('/q/w')))
    a.multi(('delete', wire.enc_path_version('/q/x')), ('create', wire.enc_create('/q/w')))
    usage(a, '/q')


@scenario(properties=ENFORCED)
def soft_limits(stage):
    """Soft limits never refuse; a hard limit beside them does."""
    a = stage.actor('A')
    a.create('/q')
    limits(a, '/q', 'count=1,bytes=1')
    for i in range(3):
        a.create(f'/q/{i}', b'12345')
    usage(a, '/q')
    a.create('/r')
    limits(a, '/r', 'count=1,bytes=1=;byteHardLimit=-1;countHardLimit=3')
    for i in range(3):
        a.create(f'/r/{i}', b'12345')
    usage(a, '/r')


@scenario()
def limits_not_enforced(stage):
    """Without enforceQuota usage is kept and nothing refused."""
    a = stage.actor('A')
    a.create('/q')
    limits(a, '/q', hard(1, 1))
    a.create('/q/a', b'12345')
    a.set('/q', b'12345')
    usage(a, '/q')


@scenario(properties=ENFORCED)
def forms_of_limits(stage):
    """How the text of a limits node is read."""
    a = stage.actor('A')
    for i, text in enumerate(('countHardLimit=2', 'count=5;countHardLimit=2',
                              'byteHardLimit=3,countHardLimit=2',
                              'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2',
                              'count=-1,bytes=-1;byteHardLimit=-1;countHardLimit=2;;')):
        a.create(f'/q{i}')
        limits(a, f'/q{i}', text)
        a.create(f'/q{i}/a')
        a.create(f'/q{i}/b')
        a.create(f'/q{i}/c', b'1234')
        usage(a, f'/q{i}')


@scenario(properties=ENFORCED)
def nested_and_removed_limits(stage):
    """The longest prefix counts; a limits node that goes or changes."""
    a = stage.actor('A')
    a.create('/q')
    a.create('/q/in')
    limits(a, '/q', hard(3))
    limits(a, '/q/in', hard(5))
    for i in range(5):
        a.create(f'/q/in/{i}')
    usage(a, '/q/in')
    usage(a, '/q')
    a.create('/q/a')
    a.create('/q/b')
    a.set(f'{QUOTA}/q/zookeeper_limits', hard(20).encode())
    a.create('/q/b')
    a.delete(f'{QUOTA}/q/in/zookeeper_limits')
    a.create('/q/in/x')
    usage(a, '/q/in')
    usage(a, '/q')
    a.delete(f'{QUOTA}/q/zookeeper_limits')
    a.delete(f'{QUOTA}/q/zookeeper_stats')
    for i in range(4):
        a.create(f'/q/z{i}')
    a.create(f'{QUOTA}/q/zookeeper_limits', hard(2).encode())
    a.create('/q/zz')


@scenario(properties=FAST_CHECK)
def containers(stage):
    """A container goes once it has had children and has none."""
    stage.show_zxids = False        # Apache may ask twice for one deletion
    a, w = stage.actor('A'), stage.actor('W')
    a.create_container('/box', b'x')
    a.exists('/box')
    a.create('/box/k')
    a.create('/box/k/deep')
    w.add_watch('/box', 1)
    w.exists('/box', True)
    a.delete('/box/k/deep')
    a.delete('/box/k')
    w.wait_events(3)
    a.exists('/box')
    a.exists('/')
    a.create_container('/never')
    a.create_container('/ttlbox')
    w.add_watch('/ttlbox', 0)       # before what may be gone a moment later
    a.create_ttl('/ttlbox/t', 1)
    w.wait_events(3)
    a.exists('/ttlbox')
    a.exists('/never')


@scenario(properties=FAST_CHECK)
def ttl_nodes(stage):
    """A TTL node goes when its time is up and it has no children."""
    stage.show_zxids = False        # Apache may ask twice for one deletion
    a, w = stage.actor('A'), stage.actor('W')
    w.add_watch('/', 1)
    a.create_ttl('/long', 10 ** 9)
    a.create_ttl('/short', 100)
    w.wait_events(3)
    a.exists('/short')
    a.create_ttl('/held', 200)
    a.create('/held/k')
    a.create_ttl('/probe', 300)
    w.wait_events(4)
    a.exists('/held')
    a.delete('/held/k')
    w.wait_events(2)
    a.exists('/held')
    a.exists('/long')
    a.children2('/')
