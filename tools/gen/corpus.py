#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets request, txn, frame and path in tests/fuzz/corpus/.

The records' seeds are the samples of src/jute/testdata/samples.txt; the others are listed here.
Files that are there already stay: findings of a run may be added by hand.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "src/jute/testdata/samples.txt"
CORPUS = ROOT / "tests/fuzz/corpus"

TXN_TYPES = {"create_txn": 1, "create_txn_v0": 1, "delete_txn": 2, "set_data_txn": 5,
             "set_acl_txn": 7, "check_version_txn": 13, "multi_txn": 14,
             "create_container_txn": 19, "create_ttl_txn": 21, "create_session_txn": -10,
             "close_session_txn": -11, "error_txn": -1}
DIGEST = bytes.fromhex("000000020000000178154df9")

FRAMES = {"empty": b"", "empty_frame": bytes(4), "ping": bytes.fromhex("00000008fffffffe0000000b"),
          "two": bytes.fromhex("00000001610000000362") + b"cd", "negative": b"\xff\xff\xff\xff",
          "too_long": bytes.fromhex("00100000") + b"xx", "ruok": b"ruok", "stmk": b"stmk12345678",
          "telnet_close": b"\xff\xf4\xff\xfd", "whitelist": b"stat, ruok,*,nope,srvr"}
PATHS = {"root": "/", "child": "/a", "deep": "/a/b/c", "slash_end": "/a/", "double": "/a//b",
         "dot": "/a/./b", "dots": "/a/../b", "three_dots": "/...", "relative": "a", "empty": "",
         "two_bytes": "/\u00e9", "three_bytes": "/\u65e5/\u672c", "four_bytes": "/\U0001f600",
         "control": "/a\u0001", "c1_control": "/\u0085", "private": "/\uf000", "last": "/\uffef"}


def samples():
    for line in SAMPLES.read_text().splitlines():
        if line and not line.startswith("#"):
            name, rest = line.split(":", 1)
            tokens = re.findall(r'"([^"]*)"|([0-9a-f]+)', rest)
            yield name, b"".join(bytes.fromhex(h) if h else t.encode() for t, h in tokens)


def txn(name, body):
    head = bytes.fromhex("0100000dcf490000" "00000007" "0000000100000001" "000001a1f8d84d0d")
    kind = TXN_TYPES[name].to_bytes(4, "big", signed=True)
    return head + kind + body + (DIGEST if TXN_TYPES[name] != -1 else b"")


def seeds():
    numbers = {}
    for name, body in samples():
        numbers[name] = numbers.get(name, 0) + 1
        yield f"request/{name}-{numbers[name]}", body
        if name in TXN_TYPES:
            yield f"txn/{name}-{numbers[name]}", txn(name, body)
    for name, data in FRAMES.items():
        yield f"frame/{name}", data
    for name, text in PATHS.items():
        yield f"path/{name}", text.encode()


def main():
    for name, data in seeds():
        path = CORPUS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(data)


if __name__ == "__main__":
    main()
