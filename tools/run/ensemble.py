#!/usr/bin/python3
"""Three voters and an observer on this machine: makes their configs, starts them, says who leads.

  ensemble.py [--dir FOLDER] [--port N] [--paddockd PROGRAM]

The first run makes FOLDER (./ensemble) with one folder per server: zoo.cfg, data, log.  Later runs take
what is there, data and ports alike.  --port N: clients connect to N and the three ports behind it.
Ctrl-C stops the servers; FOLDER stays.

Exit codes: 0 stopped on demand; 1 a server did not start, or all have ended; 2 arguments, a folder
that is something else, a port that is taken.
"""
import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOST = "127.0.0.1"
VOTERS, SERVERS = 3, 4
LOOK_EVERY_S = 0.2
START_S = 60                    # until everybody has a role
STOP_S = 15                     # until a server is killed that does not stop
FIRST_PORTS = (2181, 2888, 3888)    # of clients, quorum, elections; if they are free

CONFIG = """# Server {id} of {count} on this machine, made by `make run-ensemble`.
tickTime=2000
initLimit=10
syncLimit=5
dataDir={data}
{lines}
# Nobody watches the disk of servers that were started to be tried.
autopurge.purgeInterval=1
autopurge.snapRetainCount=3

# hand: the leader hands over to a follower.  Words that change something are not in *.
4lw.commands.whitelist=*, hand
"""


class Trouble(Exception):
    """Something to be said in one paragraph; `code` is the exit code."""

    def __init__(self, text, code=2):
        super().__init__(text)
        self.code = code


# ---- ports -----------------------------------------------------------------------------------------

def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return False
        return True


def holder_of(port):
    """The process that listens on a port, as far as this user may know."""
    inodes = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name, encoding="ascii") as f:
                rows = [line.split() for line in f][1:]
        except OSError:
            continue
        inodes |= {"socket:[%s]" % r[9] for r in rows
                   if r[3] == "0A" and int(r[1].rsplit(":", 1)[1], 16) == port}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            links = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            if links & inodes:
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
                    return f"process {pid} ({f.read().strip()})"
        except OSError:
            continue
    return "another process"


