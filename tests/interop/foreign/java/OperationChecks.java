import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Stat;

/** Every synchronous operation: what it returns, what it changes, how it fails. */
final class OperationChecks implements Checks.Group {
    private Session s;
    private ZooKeeper zk;

    @Override
    public void run(Checks t) throws Exception {
        try (Session session = t.place.open()) {
            s = session;
            zk = session.zk;
            creation(t);
            sequences(t);
            vanishing(t);
            reading(t);
            writing(t);
            counting(t);
            badCreates(t);
            badDeletes(t);
            missing(t);
            versions(t);
            reserved(t);
            names(t);
            quotas(t);
            helpers(t);
        }
    }

    private void creation(Checks t) {
        t.check("create returns the path and starts every counter at zero", root -> {
            long before = System.currentTimeMillis();
            Checks.same(root + "/a", s.make(root + "/a", "hello"));
            Stat stat = s.stat(root + "/a");
            Checks.same(stat.getCzxid(), stat.getMzxid());
            Checks.same(stat.getCzxid(), stat.getPzxid());
            Checks.same(stat.getCtime(), stat.getMtime());
            Checks.that(stat.getCtime() >= before - 1000
                    && stat.getCtime() <= System.currentTimeMillis() + 1000, "ctime is now");
            Checks.same("0 0 0 0 5 0", stat.getVersion() + " " + stat.getCversion() + " "
                    + stat.getAversion() + " " + stat.getEphemeralOwner() + " "
                    + stat.getDataLength() + " " + stat.getNumChildren());
        });
        t.check("create with a stat returns the stat of the new node", root -> {
            Stat stat = new Stat();
            Checks.same(root + "/a", zk.create(root + "/a", new byte[3], Ids.OPEN_ACL_UNSAFE,
                    CreateMode.PERSISTENT, stat));
            Checks.same(s.stat(root + "/a"), stat);
            Checks.same(3, stat.getDataLength());
        });
        t.check("null data and empty data stay apart", root -> {
            zk.create(root + "/null", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            zk.create(root + "/empty", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Checks.same(null, zk.getData(root + "/null", false, null));
            Checks.same(0, zk.getData(root + "/empty", false, null).length);
            Checks.same(0, s.stat(root + "/null").getDataLength());
        });
        t.check("an ephemeral belongs to its session", root -> {
            Stat stat = new Stat();
            zk.create(root + "/e", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, stat);
            Checks.same(zk.getSessionId(), stat.getEphemeralOwner());
            Checks.same(zk.getSessionId(), s.stat(root + "/e").getEphemeralOwner());
        });
        t.check("anyone may set and delete an ephemeral", root -> {
            s.make(root + "/e", "x", CreateMode.EPHEMERAL);
            t.place.other().set(root + "/e", "y");
            Checks.same("y", s.get(root + "/e"));
            t.place.other().delete(root + "/e");
            Checks.same(null, s.stat(root + "/e"));
        });
        t.check("every byte of the data comes back", root -> {
            byte[] all = new byte[4096];
            for (int i = 0; i < all.length; i++) {
                all[i] = (byte) (i * 31);
            }
            zk.create(root + "/a", all, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Checks.same(all, zk.getData(root + "/a", false, null));
        });
    }

    private void sequences(Checks t) {
        t.check("sequential names count the children ever created", root -> {
            Checks.same(root + "/s-0000000000",
                    s.make(root + "/s-", "", CreateMode.PERSISTENT_SEQUENTIAL));
            s.make(root + "/plain", "");
            Checks.same(root + "/other0000000002",
                    s.make(root + "/other", "", CreateMode.EPHEMERAL_SEQUENTIAL));
            s.delete(root + "/plain");
            Checks.same(root + "/s-0000000003",
                    s.make(root + "/s-", "", CreateMode.PERSISTENT_SEQUENTIAL));
            Checks.same(root + "/0000000004",
                    s.make(root + "/", "", CreateMode.PERSISTENT_SEQUENTIAL));
            Checks.sameSet(List.of("s-0000000000", "other0000000002", "s-0000000003",
                    "0000000004"), zk.getChildren(root, false));
        });
        t.check("an ephemeral sequential has an owner and a stat", root -> {
            Stat stat = new Stat();
            Checks.same(root + "/e0000000000", zk.create(root + "/e", null, Ids.OPEN_ACL_UNSAFE,
                    CreateMode.EPHEMERAL_SEQUENTIAL, stat));
            Checks.same(zk.getSessionId(), stat.getEphemeralOwner());
        });
        t.check("a sequence number that is taken by hand gives NodeExists", root -> {
            s.make(root + "/n0000000001", "");
            Checks.same(Code.NODEEXISTS, Checks.fails(Code.NODEEXISTS,
                    () -> s.make(root + "/n", "", CreateMode.PERSISTENT_SEQUENTIAL)).code());
            s.make(root + "/other", "");
            Checks.same(root + "/n0000000002",
                    s.make(root + "/n", "", CreateMode.PERSISTENT_SEQUENTIAL));
        });
        t.check("a recreated parent counts from zero again", root -> {
            s.make(root + "/p", "");
            s.make(root + "/p/a", "");
            s.delete(root + "/p/a");
            s.delete(root + "/p");
            s.make(root + "/p", "");
            Checks.same(root + "/p/s0000000000",
                    s.make(root + "/p/s", "", CreateMode.PERSISTENT_SEQUENTIAL));
        });
    }

    private void vanishing(Checks t) {
        t.check("a container goes after its last child", root -> {
            Stat stat = new Stat();
            zk.create(root + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER, stat);
            Checks.same(0L, stat.getEphemeralOwner());
            s.make(root + "/c/a", "");
            EventLog log = new EventLog();
            zk.exists(root + "/c", log);
            s.delete(root + "/c/a");
            Checks.same(List.of("NodeDeleted " + root + "/c"), log.await(1));
        });
        t.check("a TTL node goes, its sibling with a long TTL stays", root -> {
            Stat stat = new Stat();
            zk.create(root + "/short", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
                    stat, 100);
            Checks.same(0L, stat.getEphemeralOwner());
            String longer = zk.create(root + "/long", null, Ids.OPEN_ACL_UNSAFE,
                    CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat, 600000);
            Checks.same(root + "/long0000000001", longer);
            EventLog log = new EventLog();
            if (zk.exists(root + "/short", log) != null) {
                Checks.same(List.of("NodeDeleted " + root + "/short"), log.await(1));
            }
            Checks.same(stat, s.stat(longer));
        });
        t.check("a TTL node with a child stays until the child is gone", root -> {
            zk.create(root + "/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
                    new Stat(), 2000);
            s.make(root + "/t/child", "");
            // A neighbour that is due later and has no child: when it is gone, the checker has
            // been past the first one too.
            zk.create(root + "/due", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
                    new Stat(), 2500);
            EventLog log = new EventLog();
            zk.exists(root + "/due", log);
            Checks.same(List.of("NodeDeleted " + root + "/due"), log.await(1));
            Checks.that(s.stat(root + "/t") != null, "the node with the child is there");
            zk.exists(root + "/t", log);
            s.delete(root + "/t/child");
            Checks.same(List.of("NodeDeleted " + root + "/t"), log.await(1));
        });
    }

    private void reading(Checks t) {
        t.check("exists tells null for what is missing", root ->
                Checks.same(null, zk.exists(root + "/no", false)));
        t.check("getData fills the stat", root -> {
            s.make(root + "/a", "abc");
            Stat stat = new Stat();
            Checks.same("abc", Session.text(zk.getData(root + "/a", false, stat)));
            Checks.same(s.stat(root + "/a"), stat);
        });
        t.check("getChildren lists, with and without a stat", root -> {
            Checks.same(List.of(), zk.getChildren(root, false));
            s.make(root + "/a", "");
            s.make(root + "/b", "");
            s.make(root + "/b/deep", "");
            Stat stat = new Stat();
            Checks.sameSet(List.of("a", "b"), zk.getChildren(root, false));
            Checks.sameSet(List.of("a", "b"), zk.getChildren(root, false, stat));
            Checks.same(s.stat(root), stat);
            Checks.same(2, stat.getNumChildren());
        });
        t.check("getAllChildrenNumber counts descendants", root -> {
            Checks.same(0, zk.getAllChildrenNumber(root));
            s.make(root + "/a", "");
            s.make(root + "/a/b", "");
            s.make(root + "/a/b/c", "");
            s.make(root + "/z", "");
            Checks.same(4, zk.getAllChildrenNumber(root));
            Checks.same(2, zk.getAllChildrenNumber(root + "/a"));
            int all = zk.getAllChildrenNumber("/");
            s.make(root + "/a/d", "");
            Checks.same(all + 1, zk.getAllChildrenNumber("/"));
        });
        t.check("getEphemerals lists the session's own, by plain prefix", root -> {
            try (Session mine = t.place.open()) {
                mine.make(root + "/ab", "", CreateMode.EPHEMERAL);
                mine.make(root + "/ac", "", CreateMode.EPHEMERAL);
                mine.make(root + "/x", "", CreateMode.EPHEMERAL);
                mine.make(root + "/persistent", "");
                s.make(root + "/theirs", "", CreateMode.EPHEMERAL);
                Checks.sameSet(List.of(root + "/ab", root + "/ac", root + "/x"),
                        mine.zk.getEphemerals());
                Checks.sameSet(List.of(root + "/ab", root + "/ac"),
                        mine.zk.getEphemerals(root + "/a"));
                Checks.same(List.of(), mine.zk.getEphemerals(root + "/nothing"));
            }
        });
        t.check("whoAmI tells the address, and the user without the hash", root -> {
            try (Session mine = t.place.open()) {
                Checks.same(List.of(new ClientInfo("ip", "127.0.0.1")), mine.zk.whoAmI());
                mine.zk.addAuthInfo("digest", "bob:pw".getBytes());
                List<String> who = new ArrayList<>();
                for (ClientInfo info : mine.zk.whoAmI()) {
                    who.add(info.getAuthScheme() + ":" + info.getUser());
                }
                Checks.sameSet(List.of("digest:bob", "ip:127.0.0.1"), who);
            }
        });
        t.check("getConfig of a lone server is empty, with a stat", root -> {
            Stat stat = new Stat();
            byte[] config = zk.getConfig(false, stat);
            Checks.that(config == null || config.length == 0, "no text");
            Checks.same(-1, stat.getAversion());
            Checks.same(0, stat.getDataLength());
        });
    }

    private void writing(Checks t) {
        t.check("setData moves version, mzxid and mtime of the node alone", root -> {
            s.make(root + "/a", "1");
            Stat parent = s.stat(root);
            Stat before = s.stat(root + "/a");
            Stat after = zk.setData(root + "/a", "two".getBytes(), 0);
            Checks.same(s.stat(root + "/a"), after);
            Checks.same(1, after.getVersion());
            Checks.same(3, after.getDataLength());
            Checks.that(after.getMzxid() > before.getMzxid(), "mzxid grew");
            Checks.that(after.getMtime() >= before.getMtime(), "mtime did not shrink");
            Checks.same(before.getCzxid(), after.getCzxid());
            Checks.same(before.getCtime(), after.getCtime());
            Checks.same(before.getPzxid(), after.getPzxid());
            Checks.same(0, after.getCversion() + after.getAversion());
            Checks.same(parent, s.stat(root));
            Checks.same("two", s.get(root + "/a"));
        });
        t.check("setData to null leaves no data", root -> {
            s.make(root + "/a", "1");
            Checks.same(0, zk.setData(root + "/a", null, -1).getDataLength());
            Checks.same(null, s.get(root + "/a"));
        });
        t.check("delete removes the node", root -> {
            s.make(root + "/a", "");
            zk.delete(root + "/a", 0);
            Checks.same(null, s.stat(root + "/a"));
            Checks.same(List.of(), zk.getChildren(root, false));
        });
        t.check("a recreated node is a new node", root -> {
            s.make(root + "/a", "1");
            s.set(root + "/a", "2");
            Stat old = s.stat(root + "/a");
            s.delete(root + "/a");
            s.make(root + "/a", "3");
            Checks.same(0, s.stat(root + "/a").getVersion());
            Checks.that(s.stat(root + "/a").getCzxid() > old.getMzxid(), "czxid is new");
        });
        t.check("a write of one session is seen by another at once after sync", root -> {
            t.place.other().make(root + "/a", "1");
            s.barrier();
            Checks.same("1", s.get(root + "/a"));
        });
    }

    private void counting(Checks t) {
        t.check("cversion and pzxid of a parent follow its direct children", root -> {
            for (String name : List.of("/a", "/b", "/c")) {
                s.make(root + name, "");
            }
            Checks.same(3, s.stat(root).getCversion());
            s.delete(root + "/b");
            Stat stat = s.stat(root);
            Checks.same("4 2", stat.getCversion() + " " + stat.getNumChildren());
            s.make(root + "/d", "");
            stat = s.stat(root);
            Checks.same("5 3", stat.getCversion() + " " + stat.getNumChildren());
            Checks.same(s.stat(root + "/d").getCzxid(), stat.getPzxid());
            s.make(root + "/a/deep", "");
            s.set(root + "/a", "x");
            Checks.same(stat, s.stat(root));
            Checks.same(1, s.stat(root + "/a").getCversion());
        });
        t.check("a failed write takes a zxid, a failed read does not", root -> {
            s.make(root + "/a", "");
            long first = s.stat(root + "/a").getCzxid();
            Checks.fails(Code.NODEEXISTS, () -> s.make(root + "/a", ""));
            Checks.fails(Code.NONODE, () -> s.get(root + "/no"));
            s.make(root + "/b", "");
            Checks.same(first + 2, s.stat(root + "/b").getCzxid());
        });
    }

    private void badCreates(Checks t) {
        t.check("create of what exists gives NodeExists with the path", root -> {
            s.make(root + "/a", "1");
            Checks.same(root + "/a",
                    Checks.fails(Code.NODEEXISTS, () -> s.make(root + "/a", "2")).getPath());
            Checks.same("1", s.get(root + "/a"));
            Checks.fails(Code.NODEEXISTS, () -> s.make("/", ""));
        });
        t.check("create below a missing parent gives NoNode", root -> {
            for (CreateMode mode : CreateMode.values()) {
                Checks.fails(Code.NONODE, () -> zk.create(root + "/no/a", null,
                        Ids.OPEN_ACL_UNSAFE, mode, new Stat(), mode.isTTL() ? 1000 : -1));
            }
        });
        t.check("create below an ephemeral gives NoChildrenForEphemerals", root -> {
            s.make(root + "/e", "", CreateMode.EPHEMERAL);
            for (CreateMode mode : CreateMode.values()) {
                Checks.fails(Code.NOCHILDRENFOREPHEMERALS, () -> zk.create(root + "/e/a", null,
                        Ids.OPEN_ACL_UNSAFE, mode, new Stat(), mode.isTTL() ? 1000 : -1));
            }
        });
        t.check("a TTL node on a server without extended types gives Unimplemented", root -> {
            try (Session plain = Session.open(t.place.plain, Place.CALM_MS)) {
                Checks.fails(Code.UNIMPLEMENTED, () -> plain.zk.create("/ttl", null,
                        Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 1000));
                Checks.same(null, plain.stat("/ttl"));
            }
        });
    }

    private void badDeletes(Checks t) {
        t.check("delete of a node with children gives NotEmpty", root -> {
            s.make(root + "/a", "");
            s.make(root + "/a/b", "");
            Checks.fails(Code.NOTEMPTY, () -> s.delete(root + "/a"));
            Checks.fails(Code.BADVERSION, () -> zk.delete(root + "/a", 7));
        });
        t.check("the built-in nodes cannot be deleted", root -> {
            for (String path : List.of("/", "/zookeeper", "/zookeeper/quota",
                    "/zookeeper/config")) {
                Checks.fails(Code.BADARGUMENTS, () -> s.delete(path));
            }
        });
    }

    private void missing(Checks t) {
        t.check("every operation on a missing node gives NoNode with the path", root -> {
            String no = root + "/no";
            for (Checks.Call call : List.<Checks.Call>of(
                    () -> zk.getData(no, false, null),
                    () -> zk.getChildren(no, false),
                    () -> zk.getChildren(no, false, new Stat()),
                    () -> zk.setData(no, null, -1),
                    () -> zk.delete(no, -1),
                    () -> zk.getACL(no, new Stat()),
                    () -> zk.setACL(no, Ids.OPEN_ACL_UNSAFE, -1),
                    () -> zk.getAllChildrenNumber(no))) {
                Checks.same(no, Checks.fails(Code.NONODE, call).getPath());
            }
            Checks.fails(Code.NONODE, () -> zk.multi(List.of(Op.check(no, -1))));
        });
    }

    private void versions(Checks t) {
        t.check("every operation with a version refuses the wrong one", root -> {
            s.make(root + "/a", "");
            s.set(root + "/a", "1");
            s.set(root + "/a", "2");
            for (int wrong : new int[] {0, 1, 3, Integer.MAX_VALUE, Integer.MIN_VALUE, -2}) {
                Checks.fails(Code.BADVERSION, () -> zk.setData(root + "/a", null, wrong));
                Checks.fails(Code.BADVERSION, () -> zk.delete(root + "/a", wrong));
                Checks.fails(Code.BADVERSION,
                        () -> zk.multi(List.of(Op.check(root + "/a", wrong))));
            }
            Checks.fails(Code.BADVERSION,
                    () -> zk.setACL(root + "/a", Ids.OPEN_ACL_UNSAFE, 1));
            Checks.same(3, zk.setData(root + "/a", null, 2).getVersion());
            zk.delete(root + "/a", 3);
        });
    }

    private void reserved(Checks t) {
        t.check("the configuration node can be read and not be written", root -> {
            Checks.fails(Code.NOAUTH, () -> zk.setData("/zookeeper/config", null, -1));
            Checks.same(Ids.READ_ACL_UNSAFE, zk.getACL("/zookeeper/config", new Stat()));
            Checks.sameSet(List.of("config", "quota"), zk.getChildren("/zookeeper", false));
        });
        t.check("reconfig is disabled", root -> {
            EventLog log = new EventLog();
            try (ZooKeeperAdmin admin = new ZooKeeperAdmin(t.place.direct, Place.CALM_MS, log)) {
                Checks.fails(Code.RECONFIGDISABLED, () -> admin.reconfigure(
                        "server.2=127.0.0.1:1:2:participant;3", null, null, -1, new Stat()));
                Checks.fails(Code.RECONFIGDISABLED, () -> admin.reconfigure(
                        (String) null, "1", null, -1, new Stat()));
                // The session survived.
                Checks.that(admin.exists("/", false) != null, "the root");
            }
        });
        t.check("reconfig on a lone server that allows it is unimplemented", root -> {
            EventLog log = new EventLog();
            try (ZooKeeperAdmin admin = new ZooKeeperAdmin(t.place.plain, Place.CALM_MS, log)) {
                Checks.fails(Code.UNIMPLEMENTED, () -> admin.reconfigure(
                        (String) null, "1", null, -1, new Stat()));
                Checks.that(admin.exists("/", false) != null, "the root");
            }
        });
        t.check("the root has data, versions and an ACL like any other node", root -> {
            try (Session plain = Session.open(t.place.plain, Place.CALM_MS)) {
                int version = plain.stat("/").getVersion();
                Checks.same(version + 1, plain.set("/", "root").getVersion());
                Checks.same("root", plain.get("/"));
                Checks.same(Ids.OPEN_ACL_UNSAFE, plain.zk.getACL("/", new Stat()));
                plain.set("/", "");
            }
        });
    }

    private void names(Checks t) {
        t.check("names keep their letters, of every script and with every sign", root -> {
            List<String> names = List.of("\u00e9t\u00e9", "\u65e5\u672c", "with blank", "...",
                    "a..b", ".hidden", "quo\"te", "Upper", "upper", "a=b,c;d", "%2F", "-",
                    "\u05d0\u05d1", "tab\\t");
            for (String name : names) {
                Checks.same(root + "/" + name, s.make(root + "/" + name, name));
            }
            Checks.sameSet(names, zk.getChildren(root, false));
            for (String name : names) {
                Checks.same(name, s.get(root + "/" + name));
            }
        });
        t.check("a deep path and a long name work", root -> {
            StringBuilder path = new StringBuilder(root);
            for (int i = 0; i < 60; i++) {
                s.make(path.append("/level").append(i).toString(), "");
            }
            Checks.same(60, zk.getAllChildrenNumber(root));
            String name = "n".repeat(10000);
            s.make(root + "/" + name, "");
            Checks.that(zk.getChildren(root, false).contains(name), "the long name");
        });
    }

    private void quotas(Checks t) {
        t.check("a quota counts what is below it", root -> {
            s.make(root + "/before", "1234");
            quota(root, "count=100,bytes=1000");
            Checks.same("count=2,bytes=4", s.get("/zookeeper/quota" + root
                    + "/zookeeper_stats"));
            s.make(root + "/a", "12");
            s.make(root + "/a/b", "1");
            s.set(root + "/a", "123456");
            s.delete(root + "/before");
            Checks.same("count=3,bytes=7", s.get("/zookeeper/quota" + root
                    + "/zookeeper_stats"));
        });
        t.check("a hard quota refuses what exceeds it", root -> {
            quota(root, "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3");
            s.make(root + "/a", "12345");
            s.make(root + "/b", "12345");
            Checks.fails(Code.QUOTAEXCEEDED, () -> s.make(root + "/c", ""));
            Checks.fails(Code.QUOTAEXCEEDED, () -> s.set(root + "/a", "123456"));
            Checks.fails(Code.QUOTAEXCEEDED, () -> zk.create(root + "/c", null,
                    Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER));
            s.set(root + "/a", "1234");
            s.delete(root + "/b");
            s.make(root + "/c", "");
        });
        t.check("a soft quota refuses nothing", root -> {
            quota(root, "count=1,bytes=1");
            s.make(root + "/a", "12345");
            s.make(root + "/b", "12345");
            Checks.same(2, s.stat(root).getNumChildren());
        });
    }

    private void quota(String path, String limits) throws Exception {
        s.make("/zookeeper/quota" + path, "");
        s.make("/zookeeper/quota" + path + "/zookeeper_limits", limits);
        s.make("/zookeeper/quota" + path + "/zookeeper_stats", "count=0,bytes=0");
    }

    private void helpers(Checks t) {
        t.check("ZKUtil walks and deletes a subtree", root -> {
            for (String path : List.of("/a", "/a/b", "/a/b/c", "/a/d", "/e")) {
                s.make(root + path, "");
            }
            List<String> broad = ZKUtil.listSubTreeBFS(zk, root);
            Checks.sameSet(broad, visited(root));
            Checks.same(6, broad.size());
            Checks.same(root, broad.get(0));
            Checks.same(root + "/a/b/c", broad.get(5));
            Checks.that(ZKUtil.deleteRecursive(zk, root + "/a", 2), "deleted");
            Checks.same(List.of("e"), zk.getChildren(root, false));
        });
    }

    private List<String> visited(String root) throws Exception {
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        ZKUtil.visitSubTreeDFS(zk, root, false, (rc, path, context, name) -> seen.add(path));
        s.barrier();
        return seen;
    }
}
