#!/usr/bin/python3
"""Exchanges the server program under one member of a running ensemble, and takes it back if it fails.

  member.py check CONFIG
  member.py swap CONFIG --stop COMMAND --start COMMAND [--undo COMMAND] [--timeout SECONDS]

CONFIG is the zoo.cfg of the member on this machine.  `check` asks every member what it is, says in
which order to go, and changes nothing.  `swap` refuses unless the whole ensemble serves; it runs the
stop command, then the start command, and waits until this member serves again with all that was
committed before.  If it does not, the undo command (stop the new program, start the old one) runs.
Only the word `srvr` is used, which every server answers unless it was taken from the whitelist.

Exit codes: 0 done; 1 the ensemble is not whole, nothing was changed; 2 arguments or config;
3 the new program did not serve in time and the undo command has run; 4 that failed, too.
"""
import argparse
import dataclasses
import os
import re
import socket
import subprocess
import sys
import time

ASK_S = 3.0                 # for one answer
LOOK_EVERY_S = 0.2
SERVING = ("leader", "follower", "observer")


class Trouble(Exception):
    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


@dataclasses.dataclass
class Member:
    id: int
    host: str
    port: int               # of clients
    votes: bool
    mode: str = None        # leader, follower, ...; None: it does not serve
    zxid: int = 0

    def ask(self):
        """Reads what the member says of itself."""
        self.mode = None
        try:
            with socket.create_connection((self.host, self.port), ASK_S) as s:
                s.settimeout(ASK_S)
                s.sendall(b"srvr")
                answer = b""
                while piece := s.recv(4096):
                    answer += piece
        except OSError:
            return
        mode = re.search(rb"^Mode: (\S+)", answer, re.M)
        zxid = re.search(rb"^Zxid: 0x([0-9a-f]+)", answer, re.M)
        if mode and zxid:
            self.mode = mode.group(1).decode("ascii", "replace")
            self.zxid = int(zxid.group(1), 16)


# ---- the config --------------------------------------------------------------------------------------

def settings_of(path):
    """{key: value} of a config and of the dynamic file that it names."""
    found = {}
    try:
        with open(path, encoding="utf-8") as f:
            for line in f:
                key, separator, value = line.strip().partition("=")
                if separator and not key.startswith("#"):
                    found[key.strip()] = value.strip()
    except OSError as e:
        raise Trouble(f"{path} cannot be read: {e.strerror}", 2) from None
    more = found.pop("dynamicConfigFile", None)
    return {**found, **settings_of(more)} if more else found


def member_of(number, line, settings):
    """The member of a line server.N=host:port:port[:role][;[host:]clientport]."""
    servers, _, client = line.partition(";")
    first = servers.split("|")[0]
    parts = re.fullmatch(r"(\[[^\]]*\]|[^:]+):\d+:\d+(?::(\w+))?", first)
    if not parts:
        raise Trouble(f"server.{number}={line} is not understood", 2)
    host, role = parts.group(1).strip("[]"), parts.group(2)
    port = client.rpartition(":")[2] or settings.get("clientPort")
    if not port or not port.isdigit():
        raise Trouble(f"neither server.{number} nor clientPort tells where its clients connect", 2)
    where = client.rpartition(":")[0].strip("[]")
    if where and where not in ("0.0.0.0", "::"):
        host = where
    return Member(number, host, int(port), role != "observer")


def read_config(path):
    """(members, the one of this machine)."""
    settings = settings_of(path)
    members = [member_of(int(key.partition(".")[2]), value, settings)
               for key, value in settings.items() if re.fullmatch(r"server\.\d+", key)]
    if len(members) < 3:
        raise Trouble(f"{path} names {len(members)} servers: with fewer than three, exchanging one "
                      "is an outage", 2)
    myid = os.path.join(settings.get("dataDir", "."), "myid")
    try:
        with open(myid, encoding="ascii") as f:
            own = int(f.read())
    except (OSError, ValueError):
        raise Trouble(f"{myid} does not hold the number of this member", 2) from None
    here = next((m for m in members if m.id == own), None)
    if here is None:
        raise Trouble(f"{myid} says {own}, but there is no server.{own}", 2)
    return sorted(members, key=lambda m: m.id), here