def any_free(count):
    """Ports that the system chooses, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind((HOST, 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def choose_ports(first_client):
    """(client, quorum, election) of each server."""
    kinds = [[first + i for i in range(SERVERS)] for first in FIRST_PORTS]
    if first_client is not None:
        kinds[0] = [first_client + i for i in range(SERVERS)]
        for port in kinds[0]:
            if not is_free(port):
                raise Trouble(f"Port {port} is taken by {holder_of(port)}.\n"
                              f"Choose others, as make run-ensemble PORT={other_port(port)}")
    others = any_free(SERVERS * len(kinds))
    for kind, ports in enumerate(kinds):
        if not all(map(is_free, ports)):
            kinds[kind] = others[kind * SERVERS:(kind + 1) * SERVERS]
    return list(zip(*kinds))


def other_port(port):
    return port + 100 if port < 65000 else 2281


# ---- folders ---------------------------------------------------------------------------------------

class Server:
    def __init__(self, top, number):
        self.id = number
        self.folder = os.path.join(top, f"server{number}")
        self.config = os.path.join(self.folder, "zoo.cfg")
        self.log = os.path.join(self.folder, "log")
        self.ports = ()         # of clients, quorum, elections
        self.process = None
        self.role = None        # None: no answer

    def is_voter(self):
        return self.id <= VOTERS

    def line(self):
        client, quorum, election = self.ports
        role = "participant" if self.is_voter() else "observer"
        return f"server.{self.id}={HOST}:{quorum}:{election}:{role};{HOST}:{client}\n"

    def make(self, lines):
        data = os.path.join(self.folder, "data")
        os.makedirs(data)
        with open(os.path.join(data, "myid"), "w", encoding="ascii") as f:
            f.write(f"{self.id}\n")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(id=self.id, count=SERVERS, data=os.path.abspath(data), lines=lines))

    def start(self, program):
        with open(self.log, "ab") as log:
            # A group of its own: Ctrl-C is for this script, which stops them in order.
            self.process = subprocess.Popen([program, self.config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)

    def ask(self):
        """What it says that it is: leader, follower, observer, ...; None without an answer."""
        try:
            with socket.create_connection((HOST, self.ports[0]), 1) as s:
                s.settimeout(1)
                s.sendall(b"srvr")
                answer = b""
                while piece := s.recv(4096):
                    answer += piece
        except OSError:
            return None
        mode = re.search(rb"^Mode: (.*)$", answer, re.M)
        return mode.group(1).decode("ascii", "replace") if mode else "looking"

    def last_words(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return "".join("  " + line for line in f.readlines()[-3:])
        except OSError:
            return ""


def settings_of(path):
    """The settings of one of our configs, with those of the file that holds its members."""
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            key, separator, value = line.strip().partition("=")
            if separator and not key.startswith("#"):
                found[key] = value
    more = found.pop("dynamicConfigFile", None)
    return {**found, **settings_of(more)} if more else found


def open_folder(top, first_client):
    """Servers as they were, or new ones."""
    servers = [Server(top, i + 1) for i in range(SERVERS)]
    if not os.path.exists(servers[0].config):
        if os.path.exists(top) and os.listdir(top):
            raise Trouble(f"{top} is not empty and holds no ensemble; name another folder: "
                          "make run-ensemble DIR=...")
        for server, ports in zip(servers, choose_ports(first_client)):
            server.ports = ports
        lines = "".join(s.line() for s in servers)
        for server in servers:
            server.make(lines)
        return servers
    if first_client is not None:
        raise Trouble(f"{top} has its ports already; remove it (its data, too), or name another "
                      "folder: make run-ensemble DIR=...")
    settings = settings_of(servers[0].config)
    for server in servers:
        line = re.fullmatch(r"[^:]+:(\d+):(\d+)[^;]*;(?:.*:)?(\d+)",
                            settings.get(f"server.{server.id}", ""))
        if not line:
            raise Trouble(f"{servers[0].config} has no line server.{server.id} with a client port")
        server.ports = (int(line.group(3)), int(line.group(1)), int(line.group(2)))
    for port in (p for s in servers for p in s.ports):
        if not is_free(port):
            raise Trouble(f"Port {port} of the ensemble in {top} is taken by {holder_of(port)}.\n"
                          "Stop that, or have another ensemble: make run-ensemble DIR=...")
    return servers


# ---- running ---------------------------------------------------------------------------------------

def say(text):
    print(text, flush=True)


def table(servers):
    say(f"\n{'id':<4}{'role':<13}{'clients':<18}{'process':<10}log")
    for s in servers:
        say(f"{s.id:<4}{s.role or 'no answer':<13}{f'{HOST}:{s.ports[0]}':<18}"
            f"{s.process.pid:<10}{os.path.relpath(s.log)}")


class Watch:
    """Running servers, and what has been said of them."""

    def __init__(self, servers, program):
        self.servers = servers
        self.program = program
        self.complete = False   # the table has been shown
        self.ended = set()

    def look(self):
        """Asks everybody, and says what has changed once the table has been shown."""
        for s in self.servers:
            role = s.ask()
            if role == s.role:
                continue
            s.role = role
            if self.complete:
                what = "leads" if role == "leader" else role or "no answer"
                say(f"{time.strftime('%H:%M:%S')}  server {s.id}: {what}")

    def bury(self):
        """Says whose process has ended."""
        for s in self.servers:
            code = s.process.poll()
            if code is None or s in self.ended:
                continue
            self.ended.add(s)
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            say(f"{time.strftime('%H:%M:%S')}  server {s.id} has ended with {how}:\n"
                f"{s.last_words().rstrip()}")
            if not self.complete:
                raise Trouble(f"Server {s.id} did not start; see {os.path.relpath(s.log)}", 1)
            say(f"  again: {os.path.relpath(self.program)} {os.path.relpath(s.config)}")
        if len(self.ended) == len(self.servers):
            raise Trouble("No server is left.", 1)

    def is_complete(self):
        roles = [s.role for s in self.servers]
        return roles.count("leader") == 1 and not set(roles) & {None, "looking"}

    def introduce(self):
        hosts = ",".join(f"{HOST}:{s.ports[0]}" for s in self.servers)
        leader = next(s for s in self.servers if s.role == "leader")
        table(self.servers)
        say(f"\nServer {leader.id} leads.  Ctrl-C stops all.  Talk to them:\n\n"
            f"  with a shell       echo srvr | nc {HOST} {self.servers[0].ports[0]}\n"
            f"  with Apache's      /usr/share/zookeeper/bin/zkCli.sh -server {hosts}\n"
            f"  another leader     echo hand | nc {HOST} {leader.ports[0]}\n"
            f"  a lost leader      kill -9 {leader.process.pid}\n")

    def run(self):
        deadline = time.monotonic() + START_S
        while True:
            self.bury()
            self.look()
            if not self.complete and self.is_complete():
                self.complete = True
                self.introduce()
            if not self.complete and time.monotonic() > deadline:
                table(self.servers)
                raise Trouble(f"No leader of them all within {START_S} s; see the logs.", 1)
            time.sleep(LOOK_EVERY_S)


def stop(servers):
    running = [s for s in servers if s.process is not None and s.process.poll() is None]
    for s in running:
        s.process.terminate()
    deadline = time.monotonic() + STOP_S
    for s in running:
        try:
            s.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"server {s.id} does not stop: killed")
            s.process.kill()
            s.process.wait()


def on_signal(number, frame):
    del number, frame
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--dir", default="ensemble")
    parser.add_argument("--port", type=int)
    parser.add_argument("--paddockd", default=os.path.join(ROOT, "build/bin/paddockd"))
    args = parser.parse_args()
    program = os.path.abspath(args.paddockd)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    servers = []
    try:
        if args.port is not None and not 1 <= args.port <= 65536 - SERVERS:
            raise Trouble(f"PORT={args.port} is no port; for example: make run-ensemble PORT=2281")
        servers = open_folder(args.dir, args.port)
        say(f"Starting {VOTERS} voters and {SERVERS - VOTERS} observer in {args.dir}")
        for s in servers:
            s.start(program)
        Watch(servers, program).run()
    except Trouble as trouble:
        print(trouble, file=sys.stderr, flush=True)
        return trouble.code
    except KeyboardInterrupt:
        say("\nStopping")
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stop(servers)
        if servers:
            say(f"All have stopped; data and logs stay in {args.dir}")


if __name__ == "__main__":
    sys.exit(main())
