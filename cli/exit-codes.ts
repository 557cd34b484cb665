// Exit codes that systemd, Kubernetes and cli/supervise.sh act on: sysexits(3).

/** EX_CONFIG: another start would fail in the same way. */
export const finalExitCode = 78;
/** EX_TEMPFAIL: another start may succeed. */
export const troubleExitCode = 75;
