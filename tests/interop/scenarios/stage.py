"""Where a scenario plays: actors whose every request and answer goes into a transcript.

A transcript is a list of lines in which nothing depends on the run: session ids appear as
`sid:NAME` of the actor that holds them, times as `T` (or 0), lists without order sorted.
Zxids are left as they are: each scenario plays on a fresh server.
"""

import difflib
import fnmatch
import re
import time

from lib import fourletter, wire

USUAL_CONFIG = {'tickTime': 2000}
USUAL_PROPERTIES = {'zookeeper.extendedTypesEnabled': 'true'}

ALL_SCENARIOS = {}          # name -> Scenario, in the order of definition


class Scenario:
    def __init__(self, play, config, properties, folder):
        self.play = play
        self.name = play.__name__
        self.config = {**USUAL_CONFIG, **config}
        self.properties = {**USUAL_PROPERTIES, **properties}
        self.folder = folder

    def server(self, kind):
        """A new server of `kind` for this scenario; not yet started."""
        server = kind(config=self.config, properties=self.properties)
        if self.folder:
            self.folder(server.data_dir)
        return server


def scenario(config=None, properties=None, folder=None):
    """Marks a function(stage) as a scenario.

    folder: a function(path) that makes the data folder to start on
    """
    def mark(play):
        made = Scenario(play, config or {}, properties or {}, folder)
        if made.name in ALL_SCENARIOS:
            raise ValueError(f'two scenarios {made.name}')
        ALL_SCENARIOS[made.name] = made
        return play
    return mark


class Stage:
    def __init__(self, server):
        self.server = server
        self.lines = []
        self.actors = {}
        self.sids = {}              # session id -> actor name
        self.started_ms = time.time() * 1000
        self.quiet_s = 0.2
        self.show_zxids = True      # off where the number of transactions is not fixed

    def say(self, text):
        self.lines.append(text)

    def title(self, text):
        """A heading: keeps the two transcripts aligned when they differ."""
        self.lines.append(f'== {text}')

    def actor(self, name, **kwargs):
        actor = Actor(self, name, **kwargs)
        self.actors[name] = actor
        return actor

    def word(self, word, clean=None):
        """A four-letter word's answer, line by line, through `clean` if given."""
        raw = word if isinstance(word, bytes) else word.encode()
        text = fourletter.ask_bytes(self.server.address, raw).decode('utf-8', 'replace')
        self.say(f'word {word!r}:')
        for line in (clean(text) if clean else text).splitlines():
            self.say('  | ' + self.text(line))

    def restart(self, end='kill'):
        """Ends the server process and starts another on the same folder."""
        old = self.server
        getattr(old, end)()
        self.server = type(old)(config=old.config, properties=old.properties,
                                data_dir=old.data_dir)
        self.server.start()
        self.say('(restarted)')

    def close(self):
        for actor in self.actors.values():
            if actor.client.conn:
                actor.client.conn.close()

    # -- normalising

    def sid(self, value):
        if value == 0:
            return '0'
        return 'sid:' + self.sids.get(value, 'unknown')

    def zxid(self, value):
        return str(value) if self.show_zxids or value < 1 else 'Z'

    def time(self, ms):
        if ms == 0:
            return '0'
        now = time.time() * 1000
        return 'T' if self.started_ms - 60000 <= ms <= now + 60000 else f'strange time {ms}'

    def stat(self, s):
        return (f'{{c={self.zxid(s.czxid)} m={self.zxid(s.mzxid)} p={self.zxid(s.pzxid)} '
                f'ct={self.time(s.ctime)} mt={self.time(s.mtime)} v={s.version} '
                f'cv={s.cversion} av={s.aversion} own={self.sid(s.ephemeralOwner)} len={s.dataLength} kids={s.numChildren}}}')

    def value(self, v):
        if isinstance(v, wire.Stat):
            return self.stat(v)
        if isinstance(v, wire.MultiResult):
            return f'[{v.type} {wire.err_name(v.err)} {self.value(v.value)}]'
        if isinstance(v, bytes):
            return repr(v) if len(v) <= 60 else f'{v[:20]!r}...{len(v)} bytes'
        if isinstance(v, tuple):
            return '(' + ', '.join(self.value(x) for x in v) + ')'
        if isinstance(v, list):
            return '[' + ', '.join(self.value(x) for x in v) + ']'
        return self.text(repr(v))

    def text(self, text):
        """Session ids in free text (of 4lw answers)."""
        def name(match):
            return f'sid:{self.sids[int(match[0], 16)]}' if int(match[0], 16) in self.sids \
                else match[0]
        return re.sub(r'0x[0-9a-f]{10,16}', name, text)


