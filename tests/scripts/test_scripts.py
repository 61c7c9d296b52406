#!/usr/bin/python3
"""The scripts of bin/ and the small tools behind them.

With a stand-in for paddockd: what reaches it.  With the real one: words and exit codes.  And the same
steps with Apache's own zkServer.sh, where Debian's zookeeper is installed: equal transcripts.

PADDOCKD names the server to use; default build/bin/paddockd.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PADDOCKD = os.environ.get("PADDOCKD", os.path.join(ROOT, "build/bin/paddockd"))
APACHE_SCRIPT = "/usr/share/zookeeper/bin/zkServer.sh"
APACHE_JAR = "/usr/share/java/zookeeper.jar"

STAND_IN = """#!/bin/bash
if [[ $1 == --version ]]; then
    echo "paddockd 3.9.5-paddock-9.9.9, built on 11/20/2026 12:00 UTC"
    exit 0
fi
printf '%s\\n' "$@" >"$ARGS_FILE"
echo "$$" >"$ARGS_FILE.pid"
if [[ -n $DIE ]]; then
    echo "cannot serve"
    exit 3
fi
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tool(name):
    """A tool beside the server under test, or of the release build."""
    beside = os.path.join(os.path.dirname(PADDOCKD), name)
    return beside if os.path.exists(beside) else os.path.join(ROOT, "build/bin", name)


