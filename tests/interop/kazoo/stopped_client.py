"""Run as a process of its own: makes an ephemeral, then tells how its session fares.

usage: stopped_client.py HOSTS PATH TIMEOUT_S      prints one word per line
"""

import sys
import threading

from kazoo.client import KazooClient
from kazoo.protocol.states import KazooState

hosts, path, timeout = sys.argv[1], sys.argv[2], float(sys.argv[3])
lost, back = threading.Event(), threading.Event()


def listener(state):
    print(state, flush=True)
    if state == KazooState.LOST:
        lost.set()
    if state == KazooState.CONNECTED and lost.is_set():
        back.set()


zk = KazooClient(hosts=hosts, timeout=timeout)
zk.add_listener(listener)
zk.start(timeout=15)
zk.create(path, b'mine', ephemeral=True)
print('CREATED', flush=True)
back.wait()
print('GONE' if zk.exists(path) is None else 'STILL THERE', flush=True)
zk.stop()
