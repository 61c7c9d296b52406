"""Reads a whole tree over the wire and compares it with another reading or a file."""

import base64
import json

U64 = (1 << 64) - 1


def read_tree(client, root='/'):
    """{path: node} of everything below `root`; node is a dict of JSON-able fields."""
    nodes = {}
    todo = [root]
    while todo:
        path = todo.pop()
        names = _ok(client.children(path), path)
        data, stat = _ok(client.get(path), path)
        acl, stat_again = _ok(client.get_acl(path), path)
        if stat != stat_again:
            raise AssertionError(f'{path}: getData and getACL tell different stats')
        nodes[path] = node_of(data, stat, acl)
        todo += [(path if path != '/' else '') + '/' + name for name in names]
    return nodes


def node_of(data, stat, acl):
    return {
        'data': None if data is None else base64.b64encode(data).decode(),
        'czxid': hex(stat.czxid & U64), 'mzxid': hex(stat.mzxid & U64),
        'pzxid': hex(stat.pzxid & U64), 'ctime': stat.ctime, 'mtime': stat.mtime,
        'version': stat.version, 'cversion': stat.cversion, 'aversion': stat.aversion,
        'ephemeralOwner': hex(stat.ephemeralOwner & U64), 'dataLength': stat.dataLength,
        'numChildren': stat.numChildren, 'acl': [list(a) for a in acl],
    }


def load_expectation(path):
    """(facts of line 1, {path: node}) of an .expect.jsonl file."""
    with open(path, encoding='utf-8') as f:
        lines = [json.loads(line) for line in f]
    nodes = {}
    for line in lines[1:]:
        name = line.pop('path')
        line['ephemeralOwner'] = hex(int(line['ephemeralOwner'], 16))
        nodes[name] = line
    return lines[0], nodes


def differences(expected, got):
    """Sentences on what differs; usage counters of quotas are left out (recomputed at load)."""
    out = [f'{p} is missing' for p in sorted(expected.keys() - got.keys())]
    out += [f'{p} should not be there' for p in sorted(got.keys() - expected.keys())]
    for path in sorted(expected.keys() & got.keys()):
        counters = path.startswith('/zookeeper/quota/') and path.endswith('/zookeeper_stats')
        for field, want in expected[path].items():
            if counters and field in ('data', 'dataLength'):
                continue
            if got[path][field] != want:
                out.append(f'{path} {field}: expected {_short(want)}, got '
                           f'{_short(got[path][field])}')
    return out


def _short(value):
    text = repr(value)
    return text if len(text) <= 120 else f'{text[:100]}... ({len(text)} characters)'


def _ok(reply, path):
    if reply.err != 0:
        raise AssertionError(f'{path}: {reply}')
    return reply.value
