// Issues and checks tokens of service accounts: signed, for an audience and a limited time, and
// invalid once the account, or the object to which the token is bound, is deleted.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KubeObject } from '#contracts/kube/object.ts';
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import { timestamp } from '../domain/object-meta.ts';
import type { User } from '../domain/rbac.ts';
import type { Answer, Cause } from '../domain/status.ts';
import { badRequest, conflict, invalid, notFound } from '../domain/status.ts';
import { isObject } from '../domain/structural-schema/schema.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Issuer of all tokens, and the default audience. */
export const issuer = 'https://kubernetes.default.svc.cluster.local';

/**
 * Lifetimes, as upstream:
 * https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/
 */
const seconds = { usual: 3_600, least: 600, most: 2 ** 32 };
/** Tolerance for clocks that differ. */
const leewaySeconds = 10;
/** Kinds of objects to which a token may be bound -> resource. */
const boundKinds: Readonly<Record<string, string>> = {
  Pod: 'pods',
  Secret: 'secrets',
  Node: 'nodes',
};

export interface AccountTokens {
  /** Answers a TokenRequest: a new token for the service account `name`. */
  issue(namespace: string, name: string, body: unknown): Answer<KubeObject>;
  /** The owner of a token; undefined: the token is invalid, or not for any of `audiences`. */
  check(token: string, audiences?: readonly string[]): CheckedToken | undefined;
}

export interface CheckedToken {
  user: User;
  /** The requested audiences for which the token is valid. */
  audiences: string[];
}

interface Claims {
  aud: string[];
  exp: number;
  nbf: number;
  iss: string;
  sub: string;
  'kubernetes.io': {
    namespace: string;
    serviceaccount: { name: string; uid: string };
  } & Partial<Record<'pod' | 'secret' | 'node', { name: string; uid: string }>>;
}

export interface AccountTokensDeps {
  store: ObjectStore;
  clock: Clock;
  ids: Ids;
  /** The signing key: private, P-256, PEM. */
  key: string;
}

const encoded = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

export function accountTokens({ store, clock, ids, key }: AccountTokensDeps): AccountTokens {
  const privateKey = createPrivateKey(key);
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const kid = createHash('sha256').update(der).digest('base64url');
  const nowSeconds = (): number => Math.floor(clock.now() / 1_000);

  const accountOf = (namespace: string, name: string): KubeObject | undefined => {
    const object = store.get({ kind: 'serviceaccounts', namespace, name })?.object;
    return object?.metadata.deletionTimestamp === undefined ? object : undefined;
  };
  const uidOf = (kind: string, namespace: string, name: string): string | undefined =>
    store.get({ kind, namespace: kind === 'nodes' ? '' : namespace, name })?.uid;

  const signed = (claims: object): string => {
    const text = `${encoded({ alg: 'ES256', kid, typ: 'JWT' })}.${encoded(claims)}`;
    const signature = sign('sha256', Buffer.from(text), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${text}.${signature.toString('base64url')}`;
  };

  return {
    issue(namespace, name, body) {
      const account = accountOf(namespace, name);
      const subject = { group: '', kind: 'serviceaccounts', name };
      if (!account) return notFound(subject);
      const wanted = wantedToken(body);
      if (Array.isArray(wanted))
        return wanted.length === 0
          ? badRequest('the body is no TokenRequest')
          : invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest', name: '' }, wanted);
      const { spec, audiences, lifetime, bound } = wanted;
      const uid = bound && uidOf(boundKinds[bound.kind] ?? '', namespace, bound.name);
      if (bound && uid === undefined)
        return notFound({ group: '', kind: boundKinds[bound.kind] ?? '', name: bound.name });
      if (bound?.uid && bound.uid !== uid)
        return conflict(
          subject,
          `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
        );
      const now = nowSeconds();
      const token = signed({
        aud: audiences,
        exp: now + lifetime,
        iat: now,
        iss: issuer,
        jti: ids.uuid(),
        'kubernetes.io': {
          namespace,
          ...(bound ? { [bound.kind.toLowerCase()]: { name: bound.name, uid } } : {}),
          serviceaccount: { name, uid: account.metadata.uid },
        },
        nbf: now,
        sub: `system:serviceaccount:${namespace}:${name}`,
      });
      return {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { name, namespace, creationTimestamp: timestamp(clock.now()) },
        spec: { ...spec, audiences, expirationSeconds: lifetime },
        status: { token, expirationTimestamp: timestamp((now + lifetime) * 1_000) },
      };
    },
    check(token, audiences = [issuer]) {
      const claims = claimsOf(token, kid, (text, signature) =>
        verify('sha256', text, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
      );
      const now = nowSeconds();
      if (!claims || claims.iss !== issuer) return undefined;
      if (claims.exp <= now - leewaySeconds || claims.nbf > now + leewaySeconds) return undefined;
      const { namespace, serviceaccount, ...bound } = claims['kubernetes.io'];
      const { name, uid } = serviceaccount;
      if (accountOf(namespace, name)?.metadata.uid !== uid) return undefined;
      const holds = (['Pod', 'Secret', 'Node'] as const).every((kind) => {
        const to = bound[kind.toLowerCase() as 'pod' | 'secret' | 'node'];
        return to === undefined || uidOf(boundKinds[kind] ?? '', namespace, to.name) === to.uid;
      });
      const shared = audiences.filter((each) => claims.aud.includes(each));
      if (!holds || shared.length === 0) return undefined;
      const groups = [
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
        'system:authenticated',
      ];
      return { user: { name: claims.sub, uid, groups }, audiences: shared };
    },
  };
}

