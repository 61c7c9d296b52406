import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** Every operation with a callback: code, path, context and result, and the order of replies. */
final class AsyncChecks implements Checks.Group {
    /** What a callback was given; result is the operation's own part of it. */
    private record Reply(Code code, String path, Object context, Object result, Stat stat) {
    }

    private final BlockingQueue<Reply> replies = new LinkedBlockingQueue<>();
    private Session s;
    private ZooKeeper zk;

    private final AsyncCallback.VoidCallback plain =
            (rc, path, context) -> put(rc, path, context, null, null);
    private final AsyncCallback.StatCallback withStat =
            (rc, path, context, stat) -> put(rc, path, context, null, stat);
    private final AsyncCallback.DataCallback withData =
            (rc, path, context, data, stat) -> put(rc, path, context, Session.text(data), stat);
    private final AsyncCallback.StringCallback withName =
            (rc, path, context, name) -> put(rc, path, context, name, null);
    private final AsyncCallback.Create2Callback withNameAndStat =
            (rc, path, context, name, stat) -> put(rc, path, context, name, stat);
    private final AsyncCallback.ChildrenCallback withChildren =
            (rc, path, context, names) -> put(rc, path, context, names, null);
    private final AsyncCallback.Children2Callback withChildrenAndStat =
            (rc, path, context, names, stat) -> put(rc, path, context, names, stat);
    private final AsyncCallback.ACLCallback withAcl =
            (rc, path, context, acl, stat) -> put(rc, path, context, acl, stat);
    private final AsyncCallback.MultiCallback withResults =
            (rc, path, context, results) -> put(rc, path, context, results, null);
    private final AsyncCallback.EphemeralsCallback withEphemerals =
            (rc, context, paths) -> put(rc, null, context, paths, null);
    private final AsyncCallback.AllChildrenNumberCallback withNumber =
            (rc, path, context, number) -> put(rc, path, context, number, null);

    private void put(int rc, String path, Object context, Object result, Stat stat) {
        replies.add(new Reply(Code.get(rc), path, context, result, stat));
    }

    private Reply take() throws InterruptedException {
        Reply reply = replies.poll(20, TimeUnit.SECONDS);
        Checks.that(reply != null, "no callback within 20 s");
        return reply;
    }

    private Reply take(Code code, String path) throws InterruptedException {
        Reply reply = take();
        Checks.same(code, reply.code);
        Checks.same(path, reply.path);
        Checks.same("context", reply.context);
        return reply;
    }

    @Override
    public void run(Checks t) throws Exception {
        try (Session session = t.place.open()) {
            s = session;
            zk = session.zk;
            successes(t);
            watches(t);
            multis(t);
            failures(t);
            order(t);
        }
    }

