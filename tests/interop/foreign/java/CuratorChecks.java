import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.BackgroundCallback;
import org.apache.curator.framework.api.CuratorEvent;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;

/** Curator's recipes: what many Java programs really do with ZooKeeper. */
final class CuratorChecks implements Checks.Group {
    private static final int PATIENCE_S = 30;

    private Checks checks;
    private CuratorFramework one;
    private CuratorFramework two;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @Override
    public void run(Checks t) throws Exception {
        checks = t;
        one = client(t.place.direct, Place.CALM_MS);
        two = client(t.place.direct, Place.CALM_MS);
        try {
            framework(t);
            leaders(t);
            locks(t);
            caches(t);
            barriers(t);
            counters(t);
            nodes(t);
        } finally {
            threads.shutdownNow();
            one.close();
            two.close();
        }
    }

    private static CuratorFramework client(String address, int timeoutMs) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(address)
                .sessionTimeoutMs(timeoutMs).connectionTimeoutMs(10000)
                .retryPolicy(new RetryNTimes(20, 200)).build();
        client.start();
        Checks.that(client.blockUntilConnected(PATIENCE_S, TimeUnit.SECONDS), "connected");
        return client;
    }

    private static void await(CountDownLatch latch, String what) throws InterruptedException {
        Checks.that(latch.await(PATIENCE_S, TimeUnit.SECONDS), what);
    }

    private static <T> T take(BlockingQueue<T> queue, String what) throws InterruptedException {
        T value = queue.poll(PATIENCE_S, TimeUnit.SECONDS);
        Checks.that(value != null, what);
        return value;
    }

    /** Polls: for recipes that offer nothing to wait on. */
    private static void eventually(Callable<Boolean> holds, String what) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!holds.call()) {
            Checks.that(System.nanoTime() < deadline, "never: " + what);
            Thread.sleep(10);
        }
    }

    private void framework(Checks t) {
        t.check("Curator creates parents as containers and deletes subtrees", root -> {
            String path = one.create().creatingParentContainersIfNeeded()
                    .forPath(root + "/a/b/c", "data".getBytes());
            Checks.same(root + "/a/b/c", path);
            Checks.same("data", Session.text(two.getData().forPath(path)));
            EventLog log = new EventLog();
            t.place.other().zk.exists(root + "/a", log);
            two.delete().guaranteed().deletingChildrenIfNeeded().forPath(root + "/a/b");
            Checks.same(List.of("NodeDeleted " + root + "/a"), log.await(1));
        });
        t.check("Curator creates or sets, with protection, with a TTL", root -> {
            one.create().orSetData().forPath(root + "/a", "1".getBytes());
            one.create().orSetData().forPath(root + "/a", "2".getBytes());
            Checks.same("2", Session.text(one.getData().forPath(root + "/a")));
            String hidden = one.create().withProtection()
                    .withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(root + "/p-");
            Checks.that(hidden.matches(root + "/_c_[-0-9a-f]+-p-0000000001"), hidden);
            one.create().withTtl(60000).withMode(CreateMode.PERSISTENT_WITH_TTL)
                    .forPath(root + "/ttl");
            Checks.same(3, one.checkExists().forPath(root).getNumChildren());
        });
        t.check("Curator's transactions and background calls work", root -> {
            List<CuratorTransactionResult> results = one.transaction().forOperations(
                    one.transactionOp().create().forPath(root + "/a", "1".getBytes()),
                    one.transactionOp().setData().withVersion(0).forPath(root + "/a",
                            "2".getBytes()),
                    one.transactionOp().check().withVersion(1).forPath(root + "/a"),
                    one.transactionOp().create().forPath(root + "/b"),
                    one.transactionOp().delete().forPath(root + "/b"));
            Checks.same(root + "/a", results.get(0).getResultPath());
            Checks.same(1, results.get(1).getResultStat().getVersion());
            Checks.fails(KeeperException.Code.NODEEXISTS, () -> one.transaction().forOperations(
                    one.transactionOp().create().forPath(root + "/c"),
                    one.transactionOp().create().forPath(root + "/a")));
            Checks.same(null, one.checkExists().forPath(root + "/c"));
            BlockingQueue<CuratorEvent> events = new LinkedBlockingQueue<>();
            BackgroundCallback callback = (client, event) -> events.add(event);
            one.getChildren().inBackground(callback).forPath(root);
            Checks.same(List.of("a"), take(events, "the background call").getChildren());
        });
        t.check("a persistent watcher of Curator goes on after a reconnection", root -> {
            try (CuratorFramework mine = client(t.place.wire, Place.CALM_MS);
                    PersistentWatcher watcher = new PersistentWatcher(mine, root, true)) {
                BlockingQueue<String> seen = new LinkedBlockingQueue<>();
                watcher.getListenable().addListener(event -> {
                    if (event.getPath() != null) {
                        seen.add(event.getType() + " " + event.getPath());
                    }
                });
                CountDownLatch again = new CountDownLatch(1);
                mine.getConnectionStateListenable().addListener((client, state) -> {
                    if (state == ConnectionState.RECONNECTED) {
                        again.countDown();
                    }
                });
                CountDownLatch set = new CountDownLatch(1);
                watcher.getResetListenable().addListener(set::countDown);
                watcher.start();
                await(set, "the watch was set");
                one.create().forPath(root + "/a");
                Checks.same("NodeCreated " + root + "/a", take(seen, "the first event"));
                t.place.command("drop");
                await(again, "reconnected");
                // Answered behind the watches that the client has just set again.
                mine.checkExists().forPath(root);
                one.create().forPath(root + "/b");
                Checks.same("NodeCreated " + root + "/b", take(seen, "the second event"));
            }
        });
    }

    private void leaders(Checks t) {
        t.check("a leader latch passes leadership on when the leader closes", root -> {
            LeaderLatch first = new LeaderLatch(one, root, "first");
            LeaderLatch second = new LeaderLatch(two, root, "second");
            first.start();
            Checks.that(first.await(PATIENCE_S, TimeUnit.SECONDS), "the first leads");
            second.start();
            eventually(() -> second.getParticipants().size() == 2, "two participants");
            Checks.that(!second.hasLeadership(), "only one leads");
            Checks.same("first", second.getLeader().getId());
            first.close();
            Checks.that(second.await(PATIENCE_S, TimeUnit.SECONDS), "the second leads");
            Checks.same("second", second.getLeader().getId());
            second.close();
        });
        t.check("leadership is lost with the session and another takes it", root -> {
            try (CuratorFramework frail = client(t.place.wire, Place.SHORT_MS)) {
                LeaderLatch first = new LeaderLatch(frail, root, "frail");
                LeaderLatch second = new LeaderLatch(one, root, "steady");
                first.start();
                Checks.that(first.await(PATIENCE_S, TimeUnit.SECONDS), "the frail one leads");
                second.start();
                eventually(() -> second.getParticipants().size() == 2, "two participants");
                t.place.command("cut");
                Checks.that(second.await(PATIENCE_S, TimeUnit.SECONDS), "the steady one leads");
                Checks.that(!first.hasLeadership(), "the frail one knows");
                t.place.command("heal");
                eventually(() -> second.getParticipants().size() == 2, "it waits in line again");
                Checks.that(second.hasLeadership(), "the steady one goes on leading");
                second.close();
                Checks.that(first.await(PATIENCE_S, TimeUnit.SECONDS), "the frail one again");
                first.close();
            }
        });
        t.check("leader selectors lead in turn", root -> {
            List<String> order = Collections.synchronizedList(new ArrayList<>());
            CountDownLatch turns = new CountDownLatch(6);
            List<LeaderSelector> selectors = new ArrayList<>();
            AtomicInteger leading = new AtomicInteger();
            for (CuratorFramework client : List.of(one, two)) {
                String name = client == one ? "one" : "two";
                LeaderSelector selector = new LeaderSelector(client, root,
                        new LeaderSelectorListenerAdapter() {
                            @Override
                            public void takeLeadership(CuratorFramework same) {
                                if (leading.incrementAndGet() == 1) {
                                    order.add(name);
                                }
                                leading.decrementAndGet();
                                turns.countDown();
                            }
                        });
                selector.autoRequeue();
                selectors.add(selector);
                selector.start();
            }
            await(turns, "six turns");
            for (LeaderSelector selector : selectors) {
                selector.close();
            }
            Checks.that(order.size() >= 6, "never two leaders at once: " + order);
        });
    }

    private void locks(Checks t) {
        t.check("a mutex lets one in at a time", root -> {
            AtomicInteger inside = new AtomicInteger();
            AtomicInteger entries = new AtomicInteger();
            List<Future<?>> workers = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                InterProcessMutex mutex = new InterProcessMutex(i % 2 == 0 ? one : two, root);
                workers.add(threads.submit(() -> {
                    for (int round = 0; round < 5; round++) {
                        Checks.that(mutex.acquire(PATIENCE_S, TimeUnit.SECONDS), "acquired");
                        Checks.same(1, inside.incrementAndGet());
                        entries.incrementAndGet();
                        inside.decrementAndGet();
                        mutex.release();
                    }
                    return null;
                }));
            }
            for (Future<?> worker : workers) {
                worker.get(2 * PATIENCE_S, TimeUnit.SECONDS);
            }
            Checks.same(30, entries.get());
            Checks.same(List.of(), one.getChildren().forPath(root));
        });
        t.check("a mutex is re-entrant and times out for others", root -> {
            InterProcessMutex mine = new InterProcessMutex(one, root);
            InterProcessMutex theirs = new InterProcessMutex(two, root);
            mine.acquire();
            mine.acquire();
            Checks.that(!theirs.acquire(100, TimeUnit.MILLISECONDS), "still held");
            mine.release();
            Checks.that(!theirs.acquire(100, TimeUnit.MILLISECONDS), "held once more");
            mine.release();
            Checks.that(theirs.acquire(PATIENCE_S, TimeUnit.SECONDS), "free");
            theirs.release();
        });
        t.check("the lock of an expired session is free again", root -> {
            try (CuratorFramework frail = client(t.place.wire, Place.SHORT_MS)) {
                InterProcessMutex held = new InterProcessMutex(frail, root);
                held.acquire();
                t.place.command("freeze");
                InterProcessMutex mine = new InterProcessMutex(one, root);
                Checks.that(mine.acquire(PATIENCE_S, TimeUnit.SECONDS), "acquired");
                t.place.command("thaw");
                mine.release();
            }
        });
        t.check("readers share, a writer is alone", root -> {
            InterProcessReadWriteLock a = new InterProcessReadWriteLock(one, root);
            InterProcessReadWriteLock b = new InterProcessReadWriteLock(two, root);
            a.readLock().acquire();
            Checks.that(b.readLock().acquire(PATIENCE_S, TimeUnit.SECONDS), "two readers");
            b.readLock().release();
            Checks.that(!b.writeLock().acquire(100, TimeUnit.MILLISECONDS), "no writer");
            a.readLock().release();
            Checks.that(b.writeLock().acquire(PATIENCE_S, TimeUnit.SECONDS), "a writer");
            Checks.that(!a.readLock().acquire(100, TimeUnit.MILLISECONDS), "no reader");
            b.writeLock().release();
        });
        t.check("a semaphore gives as many leases as it has", root -> {
            InterProcessSemaphoreV2 a = new InterProcessSemaphoreV2(one, root, 2);
            InterProcessSemaphoreV2 b = new InterProcessSemaphoreV2(two, root, 2);
            Lease first = a.acquire(PATIENCE_S, TimeUnit.SECONDS);
            Lease second = b.acquire(PATIENCE_S, TimeUnit.SECONDS);
            Checks.that(first != null && second != null, "two leases");
            Checks.same(null, b.acquire(100, TimeUnit.MILLISECONDS));
            a.returnLease(first);
            Lease third = b.acquire(PATIENCE_S, TimeUnit.SECONDS);
            Checks.that(third != null, "the lease that was returned");
            b.returnLease(second);
            b.returnLease(third);
        });
    }

    private void caches(Checks t) {
        t.check("a cache of a subtree follows every change", root -> {
            one.create().creatingParentsIfNeeded().forPath(root + "/before/x", "1".getBytes());
            BlockingQueue<String> seen = new LinkedBlockingQueue<>();
            CountDownLatch ready = new CountDownLatch(1);
            try (CuratorCache cache = CuratorCache.build(two, root)) {
                cache.listenable().addListener(
                        org.apache.curator.framework.recipes.cache.CuratorCacheListener.builder()
                                .forInitialized(ready::countDown)
                                .forAll((type, old, now) -> seen.add(type + " "
                                        + (now == null ? old : now).getPath()))
                                .build());
                cache.start();
                await(ready, "the cache is filled");
                Checks.same(3, cache.size());
                seen.clear();
                one.create().forPath(root + "/a", "1".getBytes());
                Checks.same("NODE_CREATED " + root + "/a", take(seen, "creation"));
                one.setData().forPath(root + "/a", "2".getBytes());
                Checks.same("NODE_CHANGED " + root + "/a", take(seen, "change"));
                Checks.same("2", Session.text(cache.get(root + "/a").get().getData()));
                one.create().forPath(root + "/a/b", "".getBytes());
                Checks.same("NODE_CREATED " + root + "/a/b", take(seen, "grandchild"));
                one.delete().deletingChildrenIfNeeded().forPath(root + "/a");
                Checks.same("NODE_DELETED " + root + "/a/b", take(seen, "deletion below"));
                Checks.same("NODE_DELETED " + root + "/a", take(seen, "deletion"));
                Checks.same(3, cache.size());
            }
        });
        t.check("a cache catches up after an outage", root -> {
            one.create().forPath(root + "/stays", "old".getBytes());
            one.create().forPath(root + "/goes", "".getBytes());
            try (CuratorFramework mine = client(t.place.wire, Place.CALM_MS);
                    CuratorCache cache = CuratorCache.build(mine, root)) {
                CountDownLatch ready = new CountDownLatch(1);
                cache.listenable().addListener(
                        org.apache.curator.framework.recipes.cache.CuratorCacheListener.builder()
                                .forInitialized(ready::countDown).build());
                cache.start();
                await(ready, "the cache is filled");
                t.place.command("cut");
                one.setData().forPath(root + "/stays", "new".getBytes());
                one.delete().forPath(root + "/goes");
                one.create().forPath(root + "/comes", "".getBytes());
                t.place.command("heal");
                eventually(() -> {
                    Map<String, String> content = new TreeMap<>();
                    cache.stream().forEach(node -> content.put(
                            node.getPath().substring(root.length()),
                            Session.text(node.getData())));
                    content.remove("");
                    return content.equals(Map.of("/stays", "new", "/comes", ""));
                }, "the cache agrees with the server");
            }
        });
    }

    private void barriers(Checks t) {
        t.check("a barrier holds until it is removed", root -> {
            DistributedBarrier mine = new DistributedBarrier(one, root + "/barrier");
            DistributedBarrier theirs = new DistributedBarrier(two, root + "/barrier");
            mine.setBarrier();
            Checks.that(!theirs.waitOnBarrier(100, TimeUnit.MILLISECONDS), "it holds");
            Future<Boolean> waiting = threads.submit(
                    () -> theirs.waitOnBarrier(PATIENCE_S, TimeUnit.SECONDS));
            mine.removeBarrier();
            Checks.that(waiting.get(PATIENCE_S, TimeUnit.SECONDS), "it opens");
        });
        t.check("a double barrier lets nobody in before all are there", root -> {
            CountDownLatch arrived = new CountDownLatch(3);
            List<Future<?>> workers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                CuratorFramework client = i % 2 == 0 ? one : two;
                DistributedDoubleBarrier barrier =
                        new DistributedDoubleBarrier(client, root + "/double", 3);
                workers.add(threads.submit(() -> {
                    arrived.countDown();
                    Checks.that(barrier.enter(PATIENCE_S, TimeUnit.SECONDS), "in");
                    Checks.same(0L, arrived.getCount());
                    // This recipe lets members out while the last one is still inside.
                    Checks.that(barrier.leave(PATIENCE_S, TimeUnit.SECONDS), "out");
                    return null;
                }));
            }
            for (Future<?> worker : workers) {
                worker.get(PATIENCE_S, TimeUnit.SECONDS);
            }
        });
    }

    private void counters(Checks t) {
        t.check("a shared count tells its listeners and refuses stale writers", root -> {
            try (SharedCount mine = new SharedCount(one, root + "/count", 7);
                    SharedCount theirs = new SharedCount(two, root + "/count", 7)) {
                mine.start();
                theirs.start();
                BlockingQueue<Integer> told = new LinkedBlockingQueue<>();
                theirs.addListener(new SharedCountListener() {
                    @Override
                    public void countHasChanged(SharedCountReader count, int value) {
                        told.add(value);
                    }

                    @Override
                    public void stateChanged(CuratorFramework client, ConnectionState state) {
                    }
                });
                var stale = theirs.getVersionedValue();
                mine.setCount(8);
                Checks.same(8, take(told, "the listener"));
                Checks.that(!theirs.trySetCount(stale, 9), "stale");
                Checks.that(theirs.trySetCount(theirs.getVersionedValue(), 10), "fresh");
            }
        });
        t.check("an atomic long loses no increment", root -> {
            List<Future<?>> workers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                DistributedAtomicLong number = new DistributedAtomicLong(i % 2 == 0 ? one : two,
                        root + "/long", new RetryNTimes(1000, 1));
                workers.add(threads.submit(() -> {
                    for (int round = 0; round < 10; round++) {
                        Checks.that(number.increment().succeeded(), "incremented");
                    }
                    return null;
                }));
            }
            for (Future<?> worker : workers) {
                worker.get(PATIENCE_S, TimeUnit.SECONDS);
            }
            AtomicValue<Long> value = new DistributedAtomicLong(one, root + "/long",
                    new RetryOneTime(1)).get();
            Checks.same(40L, value.postValue());
        });
    }

    private void nodes(Checks t) {
        t.check("a persistent node comes back when its session expires", root -> {
            try (CuratorFramework frail = client(t.place.wire, Place.SHORT_MS);
                    PersistentNode node = new PersistentNode(frail, CreateMode.EPHEMERAL, false,
                            root + "/node", "here".getBytes())) {
                node.start();
                Checks.that(node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS), "made");
                EventLog log = new EventLog();
                long owner = t.place.other().stat(root + "/node").getEphemeralOwner();
                t.place.other().zk.exists(root + "/node", log);
                t.place.command("cut");
                Checks.same(List.of("NodeDeleted " + root + "/node"), log.await(1));
                t.place.other().zk.exists(root + "/node", log);
                t.place.command("heal");
                Checks.same(List.of("NodeCreated " + root + "/node"), log.await(1));
                Checks.that(t.place.other().stat(root + "/node").getEphemeralOwner() != owner,
                        "another session owns it");
                Checks.same("here", t.place.other().get(root + "/node"));
            }
        });
        t.check("a persistent TTL node outlives its TTL while it is kept", root -> {
            try (PersistentTtlNode node = new PersistentTtlNode(one, root + "/node", 2000,
                    "".getBytes())) {
                node.start();
                Checks.that(node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS), "made");
                // A TTL node that nobody keeps, due later: gone means that the kept one is
                // past its time too.
                EventLog log = new EventLog();
                one.create().withTtl(3000).withMode(CreateMode.PERSISTENT_WITH_TTL)
                        .forPath(root + "/due");
                t.place.other().zk.exists(root + "/due", log);
                log.await(1);
                Checks.that(t.place.other().stat(root + "/node") != null, "it is there");
            }
        });
        t.check("group members see each other come and go", root -> {
            try (GroupMember first = new GroupMember(one, root, "first")) {
                first.start();
                GroupMember second = new GroupMember(two, root, "second");
                second.start();
                eventually(() -> first.getCurrentMembers().size() == 2, "two members");
                second.close();
                eventually(() -> first.getCurrentMembers().size() == 1, "one member");
            }
        });
    }
}
