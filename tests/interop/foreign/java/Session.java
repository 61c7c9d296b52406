import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** An open client with its default watcher, and short forms of what checks do all the time. */
final class Session implements AutoCloseable {
    final ZooKeeper zk;
    final EventLog log;

    private Session(ZooKeeper zk, EventLog log) {
        this.zk = zk;
        this.log = log;
    }

    static Session open(String address, int timeoutMs) throws Exception {
        EventLog log = new EventLog();
        Session session = new Session(new ZooKeeper(address, timeoutMs, log), log);
        log.awaitState(KeeperState.SyncConnected);
        return session;
    }

    /** Re-attaches to an existing session; does not wait, since it may be refused. */
    static Session attach(String address, int timeoutMs, long id, byte[] password)
            throws Exception {
        EventLog log = new EventLog();
        return new Session(new ZooKeeper(address, timeoutMs, log, id, password), log);
    }

    String make(String path, String data) throws Exception {
        return make(path, data, CreateMode.PERSISTENT);
    }

    String make(String path, String data, CreateMode mode) throws Exception {
        return zk.create(path, bytes(data), ZooDefs.Ids.OPEN_ACL_UNSAFE, mode);
    }

    Stat stat(String path) throws Exception {
        return zk.exists(path, false);
    }

    Stat set(String path, String data) throws Exception {
        return zk.setData(path, bytes(data), -1);
    }

    String get(String path) throws Exception {
        return text(zk.getData(path, false, null));
    }

    void delete(String path) throws Exception {
        zk.delete(path, -1);
    }

    /**
     * Returns when every event that the server sent so far has reached its watcher: replies and
     * events of a connection arrive in order and the client's event thread keeps that order.
     */
    void barrier() throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        zk.sync("/", (rc, path, context) -> done.countDown(), null);
        Checks.that(done.await(20, TimeUnit.SECONDS), "the barrier did not come back");
    }

    /** All node events so far, in order, as "Type /path"; forgets them. */
    List<String> events(EventLog of) throws InterruptedException {
        barrier();
        return of.take();
    }

    List<String> events() throws InterruptedException {
        return events(log);
    }

    @Override
    public void close() throws InterruptedException {
        zk.close();
    }

    /** An ACL from triples of permissions, scheme and id. */
    static List<ACL> acl(Object... triples) {
        List<ACL> list = new ArrayList<>();
        for (int i = 0; i < triples.length; i += 3) {
            list.add(new ACL((Integer) triples[i],
                    new Id((String) triples[i + 1], (String) triples[i + 2])));
        }
        return list;
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
