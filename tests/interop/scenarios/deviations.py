"""Where Paddock is meant to differ from Debian's Apache 3.8.0, line by line.

`apache` is a regular expression that finds the deviating line of Apache's transcript;
`paddock` replaces what it matched (\\1 and so on are its groups, <any> matches anything,
a newline makes two lines of it, None drops the line).  Every entry is checked to be needed.
"""

import collections

Deviation = collections.namedtuple('Deviation', 'scenario apache paddock reason')

KNOWN = [
    Deviation('*', r'^(\w+: event .*) zxid=-1$', r'\1 zxid=<any>',
              'notification-zxid: the header carries the zxid of the change since 3.9'),
]
