"""Replays a recorded client conversation against a server and compares the answers.

The format of the recordings is told in README.md beside this file.  Bytes that differ
between runs are not skipped but checked for what they mean: session ids must be those
that this run's server gave, passwords must follow from the ids, times must be of now,
and vectors whose order is free must hold the same elements.
"""

import dataclasses
import json
import pathlib
import re
import time

from lib import wire

HERE = pathlib.Path(__file__).resolve().parent
RECORDINGS = HERE.parents[1] / 'golden' / 'client'

QUIET_S = 0.25
SHOWN_MISMATCHES = 5
CLOCK_SLACK_MS = 5000
FREE_ORDER = 'the order of the next two frames is not fixed'


# -- the recording

@dataclasses.dataclass
class Step:
    line: int                   # in the file, from 1
    kind: str                   # use, open, send, expect, eof, close, quiet
    conn: int
    data: bytes = b''
    spots: list = dataclasses.field(default_factory=list)       # (offset, length, what)
    comment: str = ''
    free_order: bool = False    # this frame and the next may come in either order


@dataclasses.dataclass
class Deviation:
    """What a server is allowed to answer instead of `recorded` at `line` and after."""
    version: str
    file: str
    line: int
    recorded: list
    instead: list
    reason: str


def load_deviations(path=HERE / 'deviations.json'):
    """(reasons, [Deviation])."""
    table = json.loads(path.read_text())
    entries = [Deviation(e['version'], e['file'], e['line'], e['recorded'], e['paddock'],
                         e['reason']) for e in table['entries']]
    return table['reasons'], entries


def apply_deviations(lines, deviations):
    """The numbered lines [(number, text)] with the deviating ones replaced."""
    numbered = list(enumerate(lines, 1))
    for d in sorted(deviations, key=lambda d: -d.line):
        there = lines[d.line - 1:d.line - 1 + len(d.recorded)]
        if there != d.recorded:
            raise ValueError(f'{d.version}/{d.file}:{d.line} does not hold what the list of '
                             f'deviations says: {there}')
        numbered[d.line - 1:d.line - 1 + len(d.recorded)] = [(d.line, x) for x in d.instead]
    return numbered


def with_ports(lines, ports):
    """The lines with the recorded ports replaced by those of this run, in frames, too.

    All ports have five digits, so that no length changes.
    """
    for recorded, own in ports.items():
        as_hex = [str(p).encode().hex() for p in (recorded, own)]
        lines = [x.replace(*as_hex) if x[:2] in ('> ', '< ') else x.replace(recorded, str(own))
                 for x in lines]
    return lines


def ports_of(lines):
    """The ports that a recording speaks of: {port} as text; empty without an ensemble."""
    if ' server.1=' not in lines[1]:
        return set()
    frames = b' '.join(bytes.fromhex(x[2:]) for x in lines if x[:2] in ('> ', '< '))
    return set(re.findall(r'[:;](\d{5})\b', lines[1])) | \
        {p.decode() for p in re.findall(rb'[:;](26\d{3})(?!\d)', frames)}


def client_port_of(config):
    """The client port in the line of server 1, or None."""
    line = config.get('server.1')
    return int(line.rpartition(':')[2]) if line else None


def parse(numbered):
    steps, conn, comments = [], None, []
    free_order = False
    for number, text in numbered:
        mark, _, rest = text.partition(' ')
        if mark == '#':
            comments.append(rest)
            free_order |= FREE_ORDER in rest
            continue
        if mark == '~':
            steps[-1].spots = [_spot(word) for word in rest.split()]
            continue
        if mark == '@':
            conn = int(rest.split()[0])
            kind = 'open' if rest.endswith(' open') else 'use'
            steps.append(Step(number, kind, conn, comment='; '.join(comments)))
            # A note on the order of the next frames may stand before the change of connection.
            comments = []
            continue
        kind = {'>': 'send', '<': 'expect', '!': rest}[mark]
        data = bytes.fromhex(rest) if mark in '<>' else b''
        steps.append(Step(number, kind, conn, data, comment='; '.join(comments),
                          free_order=free_order and kind == 'expect'))
        if kind == 'expect':
            free_order = False
        comments = []
    return steps


