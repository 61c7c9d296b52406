"""Where Paddock is meant to differ from Debian's Apache 3.8.0, line by line.

`apache` is a regular expression that finds the deviating line of Apache's transcript;
`paddock` replaces what it matched (\\1 and so on are its groups, <any> matches anything,
a newline makes two lines of it, None drops the line).  Every entry is checked to be needed.
"""

import collections

Deviation = collections.namedtuple('Deviation', 'scenario apache paddock reason')

KNOWN = [
    Deviation('*', r'^(\w+: event .*) zxid=-1$', r'\1 zxid=<any>',
              'the header of a notification carries the zxid of the change (3.9)'),
    Deviation('exists_and_permission', r"^(A: exists\('/shut'\)) -> Ok .*$",
              r'\1 -> NoAuth zxid=<any>', 'exists needs READ (3.8.4, 3.9.2)'),
    Deviation('acl_lists_refused', r"^(A: exists\('/n'\)) -> Ok .*$",
              r'\1 -> NoAuth zxid=<any>', 'exists needs READ (3.8.4, 3.9.2)'),
    Deviation('catching_up', r"^([PR]: check_watches\('/same', [12]\)) -> Ok",
              r'\1 -> NoWatcher', 'kinds 1 and 2 find one-shot watches only (3.9)'),
    Deviation('a_fresh_tree', r"^(A: count\(''\) -> Ok zxid=1) 4$", r'\1 3',
              'Apache counts the root as its own descendant when asked by the empty path'),
    Deviation('names_for_everything_else', r"^(A: count\(''\) -> Ok zxid=\d+) 4$", r'\1 3',
              'the same'),
    Deviation('broken_reads', r'^(A: addWatch ffffffff00000000 -> \(xid=3 zxid=\d+) Ok 4 bytes',
              r'\1 MarshallingError 0 bytes',
              'a null path in addWatch is refused as everywhere else; Apache takes it for nothing'),
    Deviation('names_for_everything_else',
              r"^(A: sync\((?:b'.*'|'/\U0001f600')\) -> Ok zxid=\d+) .*$", r'\1 <any>',
              'sync echoes the bytes of the path; Apache decodes them and writes them anew'),
    Deviation('null_ids_in_acls', r'^(A: .* None\)\]\)) -> MarshallingError', r'\1 -> InvalidACL',
              'a null id text is an invalid ACL; Apache runs into an internal exception'),
    Deviation('odd_operations', r"^(N: call\('sasl', .*\)) -> Closed$", r'\1 -> Ok zxid=0 None',
              'a null SASL token is answered as any other; Apache runs into an exception'),
]
