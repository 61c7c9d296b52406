import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** Who may do what: permissions, schemes, identities. */
final class AclChecks implements Checks.Group {
    private static final String BOB = "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="; // password pw
    private static final String U1 = "u1:fpT/y03U+EjItKZOSLGvjnJlyng="; // password p1

    private Session s;
    private ZooKeeper zk;

    @Override
    public void run(Checks t) throws Exception {
        try (Session session = t.place.open()) {
            s = session;
            zk = session.zk;
            permissions(t);
            lists(t);
            schemes(t);
            identities(t);
        }
    }

    private Session as(Checks t, String... users) throws Exception {
        Session session = t.place.open();
        for (String user : users) {
            session.zk.addAuthInfo("digest", user.getBytes());
        }
        return session;
    }

    private void permissions(Checks t) {
        t.check("each permission opens its operations and no others", root -> {
            try (Session owner = as(t, "bob:pw")) {
                String letters = "rwcda";
                for (int bit = 0; bit < letters.length(); bit++) {
                    permission(t, root, owner, letters.substring(bit, bit + 1), 1 << bit);
                }
                permission(t, root, owner, "", 0);
            }
        });
        t.check("the old and the new way of reading an ACL agree", root -> {
            zk.setACL(root, Session.acl(1, "world", "anyone", 16, "digest", BOB), -1);
            List<ACL> masked = Session.acl(1, "world", "anyone", 16, "digest", "bob:x");
            Checks.same(masked, zk.getACL(root, new Stat()));
            try (Session bob = as(t, "bob:pw")) {
                Stat stat = new Stat();
                Checks.same(Session.acl(1, "world", "anyone", 16, "digest", BOB),
                        bob.zk.getACL(root, stat));
                Checks.same(s.stat(root), stat);
            }
        });
        t.check("a failed write leaves no trace", root -> {
            zk.create(root + "/a", null, Ids.READ_ACL_UNSAFE, CreateMode.PERSISTENT);
            Stat before = s.stat(root + "/a");
            Checks.fails(Code.NOAUTH, () -> s.set(root + "/a", "x"));
            Checks.fails(Code.NOAUTH, () -> s.make(root + "/a/b", ""));
            Checks.fails(Code.NOAUTH, () -> zk.setACL(root + "/a", Ids.OPEN_ACL_UNSAFE, -1));
            Checks.same(before, s.stat(root + "/a"));
        });
        t.check("deletion asks the parent, not the node", root -> {
            zk.create(root + "/a", null, Session.acl(0, "world", "anyone"),
                    CreateMode.PERSISTENT);
            s.delete(root + "/a");
        });
        t.check("permissions are not inherited", root -> {
            zk.create(root + "/closed", null, Session.acl(4, "world", "anyone"),
                    CreateMode.PERSISTENT);
            s.make(root + "/closed/open", "data");
            Checks.same("data", s.get(root + "/closed/open"));
            Checks.fails(Code.NOAUTH, () -> s.get(root + "/closed"));
        });
    }

