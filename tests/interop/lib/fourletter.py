"""Four-letter words: ask, and take the answers apart."""

import socket


def ask_bytes(address, word, timeout_s=5.0):
    """Sends `word` (str or raw bytes) and reads until the server closes."""
    raw = word.encode() if isinstance(word, str) else word
    parts = []
    with socket.create_connection(address, timeout=timeout_s) as s:
        try:
            s.sendall(raw)
            while part := s.recv(65536):
                parts.append(part)
        except (BrokenPipeError, ConnectionResetError):
            pass            # a server that closes with bytes unread resets; same meaning
    return b''.join(parts)


def ask(address, word, timeout_s=5.0):
    return ask_bytes(address, word, timeout_s).decode('utf-8', 'replace')


def mntr(address):
    """{name: text of the value} of `mntr`."""
    pairs = (line.split('\t', 1) for line in ask(address, 'mntr').splitlines())
    return {p[0]: p[1] for p in pairs if len(p) == 2}


def key_values(text, separator='='):
    """{key: value} of lines like those of `conf`, `envi` and `srvr`."""
    out = {}
    for line in text.splitlines():
        if separator in line:
            key, value = line.split(separator, 1)
            out[key] = value.strip()
    return out
