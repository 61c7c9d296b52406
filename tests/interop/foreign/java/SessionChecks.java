import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/** Sessions that begin, move, re-attach, expire and end; restarts; limits; chroot. */
final class SessionChecks implements Checks.Group {
    private Session s;

    @Override
    public void run(Checks t) throws Exception {
        try (Session session = t.place.open()) {
            s = session;
            beginnings(t);
            attachments(t);
            endings(t);
            expiry(t);
            chroot(t);
            limits(t);
            restarts(t);
        }
    }

    private void beginnings(Checks t) {
        t.check("the timeout is kept within the server's limits", root -> {
            for (int[] pair : new int[][] {{300, 500}, {6000, 6000}, {100_000_000, 30000}}) {
                try (Session mine = Session.open(t.place.direct, pair[0])) {
                    Checks.same(pair[1], mine.zk.getSessionTimeout());
                }
            }
        });
        t.check("sessions have ids of their own and a password of 16 bytes", root -> {
            Set<Long> ids = new HashSet<>();
            List<Session> open = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                open.add(t.place.open());
                ids.add(open.get(i).zk.getSessionId());
                Checks.same(16, open.get(i).zk.getSessionPasswd().length);
            }
            for (Session each : open) {
                each.close();
            }
            Checks.same(12, ids.size());
        });
        t.check("a client that could do with read-only gets a full server", root -> {
            EventLog log = new EventLog();
            try (ZooKeeper zk = new ZooKeeper(t.place.direct, Place.CALM_MS, log, true)) {
                log.awaitState(KeeperState.SyncConnected);
                Checks.same(ZooKeeper.States.CONNECTED, zk.getState());
                zk.create(root + "/a", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            }
        });
    }

    private void attachments(Checks t) {
        t.check("a lost connection is taken up again, with its ephemerals", root -> {
            try (Session mine = Session.open(t.place.wire, Place.CALM_MS)) {
                long id = mine.zk.getSessionId();
                mine.make(root + "/e", "", CreateMode.EPHEMERAL);
                t.place.command("drop");
                mine.log.awaitState(KeeperState.Disconnected);
                mine.log.awaitState(KeeperState.SyncConnected);
                Checks.same(id, mine.zk.getSessionId());
                Checks.same(id, mine.stat(root + "/e").getEphemeralOwner());
                mine.make(root + "/e2", "", CreateMode.EPHEMERAL);
                Checks.same(id, mine.stat(root + "/e2").getEphemeralOwner());
            }
            Checks.same(0, s.stat(root).getNumChildren());
        });
        t.check("a second client takes a session over and closes it for both", root -> {
            EventLog gone = new EventLog();
            try (Session first = Session.open(t.place.wire, Place.CALM_MS)) {
                first.make(root + "/e", "", CreateMode.EPHEMERAL);
                t.place.command("cut");
                first.log.awaitState(KeeperState.Disconnected);
                Session second = Session.attach(t.place.direct, 8000, first.zk.getSessionId(),
                        first.zk.getSessionPasswd());
                second.log.awaitState(KeeperState.SyncConnected);
                Checks.same(first.zk.getSessionId(), second.zk.getSessionId());
                Checks.same(8000, second.zk.getSessionTimeout());
                Checks.same(second.zk.getSessionId(),
                        second.stat(root + "/e").getEphemeralOwner());
                Checks.same(List.of(root + "/e"), second.zk.getEphemerals());
                s.zk.exists(root + "/e", gone);
                second.close();
                Checks.same(List.of("NodeDeleted " + root + "/e"), s.events(gone));
                t.place.command("heal");
                first.log.awaitState(KeeperState.Expired);
                Checks.fails(Code.SESSIONEXPIRED, () -> first.stat(root));
            }
            try (Session fresh = t.place.open()) {
                Checks.same(null, fresh.stat(root + "/e"));
                fresh.make(root + "/e", "again", CreateMode.EPHEMERAL);
            }
        });
        t.check("taking a session over disconnects the client that has it", root -> {
            try (Session first = t.place.open()) {
                Session second = Session.attach(t.place.direct, Place.CALM_MS,
                        first.zk.getSessionId(), first.zk.getSessionPasswd());
                second.log.awaitState(KeeperState.SyncConnected);
                first.log.awaitState(KeeperState.Disconnected);
                second.close();
            }
        });
        t.check("a wrong password is refused and the session lives on", root -> {
            try (Session mine = t.place.open()) {
                mine.make(root + "/e", "", CreateMode.EPHEMERAL);
                Session wrong = Session.attach(t.place.direct, Place.CALM_MS,
                        mine.zk.getSessionId(), new byte[16]);
                wrong.log.awaitState(KeeperState.Expired);
                Checks.same(ZooKeeper.States.CLOSED, wrong.zk.getState());
                Checks.same(mine.zk.getSessionId(), s.stat(root + "/e").getEphemeralOwner());
                // Apache closes the rightful connection first; its client comes back by itself.
                retry(() -> mine.set(root + "/e", "alive"));
            }
        });
        t.check("an unknown session is refused", root -> {
            Session wrong = Session.attach(t.place.direct, Place.CALM_MS, 0x0123456789abcdefL,
                    new byte[16]);
            wrong.log.awaitState(KeeperState.Expired);
            wrong.close();
        });
        t.check("a closed session cannot be taken up", root -> {
            Session mine = t.place.open();
            mine.close();
            Session late = Session.attach(t.place.direct, Place.CALM_MS, mine.zk.getSessionId(),
                    mine.zk.getSessionPasswd());
            late.log.awaitState(KeeperState.Expired);
            late.close();
        });
    }