    private void successes(Checks t) {
        t.check("create calls back with the name", root -> {
            zk.create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL,
                    withName, "context");
            Checks.same(root + "/a0000000000", take(Code.OK, root + "/a").result);
        });
        t.check("create2, container and TTL call back with name and stat", root -> {
            zk.create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL,
                    withNameAndStat, "context");
            Reply reply = take(Code.OK, root + "/a");
            Checks.same(root + "/a", reply.result);
            Checks.same(zk.getSessionId(), reply.stat.getEphemeralOwner());
            zk.create(root + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER,
                    withNameAndStat, "context");
            Checks.same(s.stat(root + "/c"), take(Code.OK, root + "/c").stat);
            zk.create(root + "/t", null, Ids.OPEN_ACL_UNSAFE,
                    CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, withNameAndStat, "context", 60000);
            reply = take(Code.OK, root + "/t");
            Checks.same(root + "/t0000000002", reply.result);
            Checks.same(s.stat(root + "/t0000000002"), reply.stat);
        });
        t.check("exists, getData and setData call back with the stat", root -> {
            s.make(root + "/a", "1");
            Stat stat = s.stat(root + "/a");
            zk.exists(root + "/a", false, withStat, "context");
            Checks.same(stat, take(Code.OK, root + "/a").stat);
            zk.getData(root + "/a", false, withData, "context");
            Checks.same(new Reply(Code.OK, root + "/a", "context", "1", stat), take());
            zk.setData(root + "/a", "two".getBytes(), 0, withStat, "context");
            Checks.same(s.stat(root + "/a"), take(Code.OK, root + "/a").stat);
        });
        t.check("getACL and setACL call back with list and stat", root -> {
            zk.getACL(root, new Stat(), withAcl, "context");
            Checks.same(Ids.OPEN_ACL_UNSAFE, take(Code.OK, root).result);
            List<ACL> acl = Session.acl(31, "world", "anyone", 1, "ip", "10.0.0.1");
            zk.setACL(root, acl, 0, withStat, "context");
            Checks.same(1, take(Code.OK, root).stat.getAversion());
            zk.getACL(root, new Stat(), withAcl, "context");
            Reply reply = take(Code.OK, root);
            Checks.same(acl, reply.result);
            Checks.same(s.stat(root), reply.stat);
        });
        t.check("both forms of getChildren call back", root -> {
            s.make(root + "/a", "");
            zk.getChildren(root, false, withChildren, "context");
            Checks.same(List.of("a"), take(Code.OK, root).result);
            zk.getChildren(root, false, withChildrenAndStat, "context");
            Reply reply = take(Code.OK, root);
            Checks.same(List.of("a"), reply.result);
            Checks.same(s.stat(root), reply.stat);
        });
        t.check("getAllChildrenNumber and getEphemerals call back", root -> {
            s.make(root + "/a", "", CreateMode.EPHEMERAL);
            zk.getAllChildrenNumber(root, withNumber, "context");
            Checks.same(1, take(Code.OK, root).result);
            zk.getEphemerals(root, withEphemerals, "context");
            Checks.same(List.of(root + "/a"), take(Code.OK, null).result);
            zk.getEphemerals(withEphemerals, "context");
            Checks.that(((List<?>) take(Code.OK, null).result).contains(root + "/a"), "in all");
        });
        t.check("sync calls back with the path, even of a missing node", root -> {
            zk.sync(root, plain, "context");
            take(Code.OK, root);
            zk.sync(root + "/no", plain, "context");
            take(Code.OK, root + "/no");
        });
        t.check("delete calls back", root -> {
            s.make(root + "/a", "");
            zk.delete(root + "/a", 0, plain, "context");
            take(Code.OK, root + "/a");
            Checks.same(null, s.stat(root + "/a"));
        });
        t.check("getConfig calls back", root -> {
            zk.getConfig(false, withData, "context");
            Reply reply = take(Code.OK, "/zookeeper/config");
            Checks.same(-1, reply.stat.getAversion());
        });
    }

    private void watches(Checks t) {
        t.check("addWatch and removeWatches call back", root -> {
            EventLog log = new EventLog();
            zk.addWatch(root, log, AddWatchMode.PERSISTENT_RECURSIVE, plain, "context");
            take(Code.OK, root);
            s.make(root + "/a", "");
            Checks.same(List.of("NodeCreated " + root + "/a"), s.events(log));
            zk.removeWatches(root, log, WatcherType.Any, false, plain, "context");
            take(Code.OK, root);
            Checks.same(List.of("PersistentWatchRemoved " + root), s.events(log));
            zk.exists(root + "/b", log);
            zk.removeAllWatches(root + "/b", WatcherType.Data, false, plain, "context");
            take(Code.OK, root + "/b");
            Checks.same(List.of("DataWatchRemoved " + root + "/b"), s.events(log));
        });
        t.check("the default watcher takes what is asked of the session", root -> {
            s.events();
            zk.getData(root, true, withData, "context");
            take(Code.OK, root);
            zk.addWatch(root, AddWatchMode.PERSISTENT, plain, "context");
            take(Code.OK, root);
            s.set(root, "x");
            Checks.same(List.of("NodeDataChanged " + root), s.events());
            zk.removeAllWatches(root, WatcherType.Any, false, plain, "context");
            take(Code.OK, root);
            s.events();
        });
        t.check("a notification comes before the reply of the write that caused it", root -> {
            List<String> seen = Collections.synchronizedList(new ArrayList<>());
            zk.getData(root, event -> seen.add("event"), null);
            zk.setData(root, null, -1, (rc, path, context, stat) -> seen.add("reply"), null);
            s.barrier();
            Checks.same(List.of("event", "reply"), seen);
        });
    }

    private void multis(Checks t) {
        t.check("multi calls back with a result for each part", root -> {
            zk.multi(List.of(
                    Op.create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.delete(root + "/a", 0)), withResults, "context");
            List<?> results = (List<?>) take(Code.OK, null).result;
            Checks.same(2, results.size());
            Checks.same(root + "/a", ((OpResult.CreateResult) results.get(0)).getPath());
            Checks.that(results.get(1) instanceof OpResult.DeleteResult, "a deletion");
        });
        t.check("a failed multi calls back with the first error", root -> {
            zk.multi(List.of(
                    Op.create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                    Op.delete(root + "/no", 0)), withResults, "context");
            Reply reply = take();
            Checks.same(Code.NONODE, reply.code);
            Checks.same(null, s.stat(root + "/a"));
        });
        t.check("a transaction commits with a callback", root -> {
            zk.transaction()
                    .create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
                    .setData(root + "/a", "1".getBytes(), 0)
                    .commit(withResults, "context");
            Checks.same(2, ((List<?>) take(Code.OK, null).result).size());
            Checks.same("1", s.get(root + "/a"));
        });
        t.check("reconfig calls back with its error", root -> {
            try (ZooKeeperAdmin admin = new ZooKeeperAdmin(t.place.direct, Place.CALM_MS,
                    new EventLog())) {
                admin.reconfigure((String) null, "1", null, -1, withData, "context");
                Checks.same(Code.RECONFIGDISABLED, take().code);
            }
        });
    }

    private void failures(Checks t) {
        t.check("every callback gets NoNode for a missing node", root -> {
            String no = root + "/no";
            zk.create(no + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, withName,
                    "context");
            take(Code.NONODE, no + "/a");
            zk.create(no + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                    withNameAndStat, "context");
            take(Code.NONODE, no + "/a");
            zk.exists(no, false, withStat, "context");
            take(Code.NONODE, no);
            zk.getData(no, false, withData, "context");
            take(Code.NONODE, no);
            zk.setData(no, null, -1, withStat, "context");
            take(Code.NONODE, no);
            zk.getACL(no, new Stat(), withAcl, "context");
            take(Code.NONODE, no);
            zk.setACL(no, Ids.OPEN_ACL_UNSAFE, -1, withStat, "context");
            take(Code.NONODE, no);
            zk.getChildren(no, false, withChildren, "context");
            take(Code.NONODE, no);
            zk.getChildren(no, false, withChildrenAndStat, "context");
            take(Code.NONODE, no);
            zk.getAllChildrenNumber(no, withNumber, "context");
            take(Code.NONODE, no);
            zk.delete(no, -1, plain, "context");
            take(Code.NONODE, no);
        });
        t.check("callbacks get the other errors too", root -> {
            s.make(root + "/a", "");
            s.make(root + "/a/b", "");
            s.make(root + "/e", "", CreateMode.EPHEMERAL);
            zk.create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, withName,
                    "context");
            take(Code.NODEEXISTS, root + "/a");
            zk.create(root + "/e/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, withName,
                    "context");
            take(Code.NOCHILDRENFOREPHEMERALS, root + "/e/a");
            zk.delete(root + "/a", -1, plain, "context");
            take(Code.NOTEMPTY, root + "/a");
            zk.setData(root + "/a", null, 5, withStat, "context");
            take(Code.BADVERSION, root + "/a");
            zk.setACL(root + "/a", Session.acl(31, "nosuch", "x"), -1, withStat, "context");
            take(Code.INVALIDACL, root + "/a");
            zk.setData("/zookeeper/config", null, -1, withStat, "context");
            take(Code.NOAUTH, "/zookeeper/config");
            zk.removeWatches(root, new EventLog(), WatcherType.Any, false, plain, "context");
            take(Code.NOWATCHER, root);
        });
        t.check("what is asked after close gets SessionExpired", root -> {
            Session mine = t.place.open();
            mine.close();
            mine.zk.exists(root, false, withStat, "context");
            take(Code.SESSIONEXPIRED, root);
        });
    }

    private void order(Checks t) {
        t.check("two thousand pipelined writes are answered and carried out in order", root -> {
            int count = 2000;
            for (int i = 0; i < count; i++) {
                zk.create(root + "/n-", null, Ids.OPEN_ACL_UNSAFE,
                        CreateMode.PERSISTENT_SEQUENTIAL, withName, i);
            }
            for (int i = 0; i < count; i++) {
                Reply reply = take();
                Checks.same(i, reply.context);
                Checks.same(String.format("%s/n-%010d", root, i), reply.result);
            }
            Checks.same(count, s.stat(root).getNumChildren());
        });
        t.check("pipelined reads see the writes before them and not those after", root -> {
            int count = 300;
            for (int i = 0; i < count; i++) {
                zk.setData(root, ("v" + i).getBytes(), i, withStat, i);
                zk.getData(root, false, withData, i);
                zk.exists(root, false, withStat, i);
            }
            for (int i = 0; i < count; i++) {
                Checks.same(i + 1, take().stat.getVersion());
                Checks.same("v" + i, take().result);
                Checks.same(i + 1, take().stat.getVersion());
            }
        });
        t.check("an error in a pipeline leaves the rest as it is", root -> {
            for (int i = 0; i < 200; i++) {
                zk.create(root + "/" + (i / 2), null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                        withName, i);
            }
            for (int i = 0; i < 200; i++) {
                Checks.same(i % 2 == 0 ? Code.OK : Code.NODEEXISTS, take().code);
            }
        });
    }
}
