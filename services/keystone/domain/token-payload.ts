// The payload of a token in a compact binary form. It contains ids only; names, roles and catalog
// are looked up when the token is validated or shown.

export type AuthMethod = 'password' | 'token' | 'application_credential';
const storedMethods: readonly AuthMethod[] = ['password', 'token', 'application_credential'];

export type TokenScope =
  | { kind: 'unscoped' }
  | { kind: 'project'; id: string }
  | { kind: 'domain'; id: string }
  | { kind: 'system' };
const scopes = ['unscoped', 'project', 'domain', 'system'] as const;

export interface TokenPayload {
  methods: AuthMethod[];
  userId: string;
  scope: TokenScope;
  issuedAtMs: number;
  expiresAtMs: number;
  /**
   * The token's own audit id, then that of the first token in its chain; 22 base64url characters
   * each.
   */
  auditIds: string[];
  appCredId: string | null;
  trustId: string | null;
}

const formatVersion = 1;
const timeBytes = 6;
const auditBytes = 16;

export function pack(payload: TokenPayload): Buffer {
  const methods = storedMethods.reduce(
    (mask, method, bit) => mask | (payload.methods.includes(method) ? 1 << bit : 0),
    0,
  );
  const times = Buffer.alloc(2 * timeBytes);
  times.writeUIntBE(payload.issuedAtMs, 0, timeBytes);
  times.writeUIntBE(payload.expiresAtMs, timeBytes, timeBytes);
  return Buffer.concat([
    Buffer.from([
      formatVersion,
      methods,
      scopes.indexOf(payload.scope.kind),
      payload.auditIds.length,
    ]),
    times,
    ...payload.auditIds.map((id) => Buffer.from(id, 'base64url')),
    ...[
      payload.userId,
      'id' in payload.scope ? payload.scope.id : '',
      payload.appCredId ?? '',
      payload.trustId ?? '',
    ].map(packId),
  ]);
}

/**
 * The payload in these bytes; undefined: they have the format of another release. The bytes are
 * trusted, since the token's signature was verified before.
 */
export function unpack(bytes: Buffer): TokenPayload | undefined {
  if (bytes[0] !== formatVersion) return undefined;
  const [mask, scopeKind, audits] = [bytes[1] ?? 0, scopes[bytes[2] ?? 0], bytes[3] ?? 0];
  let at = 4 + 2 * timeBytes;
  const auditIds = Array.from({ length: audits }, () =>
    bytes.subarray(at, (at += auditBytes)).toString('base64url'),
  );
  const nextId = (): string => {
    const { id, end } = unpackId(bytes, at);
    at = end;
    return id;
  };
  const [userId, scopeId, appCredId, trustId] = [nextId(), nextId(), nextId(), nextId()];
  return {
    methods: storedMethods.filter((_, bit) => mask & (1 << bit)),
    userId,
    scope:
      scopeKind === 'project' || scopeKind === 'domain'
        ? { kind: scopeKind, id: scopeId }
        : { kind: scopeKind ?? 'unscoped' },
    issuedAtMs: bytes.readUIntBE(4, timeBytes),
    expiresAtMs: bytes.readUIntBE(4 + timeBytes, timeBytes),
    auditIds,
    appCredId: appCredId || null,
    trustId: trustId || null,
  };
}

const hexId = 255;

/** An id of 32 hex digits takes 17 bytes, any other (e.g. `default`) its length plus one. */
function packId(id: string): Buffer {
  if (/^[0-9a-f]{32}$/.test(id))
    return Buffer.concat([Buffer.from([hexId]), Buffer.from(id, 'hex')]);
  const text = Buffer.from(id);
  return Buffer.concat([Buffer.from([text.length]), text]);
}

function unpackId(bytes: Buffer, at: number): { id: string; end: number } {
  const kind = bytes[at] ?? 0;
  const start = at + 1;
  if (kind === hexId) return { id: bytes.toString('hex', start, start + 16), end: start + 16 };
  return { id: bytes.toString('utf8', start, start + kind), end: start + kind };
}
