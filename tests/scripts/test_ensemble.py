#!/usr/bin/python3
"""`make run-ensemble`: tools/run/ensemble.py with a stand-in for paddockd that is what a file says."""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "tools/run/ensemble.py")

# Answers srvr on the port of its server line.  Its role stands in $ROLES/N; "die" ends it at once.
STAND_IN = r"""#!/usr/bin/python3
import os, re, signal, socket, sys
text = open(sys.argv[1]).read()
data = re.search(r"^dataDir=(.*)$", text, re.M).group(1)
number = open(data + "/myid").read().strip()
host, port = re.search(rf"^server\.{number}=.*;(.*):(\d+)$", text, re.M).groups()

def role():
    try:
        return open(os.path.join(os.environ["ROLES"], number)).read().strip()
    except OSError:
        return {"3": "leader", "4": "observer"}.get(number, "follower")

if role() == "die":
    sys.exit("this server cannot\nserve today")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("serving as", number, flush=True)
with socket.create_server((host, int(port))) as s:
    while True:
        c, _ = s.accept()
        with c:
            if c.recv(4) == b"srvr":
                now = role()
                c.sendall(f"Zookeeper version: 1\nMode: {now}\nNode count: 5\n".encode()
                          if now != "looking" else b"This ZooKeeper instance is not currently "
                          b"serving requests\n")
"""


def free_run(count):
    '''The first of so many free ports in a row.'''
    while True:
        sockets = []
        try:
            first = socket.create_server(("127.0.0.1", 0))
            sockets.append(first)
            port = first.getsockname()[1]
            for i in range(1, count):
                sockets.append(socket.create_server(("127.0.0.1", port + i)))
            return port
        except (OSError, OverflowError):
            continue
        finally:
            for s in sockets:
                s.close()


