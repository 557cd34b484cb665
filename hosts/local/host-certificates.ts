// The TLS certificates by which the hosts of one cloud authenticate each other in migrations:
// libvirt's connection, QEMU's memory stream and its copies of disks. Issued by an authority of the
// cloud, in its state folder, that issues nothing else. Called by power-on.ts and local-hosts.ts.
import { X509Certificate } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import {
  authorityExtensions,
  ensureKey,
  issueCertificate,
  lastingCertificate,
} from '#platform/certificates.ts';
import { oneAtATime } from './machine-lock.ts';
import { runTool } from './run-tool.ts';

/** Lifetime of a host's certificate, and how long before its end it is renewed, in days. */
const hostDays = { valid: 365, renewBefore: 30 };
/** The same for the authority's certificate, which must outlive those of the hosts. */
const authorityDays = { valid: 3650, renewBefore: 730 };

/**
 * Default paths of libvirt (libvirt.org/kbase/tlscerts.html) and QEMU (libvirt's qemu.conf) below
 * the host's /etc/pki. Only from its default paths does libvirtd reload a renewed certificate while
 * it runs.
 */
const aliases = {
  'CA/cacert.pem': 'authority.crt',
  'libvirt/servercert.pem': 'host.crt',
  'libvirt/private/serverkey.pem': 'host.key',
  'libvirt/clientcert.pem': 'host.crt',
  'libvirt/private/clientkey.pem': 'host.key',
  'qemu/ca-cert.pem': 'authority.crt',
  'qemu/server-cert.pem': 'host.crt',
  'qemu/server-key.pem': 'host.key',
  'qemu/client-cert.pem': 'host.crt',
  'qemu/client-key.pem': 'host.key',
};

/** The host's /etc/pki/cobalt: its certificate, its key, and the authority's certificate. */
export const certificateFolder = (host: Pick<CertifiedHost, 'dir'>): string =>
  join(host.dir, 'etc/pki/cobalt');

export interface CertifiedHost {
  name: string;
  /** The host's folder. */
  dir: string;
  /** The host's address in the management network. */
  address: string;
}

/**
 * Gives the host a certificate that does not expire soon; returns whether it is a new one. Keys are
 * made once and kept; a certificate is replaced atomically, so that a reader never sees one that
 * does not match its key. Safe to repeat, also in several processes. timeout: another process holds
 * the authority's lock.
 */
export async function ensureCertificate(
  stateDir: string,
  host: CertifiedHost,
  nowMs: number,
): Promise<Outcome<boolean>> {
  const folder = certificateFolder(host);
  const authority = join(stateDir, 'authority');
  for (const each of [folder, authority]) await mkdir(each, { recursive: true, mode: 0o700 });
  return await oneAtATime(join(authority, 'lock'), async () => {
    const ca = { key: join(authority, 'authority.key'), crt: join(authority, 'authority.crt') };
    await ensureKey(ca.key);
    if (!(await lastingCertificate(ca.crt, authorityDays.renewBefore, nowMs)))
      await issueCertificate({
        file: ca.crt,
        keyFile: ca.key,
        subject: '/CN=CobaltCore hosts',
        days: authorityDays.valid,
        extensions: authorityExtensions,
      });
    const own = { key: join(folder, 'host.key'), crt: join(folder, 'host.crt') };
    await copyFile(ca.crt, join(folder, 'authority.crt.new'));
    await rename(join(folder, 'authority.crt.new'), join(folder, 'authority.crt'));
    await ensureKey(own.key);
    for (const [alias, file] of Object.entries(aliases))
      await ensureLink(join(folder, '..', alias), join(folder, file));
    const current = await lastingCertificate(own.crt, hostDays.renewBefore, nowMs);
    const issuer = new X509Certificate(await readFile(ca.crt));
    if (current && current.verify(issuer.publicKey) && current.checkIP(host.address) !== undefined)
      return false;
    await issueCertificate({
      file: own.crt,
      keyFile: own.key,
      subject: `/CN=${host.name}`,
      days: hostDays.valid,
      extensions: [
        'basicConstraints=critical,CA:FALSE',
        'keyUsage=critical,digitalSignature,keyEncipherment',
        'extendedKeyUsage=serverAuth,clientAuth',
        `subjectAltName=DNS:${host.name},IP:${host.address}`,
      ],
      issuer: { file: ca.crt, keyFile: ca.key },
    });
    return true;
  });
}

/**
 * Makes libvirtd reload a renewed certificate without a restart: virt-admin(1), server-update-tls.
 */
export async function reloadCertificate(host: Pick<CertifiedHost, 'dir'>): Promise<void> {
  const socket = join(host.dir, 'run/libvirt/libvirt-admin-sock');
  await runTool('virt-admin', [
    '-c',
    `libvirtd:///system?socket=${socket}`,
    'server-update-tls',
    'libvirtd',
  ]);
}

async function ensureLink(link: string, file: string): Promise<void> {
  await mkdir(dirname(link), { recursive: true, mode: 0o700 });
  await symlink(relative(dirname(link), file), link).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
