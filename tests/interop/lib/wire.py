"""A raw client of the client port: it hides nothing and repairs nothing.

Three layers, each usable alone:
  encoders    `enc_create(path, data, acl, flags)` ... give the bytes of a request record
  Conn        a socket that speaks frames; can send broken ones
  Client      a session: numbers requests, keeps notifications in arrival order

Rules of the encoding and of every record: ZooKeeper's jute schema.  Decoders raise
`Malformed` on anything that does not add up, including bytes left over.
"""

import collections
import socket
import struct
import time

# -- numbers

OPS = {
    'notification': 0, 'create': 1, 'delete': 2, 'exists': 3, 'getData': 4, 'setData': 5,
    'getACL': 6, 'setACL': 7, 'getChildren': 8, 'sync': 9, 'ping': 11, 'getChildren2': 12,
    'check': 13, 'multi': 14, 'create2': 15, 'reconfig': 16, 'checkWatches': 17,
    'removeWatches': 18, 'createContainer': 19, 'deleteContainer': 20, 'createTTL': 21,
    'multiRead': 22, 'auth': 100, 'setWatches': 101, 'sasl': 102, 'getEphemerals': 103,
    'getAllChildrenNumber': 104, 'setWatches2': 105, 'addWatch': 106, 'whoAmI': 107,
    'createSession': -10, 'closeSession': -11, 'error': -1,
}
OP_NAMES = {v: k for k, v in OPS.items()}

ERRORS = {
    0: 'Ok', -1: 'SystemError', -2: 'RuntimeInconsistency', -3: 'DataInconsistency',
    -4: 'ConnectionLoss', -5: 'MarshallingError', -6: 'Unimplemented', -7: 'OperationTimeout',
    -8: 'BadArguments', -12: 'UnknownSession', -13: 'NewConfigNoQuorum',
    -14: 'ReconfigInProgress', -101: 'NoNode', -102: 'NoAuth', -103: 'BadVersion',
    -108: 'NoChildrenForEphemerals', -110: 'NodeExists', -111: 'NotEmpty',
    -112: 'SessionExpired', -113: 'InvalidCallback', -114: 'InvalidACL', -115: 'AuthFailed',
    -118: 'SessionMoved', -119: 'NotReadOnly', -120: 'EphemeralOnLocalSession',
    -121: 'NoWatcher', -122: 'RequestTimeout', -123: 'ReconfigDisabled',
    -124: 'SessionClosedRequireSaslAuth', -125: 'QuotaExceeded', -127: 'ThrottledOp',
}
ERR = {name: code for code, name in ERRORS.items()}

EVENTS = {1: 'NodeCreated', 2: 'NodeDeleted', 3: 'NodeDataChanged', 4: 'NodeChildrenChanged'}

READ, WRITE, CREATE, DELETE, ADMIN, ALL = 1, 2, 4, 8, 16, 31
PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL = 0, 1, 2, 3
CONTAINER, TTL, TTL_SEQUENTIAL = 4, 5, 6
OPEN_ACL = ((ALL, 'world', 'anyone'),)
WATCH_CHILDREN, WATCH_DATA, WATCH_ANY, WATCH_PERSISTENT, WATCH_RECURSIVE = 1, 2, 3, 4, 5

XID_EVENT, XID_PING, XID_AUTH, XID_SET_WATCHES = -1, -2, -4, -8


class Malformed(Exception):
    """The server sent bytes that the record does not allow."""


class Closed(Exception):
    """The server closed the connection (or reset it)."""


class Quiet(Exception):
    """Nothing arrived in time."""


def err_name(code):
    return ERRORS.get(code, str(code))


# -- encoding

def i32(v):
    return struct.pack('>i', v)


def i64(v):
    return struct.pack('>q', v)


def boolean(v):
    return b'\1' if v else b'\0'


def buffer(v):
    return i32(-1) if v is None else i32(len(v)) + bytes(v)


def ustring(v):
    return buffer(v.encode('utf-8') if isinstance(v, str) else v)


def vector(items, encode):
    if items is None:
        return i32(-1)
    return i32(len(items)) + b''.join(encode(x) for x in items)


def acl_vector(acl):
    return vector(acl, lambda a: i32(a[0]) + ustring(a[1]) + ustring(a[2]))


