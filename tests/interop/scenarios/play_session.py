"""Scenarios: handshakes, sessions that move, close and expire, order on a connection."""

import time

from lib import wire
from stage import scenario

SHORT = {'tickTime': 200}


@scenario()
def handshakes(stage):
    """Forms of the ConnectRequest."""
    for fields in ({}, {'read_only': None}, {'read_only': True}, {'version': 5},
                   {'timeout_ms': 1}, {'timeout_ms': 10 ** 8}, {'timeout_ms': -5},
                   {'timeout_ms': 12345}, {'passwd': b''}, {'passwd': None},
                   {'passwd': b'short'}, {'passwd': bytes(40)}, {'last_zxid': 10 ** 6}):
        a = stage.actor('A', connect=False)
        a.open(**fields)
    for raw in (b'', b'abc', bytes(27)):
        conn = wire.Conn(stage.server.address)
        conn.send(wire.frame(raw))
        stage.say(f'first frame of {len(raw)} bytes: closed={conn.closed_by_server()}')
        conn.close()
    stage.actor('B').exists('/')


@scenario(config={'minSessionTimeout': 3000, 'maxSessionTimeout': 9000})
def own_timeout_limits(stage):
    """minSessionTimeout and maxSessionTimeout from the config."""
    for timeout in (1, 2999, 3000, 5000, 9000, 9001):
        stage.actor('A', connect=False).open(timeout_ms=timeout)
    stage.word('conf', lambda t: '\n'.join(x for x in t.splitlines() if 'SessionTimeout' in x))


@scenario()
def re_attaching(stage):
    """The same session on other connections."""
    a = stage.actor('A')
    a.create('/e', flags=wire.EPHEMERAL)
    a.drop()
    a.reopen()
    a.exists('/e')
    a.reopen(timeout_ms=4000)
    a.ephemerals('/')
    thief = stage.actor('T', connect=False)
    thief.open(session_id=a.client.session.id, passwd=b'x' * 16)
    thief.waits_for_the_end()
    a.waits_for_the_end()
    a.reopen()
    a.create('/e2', flags=wire.EPHEMERAL)
    b = stage.actor('A', connect=False)
    b.open(session_id=a.client.session.id, passwd=a.client.session.passwd)
    a.waits_for_the_end()
    b.exists('/e2')
    held = b.client.session
    b.close()
    for sid, passwd in ((held.id, held.passwd), (12345, wire.password_of(12345)),
                        (12345, bytes(16)), (-1, wire.password_of(-1))):
        x = stage.actor('X', connect=False)
        x.open(session_id=sid, passwd=passwd)
        x.waits_for_the_end()
    x = stage.actor('X', connect=False)
    x.open(session_id=0, passwd=b'anything')
    x.exists('/e')


@scenario()
def closing(stage):
    """closeSession and what follows it."""
    a, b = stage.actor('A'), stage.actor('B')
    a.create('/e', flags=wire.EPHEMERAL)
    a.call('closeSession')
    a.waits_for_the_end()
    b.exists('/e')
    b.call('closeSession', b'trailing', xid=-3)
    b.waits_for_the_end()
    c = stage.actor('C')
    c.create('/e', flags=wire.EPHEMERAL)
    c.client.conn.close()
    d = stage.actor('D')
    d.exists('/e')
    c.reopen()
    c.ephemerals('/')


