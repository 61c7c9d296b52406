"""A TCP relay between a client and a server that misbehaves on command.

Clients reach the server through `Wire.port`.  The test programs, written in other
languages, steer it over `Control.port`: one command per line, each answered by one line,
`ok` or `error REASON`.

    cut      close every connection, and close new ones as soon as they are accepted
    heal     let connections through again
    drop     close every connection once; new ones work at once
    freeze   keep connections open and accept new ones, but carry no byte
    thaw     carry bytes again, those held back first
    hold     freeze, and close every connection that there is
    bounce   kill -9 the server and start it again on the same data and port (stage.py)

Threads: one per direction of each connection; all are daemons and end with their sockets.
"""
import socket
import threading


class Wire:
    def __init__(self, server_port):
        self._server_port = server_port
        self._lock = threading.Lock()
        self._pairs = set()
        self._open_for_new = True
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        with self._lock:
            self._open_for_new = False
        self.drop()

    def heal(self):
        with self._lock:
            self._open_for_new = True

    def drop(self):
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _close(*pair)

    def freeze(self):
        self._flowing.clear()

    def thaw(self):
        self._flowing.set()

    def hold(self):
        self.freeze()
        self.drop()

    def close(self):
        _close(self._listener)
        self.drop()
        self._flowing.set()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        with self._lock:
            wanted = self._open_for_new
        if not wanted:
            _close(client)
            return
        try:
            server = socket.create_connection(('127.0.0.1', self._server_port))
        except OSError:
            _close(client)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            if not self._open_for_new:
                _close(client, server)
                return
            self._pairs.add((client, server))
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink, (client, server)),
                             daemon=True).start()

    def _pump(self, source, sink, pair):
        try:
            while True:
                data = source.recv(65536)
                self._flowing.wait()
                if not data:
                    break
                sink.sendall(data)
        except OSError:
            pass
        with self._lock:
            self._pairs.discard(pair)
        _close(*pair)


class Control:
    """Takes the commands of the test program and hands them to `carry_out(word)`."""

    def __init__(self, carry_out):
        self._carry_out = carry_out
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        _close(self._listener)

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with peer, peer.makefile('rw') as lines:
            for line in lines:
                lines.write(self._carry_out(line.strip()) + '\n')
                lines.flush()


def _close(*ends):
    for end in ends:
        try:
            # Wakes a thread that is blocked on the socket; close alone does not.
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()