class Place(unittest.TestCase):
    """A folder with conf/, data/, logs/ and bin/, and a clean environment."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="pdk-scripts-")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        for name in ("conf", "logs", "programs"):
            os.mkdir(self.path(name))
        self.port = free_port()
        self.env = {k: os.environ[k] for k in ("PATH", "HOME", "ASAN_OPTIONS") if k in os.environ}
        self.env.update(PADDOCK_BIN=self.path("programs"), ZOO_LOG_DIR=self.path("logs"),
                        USER="tester", LC_ALL="C", TZ="UTC")

    def path(self, *names):
        return os.path.join(self.top, *names)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def config(self, more=""):
        return self.write("conf/zoo.cfg", f"tickTime=2000\ndataDir={self.path('data')}\n"
                          f"clientPort={self.port}\nclientPortAddress=127.0.0.1\n{more}")

    def run_script(self, name, *args, script_dir=None, env=None):
        script = os.path.join(script_dir or os.path.join(ROOT, "bin"), name)
        return subprocess.run([script, *args], env={**self.env, **(env or {})}, text=True,
                              capture_output=True, timeout=60, check=False, cwd=self.top)

    def server(self, *args, **options):
        return self.run_script("zkServer.sh", "--config", self.path("conf"), *args, **options)

    def expect(self, done, code, out=None, err=None):
        told = f"exit {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
        self.assertEqual(done.returncode, code, told)
        if out is not None:
            self.assertEqual(done.stdout, out, told)
        if err is not None:
            self.assertIn(err, done.stderr, told)


class WithStandIn(Place):
    """What the scripts make of their surroundings; paddockd is a script that notes its arguments."""

    def setUp(self):
        super().setUp()
        self.write("programs/paddockd", STAND_IN, 0o755)
        self.env["ARGS_FILE"] = self.path("args")
        self.config()
        self.addCleanup(self.kill_stand_in)

    def kill_stand_in(self):
        if os.path.exists(self.path("args.pid")):
            try:
                os.kill(int(self.read("args.pid")), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def args(self):
        return self.read("args").splitlines()

    def test_settings_in_the_flags_reach_the_server_and_jvm_options_do_not(self):
        self.write("conf/java.env", 'export JVMFLAGS="-Xmx2g -Dzookeeper.snapCount=7 -server"\n')
        flags = ("-XX:+UseG1GC -Djute.maxbuffer=99 -Djava.net.preferIPv4Stack=true -cp /x.jar "
                 "-Dzookeeper.4lw.commands.whitelist=* -Dcom.sun.management.jmxremote "
                 "-Dzookeeper.root.logger=INFO,CONSOLE -Dlog4j.configuration=file:/x -ea")
        done = self.server("start-foreground", env={"SERVER_JVMFLAGS": flags, "DIE": "1"})
        self.expect(done, 3, "cannot serve\n", f"Using config: {self.path('conf')}/zoo.cfg\n")
        self.assertEqual(self.args(), ["-Djute.maxbuffer=99", "-Dzookeeper.4lw.commands.whitelist=*",
                                       "-Dzookeeper.snapCount=7", f"{self.path('conf')}/zoo.cfg"])

    def test_the_environment_file_is_sourced(self):
        self.write("conf/zookeeper-env.sh", f"ZOOPIDFILE={self.path('run/here.pid')}\nZOOCFG=b.cfg\n")
        os.rename(self.path("conf/zoo.cfg"), self.path("conf/b.cfg"))
        self.expect(self.server("start"), 0, "Starting zookeeper ... STARTED\n")
        self.assertEqual(self.read("run/here.pid"), self.read("args.pid").strip())
        self.assertEqual(self.args(), [self.path("conf/b.cfg")])
        self.expect(self.server("stop"), 0, "Stopping zookeeper ... STOPPED\n")

    def test_a_file_name_lies_in_the_config_folder_and_a_path_is_itself(self):
        self.write("conf/other.cfg", f"dataDir={self.path('data')}\n")
        elsewhere = self.write("else.cfg", f"dataDir={self.path('data')}\n")
        for given, want in (("other.cfg", self.path("conf/other.cfg")), (elsewhere, elsewhere),
                            ("./else.cfg", "./else.cfg")):
            done = self.server("start-foreground", given, env={"DIE": "1"})
            self.expect(done, 3, None, f"Using config: {want}\n")
            self.assertEqual(self.args(), [want])

    def test_foreground_becomes_the_server_unless_told_not_to(self):
        for noexec, same in (("", True), ("1", False)):
            p = subprocess.Popen([os.path.join(ROOT, "bin/zkServer.sh"), "--config",
                                  self.path("conf"), "start-foreground"],
                                 env={**self.env, "ZOO_NOEXEC": noexec}, cwd=self.top,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 20
            while not os.path.exists(self.path("args.pid")):
                self.assertLess(time.monotonic(), deadline, "the stand-in was not started")
                time.sleep(0.01)
            while not (pid := self.read("args.pid").strip()):
                time.sleep(0.01)
            self.assertEqual(int(pid) == p.pid, same)
            os.kill(int(pid), signal.SIGTERM)
            self.assertEqual(p.wait(20), 0)
            os.unlink(self.path("args.pid"))

    def test_print_cmd_shows_what_start_would_run(self):
        done = self.server("print-cmd", env={"JVMFLAGS": "-Dzookeeper.snapCount=7 -Xms1g"})
        out = f"{self.path('logs')}/zookeeper-tester-server-{socket.gethostname()}.out"
        self.expect(done, 0, f'"{self.path("programs")}/paddockd" "-Dzookeeper.snapCount=7" '
                    f'"{self.path("conf")}/zoo.cfg" > "{out}" 2>&1 < /dev/null\n')
        self.assertFalse(os.path.exists(self.path("args")))

    def test_version_has_the_words_of_apache(self):
        self.expect(self.server("version"), 0,
                    "Apache ZooKeeper, version 3.9.5-paddock-9.9.9 11/20/2026 12:00 UTC\n")

    def test_anything_else_is_answered_with_the_usage_and_code_0(self):
        for args in (["dance"], []):
            done = self.run_script("zkServer.sh", *args)
            self.expect(done, 0, "", "zkServer.sh [--config <conf-dir>] {start|start-foreground|stop"
                        "|version|restart|status|print-cmd}\n")

    def test_missing_folders_are_an_error_when_they_may_not_be_created(self):
        env = {"ZOO_DATADIR_AUTOCREATE_DISABLE": "1", "DIE": "1"}
        self.expect(self.server("start", env=env), 1, "ZooKeeper data directory is missing at "
                    f"{self.path('data')} fix the path or run initialize\n")
        os.makedirs(self.path("data/version-2"))
        self.config(f"dataLogDir={self.path('log')}\n")
        self.expect(self.server("start", env=env), 1, "ZooKeeper txnlog directory is missing at "
                    f"{self.path('log')} fix the path or run initialize\n")
        os.makedirs(self.path("log/version-2"))
        self.expect(self.server("start-foreground", env=env), 3)
        self.assertEqual(self.args()[0], "-Dzookeeper.datadir.autocreate=false")

    def test_a_server_that_dies_failed_to_start_and_its_last_words_are_shown(self):
        done = self.server("start", env={"DIE": "1"})
        self.expect(done, 1, "Starting zookeeper ... FAILED TO START\n", "cannot serve\n")

    def test_a_config_that_is_not_there_starts_nothing(self):
        os.unlink(self.path("conf/zoo.cfg"))
        self.expect(self.server("start"), 1, "Starting zookeeper ... FAILED TO START\n",
                    "zoo.cfg cannot be read\n")
        self.assertFalse(os.path.exists(self.path("args")))
        done = self.server("stop")
        self.expect(done, 0, "Stopping zookeeper ... no zookeeper to stop (could not find file "
                    "/zookeeper_server.pid)\n")

    def test_without_the_program_the_way_out_is_named(self):
        os.unlink(self.path("programs/paddockd"))
        bare = self.path("prefix")
        shutil.copytree(os.path.join(ROOT, "bin"), os.path.join(bare, "bin"))
        done = self.run_script("zkServer.sh", "--config", self.path("conf"), "start",
                               script_dir=os.path.join(bare, "bin"))
        self.expect(done, 1, "Starting zookeeper ... FAILED TO START\n",
                    "Error: paddockd could not be found; run make first, or set PADDOCK_BIN")

    def test_it_works_from_an_installed_prefix_and_through_links(self):
        for programs in ("bin", "sbin"):
            prefix = self.path("prefix-" + programs)
            shutil.copytree(os.path.join(ROOT, "bin"), os.path.join(prefix, "bin"))
            os.makedirs(os.path.join(prefix, programs), exist_ok=True)
            os.makedirs(os.path.join(prefix, "etc/zookeeper"))
            shutil.copy(self.path("programs/paddockd"), os.path.join(prefix, programs))
            shutil.copy(self.path("conf/zoo.cfg"), os.path.join(prefix, "etc/zookeeper"))
            links = self.path("links-" + programs)
            os.mkdir(links)
            os.symlink(os.path.join(prefix, "bin/zkServer.sh"), os.path.join(links, "zkServer.sh"))
            for folder in (os.path.join(prefix, "bin"), links):
                done = self.run_script("zkServer.sh", "start-foreground", script_dir=folder,
                                       env={"PADDOCK_BIN": "", "DIE": "1"})
                self.expect(done, 3)
                self.assertEqual(os.path.realpath(self.args()[0]),
                                 os.path.realpath(os.path.join(prefix, "etc/zookeeper/zoo.cfg")))

    def test_configs_are_read_as_properties(self):
        cases = (f"dataDir : {self.path('one')}  \n", f"  dataDir\t{self.path('one')}\r\n",
                 f"#dataDir=/x\ndataDir=/y\ndataDir={self.path('one')}\ndataDirs=/z\n",
                 f"dataDir=\\\n    {self.path('one')}\n")
        for text in cases:
            self.write("conf/zoo.cfg", text)
            self.expect(self.server("start"), 0)
            self.assertTrue(os.path.exists(self.path("one/zookeeper_server.pid")), text)
            self.expect(self.server("stop"), 0)

    def test_restart_keeps_the_config_folder(self):
        self.expect(self.server("start"), 0)
        before = self.read("args.pid")
        done = self.server("restart")
        self.expect(done, 0, "Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n")
        self.assertNotEqual(self.read("args.pid"), before)
        self.assertEqual(self.args(), [self.path("conf/zoo.cfg")])
        self.expect(self.server("stop"), 0)

    def test_status_looks_for_the_port_where_apache_does(self):
        self.write("programs/paddock-probe", '#!/bin/bash\nprintf "Mode: %s\\n" "$*"\n', 0o755)
        os.mkdir(self.path("data"))
        data = f"dataDir={self.path('data')}\n"
        dynamic = self.write("conf/dyn", "server.7=h:1:2;[::1]:4321\n")
        no_myid = "myid could not be determined, will not able to locate clientPort in the server configs.\n"
        no_static = "Client port not found in static config file. Looking in dynamic config file.\n"
        secure = "Client port not found. Looking for secureClientPort in the static config.\n"
        cases = (
            ("clientPort=1234\n", "", "localhost", 1234, "false"),
            ("clientPort=1234\nclientPortAddress=::1\n", "", "::1", 1234, "false"),
            ("server.7=h:1:2;99\n", "", "localhost", 99, "false"),
            ("server.7=h:1:2;0.0.0.0:99;88\n", "", "0.0.0.0", 99, "false"),
            (f"dynamicConfigFile={dynamic}\n", no_static, "::1", 4321, "false"),
            ("secureClientPort=77\n", no_static + "Client port not found in the server configs\n" +
             secure, "localhost", 77, "true"),
        )
        self.write("data/myid", "7\n")
        for text, before, host, port, ssl in cases:
            self.write("conf/zoo.cfg", data + text)
            self.expect(self.server("status"), 0, f"{before}Client port found: {port}. Client "
                        f"address: {host}. Client SSL: {ssl}.\nMode: {host} {port} srvr {ssl}\n")
        os.unlink(self.path("data/myid"))
        self.write("conf/zoo.cfg", data)
        self.expect(self.server("status"), 1, no_myid + secure + "Unable to find either secure or "
                    "unsecure client port in any configs. Terminating.\n")

    def test_status_prints_the_role_that_the_server_tells(self):
        for mode in ("leader", "follower", "observer", "read-only", "standalone"):
            self.write("programs/paddock-probe", f"""#!/bin/bash
