// Impersonation (`kubectl --as`): a request on behalf of another user, for users with the verb
// `impersonate`.
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
import type { RawRequest } from '#platform/http/messages.ts';
import type { Attributes, Bindings, User } from '../domain/rbac.ts';
import { mayDo, refusalWords } from '../domain/rbac.ts';
import type { Answer } from '../domain/status.ts';
import { Refusal, badRequest } from '../domain/status.ts';

const accountName = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** The user that the request's impersonation headers name; without them the user itself. */
export function impersonated(
  user: User,
  { headers }: Pick<RawRequest, 'headers'>,
  bindings: Bindings,
): Answer<User> {
  const names = Object.keys(headers).filter((each) => each.startsWith('impersonate-'));
  if (names.length === 0) return user;
  const { 'impersonate-user': name = '', 'impersonate-uid': uid = '' } = headers;
  // Node joins repeated headers with ", ".
  const groups = (headers['impersonate-group'] ?? '').split(', ').filter(Boolean);
  if (name === '') return badRequest('an impersonation names a user');
  if (names.some((each) => each.startsWith('impersonate-extra-')))
    return badRequest('impersonation of extra fields is not served here');
  const account = accountName.exec(name);
  const wanted: Attributes[] = [
    account
      ? ask('serviceaccounts', account[2] ?? '', { namespace: account[1] ?? '' })
      : ask('users', name),
    ...groups.map((each) => ask('groups', each)),
    ...(uid === '' ? [] : [ask('uids', uid, { group: 'authentication.k8s.io' })]),
  ];
  for (const attributes of wanted)
    if (!mayDo(user, attributes, bindings)) {
      const words = refusalWords(user, attributes);
      return new Refusal(
        'Forbidden',
        `${'resource' in attributes ? `${attributes.resource} "${attributes.name}" is ` : ''}forbidden: ${words}`,
      );
    }
  const own = account ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [];
  const isAnonymous = name === 'system:anonymous';
  return {
    name,
    uid,
    groups: [
      ...new Set([
        ...(groups.length > 0 ? groups : own),
        isAnonymous ? 'system:unauthenticated' : 'system:authenticated',
      ]),
    ],
  };
}

const ask = (
  resource: string,
  name: string,
  { group = '', namespace = '' }: { group?: string; namespace?: string } = {},
): Attributes => ({ verb: 'impersonate', group, resource, subresource: '', namespace, name });
