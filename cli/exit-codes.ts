// Exit codes by which systemd, Kubernetes and cli/supervise.sh decide about a restart: sysexits(3).

/** EX_CONFIG: a restart would fail in the same way. */
export const finalExitCode = 78;
/** EX_TEMPFAIL: a restart may succeed. */
export const troubleExitCode = 75;
