#!/usr/bin/python3
"""What tools/run/packages.sh does about missing packages, with stand-ins for apt-get, sudo and id.

Nothing is installed: the stand-ins only note how they were called.
"""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'


class Packages(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="pdk-run-")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.calls = os.path.join(self.top, "calls")
        os.mkdir(os.path.join(self.top, "bin"))
        # Nothing but these may be found: a real sudo or apt-get must not be reachable.
        for name in ("sh", "cat", "ls", "grep", "env", "basename", "printf"):
            os.symlink(shutil.which(name), os.path.join(self.top, "bin", name))
        self.program("cc", "#!/bin/sh\ngrep -q 'there.h'\n")
        self.program("dpkg-query", '#!/bin/sh\n[ "$4" = has-it ] && echo "install ok installed"\n')
        self.list("list", "# comment\n\ngood    <there.h>   is there\n"
                  "lib-dev   <missing.h>   a library\n"
                  "prog      no-such-program   a program\nfile  /no/such/file a file\n"
                  "here      /bin   a folder\n")

    def program(self, name, text):
        path = os.path.join(self.top, "bin", name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o755)

    def list(self, name, text):
        with open(os.path.join(self.top, name), "w", encoding="utf-8") as f:
            f.write(text)

    def run_with(self, uid, script=". tools/run/packages.sh; find_missing $TOP/list; "
                 "install_missing Test; echo went on"):
        self.program("id", f"#!/bin/sh\necho {uid}\n")
        done = subprocess.run(["sh", "-euc", script], cwd=ROOT, text=True, capture_output=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL,
                              env={"PATH": os.path.join(self.top, "bin"), "CALLS": self.calls,
                                   "TOP": self.top})
        calls = ""
        if os.path.exists(self.calls):
            with open(self.calls, encoding="utf-8") as f:
                calls = f.read()
        return done, calls

    def test_root_is_told_and_installs_what_is_missing_only(self):
        self.program("apt-get", NOTE)
        done, calls = self.run_with(0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Test needs Debian packages that are not installed:\n", done.stdout)
        self.assertIn("lib-dev                  a library\n", done.stdout)
        self.assertTrue(done.stdout.endswith("went on\n"))
        wanted = "apt-get install -y --no-install-recommends lib-dev prog file\n"
        self.assertTrue(calls.endswith(wanted), calls)
        self.assertNotIn("good", calls)
        self.assertNotIn("here", calls)

    def test_stale_lists_are_updated_and_the_install_tried_again(self):
        self.program("apt-get", NOTE + '[ "$1" = update ] || [ "$(grep -c update "$CALLS")" = 1 ]\n')
        done, calls = self.run_with(0)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([c.split()[1] for c in calls.splitlines()][-2:], ["update", "install"])

    def test_an_install_that_fails_stops_everything(self):
        self.program("apt-get", NOTE + "exit 100\n")
        done, _ = self.run_with(0)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn("went on", done.stdout)

    def test_sudo_is_used_where_it_needs_no_password(self):
        self.program("apt-get", NOTE)
        self.program("sudo", NOTE + 'case $1 in -n) exit 0 ;; esac\nexec "$@"\n')
        done, calls = self.run_with(1000)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Installing them now: sudo apt-get install", done.stdout)
        self.assertIn("sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y", calls)

    def test_without_root_and_sudo_the_one_command_is_printed(self):
        self.program("apt-get", NOTE)
        done, calls = self.run_with(1000)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(calls, "")
        self.assertIn("  apt-get update && apt-get install -y --no-install-recommends lib-dev prog "
                      "file\n", done.stderr)
        self.assertNotIn("went on", done.stdout)

    def test_another_system_is_told_what_is_wanted(self):
        done, _ = self.run_with(0)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a library", done.stdout)
        self.assertIn("There is no apt-get here", done.stderr)

    def test_nothing_is_said_when_nothing_is_missing(self):
        self.list("list", "good  <there.h>  is there\n")
        done, calls = self.run_with(1000)
        self.assertEqual((done.returncode, done.stdout, calls), (0, "went on\n", ""))

    def test_bare_names_are_asked_of_dpkg_and_not_said_twice(self):
        self.program("apt-get", NOTE)
        self.list("names", "# more\nhas-it\nnot-yet\nprog\ngood\n")
        done, calls = self.run_with(0, ". tools/run/packages.sh; find_missing $TOP/list; "
                                    "find_missing_names $TOP/names; find_missing_names $TOP/none; "
                                    "install_missing Test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(calls.endswith(" lib-dev prog file not-yet\n"), calls)


class Run(unittest.TestCase):
    def test_a_port_that_is_no_number_is_refused(self):
        done = subprocess.run(["sh", "tools/run/run.sh"], cwd=ROOT, text=True, capture_output=True,
                              timeout=60, check=False, env={**os.environ, "PORT": "21x"})
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "PORT=21x is no number; for example: make run PORT=2191\n")


if __name__ == "__main__":
    unittest.main()
