// Parses a request's path. Pure.
// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
export type RequestInfo =
  | { kind: 'discovery'; group: string | undefined; version: string | undefined }
  | { kind: 'resource'; info: ResourceRequest }
  | { kind: 'other'; path: string };

export interface ResourceRequest {
  group: string;
  version: string;
  plural: string;
  /** '' for a cluster-scoped object, and for a list over all namespaces. */
  namespace: string;
  /** '' for a collection. */
  name: string;
  subresource: string;
}

/** What the path asks for; undefined: a segment is not valid UTF-8. */
export function requestInfo(path: string): RequestInfo | undefined {
  const parts: string[] = [];
  for (const part of path.split('/').filter(Boolean)) {
    try {
      parts.push(decodeURIComponent(part));
    } catch {
      return undefined;
    }
  }
  const [root, ...rest] = parts;
  if (root === 'api') {
    const [version, ...below] = rest;
    return version === undefined || below.length === 0
      ? { kind: 'discovery', group: '', version }
      : resourceRequest('', version, below, path);
  }
  if (root === 'apis') {
    const [group, version, ...below] = rest;
    return group === undefined || version === undefined || below.length === 0
      ? { kind: 'discovery', group, version }
      : resourceRequest(group, version, below, path);
  }
  return { kind: 'other', path };
}

function resourceRequest(
  group: string,
  version: string,
  below: readonly string[],
  path: string,
): RequestInfo {
  const [first = '', second = '', third, ...more] = below;
  const isNamespaced =
    first === 'namespaces' && third !== undefined && !ofNamespaces.includes(third);
  const [plural = '', name = '', ...subresources] = isNamespaced ? [third, ...more] : below;
  if (subresources.length > 1) return { kind: 'other', path };
  const [subresource = ''] = subresources;
  return {
    kind: 'resource',
    info: { group, version, plural, namespace: isNamespaced ? second : '', name, subresource },
  };
}

const ofNamespaces: readonly string[] = ['status', 'finalize'];
