import java.util.Collection;
import java.util.HashSet;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.zookeeper.KeeperException;

/**
 * Runs checks and prints one line for each: "ok NAME" or "not ok NAME: reason".
 *
 * A group prints "group NAME" first and "end NAME" last, so that the reader of the output notices
 * a program that died half way.
 */
final class Checks {
    interface Body {
        /** The path is a fresh, empty, open znode that belongs to this check alone. */
        void run(String root) throws Exception;
    }

    interface Call {
        void run() throws Exception;
    }

    interface Group {
        void run(Checks checks) throws Exception;
    }

    final Place place;
    private final AtomicInteger roots = new AtomicInteger();
    private String group;
    private int failures;

    Checks(Place place) {
        this.place = place;
    }

    void group(String name, Group body) {
        group = name;
        say("group " + name);
        try {
            body.run(this);
        } catch (Exception | AssertionError failure) {
            fail("the group runs to its end", failure);
        }
        say("end " + name);
    }

    void check(String name, Body body) {
        long start = System.nanoTime();
        try {
            body.run(place.makeRoot("/" + group + "-" + roots.incrementAndGet()));
            say("ok " + group + ": " + name);
        } catch (Exception | AssertionError failure) {
            fail(name, failure);
            place.repair();
        }
        long ms = (System.nanoTime() - start) / 1_000_000;
        if (ms > 1000) {
            say("# " + ms + " ms: " + name);
        }
    }

    boolean allPassed() {
        return failures == 0;
    }

    private void fail(String name, Throwable failure) {
        failures++;
        String where = "";
        for (StackTraceElement frame : failure.getStackTrace()) {
            if (frame.getFileName() != null && frame.getFileName().endsWith("Checks.java")
                    && !frame.getClassName().equals("Checks")) {
                where = " (" + frame.getFileName() + ":" + frame.getLineNumber() + ")";
                break;
            }
        }
        say("not ok " + group + ": " + name + ": "
                + String.valueOf(failure).replace('\n', ' ') + where);
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    // What a check expects.

    static void same(Object want, Object got) {
        if (!Objects.deepEquals(want, got)) {
            throw new AssertionError("want <" + want + ">, got <" + got + ">");
        }
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    /** The same elements in any order, none twice. */
    static void sameSet(Collection<?> want, Collection<?> got) {
        same(new HashSet<Object>(want), new HashSet<Object>(got));
        same(want.size(), got.size());
    }

    /** The call must fail with exactly this code. Returns the exception for a closer look. */
    static KeeperException fails(KeeperException.Code code, Call call) throws Exception {
        try {
            call.run();
        } catch (KeeperException failure) {
            same(code, failure.code());
            return failure;
        }
        throw new AssertionError("want " + code + ", got success");
    }
}
