// Numbers in the formats of Kubernetes and Go, for the columns of `kubectl get`. Pure.

const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/**
 * Bytes as a Quantity in its canonical form: the largest suffix that leaves a whole number.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function quantity(bytes: number): string {
  let [rest, at] = [bytes, 0];
  while (rest >= 1024 && rest % 1024 === 0 && at < binary.length - 1) {
    rest /= 1024;
    at += 1;
  }
  return `${rest}${binary[at]}`;
}

/** The size as text, e.g. `4.0 GiB`, `128 MiB`: the format of CobaltCore's node agent. */
export function iecSize(bytes: number): string {
  let [rest, at] = [Math.max(0, bytes), 0];
  while (rest >= 1024 && at < binary.length - 1) {
    rest /= 1024;
    at += 1;
  }
  if (at === 0) return `${Math.round(rest)} B`;
  // From 9.95 on toFixed(1) would give 10.0.
  return `${rest < 9.95 ? rest.toFixed(1) : Math.round(rest)} ${binary[at]}B`;
}

/** The duration as text, e.g. `1m30.5s`, `245ms`, `0s`: https://pkg.go.dev/time#Duration.String */
export function goDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole === 0) return '0s';
  if (whole < 1_000) return `${whole}ms`;
  const [hours, minutes] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  const seconds = `${(whole % 60_000) / 1_000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