def frame(payload):
    return i32(len(payload)) + payload


def request(xid, op, body=b''):
    """A framed request; `op` is a name of OPS or a number."""
    return frame(i32(xid) + i32(OPS[op] if isinstance(op, str) else op) + body)


def enc_connect(timeout_ms=30000, session_id=0, passwd=bytes(16), last_zxid=0, version=0,
                read_only=False):
    """ConnectRequest without its length; read_only=None leaves the old 44-byte form."""
    tail = b'' if read_only is None else boolean(read_only)
    return (i32(version) + i64(last_zxid) + i32(timeout_ms) + i64(session_id) + buffer(passwd)
            + tail)


def enc_create(path, data=b'', acl=OPEN_ACL, flags=PERSISTENT):
    return ustring(path) + buffer(data) + acl_vector(acl) + i32(flags)


def enc_create_ttl(path, data=b'', acl=OPEN_ACL, flags=TTL, ttl_ms=1000):
    return enc_create(path, data, acl, flags) + i64(ttl_ms)


def enc_path_version(path, version=-1):
    """delete and check."""
    return ustring(path) + i32(version)


def enc_path_watch(path, watch=False):
    """exists, getData, getChildren, getChildren2."""
    return ustring(path) + boolean(watch)


def enc_path(path):
    """getACL, sync, getEphemerals, getAllChildrenNumber."""
    return ustring(path)


def enc_set_data(path, data, version=-1):
    return ustring(path) + buffer(data) + i32(version)


def enc_set_acl(path, acl, version=-1):
    return ustring(path) + acl_vector(acl) + i32(version)


def enc_auth(scheme, auth):
    return i32(0) + ustring(scheme) + buffer(auth)


def enc_watch_type(path, kind):
    """checkWatches, removeWatches; and addWatch, where `kind` is the mode."""
    return ustring(path) + i32(kind)


def enc_set_watches(zxid, data=(), exist=(), child=()):
    return i64(zxid) + b''.join(vector(v, ustring) for v in (data, exist, child))


def enc_set_watches2(zxid, data=(), exist=(), child=(), persistent=(), recursive=()):
    return enc_set_watches(zxid, data, exist, child) \
        + vector(persistent, ustring) + vector(recursive, ustring)


def enc_reconfig(joining=None, leaving=None, members=None, config_id=-1):
    return ustring(joining) + ustring(leaving) + ustring(members) + i64(config_id)


MULTI_END = i32(-1) + boolean(True) + i32(-1)


def enc_multi(ops):
    """ops: (op name or number, record bytes) pairs; for multi and multiRead."""
    parts = []
    for op, body in ops:
        parts.append(i32(OPS[op] if isinstance(op, str) else op) + boolean(False) + i32(-1) + body)
    return b''.join(parts) + MULTI_END


# -- decoding

Stat = collections.namedtuple('Stat', 'czxid mzxid ctime mtime version cversion aversion '
                              'ephemeralOwner dataLength numChildren pzxid')
Event = collections.namedtuple('Event', 'type state path zxid')
Session = collections.namedtuple('Session', 'version timeout_ms id passwd read_only')
MultiResult = collections.namedtuple('MultiResult', 'type err value')