    /** Repeats what a passing loss of connection may have caught. */
    private static void retry(Checks.Call call) throws Exception {
        for (int i = 0; ; i++) {
            try {
                call.run();
                return;
            } catch (org.apache.zookeeper.KeeperException.ConnectionLossException lost) {
                Checks.that(i < 50, "the connection does not come back");
                Thread.sleep(100);
            }
        }
    }

    private void endings(Checks t) {
        t.check("close removes all ephemerals in one transaction", root -> {
            Session mine = t.place.open();
            for (int i = 0; i < 20; i++) {
                mine.make(root + "/e", "", CreateMode.EPHEMERAL_SEQUENTIAL);
            }
            s.make(root + "/stays", "");
            EventLog log = new EventLog();
            s.zk.getChildren(root, log);
            mine.close();
            Checks.same(List.of("stays"), s.zk.getChildren(root, false));
            Checks.same(List.of("NodeChildrenChanged " + root), s.events(log));
            Checks.same(41, s.stat(root).getCversion());
            s.make("/after" + root.substring(1), "");
            long next = s.stat("/after" + root.substring(1)).getCzxid();
            Checks.same(next - 1, s.stat(root).getPzxid());
        });
    }

    private void expiry(Checks t) {
        t.check("a silent session expires in time, not early and not late", root -> {
            Session mine = Session.open(t.place.wire, Place.SHORT_MS);
            mine.make(root + "/e", "", CreateMode.EPHEMERAL);
            EventLog gone = new EventLog();
            s.zk.getData(root + "/e", gone, null);
            s.zk.getChildren(root, gone);
            mine.stat(root);
            long start = System.nanoTime();
            t.place.command("freeze");
            Checks.same(List.of("NodeDeleted " + root + "/e", "NodeChildrenChanged " + root),
                    gone.await(2));
            long ms = (System.nanoTime() - start) / 1_000_000;
            t.place.command("thaw");
            // One tick (250 ms) of rounding, and room for a busy machine.
            Checks.that(ms >= Place.SHORT_MS - 50 && ms < 5 * Place.SHORT_MS,
                    "expired after " + ms + " ms");
            mine.log.awaitState(KeeperState.Expired);
            Checks.fails(Code.SESSIONEXPIRED, () -> mine.make(root + "/e", ""));
            try (Session fresh = Session.open(t.place.wire, Place.SHORT_MS)) {
                Checks.that(fresh.zk.getSessionId() != mine.zk.getSessionId(), "a new id");
                Checks.same(null, fresh.stat(root + "/e"));
                fresh.make(root + "/e", "", CreateMode.EPHEMERAL);
            }
        });
        t.check("a session without a connection expires and cannot be taken up", root -> {
            Session mine = Session.open(t.place.wire, Place.SHORT_MS);
            mine.make(root + "/e", "", CreateMode.EPHEMERAL);
            EventLog gone = new EventLog();
            s.zk.exists(root + "/e", gone);
            t.place.command("cut");
            gone.await(1);
            t.place.command("heal");
            mine.log.awaitState(KeeperState.Expired);
            mine.close();
        });
        t.check("pings keep an idle session alive", root -> {
            try (Session mine = Session.open(t.place.direct, Place.SHORT_MS)) {
                mine.make(root + "/e", "", CreateMode.EPHEMERAL);
                // A silent session of the same timeout, opened later, is gone: time enough has
                // passed for the idle one too.
                Session silent = Session.open(t.place.wire, Place.SHORT_MS);
                silent.make(root + "/silent", "", CreateMode.EPHEMERAL);
                EventLog gone = new EventLog();
                s.zk.exists(root + "/silent", gone);
                t.place.command("freeze");
                gone.await(1);
                t.place.command("thaw");
                Checks.that(s.stat(root + "/e") != null, "the idle one's ephemeral");
                mine.barrier();
                silent.close();
            }
        });
    }