def _spot(word):
    m = re.fullmatch(r'(\d+)\+(\d+)=(.+)', word)
    return int(m[1]), int(m[2]), m[3]


def settings_of(lines):
    """(config, properties) that line 2 asks for, on top of "the usual"."""
    m = re.search(r'system properties: (.*); config: (.*)', lines[1])
    properties = {'zookeeper.extendedTypesEnabled': 'true'}
    if not m[1].startswith('none'):
        properties.update(pair.split('=', 1) for pair in m[1].split())
    config = {'tickTime': 2000}
    if m[2] != 'defaults':
        config.update(pair.split('=', 1) for pair in m[2].split())
    return config, properties


# -- the replay

class Mismatch(Exception):
    pass


class Replay:
    def __init__(self, address, steps, name):
        self.address = address
        self.steps = steps
        self.name = name
        self.conns = {}
        self.sessions = {}              # connection number -> session id of this run
        self.last_sent = {}
        self.mismatches = []
        self.started_ms = int(time.time() * 1000)

    def run(self):
        """Returns the list of mismatches as text; empty is good."""
        try:
            at = 0
            while at < len(self.steps):
                at += self._step(at)
            self._nothing_left()
        except Mismatch as e:
            self.mismatches.append(str(e))
            self.mismatches.append('(the replay stopped there)')
        finally:
            for conn in self.conns.values():
                conn.close()
        shown = self.mismatches[:SHOWN_MISMATCHES]
        if len(self.mismatches) > len(shown):
            shown.append(f'... and {len(self.mismatches) - len(shown)} more')
        return shown

    def _step(self, at):
        """Does the step and returns how many it consumed."""
        step = self.steps[at]
        if step.kind == 'open':
            self.conns[step.conn] = wire.Conn(self.address)
        elif step.kind == 'send':
            data = self._own_session_in(step)
            self.last_sent[step.conn] = data
            self.conns[step.conn].send(data)
        elif step.kind == 'expect' and step.free_order:
            self._expect_either_way(step, self.steps[at + 1])
            return 2
        elif step.kind == 'expect':
            problem = self._compare(step, self._read(step))
            if problem:
                self.mismatches.append(problem)
        elif step.kind == 'eof':
            self._expect_eof(step)
        elif step.kind == 'close':
            self.conns[step.conn].close()
            del self.conns[step.conn]
        elif step.kind == 'quiet':
            if not self.conns[step.conn].quiet_for(QUIET_S):
                raise Mismatch(self._title(step) + '\n  the server was not quiet')
        return 1

    def _own_session_in(self, step):
        """The bytes to send, with this run's session ids and passwords put in."""
        data = bytearray(step.data)
        for offset, length, what in step.spots:
            kind, _, number = what.partition(':')
            sid = self.sessions[int(number)]
            own = wire.i64(sid) if kind == 'sid' else wire.password_of(sid)
            if len(own) != length:
                raise ValueError(f'{self.name}:{step.line} {what} of {length} bytes')
            data[offset:offset + length] = own
        return bytes(data)

    def _read(self, step):
        try:
            return wire.frame(self.conns[step.conn].read_frame())
        except (wire.Closed, wire.Quiet, wire.Malformed) as e:
            raise Mismatch(f'{self._title(step)}\n  expected: {self._say(step.data)}\n'
                           f'  but {type(e).__name__.lower()}: {e}') from None

    def _expect_eof(self, step):
        try:
            if self.conns[step.conn].closed_by_server():
                return
            what = 'the server kept the connection open'
        except AssertionError as e:
            what = str(e)
        raise Mismatch(f'{self._title(step)}\n  expected: the server closes\n  but {what}')

    def _expect_either_way(self, first, second):
        frames = [self._read(first), self._read(second)]
        straight = [self._compare(first, frames[0]), self._compare(second, frames[1])]
        if not any(straight):
            return
        if any((self._compare(first, frames[1]), self._compare(second, frames[0]))):
            self.mismatches += [p for p in straight if p]

    def _nothing_left(self):
        for number, conn in self.conns.items():
            try:
                extra = conn.read_frame(0.02)
            except (wire.Quiet, wire.Closed):
                continue
            raise Mismatch(f'{self.name}: connection {number} still got '
                           f'{wire.describe(extra)}\n  {extra.hex()}')

    # -- comparing

    def _compare(self, step, got):
        """None, or the text of what differs."""
        problems = []
        masked_want, masked_got = bytearray(step.data), bytearray(got)
        if len(got) == len(step.data):
            for offset, length, what in step.spots:
                problem = self._check_spot(what, step.data[offset:offset + length],
                                           got[offset:offset + length], step.conn)
                if problem:
                    problems.append(f'at {offset}: {problem}')
                masked_want[offset:offset + length] = bytes(length)
                masked_got[offset:offset + length] = bytes(length)
        if masked_want == masked_got and not problems:
            return None
        lines = [self._title(step),
                 f'  sent:     {self.last_sent.get(step.conn, b"").hex()[:400]}',
                 f'  expected: {self._say(step.data)}',
                 f'  got:      {self._say(got)}']
        lines += [f'  {p}' for p in problems]
        lines += dump_difference(step.data, got, step.spots)
        return '\n'.join(lines)

    def _check_spot(self, what, recorded, got, conn):
        kind, _, number = what.partition(':')
        if kind == 'set':
            if elements(recorded) != elements(got):
                return f'other elements: {elements(recorded)} became {elements(got)}'
        elif kind == 'time':
            ms = wire.Reader(got).i64()
            if not self.started_ms - CLOCK_SLACK_MS <= ms <= time.time() * 1000 + CLOCK_SLACK_MS:
                return f'time {ms} is not of now'
        elif kind == 'sid':
            sid = wire.Reader(got).i64()
            if self.sessions.setdefault(int(number), sid) != sid:
                return f'session {sid:#x} is not that of connection {number}'
            if sid == 0:
                return 'session id 0'
        elif kind == 'passwd':
            if got != wire.password_of(self.sessions[int(number)]):
                return f'password of connection {number} does not follow from the session id'
        else:
            raise ValueError(f'{self.name}: unknown volatile field {what} on {conn}')
        return None

    def _title(self, step):
        return f'{self.name}:{step.line} connection {step.conn}: {step.comment}'

    @staticmethod
    def _say(framed):
        # A ConnectResponse has no header to tell it by; its size and its version do.
        return wire.describe(framed[4:], first=len(framed) in (40, 41) and framed[4:8] == bytes(4))


