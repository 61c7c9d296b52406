"""Runs full_disk.py where it may mount small filesystems: no root needed, only user namespaces."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

import full_disk

HERE = pathlib.Path(__file__).resolve().parent
INSIDE = ['unshare', '-Urm']
TIMEOUT_S = 90


def missing():
    """Why nothing can be mounted here, or None."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(INSIDE + ['mount', '-t', 'tmpfs', 'tmpfs', folder],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as e:
            return f'unshare: {e}'
    return None if done.returncode == 0 else f'no user namespaces: {done.stdout.strip()}'


WHY_NOT = missing()


def inside(name):
    def test(self):
        if WHY_NOT:
            self.skipTest(WHY_NOT)
        done = subprocess.run(
            INSIDE + [sys.executable, '-m', 'unittest', '-v', f'full_disk.FullDisk.{name}'],
            cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
            timeout=TIMEOUT_S)
        if done.returncode != 0:
            self.fail(done.stdout)
        if 'skipped=' in done.stdout:
            self.skipTest(done.stdout.strip().splitlines()[0])
    return test


class FullDisk(unittest.TestCase):
    """One test for each of full_disk.FullDisk's."""


for _name in unittest.defaultTestLoader.getTestCaseNames(full_disk.FullDisk):
    setattr(FullDisk, _name, inside(_name))
