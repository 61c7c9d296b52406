"""kazoo's recipes, each with several clients that really compete."""

import pathlib
import sys
import threading
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from kazoo.exceptions import LockTimeout  # noqa: E402
from kazoo.protocol.states import KazooState  # noqa: E402
from kazoo.recipe.cache import TreeCache, TreeEvent  # noqa: E402
from kazoo.recipe.partitioner import PartitionState  # noqa: E402

from lib.case import eventually  # noqa: E402
from lib.proxy import Proxy  # noqa: E402
from kazoo_case import Collector, KazooCase  # noqa: E402

JOIN_S = 20


def together(*functions):
    """Runs the functions in threads; raises what the first failing one raised."""
    problems = []

    def guarded(function):
        try:
            function()
        except BaseException as e:      # pylint: disable=broad-except
            problems.append(e)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(JOIN_S)
        if t.is_alive():
            raise AssertionError('a participant never came back')
    if problems:
        raise problems[0]


class Locks(KazooCase):
    def test_only_one_holds_the_lock_at_a_time(self):
        clients = [self.kazoo() for _ in range(4)]
        inside, rounds = [], []

        def work(zk, name):
            for _ in range(5):
                with zk.Lock('/lock', name):
                    inside.append(name)
                    rounds.append(len(inside))
                    inside.remove(name)

        together(*[lambda zk=zk, i=i: work(zk, f'c{i}') for i, zk in enumerate(clients)])
        self.assertEqual(rounds, [1] * 20)
        self.assertEqual(clients[0].get_children('/lock'), [])

    def test_the_next_in_line_gets_a_lock_whose_holder_dies(self):
        proxy = Proxy(self.server.address)
        self.addCleanup(proxy.close)
        holder, heir = self.kazoo(hosts=proxy.hosts, timeout=0.8), self.kazoo()
        self.assertTrue(holder.Lock('/lock', 'holder').acquire())
        lock = heir.Lock('/lock', 'heir')
        with self.assertRaises(LockTimeout):
            lock.acquire(timeout=0.2)
        proxy.refuse()
        self.assertTrue(lock.acquire(timeout=JOIN_S))
        self.assertEqual(lock.contenders(), ['heir'])

    def test_try_without_waiting(self):
        first, second = self.kazoo().Lock('/lock', 'a'), self.kazoo().Lock('/lock', 'b')
        self.assertTrue(first.acquire(blocking=False))
        self.assertFalse(second.acquire(blocking=False))
        first.release()
        self.assertTrue(second.acquire(blocking=False))

    def test_readers_share_and_writers_do_not(self):
        a, b, c = (self.kazoo() for _ in range(3))
        read1, read2 = a.ReadLock('/rw', 'r1'), b.ReadLock('/rw', 'r2')
        write = c.WriteLock('/rw', 'w')
        self.assertTrue(read1.acquire(timeout=5))
        self.assertTrue(read2.acquire(timeout=5))
        self.assertFalse(write.acquire(blocking=False))
        read1.release()
        read2.release()
        self.assertTrue(write.acquire(timeout=5))
        self.assertFalse(read1.acquire(blocking=False))

    def test_a_semaphore_lets_so_many_in(self):
        clients = [self.kazoo() for _ in range(3)]
        semaphores = [zk.Semaphore('/sem', f'c{i}', max_leases=2)
                      for i, zk in enumerate(clients)]
        self.assertTrue(semaphores[0].acquire(blocking=False))
        self.assertTrue(semaphores[1].acquire(blocking=False))
        self.assertFalse(semaphores[2].acquire(blocking=False))
        semaphores[0].release()
        self.assertTrue(semaphores[2].acquire(timeout=10))
        self.assertEqual(sorted(semaphores[1].lease_holders()), ['c1', 'c2'])


class Elections(KazooCase):
    def test_leaders_follow_each_other_in_the_order_of_joining(self):
        led, release = Collector(), threading.Event()
        clients = [self.kazoo() for _ in range(3)]
        elections = [zk.Election('/election', f'c{i}') for i, zk in enumerate(clients)]
        threads = []
        for i, election in enumerate(elections):
            def lead(i=i):
                led(i)
                if i == 0:
                    release.wait(JOIN_S)
            threads.append(threading.Thread(target=election.run, args=(lead,), daemon=True))
            threads[-1].start()
            eventually(lambda i=i: len(elections[0].contenders()) == i + 1, what='joined')
        self.assertEqual(elections[0].contenders(), ['c0', 'c1', 'c2'])
        release.set()
        self.assertEqual(led.wait_for(3), [0, 1, 2])
        for t in threads:
            t.join(JOIN_S)
            self.assertFalse(t.is_alive())


