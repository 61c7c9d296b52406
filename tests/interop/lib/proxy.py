"""A TCP relay between a client and a server that a test can cut, stall and close."""

import socket
import struct
import threading


class Proxy:
    """Listens on a free loopback port and relays to `target`.

    cut()      drops all connections (RST to both sides); new ones are still relayed
    refuse()   drops all and answers new connections with an immediate close
    accept()   relays again
    """

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(('127.0.0.1', 0))
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

    @staticmethod
    def _relay(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass                                # cut, or the other side is gone


def _reset(s):
    """Closes with RST.  shutdown first: it wakes the thread that reads from `s`."""
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        s.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    s.close()