    private void chroot(Checks t) {
        t.check("a client below a chroot sees its own tree", root -> {
            s.make(root + "/jail", "");
            try (Session mine = Session.open(t.place.direct + root + "/jail", Place.CALM_MS)) {
                Checks.same("/a", mine.make("/a", "1"));
                Checks.same("/a/s0000000000",
                        mine.make("/a/s", "", CreateMode.PERSISTENT_SEQUENTIAL));
                Checks.same(List.of("a"), mine.zk.getChildren("/", true));
                mine.zk.getData("/a", true, null);
                s.set(root + "/jail/a", "2");
                s.make(root + "/jail/b", "");
                Checks.same(List.of("NodeDataChanged /a", "NodeChildrenChanged /"),
                        mine.events());
                Checks.same("2", mine.get("/a"));
                mine.make("/e", "", CreateMode.EPHEMERAL);
                Checks.same(3, mine.zk.getAllChildrenNumber("/") - 1);
                Checks.same("/no", Checks.fails(Code.NONODE, () -> mine.get("/no")).getPath());
            }
        });
        t.check("a chroot that is missing gives NoNode", root -> {
            try (Session mine = Session.open(t.place.direct + root + "/no", Place.CALM_MS)) {
                Checks.fails(Code.NONODE, () -> mine.make("/a", ""));
                Checks.same(null, mine.stat("/"));
            }
        });
    }

    private void limits(Checks t) {
        t.check("a million bytes of data go in and come out", root -> {
            byte[] big = new byte[1_000_000];
            new java.util.Random(1).nextBytes(big);
            s.zk.create(root + "/a", big, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            Checks.same(big, s.zk.getData(root + "/a", false, null));
            Checks.same(big.length, s.stat(root + "/a").getDataLength());
        });
        t.check("a request over the limit costs the connection, not the session", root -> {
            try (Session mine = t.place.open()) {
                mine.make(root + "/e", "", CreateMode.EPHEMERAL);
                Checks.fails(Code.CONNECTIONLOSS,
                        () -> mine.zk.setData(root + "/e", new byte[1_100_000], -1));
                mine.log.awaitState(KeeperState.SyncConnected);
                Checks.same(mine.zk.getSessionId(), mine.stat(root + "/e").getEphemeralOwner());
                Checks.same(0, mine.stat(root + "/e").getVersion());
            }
        });
        t.check("ten thousand children are listed", root -> {
            for (int i = 0; i < 10000; i++) {
                s.zk.create(root + "/child-", null, Ids.OPEN_ACL_UNSAFE,
                        CreateMode.PERSISTENT_SEQUENTIAL, (rc, path, context, name) -> { }, null);
            }
            s.barrier();
            List<String> children = s.zk.getChildren(root, false);
            Checks.same(10000, children.size());
            Checks.same(10000, new HashSet<>(children).size());
            Checks.same(10000, s.zk.getAllChildrenNumber(root));
        });
    }

    private void restarts(Checks t) {
        t.check("a killed server comes back with data, sessions, ephemerals, watches", root -> {
            s.make(root + "/a", "kept");
            s.zk.create(root + "/acl", null, Session.acl(1, "world", "anyone"),
                    CreateMode.PERSISTENT);
            try (Session mine = t.place.open()) {
                mine.make(root + "/e", "", CreateMode.EPHEMERAL);
                EventLog log = new EventLog();
                mine.zk.getData(root + "/a", log, null);
                mine.zk.getChildren(root, log);
                org.apache.zookeeper.data.Stat before = mine.stat(root + "/a");
                t.place.command("bounce");
                mine.log.awaitState(KeeperState.Disconnected);
                mine.log.awaitState(KeeperState.SyncConnected);
                s.log.awaitState(KeeperState.SyncConnected);
                Checks.same(before, mine.stat(root + "/a"));
                Checks.same(mine.zk.getSessionId(), mine.stat(root + "/e").getEphemeralOwner());
                Checks.fails(Code.NOAUTH, () -> mine.set(root + "/acl", ""));
                Checks.same(List.of(), mine.events(log));
                retry(() -> s.set(root + "/a", "new"));
                retry(() -> s.make(root + "/b", ""));
                Checks.same(List.of("NodeDataChanged " + root + "/a",
                        "NodeChildrenChanged " + root), mine.events(log));
                Checks.same(root + "/s0000000004",
                        mine.make(root + "/s", "", CreateMode.PERSISTENT_SEQUENTIAL));
            }
            Checks.same(null, s.stat(root + "/e"));
        });
    }
}
