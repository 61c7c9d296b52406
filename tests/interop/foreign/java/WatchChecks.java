import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

/** Which change fires which watch, in which order, how watches go, and how they come back. */
final class WatchChecks implements Checks.Group {
    private Session s;
    private ZooKeeper zk;
    private Session writer;

    @Override
    public void run(Checks t) throws Exception {
        writer = t.place.other();
        try (Session session = t.place.open()) {
            s = session;
            zk = session.zk;
            dataWatches(t);
            childWatches(t);
            bothTables(t);
            persistent(t);
            recursive(t);
            removal(t);
            permissions(t);
            reconnection(t);
        }
    }

    /** The node events since the last look, without the root of the check. */
    private List<String> seen(String root, EventLog log) throws Exception {
        return shorten(root, s.events(log));
    }

    private static List<String> shorten(String root, List<String> events) {
        List<String> shorter = new ArrayList<>();
        for (String event : events) {
            shorter.add(event.replace(root, ""));
        }
        return shorter;
    }

    private void dataWatches(Checks t) {
        t.check("a data watch fires once when the data changes", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getData(root + "/a", log, null);
            writer.set(root + "/a", "1");
            writer.set(root + "/a", "2");
            writer.delete(root + "/a");
            Checks.same(List.of("NodeDataChanged /a"), seen(root, log));
        });
        t.check("a data watch fires when the node is deleted", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getData(root + "/a", log, null);
            writer.delete(root + "/a");
            writer.make(root + "/a", "");
            Checks.same(List.of("NodeDeleted /a"), seen(root, log));
        });
        t.check("setting the same data fires all the same", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "same");
            zk.getData(root + "/a", log, null);
            writer.set(root + "/a", "same");
            Checks.same(List.of("NodeDataChanged /a"), seen(root, log));
        });
        t.check("exists watches a missing node for its creation", root -> {
            EventLog log = new EventLog();
            zk.exists(root + "/a", log);
            writer.make(root + "/a", "");
            writer.set(root + "/a", "1");
            Checks.same(List.of("NodeCreated /a"), seen(root, log));
        });
        t.check("exists watches a node below a missing parent", root -> {
            EventLog log = new EventLog();
            zk.exists(root + "/p/a", log);
            writer.make(root + "/p", "");
            Checks.same(List.of(), seen(root, log));
            writer.make(root + "/p/a", "");
            Checks.same(List.of("NodeCreated /p/a"), seen(root, log));
        });
        t.check("exists watches a present node for change and deletion", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.exists(root + "/a", log);
            writer.set(root + "/a", "1");
            Checks.same(List.of("NodeDataChanged /a"), seen(root, log));
            zk.exists(root + "/a", log);
            writer.delete(root + "/a");
            Checks.same(List.of("NodeDeleted /a"), seen(root, log));
        });
        t.check("children, ACLs and failed writes fire no data watch", root -> {
            EventLog log = new EventLog();
            zk.getData(root, log, null);
            writer.make(root + "/a", "");
            writer.set(root + "/a", "1");
            writer.zk.setACL(root, Ids.OPEN_ACL_UNSAFE, -1);
            Checks.fails(Code.BADVERSION, () -> writer.zk.setData(root, null, 9));
            Checks.fails(Code.NOTEMPTY, () -> writer.delete(root));
            Checks.same(List.of(), seen(root, log));
            writer.set(root, "1");
            Checks.same(List.of("NodeDataChanged "), seen(root, log));
        });
        t.check("a failed getData sets no watch", root -> {
            EventLog log = new EventLog();
            Checks.fails(Code.NONODE, () -> zk.getData(root + "/a", log, null));
            writer.make(root + "/a", "");
            writer.set(root + "/a", "1");
            Checks.same(List.of(), seen(root, log));
        });
        t.check("the same watcher twice is told once, two watchers are told both", root -> {
            EventLog log = new EventLog();
            EventLog second = new EventLog();
            zk.getData(root, log, null);
            zk.getData(root, log, null);
            zk.exists(root, log);
            zk.exists(root, second);
            writer.set(root, "1");
            Checks.same(List.of("NodeDataChanged "), seen(root, log));
            Checks.same(List.of("NodeDataChanged "), seen(root, second));
        });
        t.check("the default watcher serves all boolean forms", root -> {
            s.events();
            zk.exists(root + "/a", true);
            zk.getData(root, true, null);
            zk.getChildren(root, true);
            writer.set(root, "1");
            writer.make(root + "/a", "");
            Checks.same(List.of("NodeDataChanged ", "NodeCreated /a", "NodeChildrenChanged "),
                    seen(root, s.log));
        });
        t.check("the end of a session fires the watches on its ephemerals", root -> {
            EventLog log = new EventLog();
            Session mine = t.place.open();
            mine.make(root + "/e", "", CreateMode.EPHEMERAL);
            zk.getData(root + "/e", log, null);
            zk.getChildren(root, log);
            mine.close();
            Checks.same(List.of("NodeDeleted /e", "NodeChildrenChanged "), seen(root, log));
        });
        t.check("a dozen sessions are told of one change", root -> {
            List<Session> crowd = new ArrayList<>();
            try {
                for (int i = 0; i < 12; i++) {
                    crowd.add(t.place.open());
                    crowd.get(i).zk.getData(root, true, null);
                }
                writer.set(root, "1");
                for (Session each : crowd) {
                    Checks.same(List.of("NodeDataChanged "),
                            shorten(root, each.events()));
                }
            } finally {
                for (Session each : crowd) {
                    each.close();
                }
            }
        });
    }

    private void childWatches(Checks t) {
        t.check("a child watch fires once when a child comes", root -> {
            EventLog log = new EventLog();
            zk.getChildren(root, log);
            writer.make(root + "/a", "");
            writer.make(root + "/b", "");
            Checks.same(List.of("NodeChildrenChanged "), seen(root, log));
        });
        t.check("a child watch fires when a child goes", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getChildren(root, log, new org.apache.zookeeper.data.Stat());
            writer.delete(root + "/a");
            Checks.same(List.of("NodeChildrenChanged "), seen(root, log));
        });
        t.check("a child watch fires as NodeDeleted when its node goes", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getChildren(root + "/a", log);
            writer.delete(root + "/a");
            Checks.same(List.of("NodeDeleted /a"), seen(root, log));
        });
        t.check("data and grandchildren fire no child watch", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getChildren(root, log);
            writer.set(root, "1");
            writer.set(root + "/a", "1");
            writer.make(root + "/a/b", "");
            writer.delete(root + "/a/b");
            Checks.same(List.of(), seen(root, log));
            writer.delete(root + "/a");
            Checks.same(List.of("NodeChildrenChanged "), seen(root, log));
        });
        t.check("a failed getChildren sets no watch", root -> {
            EventLog log = new EventLog();
            Checks.fails(Code.NONODE, () -> zk.getChildren(root + "/a", log));
            writer.make(root + "/a", "");
            writer.make(root + "/a/b", "");
            Checks.same(List.of(), seen(root, log));
        });
    }

    private void bothTables(Checks t) {
        t.check("data and child watch of one node tell of its deletion once", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getData(root + "/a", log, null);
            zk.getChildren(root + "/a", log);
            writer.delete(root + "/a");
            Checks.same(List.of("NodeDeleted /a"), seen(root, log));
        });
        t.check("a deletion is told at the node before it is told at the parent", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getChildren(root, log);
            zk.getData(root + "/a", log, null);
            writer.delete(root + "/a");
            Checks.same(List.of("NodeDeleted /a", "NodeChildrenChanged "), seen(root, log));
        });
        t.check("a creation is told at the node before it is told at the parent", root -> {
            EventLog log = new EventLog();
            zk.getChildren(root, log);
            zk.exists(root + "/a", log);
            writer.make(root + "/a", "");
            Checks.same(List.of("NodeCreated /a", "NodeChildrenChanged "), seen(root, log));
        });
    }

    private void persistent(Checks t) {
        t.check("a persistent watch tells every change of node and children", root -> {
            EventLog log = new EventLog();
            String n = root + "/n";
            writer.make(n, "");
            zk.addWatch(n, log, AddWatchMode.PERSISTENT);
            writer.set(n, "1");
            writer.make(n + "/a", "");
            writer.set(n + "/a", "1");
            writer.delete(n + "/a");
            writer.delete(n);
            writer.make(n, "");
            Checks.same(List.of("NodeDataChanged /n", "NodeChildrenChanged /n",
                    "NodeChildrenChanged /n", "NodeDeleted /n", "NodeCreated /n"),
                    seen(root, log));
        });
        t.check("a persistent watch may be set on what is missing", root -> {
            EventLog log = new EventLog();
            zk.addWatch(root + "/p/a", log, AddWatchMode.PERSISTENT);
            writer.make(root + "/p", "");
            writer.make(root + "/p/a", "");
            writer.set(root + "/p/a", "");
            Checks.same(List.of("NodeCreated /p/a", "NodeDataChanged /p/a"), seen(root, log));
        });
        t.check("a persistent watch and a one-shot watch of others go side by side", root -> {
            EventLog always = new EventLog();
            EventLog once = new EventLog();
            zk.addWatch(root, always, AddWatchMode.PERSISTENT);
            zk.exists(root + "/a", once);
            writer.make(root + "/a", "");
            writer.set(root + "/a", "1");
            Checks.same(List.of("NodeChildrenChanged "), seen(root, always));
            Checks.same(List.of("NodeCreated /a"), seen(root, once));
        });
        t.check("a one-shot watch on the same path does not end a persistent one", root -> {
            EventLog always = new EventLog();
            EventLog once = new EventLog();
            zk.getData(root, once, null);
            zk.addWatch(root, always, AddWatchMode.PERSISTENT);
            writer.set(root, "1");
            writer.set(root, "2");
            Checks.same(List.of("NodeDataChanged ", "NodeDataChanged "), seen(root, always));
            Checks.same(List.of("NodeDataChanged "), seen(root, once));
        });
        t.check("ACLs fire no persistent watch", root -> {
            EventLog log = new EventLog();
            zk.addWatch(root, log, AddWatchMode.PERSISTENT);
            writer.zk.setACL(root, Ids.OPEN_ACL_UNSAFE, -1);
            Checks.same(List.of(), seen(root, log));
        });
    }

    private void recursive(Checks t) {
        t.check("a recursive watch tells every change of the subtree", root -> {
            EventLog log = new EventLog();
            String n = root + "/n";
            writer.make(n, "");
            zk.addWatch(n, log, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.set(n, "1");
            writer.make(n + "/a", "");
            writer.make(n + "/a/b", "");
            writer.set(n + "/a", "1");
            writer.delete(n + "/a/b");
            writer.delete(n + "/a");
            writer.delete(n);
            writer.make(n, "");
            writer.make(root + "/neighbour", "");
            Checks.same(List.of("NodeDataChanged /n", "NodeCreated /n/a", "NodeCreated /n/a/b",
                    "NodeDataChanged /n/a", "NodeDeleted /n/a/b", "NodeDeleted /n/a",
                    "NodeDeleted /n", "NodeCreated /n"), seen(root, log));
        });
        t.check("a recursive watch sees the whole names of sequential nodes", root -> {
            EventLog log = new EventLog();
            zk.addWatch(root, log, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.make(root + "/s-", "", CreateMode.PERSISTENT_SEQUENTIAL);
            writer.make(root + "/s-", "", CreateMode.PERSISTENT_SEQUENTIAL);
            Checks.same(List.of("NodeCreated /s-0000000000", "NodeCreated /s-0000000001"),
                    seen(root, log));
        });
        t.check("a recursive watch on a name does not match longer names", root -> {
            EventLog log = new EventLog();
            zk.addWatch(root + "/ab", log, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.make(root + "/abc", "");
            writer.make(root + "/a", "");
            Checks.same(List.of(), seen(root, log));
        });
        t.check("a recursive watch and a child watch below it are both told", root -> {
            EventLog all = new EventLog();
            EventLog once = new EventLog();
            writer.make(root + "/n", "");
            zk.getChildren(root + "/n", once);
            zk.addWatch(root, all, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.make(root + "/n/a", "");
            writer.make(root + "/n/b", "");
            // The server sends NodeChildrenChanged for the child watch; it is this client that
            // shows it to the recursive watcher too.
            Checks.same(List.of("NodeCreated /n/a", "NodeChildrenChanged /n",
                    "NodeCreated /n/b"), seen(root, all));
            Checks.same(List.of("NodeChildrenChanged /n"), seen(root, once));
        });
        t.check("one path holds watches of several modes where the version can", root -> {
            EventLog all = new EventLog();
            EventLog once = new EventLog();
            zk.getChildren(root, once);
            zk.addWatch(root, all, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.make(root + "/a", "");
            // 3.8 lets the last mode replace the earlier one.
            Checks.same(t.place.is38() ? List.of() : List.of("NodeChildrenChanged "),
                    seen(root, once));
        });
        t.check("a recursive watch on the root sees the end of a session", root -> {
            EventLog log = new EventLog();
            Session mine = t.place.open();
            mine.make(root + "/e", "", CreateMode.EPHEMERAL);
            zk.addWatch("/", log, AddWatchMode.PERSISTENT_RECURSIVE);
            mine.close();
            Checks.same(List.of("NodeDeleted /e"), seen(root, log));
            zk.removeAllWatches("/", WatcherType.Any, false);
        });
    }

    private void removal(Checks t) {
        t.check("a removed data watch is silent, the child watch stays", root -> {
            EventLog log = new EventLog();
            zk.getData(root, log, null);
            zk.getChildren(root, log);
            zk.removeWatches(root, log, WatcherType.Data, false);
            Checks.same(List.of("DataWatchRemoved "), seen(root, log));
            writer.set(root, "1");
            Checks.same(List.of(), seen(root, log));
            writer.make(root + "/a", "");
            Checks.same(List.of("NodeChildrenChanged "), seen(root, log));
        });
        t.check("a removed child watch is silent, the data watch stays", root -> {
            EventLog log = new EventLog();
            zk.getData(root, log, null);
            zk.getChildren(root, log);
            zk.removeWatches(root, log, WatcherType.Children, false);
            Checks.same(List.of("ChildWatchRemoved "), seen(root, log));
            writer.make(root + "/a", "");
            Checks.same(List.of(), seen(root, log));
            writer.set(root, "1");
            Checks.same(List.of("NodeDataChanged "), seen(root, log));
        });
        t.check("removal of any kind takes all kinds", root -> {
            EventLog log = new EventLog();
            zk.getData(root, log, null);
            zk.getChildren(root, log);
            zk.removeWatches(root, log, WatcherType.Any, false);
            Checks.sameSet(List.of("ChildWatchRemoved ", "DataWatchRemoved "),
                    seen(root, log));
            writer.make(root + "/a", "");
            writer.set(root, "1");
            Checks.same(List.of(), seen(root, log));
        });
        t.check("a removed persistent watch is silent", root -> {
            EventLog log = new EventLog();
            for (AddWatchMode mode : AddWatchMode.values()) {
                zk.addWatch(root, log, mode);
                zk.removeWatches(root, log, WatcherType.Any, false);
                Checks.same(List.of("PersistentWatchRemoved "), seen(root, log));
                writer.set(root, "1");
                writer.make(root + "/" + mode, "");
                Checks.same(List.of(), seen(root, log));
            }
        });
        t.check("a watch on a missing node can be removed", root -> {
            EventLog log = new EventLog();
            zk.exists(root + "/a", log);
            zk.removeWatches(root + "/a", log, WatcherType.Data, false);
            Checks.same(List.of("DataWatchRemoved /a"), seen(root, log));
            writer.make(root + "/a", "");
            Checks.same(List.of(), seen(root, log));
        });
        t.check("one of two watchers of a path can be removed", root -> {
            EventLog log = new EventLog();
            EventLog second = new EventLog();
            zk.getData(root, log, null);
            zk.getData(root, second, null);
            zk.removeWatches(root, log, WatcherType.Data, false);
            seen(root, log);
            writer.set(root, "1");
            Checks.same(List.of(), seen(root, log));
            Checks.same(List.of("NodeDataChanged "), seen(root, second));
        });
        t.check("removal of what is not watched gives NoWatcher", root -> {
            EventLog log = new EventLog();
            for (WatcherType type : WatcherType.values()) {
                Checks.fails(Code.NOWATCHER,
                        () -> zk.removeWatches(root, log, type, false));
                // This form asks the server: the client does not look into its own tables first.
                Checks.fails(Code.NOWATCHER, () -> zk.removeAllWatches(root, type, false));
            }
            zk.getData(root, log, null);
            Checks.fails(Code.NOWATCHER,
                    () -> zk.removeWatches(root, log, WatcherType.Children, false));
        });
        t.check("a watch that has fired cannot be removed", root -> {
            EventLog log = new EventLog();
            zk.getData(root, log, null);
            writer.set(root, "1");
            Checks.same(List.of("NodeDataChanged "), seen(root, log));
            Checks.fails(Code.NOWATCHER,
                    () -> zk.removeAllWatches(root, WatcherType.Data, false));
        });
    }

    private void permissions(Checks t) {
        t.check("an event is not told to those who may no longer read", root -> {
            EventLog log = new EventLog();
            writer.make(root + "/a", "");
            zk.getData(root + "/a", log, null);
            writer.zk.setACL(root + "/a", Session.acl(30, "world", "anyone"), -1);
            writer.set(root + "/a", "1");
            writer.zk.setACL(root + "/a", Ids.OPEN_ACL_UNSAFE, -1);
            writer.set(root + "/a", "2");
            // The watch was spent on the change that could not be told.
            Checks.same(List.of(), seen(root, log));
        });
        t.check("a persistent watch passes over what may not be read", root -> {
            EventLog log = new EventLog();
            zk.addWatch(root, log, AddWatchMode.PERSISTENT_RECURSIVE);
            writer.zk.create(root + "/hidden", null, Session.acl(30, "world", "anyone"),
                    CreateMode.PERSISTENT);
            writer.set(root + "/hidden", "1");
            writer.make(root + "/open", "");
            writer.delete(root + "/hidden");
            Checks.same(List.of("NodeCreated /open"), seen(root, log));
        });
        t.check("exists needs READ where the version asks for it", root -> {
            EventLog log = new EventLog();
            writer.zk.create(root + "/hidden", null, Session.acl(30, "world", "anyone"),
                    CreateMode.PERSISTENT);
            if (t.place.is38()) {
                Checks.that(zk.exists(root + "/hidden", log) != null, "the stat");
            } else {
                Checks.fails(Code.NOAUTH, () -> zk.exists(root + "/hidden", log));
            }
        });
    }

    private void reconnection(Checks t) {
        t.check("watches tell after a reconnection what changed during the outage", root -> {
            for (String name : List.of("/set", "/gone", "/kids", "/calm", "/again", "/keeps",
                    "/tree")) {
                writer.make(root + name, "");
            }
            try (Session mine = Session.open(t.place.wire, Place.CALM_MS)) {
                EventLog log = new EventLog();
                long id = mine.zk.getSessionId();
                for (String name : List.of("/set", "/gone", "/calm", "/again")) {
                    mine.zk.getData(root + name, log, null);
                }
                mine.zk.exists(root + "/new", log);
                mine.zk.exists(root + "/never", log);
                mine.zk.getChildren(root + "/kids", log);
                mine.zk.getChildren(root + "/gone", log);
                mine.zk.getChildren(root + "/calm", log);
                EventLog always = new EventLog();
                mine.zk.addWatch(root + "/keeps", always, AddWatchMode.PERSISTENT);
                mine.zk.addWatch(root + "/tree", always, AddWatchMode.PERSISTENT_RECURSIVE);
                t.place.command("cut");
                mine.log.awaitState(KeeperState.Disconnected);
                writer.set(root + "/set", "1");
                writer.delete(root + "/gone");
                writer.make(root + "/new", "");
                writer.make(root + "/kids/a", "");
                writer.delete(root + "/again");
                writer.make(root + "/again", "");
                writer.set(root + "/keeps", "during");
                t.place.command("heal");
                mine.log.awaitState(KeeperState.SyncConnected);
                Checks.same(id, mine.zk.getSessionId());
                Checks.sameSet(List.of("NodeDataChanged /set", "NodeDeleted /gone",
                        "NodeCreated /new", "NodeChildrenChanged /kids",
                        "NodeDataChanged /again"), shorten(root, mine.events(log)));
                // Persistent watches are not told what they missed, but they go on.
                Checks.same(List.of(), shorten(root, mine.events(always)));
                writer.set(root + "/keeps", "after");
                writer.make(root + "/tree/deep", "");
                writer.make(root + "/calm/a", "");
                writer.make(root + "/never", "");
                Checks.same(List.of("NodeDataChanged /keeps", "NodeCreated /tree/deep"),
                        shorten(root, mine.events(always)));
                Checks.same(List.of("NodeChildrenChanged /calm", "NodeCreated /never"),
                        shorten(root, mine.events(log)));
                writer.set(root + "/calm", "1");
                writer.set(root + "/set", "again");
                Checks.same(List.of("NodeDataChanged /calm"), shorten(root, mine.events(log)));
            }
        });
        t.check("thousands of watches survive a reconnection", root -> {
            // Enough path text that the client needs several requests to set them again.
            int count = 2500;
            String padding = "/" + "x".repeat(100);
            try (Session mine = Session.open(t.place.wire, Place.CALM_MS)) {
                EventLog log = new EventLog();
                for (int i = 0; i < count; i++) {
                    mine.zk.exists(root + padding + i, log, (rc, path, context, stat) -> { },
                            null);
                }
                mine.barrier();
                t.place.command("drop");
                mine.log.awaitState(KeeperState.Disconnected);
                mine.log.awaitState(KeeperState.SyncConnected);
                mine.barrier();
                for (int i = 0; i < count; i++) {
                    writer.zk.create(root + padding + i, null, Ids.OPEN_ACL_UNSAFE,
                            CreateMode.PERSISTENT, (rc, path, context, name) -> { }, null);
                }
                writer.barrier();
                List<String> events = mine.events(log);
                Checks.same(count, events.size());
                Checks.same("NodeCreated " + root + padding + "0", events.get(0));
            }
        });
    }
}
