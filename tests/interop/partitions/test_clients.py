"""Foreign clients that know all members go on over a killed leader and a rolling restart."""

import logging
import pathlib
import sys
import threading
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / 'foreign'))

try:
    from kazoo.client import KazooClient  # noqa: E402
    from kazoo.exceptions import BadVersionError  # noqa: E402
    from kazoo.retry import KazooRetry  # noqa: E402
except ImportError:
    KazooClient = None

from conversation import Conversation  # noqa: E402
from lib.case import eventually  # noqa: E402
from lib.ensemble_case import EnsembleCase, long  # noqa: E402
import stage  # noqa: E402
import test_java as foreign_java  # noqa: E402
import test_zkcli as foreign_zkcli  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
JARS = ['curator-recipes', 'curator-framework', 'curator-client', 'guava', 'slf4j-api',
        'jackson-databind', 'zookeeper', 'slf4j-simple']
SESSION_S = 20.0
PATIENCE_S = 60

logging.getLogger('kazoo').setLevel(logging.CRITICAL)   # lost connections are part of this


class ClientCase(EnsembleCase):
    config = {'tickTime': 250, 'syncLimit': 8, 'maxSessionTimeout': 60000}

    def suffer(self, ensemble, go_on):
        """The leader dies, then each member is restarted; `go_on` waits for progress."""
        go_on()
        leader = ensemble.wait_leader()
        leader.kill()
        ensemble.wait_leader(other_than=leader)
        go_on()
        leader.spawn()
        ensemble.wait_serving()
        for member in ensemble.members:
            member.restart()
            go_on()
            ensemble.wait_serving()
        go_on()


class Java(ClientCase):
    def test_the_java_client_and_curator(self):
        stage.need_files('libcurator-recipes-java', foreign_java.JARS / 'curator-recipes.jar')
        path = foreign_java.compiled([HERE / 'java' / 'OverFailovers.java'], JARS)
        ensemble = self.ensemble(3)
        talk = Conversation(foreign_java.JAVA + [
            '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-cp', path, 'OverFailovers',
            ensemble.hosts()], timeout_s=PATIENCE_S)
        self.addCleanup(talk.close)
        talk.expect('^ready\n')

        def go_on():
            answer = talk.ask('more', '^(done|failed: .*|stuck: .*)\n')
            self.assertEqual(answer.group(1), 'done')
        self.suffer(ensemble, go_on)
        talk.ask('stop', '^end\n')
        said = [x for x in talk.text.splitlines() if x.startswith(('ok ', 'not ok '))]
        self.assertEqual([x for x in said if x.startswith('not')], [])
        self.assertEqual(len(said), 7)
        self.assertEqual(ensemble.trees_differ()[0], [])


class ZkCli(ClientCase):
    @long
    def test_zkcli_goes_on(self):
        stage.need_files('zookeeper', foreign_zkcli.ZKCLI)
        ensemble = self.ensemble(3)
        cli = foreign_zkcli.ZkCli(ensemble.hosts(), '-timeout', str(int(SESSION_S * 1000)))
        self.addCleanup(cli.talk.close)
        self.assertEqual(cli.do('create /a 0'), 'Created /a')
        self.assertEqual(cli.do('create -e /e mine'), 'Created /e')
        written = 0

        def go_on():
            nonlocal written
            written += 1
            eventually(lambda: cli.do(f'set /a {written}') == '', PATIENCE_S,
                       what='zkCli.sh writes again')
            self.assertEqual(cli.do('get /a'), str(written))
            self.assertEqual(cli.do('get /e'), 'mine')
        self.suffer(ensemble, go_on)


class Worker(threading.Thread):
    """Does `turn` again and again and counts."""

    def __init__(self, turn):
        super().__init__(daemon=True)
        self.turn, self.turns, self.problem = turn, 0, None
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                self.turn()
                self.turns += 1
        except BaseException as e:      # pylint: disable=broad-except
            self.problem = e


@unittest.skipIf(KazooClient is None, 'python3-kazoo is not installed')
class Kazoo(ClientCase):
    def client(self, ensemble):     # pylint: disable=arguments-renamed
        client = KazooClient(
            hosts=ensemble.hosts(), timeout=SESSION_S,
            connection_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=0.5))
        client.start(timeout=PATIENCE_S)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        return client

    def retry(self, function, *args, **kwargs):
        return KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2)(function, *args, **kwargs)

    def adder(self, client, name, counts):
        """Adds one to /count under a lock; nobody else may do so meanwhile."""
        lock = client.Lock('/lock', name)

        def turn():
            with lock:
                data, stat = self.retry(client.get, '/count')
                value = b'%d %s' % (int(data.split()[0]) + 1, name.encode())
                try:
                    self.retry(client.set, '/count', value, version=stat.version)
                except BadVersionError:         # the answer to the first attempt got lost
                    held, _ = self.retry(client.get, '/count')
                    if held != value:
                        raise AssertionError(f'{name}: {held} under the lock, not {value}')
                counts[name] += 1
        return turn

    def candidate(self, client, name, leaders):
        election = client.Election('/election', name)

        def lead():
            leaders.append(name)
            if len(leaders) != 1:
                raise AssertionError(f'{leaders} lead')
            leaders.remove(name)
        return lambda: election.run(lead)

    def test_lock_election_and_watches(self):
        ensemble = self.ensemble(3)
        clients = {name: self.client(ensemble) for name in ('one', 'two')}
        first, second = clients.values()
        first.create('/count', b'0')
        states, seen = [], []
        for client in clients.values():
            client.add_listener(states.append)
        second.DataWatch('/count', lambda data, stat: seen.append(int(data.split()[0])))
        counts, leaders = dict.fromkeys(clients, 0), []
        workers = [Worker(self.adder(c, name, counts)) for name, c in clients.items()]
        workers += [Worker(self.candidate(c, name, leaders)) for name, c in clients.items()]
        for worker in workers:
            worker.start()

        def problems():
            return [w.problem for w in workers if w.problem]

        def go_on():
            targets = [w.turns + 3 for w in workers]
            eventually(lambda: problems() or all(w.turns >= n for w, n in zip(workers, targets)),
                       PATIENCE_S, what='everybody goes on')
            self.assertEqual(problems(), [])
        self.suffer(ensemble, go_on)
        for worker in workers:
            worker.stopping.set()
        for worker in workers:
            worker.join(PATIENCE_S)
        self.assertEqual(problems(), [])
        total = int(first.get('/count')[0].split()[0])
        self.assertEqual(total, sum(counts.values()))
        eventually(lambda: seen[-1] == total, what='the watch tells the last value')
        self.assertEqual(seen, sorted(seen))
        self.assertNotIn('LOST', states, 'a session expired')