class Queues(KazooCase):
    def test_a_queue_gives_by_priority_then_age(self):
        queue = self.kazoo().Queue('/queue')
        for value, priority in ((b'c', 100), (b'd', 100), (b'a', 10), (b'b', 50)):
            queue.put(value, priority)
        self.assertEqual(len(queue), 4)
        self.assertEqual([queue.get() for _ in range(5)], [b'a', b'b', b'c', b'd', None])

    def test_everything_put_is_got_just_once_by_many(self):
        writers, readers = [self.kazoo() for _ in range(2)], [self.kazoo() for _ in range(2)]
        got = []

        def put(zk, n):
            for i in range(25):
                zk.Queue('/queue').put(f'{n}-{i}'.encode())

        def get(zk):
            queue = zk.Queue('/queue')
            while (item := queue.get()) is not None:
                got.append(item)

        together(*[lambda zk=zk, n=n: put(zk, n) for n, zk in enumerate(writers)])
        together(*[lambda zk=zk: get(zk) for zk in readers])
        self.assertEqual(sorted(got), sorted(f'{n}-{i}'.encode() for n in range(2)
                                             for i in range(25)))

    def test_a_locking_queue_hides_what_someone_works_on(self):
        a, b = self.kazoo().LockingQueue('/lq'), self.kazoo().LockingQueue('/lq')
        a.put_all([b'one', b'two'])
        self.assertEqual(a.get(5), b'one')
        self.assertEqual(b.get(5), b'two')
        self.assertTrue(a.consume())
        b.release()
        self.assertEqual(a.get(5), b'two')
        self.assertTrue(a.consume())
        self.assertIsNone(b.get(0.1))


class Barriers(KazooCase):
    def test_a_barrier_holds_until_removed(self):
        a, b = self.kazoo().Barrier('/barrier'), self.kazoo().Barrier('/barrier')
        a.create()
        self.assertFalse(b.wait(0.1))
        passed = Collector()
        waiter = threading.Thread(target=lambda: passed(b.wait(JOIN_S)), daemon=True)
        waiter.start()
        self.assertTrue(a.remove())
        self.assertEqual(passed.wait_for(1), [True])
        waiter.join()
        self.assertTrue(b.wait(0.1))

    def test_a_double_barrier_lets_all_in_and_out_together(self):
        clients = [self.kazoo() for _ in range(3)]
        inside = []

        def work(zk, name):
            barrier = zk.DoubleBarrier('/double', 3, name)
            barrier.enter()
            inside.append(name)
            barrier.leave()

        together(*[lambda zk=zk, i=i: work(zk, f'c{i}') for i, zk in enumerate(clients)])
        self.assertEqual(sorted(inside), ['c0', 'c1', 'c2'])


class Counters(KazooCase):
    def test_no_increment_is_lost(self):
        clients = [self.kazoo() for _ in range(3)]

        def count(zk):
            counter = zk.Counter('/counter')
            for _ in range(10):
                counter += 2
                counter -= 1

        together(*[lambda zk=zk: count(zk) for zk in clients])
        self.assertEqual(clients[0].Counter('/counter').value, 30)

    def test_a_counter_of_floats(self):
        counter = self.kazoo().Counter('/float', default=1.5)
        counter += 0.25
        self.assertEqual(counter.value, 1.75)