@scenario()
def order_on_one_connection(stage):
    """Reads behind writes, pings between them, odd xids."""
    a = stage.actor('A')
    a.pipeline(('create', wire.enc_create('/n', b'0')), ('getData', wire.enc_path_watch('/n')),
               ('setData', wire.enc_set_data('/n', b'1')), ('sync', wire.enc_path('/n')),
               ('getData', wire.enc_path_watch('/n')), ('create', wire.enc_create('/n')),
               ('getChildren', wire.enc_path_watch('/')), ('delete', wire.enc_path_version('/n')),
               ('exists', wire.enc_path_watch('/n')))
    a.raw('ping between', wire.request(1, 'create', wire.enc_create('/m')),
          wire.request(-2, 'ping'), wire.request(2, 'getData', wire.enc_path_watch('/m')),
          answers=3)
    a.raw('odd xids', wire.request(0, 'exists', wire.enc_path_watch('/m')),
          wire.request(-77, 'setData', wire.enc_set_data('/m', b'')),
          wire.request(9, 'ping'), wire.request(9, 'exists', wire.enc_path_watch('/m')),
          wire.request(9, 'exists', wire.enc_path_watch('/m')), answers=5)
    a.raw('trailing bytes', wire.request(5, 'exists', wire.enc_path_watch('/m') + b'junk'),
          wire.request(6, 'setData', wire.enc_set_data('/m', b'') + b'junk'))
    a.raw('a frame in two parts', wire.request(7, 'exists', wire.enc_path_watch('/m'))[:9],
          quiet=True)
    a.raw('its rest', wire.request(7, 'exists', wire.enc_path_watch('/m'))[9:])


@scenario()
def broken_reads(stage):
    """Requests that cannot be decoded, of those that do not write."""
    a = stage.actor('A')
    for op, bodies in {
            'getData': (b'', wire.i32(5) + b'/x', wire.ustring('/'), wire.i32(-2) + b'\0'),
            'exists': (b'', wire.i32(-1) + b'\0'),
            'getChildren2': (wire.i32(-1) + b'\1',),
            'getACL': (b'', wire.i32(-1)),
            'sync': (b'', wire.i32(-1)),
            'setWatches': (b'', wire.i64(0), wire.i64(0) + wire.i32(1)),
            'setWatches2': (wire.enc_set_watches(0),),
            'addWatch': (wire.ustring('/'), wire.i32(-1) + wire.i32(0)),
            'checkWatches': (b'', wire.ustring('/')),
            'removeWatches': (b'', wire.i32(-1) + wire.i32(3)),
            'getEphemerals': (b'',),
            'getAllChildrenNumber': (b'', wire.i32(-1)),
            'multiRead': (b'', wire.i32(4) + b'\0'),
    }.items():
        for body in bodies:
            if not a.raw(f'{op} {body.hex()}', wire.request(3, op, body)):
                a.reopen()
    a.exists('/')


@scenario(config=SHORT)
def expiry(stage):
    """A session that falls silent: its connection, its ephemerals, the events."""
    w, parent = stage.actor('W'), '/p'
    w.create(parent)
    e = stage.actor('E', timeout_ms=600)
    e.create(parent + '/e', b'x', flags=wire.EPHEMERAL)
    w.exists(parent + '/e', True)
    w.children(parent, True)
    w.add_watch('/', 1)
    w.wait_events(2)
    e.waits_for_the_end()
    w.exists(parent)
    w.exists(parent + '/e')
    e.reopen()
    e.waits_for_the_end()
    e.open()
    e.ephemerals('/')


@scenario(config=SHORT)
def pings_keep_alive(stage):
    """A session that pings lives on; one that was re-attached too."""
    a, b = stage.actor('A', timeout_ms=1500), stage.actor('B', timeout_ms=1500)
    a.create('/a', flags=wire.EPHEMERAL)
    b.create('/b', flags=wire.EPHEMERAL)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        a.client.ping()
        b.client.drop()
        b.client.reopen()
        a.client.conn.quiet_for(0.1)
    a.exists('/a')
    a.exists('/b')
    b.ephemerals('/')


@scenario(properties={'jute.maxbuffer': '2048'})
def frames_around_the_limit(stage):
    """jute.maxbuffer: the limit itself passes, one more closes, answers may be larger."""
    a = stage.actor('A')
    a.create('/n')
    empty = len(wire.request(1, 'setData', wire.enc_set_data('/n', b''))) - 4
    for size in (2047, 2048, 2049):
        a.set('/n', bytes(size - empty))
        if size > 2048:
            a.reopen()
    for i in range(5):
        a.create(f'/n/{i}' + 'x' * 1000)
    a.children('/n')
    b = stage.actor('B')
    b.raw('a negative length', wire.i32(-5))
    c = stage.actor('C')
    c.raw('a length without a frame', wire.i32(2049))
    d = stage.actor('D')
    d.raw('a frame of seven bytes', wire.frame(bytes(7)))
    a.exists('/n')
