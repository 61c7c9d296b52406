/** Apache's own Java client against a server: see Place for the arguments. */
final class ApiMain {
    private ApiMain() {
    }

    public static void main(String[] args) throws Exception {
        Checks checks = new Checks(new Place(args));
        checks.group("operations", new OperationChecks());
        checks.group("callbacks", new AsyncChecks());
        checks.group("multi", new MultiChecks());
        checks.group("watches", new WatchChecks());
        checks.group("access", new AclChecks());
        checks.group("sessions", new SessionChecks());
        System.exit(checks.allPassed() ? 0 : 1);
    }
}
