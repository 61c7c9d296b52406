"""Scenarios: four-letter words after a fixed history, with what varies cut out."""

import re

from lib import fourletter, wire
from stage import scenario

WORDS = ('ruok srvr stat conf cons crst srst dump envi mntr wchs wchc wchp dirs isro hash gtmk'
         .split())


def history(stage):
    a, b = stage.actor('A'), stage.actor('B')
    a.create('/e', flags=wire.EPHEMERAL)
    a.create('/n', b'12345')
    a.get('/n', True)
    b.get('/n', True)
    b.exists('/later', True)
    b.children('/', True)
    return a, b


def masked(*rules):
    """A cleaner that applies (regex, replacement) rules to the text."""
    def clean(text):
        for pattern, new in rules:
            text = re.sub(pattern, new, text)
        return text
    return clean


PORT = (r'127\.0\.0\.1:\d+', '127.0.0.1:PORT')
VERSION = (r'Zookeeper version: .*', 'Zookeeper version: V')
COUNTS = (r'(?m)^(Latency min/avg/max|Received|Sent|Connections|Outstanding): .*', r'\1: N')


@scenario()
def words_of_state(stage):
    """ruok, isro, gtmk, stmk, srvr, stat, crst, srst."""
    history(stage)
    for word in ('ruok', 'isro', 'gtmk'):
        stage.word(word)
    stage.word(b'stmk' + wire.i64(18))
    stage.word('gtmk')
    stage.word('srvr', masked(VERSION, COUNTS))
    stage.word('stat', lambda t: sorted_clients(masked(
        VERSION, COUNTS, PORT, (r'\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)', '[I](Q)'))(t)))
    stage.word('crst')
    stage.word('srst')
    stage.word('srvr', masked(VERSION, (r'(Latency.*|Connections): .*', r'\1: N'),
                              (r'Latency.*', 'Latency: L'), (r'(Received|Sent): \d\n', r'\1: N\n')))


def sorted_clients(text):
    lines = text.splitlines()
    clients = sorted(set(x for x in lines if x.startswith(' /')))
    return '\n'.join([x for x in lines if not x.startswith(' /')] + clients)


@scenario()
def words_of_connections(stage):
    """cons: which fields a line has, for connections with and without a session."""
    a, _ = history(stage)
    a.set('/n', b'x')

    def clean(text):
        text = re.sub(r'(est|lresp|recved|sent|queued)=\d+', r'\1=N', text)
        text = re.sub(r'(llat|minlat|avglat|maxlat)=\d+', r'\1=N', text)
        text = re.sub(r'\[\d\]\(', '[I](', text)     # Apache's is 0 for a moment after each request
        return masked(PORT)(text)

    for word in ('cons', 'dump'):
        stage.word(word, lambda t, w=word: '\n'.join(sorted(clean(t).splitlines()))
                   if w == 'cons' else clean_dump(clean(t)))


def clean_dump(text):
    """The expiry times and the order and grouping of sessions depend on the clock."""
    text = re.sub(r'\d+ expire at .*:', 'N expire at DATE:', text)
    text = re.sub(r'Sets \(\d+\)', 'Sets (N)', text)
    text = re.sub(r'\)/\(\d+\)', ')/(N)', text)
    seen, out = set(), []
    for line in text.splitlines():
        heading = not line.startswith(('\t', 'N expire'))
        if heading:
            seen = set()
        if line not in seen:
            out.append(line)
        seen.add(line)
    blocks, block = [], []
    for line in out:
        if line.startswith(('\t', 'N expire')):
            block.append(line)
        else:
            blocks += sorted(block) + [line]
            block = []
    return '\n'.join(blocks + sorted(block))


def headings(text):
    """`heading: line, line` for each heading and the indented lines below it, sorted."""
    blocks = {}
    for line in text.splitlines():
        if line.startswith('\t'):
            blocks[heading].append(line.strip())
        else:
            heading = line
            blocks[heading] = []
    return '\n'.join(sorted(f'{k}: {", ".join(sorted(v))}' for k, v in blocks.items()))


@scenario()
def words_of_watches(stage):
    """wchs, wchc, wchp."""
    a, b = history(stage)
    words = {'wchs': str, 'wchc': lambda t: headings(stage.text(t)),
             'wchp': lambda t: headings(stage.text(t))}
    for word, clean in words.items():
        stage.word(word, clean)
    b.add_watch('/n', 0)
    b.add_watch('/deep', 1)
    a.delete('/n')
    b.settle()
    for word, clean in words.items():
        stage.word(word, clean)


@scenario(config={'minSessionTimeout': 1000, 'maxSessionTimeout': 50000, 'maxClientCnxns': 7,
                  'clientPortListenBacklog': 64})
def words_of_configuration(stage):
    """conf, dirs, envi."""
    home = re.escape(str(stage.server.data_dir))
    stage.word('conf', masked((rf'{home}', 'HOME'), (r'clientPort=\d+', 'clientPort=PORT'),
                              (r'Size=\d+', 'Size=N')))
    stage.word('dirs', masked((r': \d+', ': N')))
    stage.word('envi', masked((r'=.*', '=V')))


# Metrics that came with 3.9 and master: 3.8.0 has none of them.
NEWER = re.compile(r'zk_(op_count_\w+|ttl_node_\w+|(snapshot|restore)_(error|rate_limited)_count'
                   r'|(avg|min|max|cnt|sum)_restore_time)')


def metric_names(text):
    names = sorted(line.split('\t')[0] for line in text.splitlines())
    return '\n'.join(n for n in names if 'jvm' not in n and not NEWER.fullmatch(n))


@scenario()
def names_of_metrics(stage):
    """mntr: the names, and the values that follow from the history."""
    a, _ = history(stage)
    a.set('/n', b'1234567')
    stage.word('mntr', metric_names)
    told = fourletter.mntr(stage.server.address)
    for name in ('znode_count', 'ephemerals_count', 'watch_count', 'global_sessions',
                 'local_sessions', 'approximate_data_size', 'server_state',
                 'outstanding_requests', 'num_alive_connections', 'digest_mismatches_count'):
        stage.say(f'{name} = {told["zk_" + name]}')


@scenario()
def digest_log(stage):
    """hash: zxids and that every 128th is there."""
    a = stage.actor('A')
    a.create('/n')
    for i in range(260):
        a.client.set('/n', b'%d' % i)
    stage.word('hash', masked((r': -?\d+', ': D')))


@scenario(config={'4lw.commands.whitelist': None})
def words_by_default(stage):
    """Without a whitelist only srvr answers."""
    for word in WORDS:
        stage.word(word, masked(VERSION, COUNTS))
    stage.word('none')
    stage.word(b'\xff\xf4\xff\xfd')


@scenario(config={'4lw.commands.whitelist': 'ruok, isro,nosuch'})
def words_by_list(stage):
    """A whitelist with spaces and an unknown word in it."""
    for word in WORDS:
        stage.word(word, masked(VERSION, COUNTS))


@scenario()
def words_and_other_bytes(stage):
    """What follows a word is ignored; after the handshake it is a length."""
    stage.word(b'ruok\n')
    stage.word(b'ruok and more')
    stage.word(b'RUOK')
    a = stage.actor('A')
    a.raw('ruok as a request', b'ruok')
    b = stage.actor('B')
    b.exists('/')