# Answers that are lists without an order.
UNORDERED = {'getChildren', 'getEphemerals', 'whoAmI'}


class Actor:
    """A raw client in a role.  Calls to the client's methods go through `act`."""

    def __init__(self, stage, name, connect=True, **kwargs):
        self.stage = stage
        self.name = name
        self.written = 0            # entries of the client's trail that are in the transcript
        self.client = wire.Client(stage.server.address, connect=False, **kwargs)
        if connect:
            self.open()

    def __getattr__(self, method):
        call = getattr(self.client, method)

        def act(*args, **kwargs):
            shown = ', '.join([self.stage.value(a) for a in args]
                              + [f'{k}={self.stage.value(v)}' for k, v in kwargs.items()])
            return self.act(f'{method}({shown})', lambda: call(*args, **kwargs))

        return act

    def act(self, said, do):
        """Does it and writes down events that came first, then the answer."""
        try:
            reply = do()
        except (wire.Closed, wire.Quiet, wire.Malformed) as e:
            self._write_events()
            self.say(f'{said} -> {type(e).__name__}')
            return None
        self._write_events()
        self.say(f'{said} -> {self.answer(reply)}')
        return reply

    def say(self, text):
        self.stage.say(f'{self.name}: {text}')

    def answer(self, reply):
        if not isinstance(reply, wire.Reply):
            return self.stage.value(reply)
        value = reply.value
        if reply.op in UNORDERED and value is not None:
            value = sorted(value)
        elif reply.op == 'getChildren2' and value is not None:
            value = (sorted(value[0]), value[1])
        elif reply.op == 'multiRead' and value is not None:
            value = [r._replace(value=sorted(r.value)) if r.type == 8 else r for r in value]
        tail = '' if value is None and not reply.body else ' ' + self.stage.value(value)
        if reply.err and reply.body:
            tail = f' with a body of {len(reply.body)} bytes'
        return f'{reply.error} zxid={self.stage.zxid(reply.zxid)}{tail}'

    def _unwritten(self):
        return [thing for kind, thing in self.client.trail[self.written:] if kind == 'event']

    def _write_events(self):
        for e in self._unwritten():
            state = '' if e.state == 3 else f' state={e.state}'
            self.say(f'event {wire.EVENTS.get(e.type, e.type)} {e.path!r} '
                     f'zxid={self.stage.zxid(e.zxid)}{state}')
        self.written = len(self.client.trail)

    # -- beyond the client's methods

    def open(self, **fields):
        """Connects and writes the answer down."""
        shown = ', '.join(f'{k}={self.stage.value(v)}' for k, v in fields.items()
                          if k not in ('session_id', 'passwd'))
        try:
            s = self.client.open(**fields)
        except wire.Closed:
            self.say(f'connect({shown}) -> Closed')
            return None
        if s.timeout_ms > 0:
            self.stage.sids[s.id] = self.name
        right = s.passwd == (wire.password_of(s.id) if s.id else bytes(16))
        self.say(f'connect({shown}) -> version={s.version} timeout={s.timeout_ms} '
                 f'{self.stage.sid(s.id)} passwd={"right" if right else "WRONG"} '
                 f'readOnly={s.read_only}')
        return s

    def reopen(self, **fields):
        """Connects with the id and password held, or those given."""
        held = self.client.session
        fields.setdefault('session_id', held.id)
        fields.setdefault('passwd', held.passwd)
        self.client.waiting.clear()
        return self.open(**fields)

    def drop(self):
        self.client.drop()
        self.say('drops its connection')

    def settle(self):
        """All events due so far (a ping goes round)."""
        self.act('settles', self.client.ping)

    def wait_events(self, count):
        """Waits until so many events have come that are not written down yet."""
        while len(self._unwritten()) < count:
            self.client.read()
        self._write_events()

    def raw(self, said, *frames, answers=None, closes=False, quiet=False):
        """Sends frames (or broken ones) as they are; writes down what comes back.

        A ping behind them tells when all has come.  Where that cannot be: `answers` is the
        number of frames to wait for; `closes`, that the server hangs up after its answer;
        `quiet`, that nothing comes for a moment.  Returns False if the server hung up.
        """
        conn, stage = self.client.conn, self.stage
        ping = answers is None and not closes and not quiet
        conn.send(b''.join(frames) + (wire.request(wire.XID_PING, 'ping') if ping else b''))
        got = []
        try:
            while answers is None or len(got) < answers:
                payload = conn.read_frame(stage.quiet_s if quiet else None)
                r = wire.Reader(payload)
                xid, zxid, err = r.i32(), r.i64(), r.i32()
                if ping and xid == wire.XID_PING:
                    break
                got.append(f'(xid={xid} zxid={stage.zxid(zxid)} {wire.err_name(err)} '
                           f'{r.left()} bytes)')
        except wire.Closed:
            got.append('Closed')
        except wire.Quiet:
            if not quiet:
                got.append('Quiet')
        self.say(f'{said} -> {" ".join(got) or "nothing"}')
        return 'Closed' not in got

    def pipeline(self, *requests):
        """Sends (op, body) pairs in one go and writes the answers down in order."""
        for op, body in requests:
            self.client.send(op, body)
        for op, _ in requests:
            self.act(f'pipelined {op}', self.client.wait_reply)

    def waits_for_the_end(self, timeout_s=10):
        try:
            said = 'Closed' if self.client.conn.closed_by_server(timeout_s) else 'still open'
        except AssertionError as e:
            said = str(e)
        self.say(f'waits for the end -> {said}')