    /** Does everything once to a node and a parent on which the stranger has one bit. */
    private void permission(Checks t, String root, Session owner, String letter, int bit)
            throws Exception {
        String p = root + "/p" + bit;
        List<ACL> acl = Session.acl(31, "digest", BOB, bit, "world", "anyone");
        owner.zk.create(p, null, acl, CreateMode.PERSISTENT);
        owner.zk.create(p + "/n", null, acl, CreateMode.PERSISTENT);
        owner.zk.create(p + "/d", null, acl, CreateMode.PERSISTENT);
        Map<String, Checks.Call> calls = new LinkedHashMap<>();
        calls.put("getData:r", () -> zk.getData(p + "/n", false, null));
        calls.put("getChildren:r", () -> zk.getChildren(p, false));
        calls.put("getChildren2:r", () -> zk.getChildren(p, false, new Stat()));
        calls.put("getAllChildrenNumber:r", () -> zk.getAllChildrenNumber(p));
        calls.put("check:r", () -> zk.multi(List.of(Op.check(p + "/n", -1))));
        calls.put("getACL:ra", () -> zk.getACL(p + "/n", new Stat()));
        calls.put("exists:" + (t.place.is38() ? "rwcda0" : "r"), () -> zk.exists(p, false));
        calls.put("setData:w", () -> zk.setData(p + "/n", null, -1));
        calls.put("setData in multi:w", () -> zk.multi(List.of(Op.setData(p + "/n", null, -1))));
        calls.put("create:c", () -> s.make(p + "/c", ""));
        calls.put("create container:c", () -> s.make(p + "/cc", "", CreateMode.CONTAINER));
        calls.put("create TTL:c", () -> zk.create(p + "/ct", null, Ids.OPEN_ACL_UNSAFE,
                CreateMode.PERSISTENT_WITH_TTL, new Stat(), 60000));
        calls.put("create in multi:c", () -> zk.multi(List.of(Op.create(p + "/cm", null,
                Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT))));
        calls.put("delete:d", () -> zk.delete(p + "/d", -1));
        calls.put("setACL:a", () -> zk.setACL(p + "/n", acl, -1));
        calls.put("sync:rwcda0", s::barrier);
        calls.put("addWatch:rwcda0", () -> zk.addWatch(p, new EventLog(),
                AddWatchMode.PERSISTENT));
        for (Map.Entry<String, Checks.Call> call : calls.entrySet()) {
            String needs = call.getKey().split(":")[1];
            boolean allowed = needs.contains(letter.isEmpty() ? "0" : letter);
            try {
                if (allowed) {
                    call.getValue().run();
                } else {
                    Checks.fails(Code.NOAUTH, call.getValue());
                }
            } catch (Exception | AssertionError failure) {
                throw new AssertionError("with <" + letter + ">, " + call.getKey() + ": "
                        + failure, failure);
            }
        }
    }

    private void lists(Checks t) {
        t.check("an ACL comes back as it was given, duplicates once", root -> {
            List<ACL> acl = Session.acl(1, "world", "anyone", 31, "digest", BOB,
                    5, "ip", "10.0.0.0/8", 16, "world", "anyone");
            List<ACL> doubled = Session.acl(1, "world", "anyone", 31, "digest", BOB,
                    1, "world", "anyone", 5, "ip", "10.0.0.0/8", 16, "world", "anyone");
            zk.create(root + "/a", null, doubled, CreateMode.PERSISTENT);
            Checks.same(acl, zk.getACL(root + "/a", new Stat()));
        });
        t.check("setACL moves aversion alone and compares it", root -> {
            Stat before = s.stat(root);
            Stat after = zk.setACL(root, Ids.OPEN_ACL_UNSAFE, 0);
            Checks.same(1, after.getAversion());
            before.setAversion(1);
            Checks.same(before, after);
            Checks.same(after, s.stat(root));
            Checks.fails(Code.BADVERSION, () -> zk.setACL(root, Ids.OPEN_ACL_UNSAFE, 0));
            Checks.same(2, zk.setACL(root, Ids.OPEN_ACL_UNSAFE, -1).getAversion());
        });
        t.check("bad lists give InvalidACL, in create and in setACL", root -> {
            for (List<ACL> bad : List.of(
                    Session.acl(31, "world", "someone"),
                    Session.acl(31, "nosuch", "x"),
                    Session.acl(31, "digest", "nocolon"),
                    Session.acl(31, "digest", "a:b:c"),
                    Session.acl(31, "ip", "not.an.ip"),
                    Session.acl(31, "ip", "1.2.3.4/33"),
                    Session.acl(31, "ip", "1.2.3"),
                    Session.acl(31, "ip", "1.2.3.256"),
                    Session.acl(31, "auth", ""),
                    Session.acl(31, "world", "anyone", 1, "nosuch", "x"),
                    Session.acl())) {
                Checks.fails(Code.INVALIDACL,
                        () -> zk.create(root + "/a", null, bad, CreateMode.PERSISTENT));
                Checks.fails(Code.INVALIDACL, () -> zk.setACL(root, bad, -1));
            }
            Checks.fails(Code.INVALIDACL, () -> zk.create(root + "/no/a", null,
                    Session.acl(31, "nosuch", "x"), CreateMode.PERSISTENT));
            Checks.fails(Code.INVALIDACL, () -> zk.multi(List.of(Op.create(root + "/a", null,
                    Session.acl(31, "nosuch", "x"), CreateMode.PERSISTENT))));
            Checks.same(0, s.stat(root).getAversion());
        });
    }

