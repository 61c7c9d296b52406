"""Just enough of the transaction log's format to damage a chosen record."""

import struct
import zlib

HEADER = 16


def records(path):
    """[(offset, total length, zxid)] of the records that check out, in file order."""
    data = path.read_bytes()
    found, at = [], HEADER
    while at + 12 <= len(data):
        checksum, length = struct.unpack_from('>qi', data, at)
        end = at + 12 + length + 1
        if length <= 0 or end > len(data) or data[end - 1:end] != b'B':
            break
        txn = data[at + 12:at + 12 + length]
        if zlib.adler32(txn) != checksum:
            break
        found.append((at, end - at, struct.unpack_from('>q', txn, 12)[0]))
        at = end
    return found


def flip(path, offset):
    """Inverts one byte."""
    with open(path, 'r+b') as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ 0xFF]))


def flip_in_record(path, index):
    """Damages the body of the index-th record (negative: from the end)."""
    offset, length, _ = records(path)[index]
    flip(path, offset + length // 2)