class Reader:
    """A cursor over received bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        if n < 0 or self.at + n > len(self.data):
            raise Malformed(f'{n} bytes wanted at {self.at} of {len(self.data)}')
        self.at += n
        return self.data[self.at - n:self.at]

    def left(self):
        return len(self.data) - self.at

    def i32(self):
        return struct.unpack('>i', self.take(4))[0]

    def i64(self):
        return struct.unpack('>q', self.take(8))[0]

    def boolean(self):
        v = self.take(1)[0]
        if v > 1:
            raise Malformed(f'boolean {v}')
        return v == 1

    def buffer(self):
        n = self.i32()
        if n < -1:
            raise Malformed(f'buffer length {n}')
        return None if n == -1 else self.take(n)

    def ustring(self):
        raw = self.buffer()
        return None if raw is None else raw.decode('utf-8', 'backslashreplace')

    def vector(self, decode):
        n = self.i32()
        if n < -1 or n > self.left():
            raise Malformed(f'vector of {n}')
        return None if n == -1 else [decode() for _ in range(n)]

    def stat(self):
        return Stat(*struct.unpack('>qqqqiiiqiiq', self.take(68)))

    def acl(self):
        return (self.i32(), self.ustring(), self.ustring())

    def end(self):
        if self.left():
            raise Malformed(f'{self.left()} bytes left over: {self.data[self.at:][:32].hex()}')


def dec_session(payload):
    r = Reader(payload)
    session = [r.i32(), r.i32(), r.i64(), r.buffer()]
    session.append(r.boolean() if r.left() else None)
    r.end()
    return Session(*session)


def dec_event(zxid, body):
    r = Reader(body)
    event = Event(r.i32(), r.i32(), r.ustring(), zxid)
    r.end()
    return event


def _dec_multi(r):
    results = []
    while True:
        kind, done, err = r.i32(), r.boolean(), r.i32()
        if done:
            if (kind, err) != (-1, -1):
                raise Malformed(f'end of multi {kind} {err}')
            return results
        if kind == -1:
            value = r.i32()
            if value != err:
                raise Malformed(f'multi entry {err} holds {value}')
        else:
            value = _MULTI_BODIES[kind](r)
        results.append(MultiResult(kind, err, value))


_MULTI_BODIES = {
    1: lambda r: r.ustring(), 2: lambda r: None, 13: lambda r: None, 5: lambda r: r.stat(),
    15: lambda r: (r.ustring(), r.stat()), 4: lambda r: (r.buffer(), r.stat()),
    8: lambda r: r.vector(r.ustring),
}

_BODIES = {
    'create': lambda r: r.ustring(), 'create2': lambda r: (r.ustring(), r.stat()),
    'createContainer': lambda r: (r.ustring(), r.stat()),
    'createTTL': lambda r: (r.ustring(), r.stat()),
    'delete': lambda r: None, 'exists': lambda r: r.stat(), 'setData': lambda r: r.stat(),
    'setACL': lambda r: r.stat(), 'getData': lambda r: (r.buffer(), r.stat()),
    'getACL': lambda r: (r.vector(r.acl), r.stat()),
    'getChildren': lambda r: r.vector(r.ustring),
    'getChildren2': lambda r: (r.vector(r.ustring), r.stat()),
    'sync': lambda r: r.ustring(), 'ping': lambda r: None, 'auth': lambda r: None,
    'sasl': lambda r: r.buffer(), 'setWatches': lambda r: None, 'setWatches2': lambda r: None,
    'checkWatches': lambda r: None, 'removeWatches': lambda r: None,
    'addWatch': lambda r: r.i32(), 'getEphemerals': lambda r: r.vector(r.ustring),
    'getAllChildrenNumber': lambda r: r.i32(),
    'whoAmI': lambda r: r.vector(lambda: (r.ustring(), r.ustring())),
    'reconfig': lambda r: (r.buffer(), r.stat()), 'closeSession': lambda r: None,
    'multi': _dec_multi, 'multiRead': _dec_multi, 'deleteContainer': lambda r: None,
}


def dec_body(op, body):
    """The decoded response record of `op` (a name)."""
    r = Reader(body)
    value = _BODIES[op](r)
    r.end()
    return value


def password_of(session_id):
    """The 16 bytes every server derives from a session id (java.util.Random)."""
    mask = (1 << 48) - 1
    state = ((session_id ^ 0xB3415C00) ^ 0x5DEECE66D) & mask
    out = b''
    for _ in range(4):
        state = (state * 0x5DEECE66D + 0xB) & mask
        out += struct.pack('<I', (state >> 16) & 0xFFFFFFFF)
    return out


# -- connections

class Conn:
    """A TCP connection that speaks frames.  Times are seconds."""

    def __init__(self, address, timeout_s=10.0, source=None):
        self.sock = socket.create_connection(address, timeout=timeout_s,
                                             source_address=(source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_s = timeout_s
        self.pending = b''

    def send(self, raw):
        """Sends bytes as they are.  A server that has hung up shows at the next read."""
        self.sock.settimeout(self.timeout_s)
        try:
            self.sock.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read_frame(self, timeout_s=None):
        """One frame without its length.  Raises Closed, Quiet or Malformed."""
        deadline = time.monotonic() + (self.timeout_s if timeout_s is None else timeout_s)
        head = self._need(4, deadline)
        length = struct.unpack('>i', head)[0]
        if length < 0 or length > 1 << 26:
            raise Malformed(f'frame length {length}')
        payload = self._need(4 + length, deadline)[4:]
        self.pending = self.pending[4 + length:]
        return payload

    def _need(self, n, deadline):
        while len(self.pending) < n:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Quiet(f'{len(self.pending)} of {n} bytes: {self.pending[:64].hex()}')
            self.sock.settimeout(left)
            try:
                part = self.sock.recv(1 << 20)
            except socket.timeout:
                continue
            except ConnectionResetError:
                part = b''
            if not part:
                raise Closed(f'{len(self.pending)} bytes unread: {self.pending[:64].hex()}')
            self.pending += part
        return self.pending[:n]

    def closed_by_server(self, timeout_s=None):
        """True if the server closes next; False if it stays quiet; raises on a frame."""
        try:
            extra = self.read_frame(timeout_s)
        except Closed:
            return self.pending == b''
        except Quiet:
            return False
        raise AssertionError(f'a frame instead of the end: {extra.hex()}')

    def quiet_for(self, seconds):
        """True if nothing at all arrives for so long."""
        try:
            self.read_frame(seconds)
        except Quiet:
            return self.pending == b''
        except Closed:
            return False
        return False

    def reset(self):
        """Drops the connection with RST, as a client that dies does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