    private void schemes(Checks t) {
        t.check("auth stands for every identity of the session", root -> {
            try (Session both = as(t, "bob:pw", "u1:p1")) {
                both.zk.create(root + "/a", null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
                Checks.sameSet(Session.acl(31, "digest", BOB, 31, "digest", U1),
                        both.zk.getACL(root + "/a", new Stat()));
            }
            try (Session one = as(t, "u1:p1")) {
                Checks.same(null, one.get(root + "/a"));
            }
            try (Session stranger = as(t, "bob:wrong", "carol:pw")) {
                Checks.fails(Code.NOAUTH, () -> stranger.get(root + "/a"));
            }
        });
        t.check("ip matches the address and its networks", root -> {
            Map<String, Boolean> ids = new LinkedHashMap<>();
            ids.put("127.0.0.1", true);
            ids.put("127.0.0.0/8", true);
            ids.put("126.0.0.0/7", true);
            ids.put("1.2.3.4/0", true);
            ids.put("127.0.0.1/32", true);
            ids.put("127.0.0.2", false);
            ids.put("127.0.0.0/32", false);
            ids.put("128.0.0.0/1", false);
            ids.put("10.0.0.0/8", false);
            int i = 0;
            for (Map.Entry<String, Boolean> id : ids.entrySet()) {
                String path = root + "/" + i++;
                zk.create(path, null, Session.acl(31, "ip", id.getKey()),
                        CreateMode.PERSISTENT);
                if (id.getValue()) {
                    zk.getData(path, false, null);
                } else {
                    Checks.fails(Code.NOAUTH, () -> zk.getData(path, false, null));
                }
            }
        });
        t.check("the super user may do everything", root -> {
            zk.create(root + "/a", null, Session.acl(0, "digest", BOB), CreateMode.PERSISTENT);
            Checks.fails(Code.NOAUTH, () -> s.set(root + "/a", "x"));
            try (Session superUser = as(t, "super:secret")) {
                superUser.set(root + "/a", "x");
                Checks.same("x", superUser.get(root + "/a"));
                Checks.same(Session.acl(0, "digest", BOB),
                        superUser.zk.getACL(root + "/a", new Stat()));
                superUser.make(root + "/a/b", "");
                superUser.zk.setACL(root + "/a", Ids.OPEN_ACL_UNSAFE, -1);
            }
            s.set(root + "/a", "y");
            try (Session wrong = as(t, "super:guess")) {
                zk.setACL(root + "/a", Session.acl(0, "digest", BOB), -1);
                Checks.fails(Code.NOAUTH, () -> wrong.get(root + "/a"));
            }
        });
    }

    private void identities(Checks t) {
        t.check("an identity counts from the next request on", root -> {
            zk.create(root + "/a", null, Session.acl(31, "digest", BOB), CreateMode.PERSISTENT);
            try (Session late = t.place.open()) {
                Checks.fails(Code.NOAUTH, () -> late.get(root + "/a"));
                late.zk.addAuthInfo("digest", "bob:pw".getBytes());
                Checks.same(null, late.get(root + "/a"));
            }
        });
        t.check("identities come back after a reconnection", root -> {
            zk.create(root + "/a", null, Session.acl(31, "digest", BOB), CreateMode.PERSISTENT);
            try (Session mine = Session.open(t.place.wire, Place.CALM_MS)) {
                mine.zk.addAuthInfo("digest", "bob:pw".getBytes());
                Checks.same(null, mine.get(root + "/a"));
                t.place.command("drop");
                mine.log.awaitState(KeeperState.Disconnected);
                mine.log.awaitState(KeeperState.SyncConnected);
                Checks.same(null, mine.get(root + "/a"));
            }
        });
        t.check("an unknown scheme ends the client with AuthFailed", root -> {
            Session mine = t.place.open();
            mine.zk.addAuthInfo("nosuch", "x".getBytes());
            mine.log.awaitState(KeeperState.AuthFailed);
            Checks.same(ZooKeeper.States.AUTH_FAILED, mine.zk.getState());
            Checks.fails(Code.AUTHFAILED, () -> mine.get(root));
            mine.close();
        });
    }
}