def elements(vector):
    """The sorted elements of a vector of strings or of pairs of strings."""
    for width in (1, 2):
        r = wire.Reader(vector)
        try:
            items = sorted(tuple(r.ustring() for _ in range(width)) for _ in range(r.i32()))
            r.end()
            return items
        except wire.Malformed:
            continue
    raise ValueError(f'not a vector of strings: {vector.hex()}')


def dump_difference(want, got, spots):
    """Hex of both, 16 bytes a line, only around the lines that differ; `..` = volatile."""
    volatile = {i for offset, length, _ in spots for i in range(offset, offset + length)}
    out = [f'  lengths: expected {len(want)}, got {len(got)}; offset: expected | got']

    def cell(data, i):
        if i >= len(data):
            return '--'
        return '..' if i in volatile else f'{data[i]:02x}'

    for start in range(0, max(len(want), len(got)), 16):
        a = [cell(want, i) for i in range(start, start + 16)]
        b = [cell(got, i) for i in range(start, start + 16)]
        if a != b:
            marks = ' '.join('^^' if x != y else '  ' for x, y in zip(a, b))
            out.append(f'    {start:5d}: {" ".join(a)} | {" ".join(b)}')
            out.append(f'           {marks}')
        if len(out) > 13:
            out.append('    ...')
            break
    return out