def play(scenario_, server):
    """Plays on a started server; returns the transcript."""
    stage = Stage(server)
    try:
        scenario_.play(stage)
    finally:
        stage.close()
        if stage.server is not server:
            stage.server.close()
    return stage.lines


# -- comparing

ANY = '<any>'


def expected_lines(name, apache_lines, deviations, used):
    """What Paddock should write: Apache's lines with the known deviations put in.

    Adds the index of each deviation that matched to `used`.
    """
    out = []
    for line in apache_lines:
        lines = [line]
        for i, d in enumerate(deviations):
            if not fnmatch.fnmatch(name, d.scenario):
                continue
            changed = []
            for x in lines:
                if re.search(d.apache, x):
                    used.add(i)
                    if d.paddock is not None:
                        changed += re.sub(d.apache, d.paddock, x, count=1).split('\n')
                else:
                    changed.append(x)
            lines = changed
        out += lines
    return out


def same(expected, got):
    if ANY not in expected:
        return expected == got
    pattern = '.*'.join(re.escape(part) for part in expected.split(ANY))
    return re.fullmatch(pattern, got) is not None


def compare(expected, got):
    """Lines of a readable difference; empty if there is none."""
    # Wildcards that match are filled in first, so that a plain diff can align the rest.
    filled = list(expected)
    for i, line in enumerate(filled):
        if ANY in line and i < len(got) and same(line, got[i]):
            filled[i] = got[i]
    if filled == got:
        return []
    out = []
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, filled, got, False).get_opcodes():
        if tag == 'equal':
            out += [f'    {x}' for x in filled[max(a1, a2 - 3):a2]]
            continue
        if a2 - a1 == b2 - b1 and all(same(x, y) for x, y in zip(filled[a1:a2], got[b1:b2])):
            continue
        out += [f'  - {x}' for x in filled[a1:a2]] + [f'  + {x}' for x in got[b1:b2]]
    return out if any(x.startswith(('  -', '  +')) for x in out) else []


def log_tail(server):
    return f'--- {server.kind}\n{server.log_tail(15)}'