class Reply:
    """What came back: header fields, raw body and, if err is 0, the decoded value."""

    def __init__(self, op, xid, zxid, err, body):
        self.op, self.xid, self.zxid, self.err, self.body = op, xid, zxid, err, body
        self.value = dec_body(op, body) if err == 0 and op in _BODIES else None

    @property
    def error(self):
        return err_name(self.err)

    def __repr__(self):
        return f'<{self.op} xid {self.xid} zxid {self.zxid:#x} {self.error} {self.value!r}>'


class Client:
    """One session over one connection at a time.

    `events` collects notifications in arrival order.  `trail` holds both: ('event', Event)
    and ('reply', Reply) as they arrived, for tests of their order.
    """

    def __init__(self, address, timeout_ms=30000, connect=True, wait_s=10.0, source=None,
                 **connect_fields):
        self.address = address
        self.wait_s = wait_s
        self.source = source
        self.conn = None
        self.session = None
        self.timeout_ms = timeout_ms
        self.xid = 0
        self.last_zxid = 0
        self.events = []
        self.trail = []
        self.waiting = collections.OrderedDict()        # xid -> op, in sending order
        if connect:
            self.open(**connect_fields)

    # session

    def open(self, **fields):
        """Connects; a new session unless session_id and passwd are given."""
        self.conn = Conn(self.address, self.wait_s, self.source)
        fields.setdefault('timeout_ms', self.timeout_ms)
        self.conn.send(frame(enc_connect(**fields)))
        self.session = dec_session(self.conn.read_frame())
        return self.session

    def reopen(self, **fields):
        """Connects again with the id and password of the session held so far."""
        fields.setdefault('session_id', self.session.id)
        fields.setdefault('passwd', self.session.passwd)
        return self.open(**fields)

    def drop(self):
        """Loses the connection, keeps the session."""
        self.conn.reset()
        self.waiting.clear()

    def close(self):
        """Closes the session properly, then the socket."""
        try:
            reply = self.call('closeSession')
            self.conn.closed_by_server()
            return reply
        finally:
            self.conn.close()

    # requests

    def send(self, op, body=b'', xid=None):
        """Sends without waiting; returns the xid (for pipelining)."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.conn.send(request(xid, op, body))
        self.waiting[xid] = op if isinstance(op, str) else OP_NAMES.get(op, str(op))
        return xid

    def read(self, timeout_s=None):
        """The next thing from the server: an Event or a Reply."""
        payload = self.conn.read_frame(timeout_s)
        r = Reader(payload)
        xid, zxid, err = r.i32(), r.i64(), r.i32()
        body = payload[16:]
        if xid == XID_EVENT:
            event = dec_event(zxid, body)
            self.events.append(event)
            self.trail.append(('event', event))
            return event
        if xid not in self.waiting:
            raise Malformed(f'reply to xid {xid}, waiting for {list(self.waiting)}')
        reply = Reply(self.waiting.pop(xid), xid, zxid, err, body)
        self.last_zxid = max(self.last_zxid, zxid)
        self.trail.append(('reply', reply))
        return reply

    def wait_reply(self, timeout_s=None):
        """The next Reply; events that come before it are collected."""
        while True:
            thing = self.read(timeout_s)
            if isinstance(thing, Reply):
                return thing

    def wait_event(self, timeout_s=None):
        """The oldest event not yet taken, waiting for one if there is none."""
        while not self.events:
            self.read(timeout_s)
        return self.events.pop(0)

    def call(self, op, body=b'', xid=None):
        self.send(op, body, xid)
        return self.wait_reply()

    def settle(self):
        """A ping: when it is answered, all that was due before has arrived."""
        self.call('ping', xid=XID_PING)
        events, self.events = self.events, []
        return events

    # operations; each returns the Reply

    def create(self, path, data=b'', acl=OPEN_ACL, flags=PERSISTENT, op='create'):
        return self.call(op, enc_create(path, data, acl, flags))

    def create2(self, path, data=b'', acl=OPEN_ACL, flags=PERSISTENT):
        return self.create(path, data, acl, flags, 'create2')

    def create_container(self, path, data=b'', acl=OPEN_ACL, flags=CONTAINER):
        return self.create(path, data, acl, flags, 'createContainer')

    def create_ttl(self, path, ttl_ms, data=b'', acl=OPEN_ACL, flags=TTL):
        return self.call('createTTL', enc_create_ttl(path, data, acl, flags, ttl_ms))

    def delete(self, path, version=-1):
        return self.call('delete', enc_path_version(path, version))

    def exists(self, path, watch=False):
        return self.call('exists', enc_path_watch(path, watch))

    def get(self, path, watch=False):
        return self.call('getData', enc_path_watch(path, watch))

    def set(self, path, data, version=-1):
        return self.call('setData', enc_set_data(path, data, version))

    def get_acl(self, path):
        return self.call('getACL', enc_path(path))

    def set_acl(self, path, acl, version=-1):
        return self.call('setACL', enc_set_acl(path, acl, version))

    def children(self, path, watch=False):
        return self.call('getChildren', enc_path_watch(path, watch))

    def children2(self, path, watch=False):
        return self.call('getChildren2', enc_path_watch(path, watch))

    def count(self, path):
        return self.call('getAllChildrenNumber', enc_path(path))

    def ephemerals(self, prefix='/'):
        return self.call('getEphemerals', enc_path(prefix))

    def sync(self, path='/'):
        return self.call('sync', enc_path(path))

    def ping(self):
        return self.call('ping', xid=XID_PING)

    def auth(self, scheme, text):
        return self.call('auth', enc_auth(scheme, text), xid=XID_AUTH)

    def whoami(self):
        return self.call('whoAmI')

    def add_watch(self, path, mode):
        return self.call('addWatch', enc_watch_type(path, mode))

    def check_watches(self, path, kind):
        return self.call('checkWatches', enc_watch_type(path, kind))

    def remove_watches(self, path, kind):
        return self.call('removeWatches', enc_watch_type(path, kind))

    def multi(self, *ops):
        return self.call('multi', enc_multi(ops))

    def multi_read(self, *ops):
        return self.call('multiRead', enc_multi(ops))


# -- words for people

def describe(payload, op=None, first=False):
    """One line on a frame that a server sent (without its length)."""
    try:
        if first:
            s = dec_session(payload)
            verdict = 'refused' if s.timeout_ms <= 0 else f'timeOut {s.timeout_ms}'
            return f'ConnectResponse {verdict} id {s.id & (1 << 64) - 1:#x}'
        r = Reader(payload)
        xid, zxid, err = r.i32(), r.i64(), r.i32()
        if xid == XID_EVENT:
            e = dec_event(zxid, payload[16:])
            return f'notification {EVENTS.get(e.type, e.type)} {e.path} zxid {zxid:#x}'
        text = f'reply xid {xid} zxid {zxid:#x} err {err} {err_name(err)}'
        if len(payload) > 16:
            text += f', body of {len(payload) - 16} bytes'
            if err == 0 and op in _BODIES:
                text += f' {dec_body(op, payload[16:])}'
        return text
    except Malformed as e:
        return f'not decodable ({e})'
