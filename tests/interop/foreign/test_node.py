"""Two clients from npm: node-zookeeper-client and zookeeper (programs in node/).

Their packages are pinned in node/package-lock.json and installed into build/.
"""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import stage

FOLDER = stage.BUILD / 'node'
STAMP = FOLDER / 'installed'
NO_NETWORK = re.compile(r'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|'
                        r'EHOSTUNREACH|ENOTCACHED')


def npm(*words):
    """Runs npm in build/; returns (code, output)."""
    environment = dict(os.environ, npm_config_audit='false', npm_config_fund='false',
                       npm_config_update_notifier='false')
    if pathlib.Path('/usr/include/node/node.h').exists():
        environment['npm_config_nodedir'] = '/usr'      # no download of Node's headers
    done = subprocess.run(['npm', *words], cwd=FOLDER, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300, check=False)
    return done.returncode, done.stdout


def install():
    """Installs what the lock file names, once; without the packages' own scripts."""
    if shutil.which('node') is None:
        raise unittest.SkipTest('node is missing: apt-get install nodejs')
    if shutil.which('npm') is None:
        raise unittest.SkipTest('npm is missing: apt-get install npm')
    lock = (stage.HERE / 'node' / 'package-lock.json').read_bytes()
    if STAMP.exists() and STAMP.read_bytes() == lock:
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in ('package.json', 'package-lock.json'):
        shutil.copy(stage.HERE / 'node' / name, FOLDER)
    code, text = npm('ci', '--ignore-scripts')
    if code != 0 and NO_NETWORK.search(text):
        raise unittest.SkipTest('npm cannot reach the network')
    if code != 0:
        raise AssertionError('npm ci:\n' + text)
    STAMP.write_bytes(lock)


def node(program):
    return ['env', f'NODE_PATH={FOLDER / "node_modules"}', 'node',
            str(stage.HERE / 'node' / program)]


@stage.checks_in('node/pure.js')
class NodeZookeeperClient(stage.ProgramCase):
    @classmethod
    def argv(cls):
        install()
        return node('pure.js')


@stage.checks_in('node/native.js')
class NodeZookeeper(stage.ProgramCase):
    """An addon: it is built from sources that come in its package."""

    # Once in some thirty runs, when its connection is cut while it connects.
    own_fault = r'uv_poll_start: Assertion .*uv__is_closing'

    @classmethod
    def argv(cls):
        stage.need_files('g++', '/usr/bin/g++')
        stage.need_files('make', '/usr/bin/make')
        install()
        package = FOLDER / 'node_modules' / 'zookeeper'
        if not list(package.glob('build/**/zookeeper.node')):
            stage.need_files('libnode-dev', '/usr/include/node/node.h')
            code, text = npm('rebuild', 'zookeeper', '--foreground-scripts')
            if not list(package.glob('build/**/zookeeper.node')):
                raise AssertionError(f'npm rebuild zookeeper: {code}\n{text[-4000:]}')
        return node('native.js')


if __name__ == '__main__':
    unittest.main()