class Ensemble(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="pdk-ensemble-")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        os.mkdir(self.path("roles"))
        self.paddockd = self.path("paddockd")
        with open(self.paddockd, "w", encoding="utf-8") as f:
            f.write(STAND_IN)
        os.chmod(self.paddockd, 0o755)
        self.process = None
        self.said = ""

    def path(self, *names):
        return os.path.join(self.top, *names)

    def role(self, number, role):
        with open(self.path("roles/new"), "w", encoding="utf-8") as f:
            f.write(role)
        os.rename(self.path("roles/new"), self.path("roles", str(number)))

    def read(self, *names):
        with open(self.path(*names), encoding="utf-8") as f:
            return f.read()

    def start(self, *args):
        command = [sys.executable, PROGRAM, "--dir", "ens", "--paddockd", self.paddockd, *args]
        self.said = ""
        self.process = subprocess.Popen(command, cwd=self.top, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT,
                                        env={**os.environ, "ROLES": self.path("roles")})
        self.addCleanup(self.end)

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=60)
        elif self.process is not None:
            self.process.stdout.close()

    def wait_for(self, pattern):
        """Reads on until the output matches."""
        deadline = time.monotonic() + 60
        while not re.search(pattern, self.said, re.M):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, left))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                self.fail(f"no {pattern!r} in:\n{self.said}")
            self.said += piece.decode()
        return re.search(pattern, self.said, re.M)

    def finish(self, number=signal.SIGINT):
        if number:
            self.process.send_signal(number)
        self.said += self.process.communicate(timeout=60)[0].decode()
        return self.process.returncode

    def pids(self):
        return [int(p) for p in re.findall(r"^\d +\S+ +\S+ +(\d+) ", self.said, re.M)]

    def gone(self, pids):
        for pid in pids:
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)

    def ports(self):
        return [int(p) for p in re.findall(r";127\.0\.0\.1:(\d+)$", self.read("ens/server1/zoo.cfg"),
                                           re.M)]

    def test_four_servers_are_made_started_shown_and_stopped(self):
        self.start()
        self.wait_for("kill -9")
        for number, role in enumerate(("follower", "follower", "leader", "observer"), 1):
            self.assertRegex(self.said, rf"(?m)^{number} +{role} +127\.0\.0\.1:"
                             rf"{self.ports()[number - 1]} +\d+ +ens/server{number}/log$")
            self.assertEqual(self.read(f"ens/server{number}/data/myid"), f"{number}\n")
            self.assertEqual(self.read(f"ens/server{number}/log"), f"serving as {number}\n")
        self.assertIn("\nServer 3 leads.", self.said)
        config = self.read("ens/server4/zoo.cfg")
        self.assertEqual(len(re.findall(r"^server\.[123]=127\.0\.0\.1:\d+:\d+:participant;", config,
                                        re.M)), 3)
        self.assertEqual(len(re.findall(r"^server\.4=127\.0\.0\.1:\d+:\d+:observer;", config,
                                        re.M)), 1)
        self.assertIn(f"\ndataDir={os.path.realpath(self.path('ens/server4/data'))}\n",
                      config.replace(self.top, os.path.realpath(self.top)))
        numbers = re.findall(r":(\d+)", "".join(re.findall(r"^server.*$", config, re.M)))
        self.assertEqual(len(set(numbers)), 12)
        pids = self.pids()
        self.assertEqual(len(pids), 4)
        self.assertEqual(self.finish(), 0)
        self.gone(pids)
        self.assertTrue(self.said.endswith("All have stopped; data and logs stay in ens\n"))

    def test_whoever_leads_next_is_said(self):
        self.start()
        self.wait_for("kill -9")
        self.role(3, "looking")
        self.wait_for(r"^\d\d:\d\d:\d\d  server 3: looking$")
        self.role(1, "leader")
        self.wait_for(r"^\d\d:\d\d:\d\d  server 1: leads$")
        pid = self.pids()[2]
        os.kill(pid, signal.SIGKILL)
        self.wait_for(r"server 3 has ended with signal 9:\n  serving as 3\n  again: ")
        self.wait_for(r"server 3: no answer$")
        self.assertEqual(self.finish(signal.SIGTERM), 0)

    def test_a_second_run_takes_what_is_there(self):
        self.start()
        self.wait_for("kill -9")
        self.finish()
        configs = [self.read(f"ens/server{i}/zoo.cfg") for i in range(1, 5)]
        # As a reconfig leaves it: the members in a file of their own.
        members = re.findall(r"^server\..*\n", configs[0], re.M)
        with open(self.path("members"), "w", encoding="utf-8") as f:
            f.writelines(members)
        with open(self.path("ens/server1/zoo.cfg"), "w", encoding="utf-8") as f:
            f.write(f"# dynamicConfigFile=/nowhere\ndynamicConfigFile={self.path('members')}\n" +
                    configs[0])
        self.start()
        self.wait_for("kill -9")
        for i in range(2, 5):
            self.assertEqual(self.read(f"ens/server{i}/zoo.cfg"), configs[i - 1])
        self.assertEqual(self.read("ens/server2/log"), "serving as 2\n" * 2)
        self.finish()
        self.start("--port", "2281")
        self.assertEqual(self.finish(None), 2)
        self.assertIn("ens has its ports already", self.said)

    def test_taken_ports_are_refused_with_their_holder(self):
        port = free_run(4)
        with socket.create_server(("127.0.0.1", port + 2)):
            self.start("--port", str(port))
            self.assertEqual(self.finish(None), 2)
        self.assertIn(f"Port {port + 2} is taken by process {os.getpid()} (", self.said)
        self.assertIn("make run-ensemble PORT=", self.said)
        self.assertFalse(os.path.exists(self.path("ens")))

        self.start("--port", str(port))
        self.wait_for("kill -9")
        self.assertEqual(self.ports(), [port, port + 1, port + 2, port + 3])
        self.finish()
        with socket.create_server(("127.0.0.1", port + 1)):
            self.start()
            self.assertEqual(self.finish(None), 2)
        self.assertIn(f"Port {port + 1} of the ensemble in ens is taken by process {os.getpid()} (",
                      self.said)
        self.assertIn("make run-ensemble DIR=", self.said)

    def test_a_port_or_folder_that_cannot_be_is_refused(self):
        self.start("--port", "65534")
        self.assertEqual(self.finish(None), 2)
        self.assertIn("PORT=65534 is no port", self.said)
        os.mkdir(self.path("ens"))
        with open(self.path("ens/thesis.tex"), "w", encoding="utf-8"):
            pass
        self.start()
        self.assertEqual(self.finish(None), 2)
        self.assertIn("ens is not empty and holds no ensemble", self.said)
        self.assertEqual(os.listdir(self.path("ens")), ["thesis.tex"])

    def test_a_server_that_does_not_start_stops_all_and_shows_why(self):
        self.role(2, "die")
        self.start()
        self.assertEqual(self.finish(None), 1)
        self.assertRegex(self.said, r"server 2 has ended with exit code 1:\n"
                         r"  this server cannot\n  serve today\nServer 2 did not start; see "
                         r"ens/server2/log\n")
        self.assertTrue(self.said.endswith("All have stopped; data and logs stay in ens\n"))

    def test_when_all_have_ended_so_does_the_script(self):
        self.start()
        self.wait_for("kill -9")
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.finish(None), 1)
        self.assertIn("No server is left.", self.said)


if __name__ == "__main__":
    unittest.main()