/** The claims of a token that carries a valid signature of this key; undefined: it does not. */
function claimsOf(
  token: string,
  kid: string,
  isSigned: (text: Buffer, signature: Buffer) => boolean,
): Claims | undefined {
  const [head = '', body = '', signature = '', ...more] = token.split('.');
  if (more.length > 0 || signature === '') return undefined;
  const parsed = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString());
  try {
    const header = parsed(head);
    if (!isObject(header) || header['alg'] !== 'ES256' || header['kid'] !== kid) return undefined;
    if (!isSigned(Buffer.from(`${head}.${body}`), Buffer.from(signature, 'base64url')))
      return undefined;
    return parsed(body) as Claims;
  } catch {
    return undefined; // not JSON, so not our token
  }
}

interface WantedToken {
  spec: Record<string, unknown>;
  audiences: string[];
  lifetime: number;
  bound: { kind: string; name: string; uid: string } | undefined;
}

/**
 * The parsed TokenRequest, or the causes of its refusal; []: the body is no TokenRequest at all.
 */
function wantedToken(body: unknown): WantedToken | Cause[] {
  if (!isObject(body)) return [];
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const { audiences, expirationSeconds = seconds.usual, boundObjectRef: ref } = spec;
  const causes: Cause[] = [];
  const wrong = (field: string, value: unknown, words: string): void =>
    void causes.push({
      reason: 'FieldValueInvalid',
      field: `spec.${field}`,
      message: `Invalid value: ${JSON.stringify(value)}: ${words}`,
    });
  const lifetime = Number(expirationSeconds ?? seconds.usual);
  if (!Number.isInteger(lifetime) || lifetime < seconds.least)
    wrong(
      'expirationSeconds',
      expirationSeconds,
      'may not specify a duration less than 10 minutes',
    );
  else if (lifetime > seconds.most)
    wrong(
      'expirationSeconds',
      expirationSeconds,
      'may not specify a duration larger than 2^32 seconds',
    );
  const named = Array.isArray(audiences) ? audiences : [];
  if (!named.every((each): each is string => typeof each === 'string'))
    wrong('audiences', audiences, 'must be a list of text');
  const textIn = (name: string): string => {
    const value = isObject(ref) ? ref[name] : undefined;
    return typeof value === 'string' ? value : '';
  };
  const bound = isObject(ref)
    ? { kind: textIn('kind'), name: textIn('name'), uid: textIn('uid') }
    : undefined;
  if (bound && !Object.hasOwn(boundKinds, bound.kind))
    wrong('boundObjectRef', bound.kind, 'cannot bind token for this object');
  if (causes.length > 0) return causes;
  return { spec, audiences: named.length > 0 ? named : [issuer], lifetime, bound };
}