printf 'Zookeeper version: 1\\nMode: {mode}\\nNode count: 5\\n'\n""", 0o755)
            self.expect(self.server("status"), 0, f"Client port found: {self.port}. Client address: "
                        f"127.0.0.1. Client SSL: false.\nMode: {mode}\n")
        self.write("programs/paddock-probe", """#!/bin/bash
echo This ZooKeeper instance is not currently serving requests\n""", 0o755)
        self.expect(self.server("status"), 1, f"Client port found: {self.port}. Client address: "
                    "127.0.0.1. Client SSL: false.\nError contacting service. It is probably not "
                    "running.\n")

    def test_cleanup_takes_the_folders_from_the_config(self):
        self.write("programs/paddock-purge", '#!/bin/bash\nprintf "<%s>" "$@"\nexit 5\n', 0o755)
        data, log = self.path("data"), self.path("log")
        cleanup = ("zkCleanup.sh", "--config", self.path("conf"))
        self.expect(self.run_script(*cleanup, "-n", "3"), 5, f"<{data}><-n><3>")
        self.config(f"dataLogDir={log}\n")
        self.expect(self.run_script(*cleanup, "-n", "3"), 5, f"<{log}><{data}><-n><3>")
        self.expect(self.run_script(*cleanup, "/a", "/b", "-n", "4"), 5, "</a></b><-n><4>")
        self.expect(self.run_script(*cleanup), 5, f"<{log}><{data}>")


class Initialize(Place):
    """zkServer-initialize.sh: words, files, and what it must not touch."""

    def setUp(self):
        super().setUp()
        self.data, self.log = self.path("data"), self.path("log")
        self.config(f"dataLogDir={self.log}\n")

    def initialize(self, *args, **options):
        return self.run_script("zkServer-initialize.sh", "--config", self.path("conf"), *args,
                               **options)

    def test_empty_folders_are_made_with_their_number(self):
        self.expect(self.initialize("--myid=7"), 0, "Using myid of 7\n")
        self.assertEqual(self.read("data/myid"), "7\n")
        self.assertEqual(sorted(os.listdir(self.data)), ["initialize", "myid", "version-2"])
        self.assertEqual(os.listdir(self.log), ["version-2"])
        self.assertEqual(self.read("data/initialize"), "")

    def test_without_a_number_it_says_where_one_belongs(self):
        self.expect(self.initialize(), 0, "No myid provided, be sure to specify it in "
                    f"{self.data}/myid if using non-standalone\n")
        self.assertFalse(os.path.exists(self.path("data/myid")))

    def test_data_that_is_there_stays_unless_forced(self):
        again = "(or use --force to force re-initialization)\n"
        for folder, what in ((self.log, f"txnlog directory already exists at {self.log}"),
                             (self.data, f"data directory already exists at {self.data}")):
            os.makedirs(os.path.join(folder, "version-2"))
            self.expect(self.initialize("--myid", "3"), 1, f"ZooKeeper {what} {again}")
        self.write("data/version-2/snapshot.0", "x")
        self.write("data/myid", "1\n")
        self.write("data/other", "stays\n")
        self.expect(self.initialize(), 1)
        self.assertEqual(self.read("data/version-2/snapshot.0"), "x")
        self.expect(self.initialize("--force", "--myid=255"), 0, "Force enabled, data/txnlog "
                    "directories will be re-initialized\nUsing myid of 255\n")
        self.assertEqual(os.listdir(self.path("data/version-2")), [])
        self.assertEqual(self.read("data/myid"), "255\n")
        self.assertEqual(self.read("data/other"), "stays\n")

    def test_a_server_that_runs_keeps_its_data(self):
        os.makedirs(self.path("data/version-2"))
        self.write("data/zookeeper_server.pid", str(os.getpid()))
        self.expect(self.initialize("--force"), 1, "A server runs on these directories as process "
                    f"{os.getpid()}; stop it first\n")

    def test_arguments_are_checked_before_anything_happens(self):
        for number in ("0x1", "256", "-1", "1 2", "1000"):
            self.expect(self.initialize("--myid=" + number), 1, "myid must be a number from 0 to "
                        f"255, and is: {number}\n")
        done = self.initialize("--what")
        self.expect(done, 1)
        self.assertTrue(done.stdout.startswith("Unknown option: --what\nusage: "), done.stdout)
        for args in (("-h",), ("--help",), ("--myid",)):
            done = self.initialize(*args)
            self.expect(done, 1)
            self.assertTrue(done.stdout.startswith("usage: "), done.stdout)
        self.expect(self.initialize("--configfile=/no/such.cfg"), 1,
                    "Unable to find config file at /no/such.cfg\n")
        bare = self.write("bare.cfg", "clientPort=1\n")
        self.expect(self.initialize("--configfile", bare), 1,
                    f"Unable to determine dataDir from {bare}\n")
        self.assertFalse(os.path.exists(self.data))


@unittest.skipUnless(os.path.exists(PADDOCKD), "no server is built: " + PADDOCKD)
class WithServer(Place):
    def setUp(self):
        super().setUp()
        os.symlink(PADDOCKD, self.path("programs/paddockd"))
        for name in ("paddock-probe", "paddock-purge"):
            os.symlink(tool(name), self.path("programs", name))
        self.config()
        self.addCleanup(self.server, "stop")

    def test_a_server_is_started_asked_and_stopped(self):
        self.expect(self.server("status"), 1, f"Client port found: {self.port}. Client address: "
                    "127.0.0.1. Client SSL: false.\nError contacting service. It is probably not "
                    "running.\n")
        self.expect(self.server("start"), 0, "Starting zookeeper ... STARTED\n")
        pid = self.read("data/zookeeper_server.pid")
        self.expect(self.server("start"), 1, "Starting zookeeper ... already running as process "
                    f"{pid}.\n")
        self.expect(self.server("status"), 0, f"Client port found: {self.port}. Client address: "
                    "127.0.0.1. Client SSL: false.\nMode: standalone\n")
        self.expect(self.server("restart"), 0, "Stopping zookeeper ... STOPPED\n"
                    "Starting zookeeper ... STARTED\n")
        self.expect(self.server("stop"), 0, "Stopping zookeeper ... STOPPED\n")
        self.expect(self.server("stop"), 0, "Stopping zookeeper ... no zookeeper to stop (could not "
                    f"find file {self.path('data')}/zookeeper_server.pid)\n")
        self.expect(self.server("status"), 1)

    def test_a_taken_port_fails_with_the_reason(self):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", self.port))
            s.listen()
            done = self.server("start")
            self.expect(done, 1, "Starting zookeeper ... FAILED TO START\n", str(self.port))

    def test_settings_of_the_jvm_flags_count(self):
        self.expect(self.server("start", env={"JVMFLAGS": "-Dzookeeper.4lw.commands.whitelist=conf "
                                              "-Dzookeeper.maxClientCnxns=17"}), 0)
        done = subprocess.run([self.path("programs/paddock-probe"), "127.0.0.1", str(self.port),
                               "conf"], text=True, capture_output=True, timeout=60, check=False)
        self.expect(done, 0)
        self.assertIn("\nmaxClientCnxns=17\n", done.stdout)
        self.assertTrue(done.stdout.endswith("serverId=0\n\n"), done.stdout)
        done = subprocess.run([self.path("programs/paddock-probe"), "localhost", str(self.port),
                               "ruok", "false"], text=True, capture_output=True, timeout=60,
                              check=False)
        self.expect(done, 0, "ruok is not executed because it is not in the whitelist.\n\n")

    def test_the_version_is_that_of_the_server(self):
        done = self.server("version")
        self.expect(done, 0)
        self.assertRegex(done.stdout, r"^Apache ZooKeeper, version 3\.9\.\d+-paddock-[\d.]+ "
                         r"\d\d/\d\d/\d{4} \d\d:\d\d UTC\n$")


class Probe(Place):
    def probe(self, *args):
        return subprocess.run([tool("paddock-probe"), *args], text=True, capture_output=True,
                              timeout=60, check=False)

    def test_an_answer_without_a_newline_gets_one(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            p = subprocess.Popen([tool("paddock-probe"), "127.0.0.1", str(s.getsockname()[1]),
                                  "ruok"], stdout=subprocess.PIPE, text=True)
            conn, _ = s.accept()
            with conn:
                word = b""
                while piece := conn.recv(100):      # until the probe has closed its half
                    word += piece
                conn.sendall(b"imok")
            self.assertEqual(word, b"ruok")
            self.assertEqual(p.communicate(timeout=60)[0], "imok\n\n")
            self.assertEqual(p.returncode, 0)

    def test_nobody_there_and_bad_arguments_are_told_apart(self):
        done = self.probe("127.0.0.1", str(free_port()), "ruok")
        self.expect(done, 1, "", "Connection refused")
        self.expect(self.probe("127.0.0.1", "no-such-port", "ruok"), 1, "")
        self.expect(self.probe("127.0.0.1", "1"), 2, "", "Usage: paddock-probe")
        self.expect(self.probe("127.0.0.1", "1", "ruok", "true"), 2, "", "TLS is not built")


class Purge(Place):
    USAGE = ("Usage:\nPurgeTxnLog dataLogDir [snapDir] -n count\n"
             "\tdataLogDir -- path to the txn log directory\n"
             "\tsnapDir -- path to the snapshot directory\n"
             "\tcount -- the number of old snaps/logs you want to keep, value should be greater "
             "than or equal to 3\n")

    def purge(self, *args):
        return subprocess.run([tool("paddock-purge"), *args], text=True, capture_output=True,
                              timeout=60, check=False, env={**self.env})

    def test_bad_arguments_are_answered_as_apache_does(self):
        top = self.top
        self.expect(self.purge(), 1, self.USAGE)
        self.expect(self.purge(top, "-n"), 1, self.USAGE)
        self.expect(self.purge(top, "-x", "3"), 1, self.USAGE)
        self.expect(self.purge(top, "-n", "2"), 1, self.USAGE,
                    "count should be greater than or equal to 3\n")
        self.expect(self.purge(top, "-n", "x"), 1, self.USAGE, "'x' can not be parsed to integer.\n")
        self.expect(self.purge(top + "/none", "-n", "3"), 1, self.USAGE,
                    f"Path '{top}/none' does not exist. \n")
        self.expect(self.purge(top, top + "/none", "-n", "3"), 1, self.USAGE,
                    f"Path '{top}/none' does not exist. \n")

    def make_snapshots(self, count):
        """Equal whole snapshots under rising names, and a log for each."""
        folder = self.path("data/version-2")
        if not os.path.isdir(folder):
            os.makedirs(folder)
        source = os.path.join(ROOT, "tests/golden/datadir/3.9/types.tar.gz")
        self.assertTrue(os.path.exists(source), source)
        subprocess.run(["tar", "xzf", source, "-C", self.top], check=True)
        version_2 = self.path("types/version-2")
        whole = max((f for f in os.listdir(version_2) if f.startswith("snapshot.")),
                    key=lambda f: int(f.split(".")[1], 16))
        for i in range(1, count + 1):
            shutil.copy(os.path.join(version_2, whole), f"{folder}/snapshot.{i * 16:x}")
            with open(f"{folder}/log.{i * 16 + 1:x}", "wb") as f:
                f.write(b"ZKLG")
            os.utime(f"{folder}/snapshot.{i * 16:x}", (1795176622, 1795176622))

    def test_the_newest_are_kept_with_their_logs_and_the_others_named(self):
        self.make_snapshots(5)
        done = self.purge(self.path("data"), "-n", "3")
        self.expect(done, 0)
        kept = sorted(os.listdir(self.path("data/version-2")))
        self.assertEqual(kept, ["log.21", "log.31", "log.41", "log.51", "snapshot.30", "snapshot.40",
                                "snapshot.50"])
        self.assertIn("Removing file: Nov 20, 2026, 12:10:22 PM\t"
                      f"{self.path('data')}/version-2/snapshot.10\n", done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.expect(self.purge(self.path("data"), "-n", "3"), 0, "")


@unittest.skipUnless(os.path.exists(PADDOCKD), "no server is built: " + PADDOCKD)
@unittest.skipUnless(os.path.exists(APACHE_SCRIPT) and os.path.exists(APACHE_JAR),
                     "Debian's zookeeper is not installed")
class SameAsApache(Place):
    """The same steps with both scripts; ports, numbers and paths replaced, the JMX line aside."""

    STEPS = (["status"], ["stop"], ["start"], ["start"], ["status"], ["stop"], ["stop"], ["status"],
             ["dance"], [])

    def setUp(self):
        super().setUp()
        os.symlink(PADDOCKD, self.path("programs/paddockd"))
        os.symlink(tool("paddock-probe"), self.path("programs/paddock-probe"))
        self.config("admin.enableServer=false\n")

    def wait_for_port(self):
        """A JVM is not up after the second that the script waits."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.fail("nobody listens")

    def transcript(self, script_dir, env):
        lines = []
        for step in self.STEPS:
            args = step + [self.path("conf/zoo.cfg")] if step else []
            done = self.run_script("zkServer.sh", *args, script_dir=script_dir, env=env)
            if step == ["start"] and done.returncode == 0:
                self.wait_for_port()
            err = "".join(line for line in done.stderr.splitlines(True) if "JMX" not in line)
            text = f"$ {step}\n{done.stdout}{err}exit {done.returncode}\n"
            text = re.sub(r"process \d+", "process N", text.replace(script_dir, "BIN"))
            lines.append(text)
        return "".join(lines)

    def apache_dir(self):
        folder = self.path("apache")
        os.mkdir(folder)
        shutil.copy(APACHE_SCRIPT, folder)
        self.write("apache/zkEnv.sh", f"ZOOCFGDIR={self.path('conf')}\nZOOCFG=$ZOOCFGDIR/zoo.cfg\n"
                   f"JAVA=/usr/bin/java\nCLASSPATH={APACHE_JAR}\n")
        return folder

    def test_words_and_exit_codes_are_equal(self):
        apache = self.transcript(self.apache_dir(), {})
        shutil.rmtree(self.path("data"))
        ours = self.transcript(os.path.join(ROOT, "bin"), {"ZOOCFGDIR": self.path("conf")})
        self.maxDiff = None
        self.assertMultiLineEqual(ours, apache)


if __name__ == "__main__":
    unittest.main()