class Parties(KazooCase):
    def test_members_come_and_go(self):
        a, b = self.kazoo(), self.kazoo()
        parties = [a.Party('/party', 'anna'), b.Party('/party', 'ben')]
        for party in parties:
            party.join()
        self.assertEqual(sorted(parties[0]), ['anna', 'ben'])
        parties[1].leave()
        self.assertEqual(list(parties[0]), ['anna'])
        a.stop()
        self.assertEqual(len(parties[1]), 0)

    def test_a_shallow_party_keeps_names_in_the_node_names(self):
        a = self.kazoo()
        party = a.ShallowParty('/shallow', 'anna')
        party.join()
        self.assertEqual(list(party), ['anna'])
        self.assertIn('anna', a.get_children('/shallow')[0])

    def test_a_partitioner_shares_the_set_out(self):
        clients = [self.kazoo() for _ in range(2)]
        whole = ('a', 'b', 'c', 'd')
        shares = [zk.SetPartitioner('/partition', set=whole, identifier=f'c{i}', time_boundary=0.2)
                  for i, zk in enumerate(clients)]

        def settled():
            for s in shares:
                if s.release:
                    s.release_set()
            return all(s.state == PartitionState.ACQUIRED for s in shares) \
                and sorted(x for s in shares for x in s) == list(whole)

        eventually(settled, JOIN_S, what='each has its share')
        self.assertTrue(all(len(list(s)) == 2 for s in shares))


class Watchers(KazooCase):
    def test_data_watch_follows_a_node_through_its_life(self):
        zk, other, seen = self.kazoo(), self.kazoo(), Collector()
        zk.DataWatch('/a', func=lambda data, stat: seen(data))
        seen.wait_for(1)
        for n, do in enumerate((lambda: other.create('/a', b'1'), lambda: other.set('/a', b'2'),
                                lambda: other.delete('/a'), lambda: other.create('/a', b'3')), 2):
            do()
            seen.wait_for(n)
        self.assertEqual(seen.calls, [None, b'1', b'2', None, b'3'])

    def test_children_watch_follows_the_children(self):
        zk, other, seen = self.kazoo(), self.kazoo(), Collector()
        zk.ChildrenWatch('/', func=lambda children: seen(sorted(children)))
        for n, do in enumerate((lambda: other.create('/a'), lambda: other.create('/b'),
                                lambda: other.delete('/a')), 2):
            do()
            seen.wait_for(n)
        self.assertEqual(seen.calls, [[], ['a'], ['a', 'b'], ['b']])

    def test_watchers_go_on_after_the_session_was_lost(self):
        proxy = Proxy(self.server.address)
        self.addCleanup(proxy.close)
        zk, other, seen = self.kazoo(hosts=proxy.hosts, timeout=0.8), self.kazoo(), Collector()
        states = Collector()
        zk.add_listener(states)
        other.create('/a', b'before')
        zk.DataWatch('/a', func=lambda data, stat: seen(data))
        owner = zk.create('/e', ephemeral=True)
        proxy.refuse()
        eventually(lambda: other.exists(owner) is None, what='expired')
        other.set('/a', b'meanwhile')
        proxy.accept()
        states.wait_until(lambda calls: KazooState.LOST in calls
                          and calls[-1] == KazooState.CONNECTED)
        seen.wait_until(lambda calls: calls[-1] == b'meanwhile')
        other.set('/a', b'after')
        seen.wait_until(lambda calls: calls[-1] == b'after')

    def test_tree_cache_mirrors_a_tree(self):
        zk, other, events = self.kazoo(), self.kazoo(), Collector()
        other.create('/t/a/x', b'x', makepath=True)
        cache = TreeCache(zk, '/t')
        self.addCleanup(cache.close)
        cache.listen(events)
        cache.start()
        events.wait_until(lambda calls: any(e.event_type == TreeEvent.INITIALIZED for e in calls))
        self.assertEqual(cache.get_data('/t/a/x').data, b'x')
        other.create('/t/b', b'new')
        other.set('/t/a/x', b'changed')
        other.delete('/t/b')
        other.create('/t/a/y/z', b'deep', makepath=True)
        eventually(lambda: cache.get_data('/t/a/y/z') is not None
                   and cache.get_data('/t/a/x').data == b'changed'
                   and cache.get_data('/t/b') is None, what='mirrored')
        self.assertEqual(cache.get_data('/t/a/y/z').data, b'deep')
        self.assertEqual(cache.get_children('/t'), frozenset(['a']))

    def test_a_lease_is_held_by_one(self):
        from datetime import timedelta
        a, b = self.kazoo(), self.kazoo()
        self.assertTrue(a.NonBlockingLease('/lease', timedelta(minutes=5), identifier='a'))
        self.assertFalse(b.NonBlockingLease('/lease', timedelta(minutes=5), identifier='b'))


if __name__ == '__main__':
    unittest.main()
