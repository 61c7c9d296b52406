import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * Clients that work while the test kills and restarts members.  The argument is the connect
 * string of the ensemble.  Commands come on standard input: `more` is answered with `done` when
 * every worker has made some steps more, `stop` with a line `ok NAME` or `not ok NAME: REASON`
 * for each worker, and `end`.
 */
final class OverFailovers {
    private static final int SESSION_MS = 20000;
    private static final int STEPS = 5;
    private static final int PATIENCE_S = 60;

    private final String servers;
    private final Map<String, Worker> workers = new LinkedHashMap<>();
    private volatile boolean stopping;

    private OverFailovers(String servers) {
        this.servers = servers;
    }

    /** What a thread does again and again, and what must hold in the end. */
    private abstract class Worker extends Thread {
        final AtomicLong steps = new AtomicLong();
        volatile Throwable failure;

        @Override
        public void run() {
            try {
                while (!stopping) {
                    step();
                    steps.incrementAndGet();
                }
            } catch (Throwable problem) {
                failure = problem;
            }
        }

        abstract void step() throws Exception;

        void check() throws Exception {
        }
    }

    public static void main(String[] arguments) throws Exception {
        OverFailovers all = new OverFailovers(arguments[0]);
        all.begin();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(
                new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.equals("more")) {
                System.out.println(all.more());
            } else if (line.equals("stop")) {
                all.end();
                System.out.println("end");
                System.exit(0);
            }
        }
        System.exit(1);
    }

    private void begin() throws Exception {
        workers.put("the Java client's writes", new Writes());
        workers.put("the Java client's watches", new Watches());
        CuratorFramework one = curator();
        CuratorFramework two = curator();
        one.create().forPath("/count", "0 nobody".getBytes(StandardCharsets.UTF_8));
        workers.put("Curator's lock, one", new Locked(one, "one"));
        workers.put("Curator's lock, two", new Locked(two, "two"));
        AtomicInteger leaders = new AtomicInteger();
        workers.put("Curator's leader latch, one", new Leader(one, leaders));
        workers.put("Curator's leader latch, two", new Leader(two, leaders));
        workers.put("Curator's cache", new Cached(one, two));
        workers.values().forEach(Worker::start);
    }

    private String more() throws InterruptedException {
        Map<String, Long> targets = new LinkedHashMap<>();
        workers.forEach((name, worker) -> targets.put(name, worker.steps.get() + STEPS));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        for (Map.Entry<String, Long> target : targets.entrySet()) {
            Worker worker = workers.get(target.getKey());
            while (worker.steps.get() < target.getValue()) {
                if (worker.failure != null) {
                    return "failed: " + target.getKey() + ": " + worker.failure;
                }
                if (System.nanoTime() > deadline) {
                    return "stuck: " + target.getKey();
                }
                Thread.sleep(10);
            }
        }
        return "done";
    }

    private void end() throws InterruptedException {
        stopping = true;
        List<String> lines = new ArrayList<>();
        for (Worker worker : workers.values()) {
            worker.join(TimeUnit.SECONDS.toMillis(PATIENCE_S));
        }
        workers.forEach((name, worker) -> {
            try {
                if (worker.failure != null) {
                    throw worker.failure;
                }
                that(!worker.isAlive(), "it hangs");
                worker.check();
                lines.add("ok " + name);
            } catch (Throwable problem) {
                lines.add("not ok " + name + ": " + problem);
            }
        });
        lines.forEach(System.out::println);
    }

    // -- Apache's Java client

    private static ZooKeeper zooKeeper(String servers) throws Exception {
        ZooKeeper client = new ZooKeeper(servers, SESSION_MS, event -> { });
        eventually(() -> client.getState().isConnected(), "connected");
        return client;
    }

    private static final String REGISTER = "/register";

    /** A number that grows; a lost answer is looked up. */
    private final class Writes extends Worker {
        private final ZooKeeper client = zooKeeper(servers);
        private int version;

        Writes() throws Exception {
            client.create(REGISTER, bytes("0"), ZooDefs.Ids.OPEN_ACL_UNSAFE,
                    CreateMode.PERSISTENT);
        }

        @Override
        void step() throws Exception {
            byte[] value = bytes("" + (version + 1));
            while (true) {
                try {
                    version = client.setData(REGISTER, value, version).getVersion();
                    return;
                } catch (KeeperException.ConnectionLossException lost) {
                    Thread.sleep(20);
                } catch (KeeperException.BadVersionException done) {
                    Stat stat = new Stat();
                    String held = text(client.getData(REGISTER, false, stat));
                    that(held.equals(text(value)), "holds " + held + ", sent " + text(value));
                    version = stat.getVersion();
                    return;
                }
            }
        }

        @Override
        void check() throws Exception {
            client.sync(REGISTER, (code, path, context) -> { }, null);
            that(text(client.getData(REGISTER, false, null)).equals("" + version),
                    "the last write");
        }
    }

    /** Follows the number with one watch after the other: it never goes back, none is missed. */
    private final class Watches extends Worker implements Watcher {
        private final ZooKeeper client = zooKeeper(servers);
        private final Object fired = new Object();
        private int events;
        private int seen;

        Watches() throws Exception {
        }

        @Override
        public void process(WatchedEvent event) {
            if (event.getType() == Event.EventType.NodeDataChanged) {
                synchronized (fired) {
                    events++;
                    fired.notifyAll();
                }
            }
        }

        private void look() throws Exception {
            while (true) {
                try {
                    int now = Integer.parseInt(text(client.getData(REGISTER, this, null)));
                    that(now >= seen, now + " after " + seen);
                    seen = now;
                    return;
                } catch (KeeperException.ConnectionLossException lost) {
                    Thread.sleep(20);
                }
            }
        }

        @Override
        void step() throws Exception {
            int before = events;
            look();
            synchronized (fired) {
                while (events == before && !stopping) {
                    fired.wait(100);
                }
            }
        }
    }

    // -- Curator

    private CuratorFramework curator() throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(servers)
                .sessionTimeoutMs(SESSION_MS).connectionTimeoutMs(10000)
                .retryPolicy(new RetryNTimes(100, 100)).build();
        client.getConnectionStateListenable().addListener((of, state) ->
                that(state != ConnectionState.LOST, "a session was lost"));
        client.start();
        that(client.blockUntilConnected(PATIENCE_S, TimeUnit.SECONDS), "connected");
        return client;
    }

    /** Who holds the lock adds one; nobody else does meanwhile. */
    private final class Locked extends Worker {
        private final CuratorFramework client;
        private final InterProcessMutex mutex;
        private final String name;
        private long added;

        Locked(CuratorFramework client, String name) {
            this.client = client;
            this.name = name;
            mutex = new InterProcessMutex(client, "/lock");
        }

        @Override
        void step() throws Exception {
            mutex.acquire();
            try {
                Stat stat = new Stat();
                long now = count(client.getData().storingStatIn(stat).forPath("/count"));
                String next = (now + 1) + " " + name + added;
                try {
                    client.setData().withVersion(stat.getVersion()).forPath("/count",
                            bytes(next));
                } catch (KeeperException.BadVersionException retried) {
                    String held = text(client.getData().forPath("/count"));
                    that(held.equals(next), "under the lock " + held + " instead of " + next);
                }
                added++;
            } finally {
                mutex.release();
            }
        }

        @Override
        void check() throws Exception {
            Worker other = workers.get("Curator's lock, " + (name.equals("one") ? "two" : "one"));
            long sum = added + ((Locked) other).added;
            that(count(client.getData().forPath("/count")) == sum, "all were counted: " + sum);
        }

        private long count(byte[] data) {
            return Long.parseLong(text(data).split(" ")[0]);
        }
    }

    /** Becomes leader and gives way to the other, in turn. */
    private final class Leader extends Worker {
        private final CuratorFramework client;
        private final AtomicInteger leaders;

        Leader(CuratorFramework client, AtomicInteger leaders) {
            this.client = client;
            this.leaders = leaders;
        }

        @Override
        void step() throws Exception {
            try (LeaderLatch latch = new LeaderLatch(client, "/latch")) {
                latch.start();
                while (!latch.await(100, TimeUnit.MILLISECONDS)) {
                    if (stopping) {
                        return;
                    }
                }
                // While it has lost sight of the servers the latch says that it does not lead.
                int now = leaders.incrementAndGet();
                boolean leads = latch.hasLeadership();
                leaders.decrementAndGet();
                that(now == 1 || !leads, "two lead");
            }
        }
    }

    /** One writes below a node, the other's cache holds the same in the end. */
    private final class Cached extends Worker {
        private final CuratorFramework writer;
        private final CuratorFramework reader;
        private final CuratorCache cache;
        private int number;

        Cached(CuratorFramework writer, CuratorFramework reader) throws Exception {
            this.writer = writer;
            this.reader = reader;
            writer.create().forPath("/cached");
            cache = CuratorCache.build(reader, "/cached");
            cache.start();
        }

        @Override
        void step() throws Exception {
            number++;
            writer.create().orSetData().forPath("/cached/n" + number % 20, bytes("" + number));
            if (number % 7 == 0) {
                writer.delete().quietly().forPath("/cached/n" + (number + 3) % 20);
            }
        }

        @Override
        void check() throws Exception {
            reader.sync().forPath("/cached");
            eventually(() -> {
                List<String> names = reader.getChildren().forPath("/cached");
                for (String name : names) {
                    String path = "/cached/" + name;
                    String held = cache.get(path).map(ChildData::getData)
                            .map(OverFailovers::text).orElse("");
                    if (!held.equals(text(reader.getData().forPath(path)))) {
                        return false;
                    }
                }
                return cache.size() == names.size() + 1;
            }, "the cache holds what is there");
        }
    }

    // -- helpers

    private static void eventually(Callable<Boolean> holds, String what) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!holds.call()) {
            that(System.nanoTime() < deadline, "never: " + what);
            Thread.sleep(10);
        }
    }

    private static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }
}
