// Configuration files of a host that differ from host to host. Pure; written by power-on.ts.
import { createHash } from 'node:crypto';

/**
 * A stable id of the host: libvirt refuses a migration between hosts with the same id, and the DMI
 * id is the same for all namespaced hosts.
 */
function hostUuid(dir: string): string {
  const hex = createHash('sha256').update(dir).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Only root can open the socket, so no login is needed. */
export function libvirtdConf(dir: string): string {
  return `host_uuid = "${hostUuid(dir)}"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
max_client_requests = 64
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
`;
}

/** Every host resolves its own name; otherwise each domain start waits for name resolution. */
export function etcHosts(name: string, index: number): string {
  return `127.0.0.1 localhost\n127.0.1.${index} ${name}\n`;
}
