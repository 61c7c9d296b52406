/** Curator's recipes against a server: see Place for the arguments. */
final class CuratorMain {
    private CuratorMain() {
    }

    public static void main(String[] args) throws Exception {
        Checks checks = new Checks(new Place(args));
        checks.group("curator", new CuratorChecks());
        System.exit(checks.allPassed() ? 0 : 1);
    }
}
