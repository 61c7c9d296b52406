"""TCP relays that a test can cut, close and slow down."""

import queue
import socket
import struct
import threading
import time


class Proxy:
    """Listens on a free loopback port, or on `address`, and relays to `target`.

    cut()      drops all connections (RST to both sides); new ones are still relayed
    refuse()   drops all and answers new connections with an immediate close
    accept()   relays again
    """

    def __init__(self, target, address=('127.0.0.1', 0)):
        self.target = target
        self.listener = socket.create_server(address)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = []
        self.refusing = False
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def hosts(self):
        return f'127.0.0.1:{self.port}'

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                _reset(s)

    def refuse(self):
        self.refusing = True
        self.cut()

    def accept(self):
        self.refusing = False

    def close(self):
        self.refuse()
        self.listener.close()

    def _serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return                          # closed: the test is over
            if self.refusing:
                _reset(near)
                continue
            try:
                far = socket.create_connection(self.target)
            except OSError:
                _reset(near)
                continue
            with self.lock:
                self.pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=(a, b), daemon=True).start()

    def _relay(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass                                # cut, or the other side is gone


class SlowProxy(Proxy):
    """Every byte arrives `delay_s` later, and no more than `bytes_per_s` of them, while
    `is_slow(near, far)` says so of the two addresses; order is kept."""

    def __init__(self, target, address, delay_s, bytes_per_s, is_slow):
        self.delay_s, self.bytes_per_s, self.is_slow = delay_s, bytes_per_s, is_slow
        super().__init__(target, address)

    def _relay(self, source, sink):
        pieces = queue.Queue(1024)          # then the sender feels it
        threading.Thread(target=self._deliver, args=(pieces, sink), daemon=True).start()
        due = 0.0
        try:
            ends = source.getpeername()[0], sink.getpeername()[0]
            while data := source.recv(16384):
                now = time.monotonic()
                if self.is_slow(*ends):
                    due = max(now + self.delay_s, due + len(data) / self.bytes_per_s)
                pieces.put((due, data))
        except OSError:
            pass
        pieces.put((due, b''))

    @staticmethod
    def _deliver(pieces, sink):
        try:
            while True:
                due, data = pieces.get()
                # What the link takes: the very thing that is tested.
                time.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
        except OSError:
            while pieces.get()[1]:          # so that the reader never waits for us
                pass


def _reset(s):
    """Closes with RST.  shutdown first: it wakes the thread that reads from `s`."""
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    s.close()
