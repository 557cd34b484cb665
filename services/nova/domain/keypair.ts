// Validates public keys down to their wire format and computes the fingerprint that Nova shows.
// Pure. ssh: RFC 4253 section 6.6, RFC 5656, RFC 8709. x509: RFC 5280 in PEM.
import { createHash, X509Certificate } from 'node:crypto';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { own } from '#contracts/common/own.ts';

export type KeypairType = 'ssh' | 'x509';

/** Number of fields after the algorithm name; each field is a length and that many bytes. */
const fieldsOf: Readonly<Record<string, number>> = {
  'ssh-rsa': 2,
  'ssh-dss': 4,
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'sk-ssh-ed25519@openssh.com': 2,
  'sk-ecdsa-sha2-nistp256@openssh.com': 3,
};
const maxRsaBytes = 2049; // 16384 bits, and one zero byte as sign

/**
 * The fingerprint in pairs of hex digits: MD5 for ssh, SHA-1 for x509. badRequest: not a valid key.
 */
export function fingerprintOf(type: KeypairType, publicKey: string): Outcome<string> {
  return type === 'ssh' ? sshFingerprint(publicKey) : certificateFingerprint(publicKey);
}

function sshFingerprint(text: string): Outcome<string> {
  const [name = '', base64 = ''] = text.trim().split(/\s+/);
  const wanted = own(fieldsOf, name);
  if (wanted === undefined)
    return invalid(`the first word must be one of ${Object.keys(fieldsOf).join(', ')}`);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return invalid('the second word must be base64');
  const blob = Buffer.from(base64, 'base64');
  const fields = sshFields(blob);
  if (!fields || fields[0]?.toString('latin1') !== name || fields.length !== wanted + 1)
    return invalid(`it holds no ${name} key`);
  if (name === 'ssh-rsa' && (fields[2]?.length ?? 0) > maxRsaBytes)
    return invalid('the RSA modulus has more than 16384 bits');
  if (name === 'ssh-ed25519' && fields[1]?.length !== 32)
    return invalid('an ed25519 key has 32 bytes');
  return pairs(createHash('md5').update(blob).digest('hex'));
}

/** All fields of the key; undefined if the lengths do not add up. */
function sshFields(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  let at = 0;
  while (at < blob.length) {
    if (at + 4 > blob.length) return undefined;
    const length = blob.readUInt32BE(at);
    const end = at + 4 + length;
    if (length === 0 || end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function certificateFingerprint(pem: string): Outcome<string> {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase();
  } catch {
    return invalid('it is no X.509 certificate in PEM');
  }
}

const pairs = (hex: string): string => (hex.match(/../g) ?? []).join(':');
const invalid = (why: string) =>
  fault('badRequest', `Keypair data is invalid: failed to generate fingerprint: ${why}.`);

/**
 * badRequest: the name is invalid. From 2.92 on it may also contain '.' and '@', as in mail
 * addresses.
 */
export function checkKeypairName(name: string, version: number): Outcome<undefined> {
  const allowed = version >= 92 ? /^[\w .@-]+$/ : /^[\w -]+$/;
  if (name.trim() !== '' && allowed.test(name)) return undefined;
  return fault(
    'badRequest',
    `Keypair data is invalid: Keypair name contains unsafe characters. Allowed are letters, digits, "_", "-" and blanks${version >= 92 ? ', "." and "@"' : ''}.`,
  );
}
