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
 * The text of libvirtd.conf. Locally, only root can open the socket, so no authentication is
 * needed. Remotely, libvirtd listens only at the management address, and accepts only clients with
 * a certificate of the cloud's authority, i.e. the cloud's other hosts.
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
 * The part of qemu.conf that differs from host to host: incoming migrations, memory and disks, are
 * received at the management address only, and from hosts of the cloud only.
 */
export function migrationConf(address: string): string {
  return `migration_address = "${address}"
migration_host = "${address}"
migrate_tls_x509_cert_dir = "/etc/pki/qemu"
migrate_tls_x509_verify = 1
migrate_tls_force = 1
`;
}

/**
 * The text of /etc/hosts: lets the host resolve its own name locally; otherwise each domain start
 * would wait for DNS.
 */
export function etcHosts(name: string, index: number): string {
  return `127.0.0.1 localhost\n127.0.1.${index} ${name}\n`;
}
