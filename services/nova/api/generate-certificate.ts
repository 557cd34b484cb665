// Generates an x509 keypair when a user requests one without a public key (until microversion
// 2.91): a self-signed certificate that names the user, for WinRM logins. The form is Nova's
// `generate_winrm_x509_cert`; the encoding RFC 5280 in DER (X.690).
import { generateKeyPair, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Ids } from '#platform/ids.ts';

const generate = promisify(generateKeyPair);
const tenYearsMs = 3650 * 24 * 3_600_000;

/**
 * Generates an RSA 2048 key and its certificate, valid for ten years from `nowMs`. The key comes
 * from the kernel's random generator, not from `ids`: a key from a seeded generator would not be
 * secret.
 */
export async function generateCertificate(
  userId: string,
  nowMs: number,
  ids: Pick<Ids, 'bytes'>,
): Promise<{ publicKey: string; privateKey: string }> {
  const { publicKey, privateKey } = await generate('rsa', { modulusLength: 2048 });
  const signed = certificateFacts(
    userId,
    nowMs,
    ids.bytes(15),
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const certificate = sequence(signed, sha256WithRsa, bits(sign('sha256', signed, privateKey)));
  return {
    publicKey: pem('CERTIFICATE', certificate),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function certificateFacts(userId: string, nowMs: number, serialBytes: Buffer, key: Buffer): Buffer {
  const name = sequence(element(0x31, sequence(objectId('550403'), text(userId)))); // commonName
  const principal = element(
    0xa0,
    objectId('2b060104018237140203'),
    element(0xa0, text(`${userId}@localhost`)),
  ); // userPrincipalName
  const extensions = sequence(
    // extendedKeyUsage: clientAuth
    sequence(objectId('551d25'), octets(sequence(objectId('2b06010505070302')))),
    sequence(objectId('551d11'), octets(sequence(principal))), // subjectAltName
  );
  const version3 = element(0xa0, element(0x02, Buffer.from([2])));
  // The leading 0x01 keeps the serial number positive: DER integers are signed.
  const serial = element(0x02, Buffer.concat([Buffer.from([0x01]), serialBytes]));
  return sequence(
    version3,
    serial,
    sha256WithRsa,
    name,
    sequence(time(nowMs), time(nowMs + tenYearsMs)),
    name,
    key,
    element(0xa3, extensions),
  );
}

/** One DER element: tag, length, content. */
function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const digits = Buffer.from(content.length.toString(16).replace(/^(..)*.$/, '0$&'), 'hex');
  const length =
    content.length < 0x80 ? digits : Buffer.concat([Buffer.from([0x80 + digits.length]), digits]);
  return Buffer.concat([Buffer.from([tag]), length, content]);
}

const sequence = (...parts: Buffer[]): Buffer => element(0x30, ...parts);
const objectId = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'));
const text = (value: string): Buffer => element(0x0c, Buffer.from(value));
const octets = (content: Buffer): Buffer => element(0x04, content);
const bits = (content: Buffer): Buffer => element(0x03, Buffer.from([0]), content);
/**
 * Encodes a time in DER: UTCTime (two-digit year) before 2050, as RFC 5280 requires, else
 * GeneralizedTime.
 */
const time = (ms: number): Buffer => {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
};
const sha256WithRsa = sequence(objectId('2a864886f70d01010b'), element(0x05));

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`;
