import java.util.ArrayList;
import java.util.List;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;

/** Remembers what a watcher was told. Used from the client's event thread and the check's. */
final class EventLog implements Watcher {
    private static final long PATIENCE_MS = 30000;

    private final List<String> nodes = new ArrayList<>();
    private final List<Event.KeeperState> states = new ArrayList<>();

    @Override
    public synchronized void process(WatchedEvent event) {
        if (event.getType() == Event.EventType.None) {
            states.add(event.getState());
        } else {
            nodes.add(event.getType() + " " + event.getPath());
        }
        notifyAll();
    }

    /** Waits for the state; forgets it and the states before it. */
    synchronized void awaitState(Event.KeeperState wanted) throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (!states.contains(wanted)) {
            pause(deadline, "state " + wanted + " (seen: " + states + ")");
        }
        states.subList(0, states.indexOf(wanted) + 1).clear();
    }

    /** Waits until as many node events are there; returns and forgets all of them. */
    synchronized List<String> await(int count) throws InterruptedException {
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (nodes.size() < count) {
            pause(deadline, count + " events (seen: " + nodes + ")");
        }
        return take();
    }

    synchronized List<String> take() {
        List<String> taken = new ArrayList<>(nodes);
        nodes.clear();
        return taken;
    }

    private void pause(long deadline, String what) throws InterruptedException {
        long left = deadline - System.currentTimeMillis();
        if (left <= 0) {
            throw new AssertionError("waited in vain for " + what);
        }
        wait(left);
    }
}
