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

/**
 * Only root can open the socket, so no login is needed. From outside, libvirtd listens at the
 * management address alone, and to other hosts of the cloud alone: to those who show a certificate
 * of its authority.
 */
export function libvirtdConf(dir: string, address: string): string {
  return `host_uuid = "${hostUuid(dir)}"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
listen_tcp = 0
listen_tls = 1
listen_addr = "${address}"
auth_tls = "none"
tls_no_verify_certificate = 0
max_client_requests = 64
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
`;
}

/**
 * What a host's qemu.conf has beyond the common one: a guest that moves in is received at the
 * management address alone, memory and disks, and from hosts of the cloud alone.
 */
export function migrationConf(address: string): string {
  return `migration_address = "${address}"
migration_host = "${address}"
migrate_tls_x509_cert_dir = "/etc/pki/qemu"
migrate_tls_x509_verify = 1
migrate_tls_force = 1
`;
}

/** Every host resolves its own name; otherwise each domain start waits for name resolution. */
export function etcHosts(name: string, index: number): string {
  return `127.0.0.1 localhost\n127.0.1.${index} ${name}\n`;
}
