import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooDefs;

/** Where the servers are, and how to disturb the way to the first of them. */
final class Place {
    /** Long enough that nothing expires unless a check wants it. */
    static final int CALM_MS = 15000;
    /** Short, for sessions that are to expire; the server's smallest is half of it. */
    static final int SHORT_MS = 1200;

    /** host:port of the server that has all features on. */
    final String direct;
    /** The same server, through the wire that Python's flaky_wire.py controls. */
    final String wire;
    /** host:port of a server with default switches, but for reconfigEnabled=true. */
    final String plain;
    /** What differs between versions: "3.8" (Apache 3.8.0 of Debian) or "3.9" (and later). */
    final String era;
    private final String control;
    private final Session janitor;

    Place(String[] args) throws Exception {
        direct = args[0];
        wire = args[1];
        control = args[2];
        plain = args[3];
        era = args[4];
        janitor = Session.open(direct, CALM_MS);
    }

    boolean is38() {
        return era.equals("3.8");
    }

    String makeRoot(String path) throws Exception {
        return janitor.zk.create(path, null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }

    /** A session that no check disturbs, to look at and change things from outside. */
    Session other() {
        return janitor;
    }

    Session open() throws Exception {
        return Session.open(direct, CALM_MS);
    }

    /** After a check that failed half way. */
    void repair() {
        try {
            command("heal");
            command("thaw");
        } catch (IOException failure) {
            throw new AssertionError(failure);
        }
    }

    /** cut, heal, drop, freeze, thaw, hold, bounce: see flaky_wire.py. */
    void command(String word) throws IOException {
        String[] at = control.split(":");
        try (Socket socket = new Socket(at[0], Integer.parseInt(at[1]))) {
            socket.getOutputStream().write((word + "\n").getBytes(StandardCharsets.US_ASCII));
            String answer = new BufferedReader(new InputStreamReader(socket.getInputStream(),
                    StandardCharsets.US_ASCII)).readLine();
            if (!"ok".equals(answer)) {
                throw new IOException(word + ": " + answer);
            }
        }
    }
}
