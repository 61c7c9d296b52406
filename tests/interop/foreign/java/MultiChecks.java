import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Transaction;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** multi, Transaction and multiRead. */
final class MultiChecks implements Checks.Group {
    private Session s;
    private ZooKeeper zk;

    @Override
    public void run(Checks t) throws Exception {
        try (Session session = t.place.open()) {
            s = session;
            zk = session.zk;
            successes(t);
            failures(t);
            reads(t);
        }
    }

    private static Op create(String path, CreateMode mode) {
        return mode.isTTL()
                ? Op.create(path, new byte[] {1}, Ids.OPEN_ACL_UNSAFE, mode, 60000)
                : Op.create(path, new byte[] {1}, Ids.OPEN_ACL_UNSAFE, mode);
    }

    private void successes(Checks t) {
        t.check("a multi of every kind of part succeeds in one zxid", root -> {
            s.make(root + "/old", "");
            List<OpResult> results = zk.multi(List.of(
                    create(root + "/p", CreateMode.PERSISTENT),
                    create(root + "/e", CreateMode.EPHEMERAL),
                    create(root + "/s", CreateMode.PERSISTENT_SEQUENTIAL),
                    create(root + "/es", CreateMode.EPHEMERAL_SEQUENTIAL),
                    create(root + "/c", CreateMode.CONTAINER),
                    create(root + "/t", CreateMode.PERSISTENT_WITH_TTL),
                    create(root + "/ts", CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL),
                    Op.setData(root + "/p", "new".getBytes(), 0),
                    Op.check(root + "/p", 1),
                    Op.delete(root + "/old", 0)));
            List<String> names = new ArrayList<>();
            for (OpResult result : results.subList(0, 7)) {
                names.add(((OpResult.CreateResult) result).getPath().substring(root.length()));
            }
            Checks.same(List.of("/p", "/e", "/s0000000003", "/es0000000004", "/c", "/t",
                    "/ts0000000007"), names);
            Checks.same(s.stat(root + "/p"),
                    ((OpResult.SetDataResult) results.get(7)).getStat());
            Checks.that(results.get(8) instanceof OpResult.CheckResult, "a check");
            Checks.that(results.get(9) instanceof OpResult.DeleteResult, "a deletion");
            long zxid = s.stat(root + "/p").getCzxid();
            for (String name : List.of("/e", "/c", "/t", "/ts0000000007")) {
                Checks.same(zxid, s.stat(root + name).getCzxid());
            }
            Checks.same(zxid, s.stat(root).getPzxid());
            Checks.same(s.stat(root + "/p").getCtime(), s.stat(root + "/ts0000000007").getCtime());
            Checks.same(zk.getSessionId(), s.stat(root + "/e").getEphemeralOwner());
        });
        t.check("creations that return a stat do so in a multi", root -> {
            OpResult.CreateResult container = (OpResult.CreateResult) zk.multi(List.of(
                    create(root + "/c", CreateMode.CONTAINER))).get(0);
            Checks.same(s.stat(root + "/c"), container.getStat());
            OpResult.CreateResult ttl = (OpResult.CreateResult) zk.multi(List.of(
                    create(root + "/t", CreateMode.PERSISTENT_WITH_TTL))).get(0);
            Checks.same(s.stat(root + "/t"), ttl.getStat());
        });
        t.check("each part sees what the earlier ones did", root -> {
            zk.multi(List.of(
                    create(root + "/a", CreateMode.PERSISTENT),
                    create(root + "/a/b", CreateMode.PERSISTENT),
                    Op.setData(root + "/a/b", "x".getBytes(), 0),
                    Op.setData(root + "/a/b", "y".getBytes(), 1),
                    Op.delete(root + "/a/b", 2),
                    Op.delete(root + "/a", 0),
                    create(root + "/a", CreateMode.PERSISTENT)));
            Stat stat = s.stat(root + "/a");
            Checks.same("0 0", stat.getVersion() + " " + stat.getCversion());
            Checks.same(3, s.stat(root).getCversion());
        });
        t.check("a transaction is a multi", root -> {
            Transaction transaction = zk.transaction()
                    .create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
                    .check(root + "/a", 0)
                    .setData(root + "/a", "1".getBytes(), 0)
                    .check(root + "/a", 1);
            Checks.same(4, transaction.commit().size());
            Checks.same("1", s.get(root + "/a"));
        });
        t.check("an empty multi succeeds with nothing", root ->
                Checks.same(List.of(), zk.multi(List.of())));
        t.check("a multi of a thousand parts works", root -> {
            List<Op> ops = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                ops.add(create(root + "/n", CreateMode.PERSISTENT_SEQUENTIAL));
            }
            List<OpResult> results = zk.multi(ops);
            Checks.same(root + "/n0000000999",
                    ((OpResult.CreateResult) results.get(999)).getPath());
            Checks.same(1000, s.stat(root).getNumChildren());
        });
        t.check("the events of a multi come in the order of its parts", root -> {
            s.make(root + "/old", "");
            try (Session watcher = t.place.open()) {
                watcher.zk.addWatch(root, AddWatchMode.PERSISTENT_RECURSIVE);
                zk.multi(List.of(
                        create(root + "/a", CreateMode.PERSISTENT),
                        Op.setData(root + "/old", null, -1),
                        create(root + "/a/b", CreateMode.PERSISTENT),
                        Op.delete(root + "/old", -1),
                        Op.check(root + "/a", 0)));
                Checks.same(List.of("NodeCreated " + root + "/a",
                        "NodeDataChanged " + root + "/old", "NodeCreated " + root + "/a/b",
                        "NodeDeleted " + root + "/old"), watcher.events());
            }
        });
    }

    /** The codes of all parts of a multi that must fail. */
    private List<Integer> codes(Op... ops) throws Exception {
        try {
            zk.multi(List.of(ops));
        } catch (KeeperException failure) {
            List<Integer> codes = new ArrayList<>();
            for (OpResult result : failure.getResults()) {
                codes.add(((OpResult.ErrorResult) result).getErr());
            }
            return codes;
        }
        throw new AssertionError("the multi succeeded");
    }

    private void failures(Checks t) {
        t.check("a failed multi changes nothing and tells which part failed", root -> {
            s.make(root + "/a", "");
            Stat before = s.stat(root);
            Checks.same(List.of(0, 0, Code.BADVERSION.intValue(),
                    Code.RUNTIMEINCONSISTENCY.intValue()), codes(
                    create(root + "/new", CreateMode.PERSISTENT),
                    Op.setData(root + "/a", "x".getBytes(), 0),
                    Op.check(root + "/a", 0),
                    Op.delete(root + "/a", -1)));
            Checks.same(before, s.stat(root));
            Checks.same("", s.get(root + "/a"));
            Checks.same(null, s.stat(root + "/new"));
        });
        t.check("a failed multi leaves the sequence counter alone", root -> {
            codes(create(root + "/s", CreateMode.PERSISTENT_SEQUENTIAL),
                    Op.check(root + "/no", -1));
            Checks.same(root + "/s0000000000",
                    s.make(root + "/s", "", CreateMode.PERSISTENT_SEQUENTIAL));
        });
        t.check("each kind of part fails with its own error", root -> {
            s.make(root + "/a", "");
            s.make(root + "/a/b", "");
            s.make(root + "/e", "", CreateMode.EPHEMERAL);
            Object[][] cases = {
                {create(root + "/a", CreateMode.PERSISTENT), Code.NODEEXISTS},
                {create(root + "/no/b", CreateMode.PERSISTENT), Code.NONODE},
                {create(root + "/no/b", CreateMode.CONTAINER), Code.NONODE},
                {create(root + "/no/b", CreateMode.PERSISTENT_WITH_TTL), Code.NONODE},
                {create(root + "/e/b", CreateMode.PERSISTENT), Code.NOCHILDRENFOREPHEMERALS},
                {create("/zookeeper/config", CreateMode.PERSISTENT), Code.NODEEXISTS},
                {Op.delete(root + "/no", -1), Code.NONODE},
                {Op.delete(root + "/a", -1), Code.NOTEMPTY},
                {Op.delete(root + "/a", 4), Code.BADVERSION},
                {Op.delete("/zookeeper", -1), Code.BADARGUMENTS},
                {Op.setData(root + "/no", null, -1), Code.NONODE},
                {Op.setData(root + "/a", null, 4), Code.BADVERSION},
                {Op.setData("/zookeeper/config", null, -1), Code.NOAUTH},
                {Op.check(root + "/no", -1), Code.NONODE},
                {Op.check(root + "/a", 4), Code.BADVERSION},
            };
            for (Object[] pair : cases) {
                Code code = (Code) pair[1];
                Checks.same(List.of(0, code.intValue(), -2), codes(
                        create(root + "/first", CreateMode.PERSISTENT), (Op) pair[0],
                        create(root + "/last", CreateMode.PERSISTENT)));
            }
            Checks.same(2, s.stat(root).getNumChildren());
        });
        t.check("a failed multi sends no event", root -> {
            try (Session watcher = t.place.open()) {
                watcher.zk.getChildren(root, true);
                codes(create(root + "/a", CreateMode.PERSISTENT), Op.check(root + "/no", -1));
                Checks.same(List.of(), watcher.events());
                s.make(root + "/a", "");
                Checks.same(List.of("NodeChildrenChanged " + root), watcher.events());
            }
        });
        t.check("a TTL part on a server without extended types fails the multi", root -> {
            try (Session plain = Session.open(t.place.plain, Place.CALM_MS)) {
                Checks.fails(Code.UNIMPLEMENTED, () -> plain.zk.multi(List.of(
                        create("/multi-ttl", CreateMode.PERSISTENT_WITH_TTL))));
                Checks.same(null, plain.stat("/multi-ttl"));
            }
        });
    }

    private void reads(Checks t) {
        t.check("multiRead answers each part by itself", root -> {
            s.make(root + "/a", "data");
            s.make(root + "/b", "");
            List<OpResult> results = zk.multi(List.of(Op.getChildren(root),
                    Op.getData(root + "/no"), Op.getData(root + "/a"),
                    Op.getChildren(root + "/no"), Op.getData("/zookeeper")));
            Checks.sameSet(List.of("a", "b"),
                    ((OpResult.GetChildrenResult) results.get(0)).getChildren());
            Checks.same(Code.NONODE.intValue(),
                    ((OpResult.ErrorResult) results.get(1)).getErr());
            OpResult.GetDataResult data = (OpResult.GetDataResult) results.get(2);
            Checks.same("data", Session.text(data.getData()));
            Checks.same(s.stat(root + "/a"), data.getStat());
            Checks.same(Code.NONODE.intValue(),
                    ((OpResult.ErrorResult) results.get(3)).getErr());
            Checks.that(results.get(4) instanceof OpResult.GetDataResult, "the last one");
        });
        t.check("multiRead of what one may not read gives NoAuth for that part", root -> {
            zk.create(root + "/secret", null, Session.acl(30, "world", "anyone"),
                    CreateMode.PERSISTENT);
            List<OpResult> results = zk.multi(List.of(Op.getData(root + "/secret"),
                    Op.getChildren(root + "/secret"), Op.getData(root)));
            Checks.same(Code.NOAUTH.intValue(),
                    ((OpResult.ErrorResult) results.get(0)).getErr());
            Checks.same(Code.NOAUTH.intValue(),
                    ((OpResult.ErrorResult) results.get(1)).getErr());
            Checks.that(results.get(2) instanceof OpResult.GetDataResult, "the open one");
        });
        t.check("the client refuses to mix reads and writes", root -> {
            try {
                zk.multi(List.of(Op.getData(root), Op.check(root, -1)));
                throw new AssertionError("accepted");
            } catch (IllegalArgumentException expected) {
                Checks.that(s.stat(root) != null, "the session goes on");
            }
        });
    }
}