# ---- the ensemble ------------------------------------------------------------------------------------

def say(text):
    print(text, flush=True)


def table(members, here):
    say(f"{'id':<4}{'clients':<24}{'votes':<7}{'mode':<12}zxid")
    for m in members:
        mark = "  <- this one" if m is here else ""
        say(f"{m.id:<4}{f'{m.host}:{m.port}':<24}{'yes' if m.votes else 'no':<7}"
            f"{m.mode or 'silent':<12}{f'{m.zxid:#x}' if m.mode else '-'}{mark}")


def whole(members):
    """None if every member serves and one of them leads; else what is wrong."""
    for m in members:
        m.ask()
    silent = [str(m.id) for m in members if m.mode not in SERVING]
    if silent:
        return f"not serving: server {', '.join(silent)}"
    leaders = [m for m in members if m.mode == "leader"]
    if len(leaders) != 1:
        return f"{len(leaders)} members say that they lead"
    return None


def order(members):
    """Observers, then followers, the leader last: so that leadership moves once."""
    rank = {"observer": 0, "follower": 1, "leader": 2}
    return sorted(members, key=lambda m: (rank.get(m.mode, 3), m.id))


def run(command):
    say(f"+ {command}")
    return subprocess.run(command, shell=True, check=False).returncode


def wait_back(members, here, zxid, timeout):
    """Until all serve and this one holds what was committed; returns what is missing, or None."""
    deadline = time.monotonic() + timeout
    while True:
        why = whole(members)
        if why is None and here.zxid < zxid:
            why = f"this member is at {here.zxid:#x}, {zxid:#x} was committed before"
        if why is None or time.monotonic() > deadline:
            return why
        time.sleep(LOOK_EVERY_S)


# ---- commands ----------------------------------------------------------------------------------------

def check(members, here, _options):
    why = whole(members)
    table(members, here)
    if why:
        raise Trouble(f"The ensemble is not whole ({why}): mend that first.", 1)
    say("Exchange them in this order: " + ", ".join(str(m.id) for m in order(members)))


def swap(members, here, options):
    why = whole(members)
    table(members, here)
    if why:
        raise Trouble(f"Nothing was changed, the ensemble is not whole: {why}.", 1)
    zxid = next(m for m in members if m.mode == "leader").zxid
    begin = time.monotonic()
    if run(options.stop) != 0:
        raise Trouble("The stop command failed: see what runs now, and start it again.", 4)
    code = run(options.start)
    why = f"the start command ended with {code}" if code else \
        wait_back(members, here, zxid, options.timeout)
    if why is None:
        table(members, here)
        say(f"Server {here.id} serves again after {time.monotonic() - begin:.1f} s.")
        return
    if not options.undo:
        raise Trouble(f"Server {here.id} does not serve: {why}.  No undo command was given.", 4)
    say(f"Server {here.id} does not serve: {why}.  Taking it back.")
    code = run(options.undo)
    back = f"it ended with {code}" if code else wait_back(members, here, zxid, options.timeout)
    if back:
        raise Trouble(f"The undo command did not help: {back}.", 4)
    raise Trouble(f"Taken back; server {here.id} serves with the old program.", 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("check", "swap"):
        sub = commands.add_parser(name)
        sub.add_argument("config")
        if name == "swap":
            sub.add_argument("--stop", required=True, help="ends the program that runs now")
            sub.add_argument("--start", required=True, help="starts the other one")
            sub.add_argument("--undo", help="ends the other one and starts the first again")
            sub.add_argument("--timeout", type=float, default=120.0,
                             help="seconds until it must serve (default: %(default)s)")
    options = parser.parse_args()
    try:
        members, here = read_config(options.config)
        {"check": check, "swap": swap}[options.command](members, here, options)
    except Trouble as trouble:
        print(trouble, file=sys.stderr, flush=True)
        return trouble.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
