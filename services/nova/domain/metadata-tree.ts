// The metadata service's answers to a guest, as a tree of texts in EC2's and OpenStack's layout.
// Pure. https://docs.openstack.org/nova/latest/user/metadata.html; AWS, "Instance metadata
// categories"
import type { Server } from '../store/servers.ts';
import type { MetadataFacts } from './config-drive.ts';
import { configDriveFiles, ec2Metadata } from './config-drive.ts';

/**
 * A file (`text`) or folder (`children`) of the tree. `label`: the name that a listing shows for
 * the folder, if it differs from its key.
 */
export type MetadataNode =
  | { text: Buffer; json: boolean }
  | { children: Map<string, MetadataNode>; label?: string };

const ec2Versions = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  'latest',
];
const openstackVersions = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  'latest',
];

const plain = (text: string): MetadataNode => ({ text: Buffer.from(text), json: false });
const folder = (
  children: readonly (readonly [string, MetadataNode])[],
  label?: string,
): MetadataNode => ({ children: new Map(children), ...(label === undefined ? {} : { label }) });

export function metadataTree(server: Server, facts: MetadataFacts): MetadataNode {
  // The admin password is on the config drive only: any user of the guest can query this service.
  const files = Object.entries(configDriveFiles({ ...server, admin_pass: null }, facts)).map(
    ([path, base64]) => [path, Buffer.from(base64, 'base64')] as const,
  );
  const below = (prefix: string) =>
    files
      .filter(([path]) => path.startsWith(prefix))
      .map(
        ([path, text]) =>
          [path.slice(prefix.length), { text, json: path.endsWith('.json') }] as const,
      );
  const latest = folder([...below('openstack/latest/'), ['password', plain('')]]);
  const content = below('openstack/content/');
  const userData =
    server.user_data === null
      ? []
      : [['user-data', { text: Buffer.from(server.user_data, 'base64'), json: false }] as const];
  const ec2 = folder([
    ['meta-data', ec2Folder(ec2Metadata(server, facts), server.key_name)],
    ...userData,
  ]);
  return folder([
    ...ec2Versions.map((version) => [version, ec2] as const),
    [
      'openstack',
      folder([
        ...openstackVersions.map((version) => [version, latest] as const),
        ...(content.length > 0 ? [['content', folder(content)] as const] : []),
      ]),
    ],
  ]);
}

function ec2Folder(
  values: Readonly<Record<string, unknown>>,
  keyName: string | null,
): MetadataNode {
  return folder(
    Object.entries(values).flatMap(([name, value]): [string, MetadataNode][] => {
      if (typeof value === 'string' || typeof value === 'number')
        return [[name, plain(String(value))]];
      if (typeof value !== 'object' || value === null) return [];
      // a nested object of the same document
      const inner = ec2Folder(value as Record<string, unknown>, keyName);
      // A public key is listed with its index and name: `0=mine`.
      return [
        [
          name,
          name === '0' && keyName !== null && 'children' in inner
            ? { ...inner, label: `0=${keyName}` }
            : inner,
        ],
      ];
    }),
  );
}

/** The text at the path; for a folder, the list of its entries. undefined: no such path. */
export function readMetadata(
  root: MetadataNode,
  path: string,
): { text: Buffer; json: boolean } | undefined {
  let node: MetadataNode | undefined = root;
  for (const part of path.split('/').filter((each) => each !== ''))
    node = node && 'children' in node ? node.children.get(part) : undefined;
  if (!node || 'text' in node) return node;
  const isTop = node === root;
  const names = [...node.children]
    // EC2 clients read every top-level entry as a version, so `openstack` is not listed
    .filter(([name]) => !(isTop && name === 'openstack'))
    .map(([name, child]) =>
      'text' in child
        ? name
        : (child.label ?? (isTop || openstackVersions.includes(name) ? name : `${name}/`)),
    );
  return { text: Buffer.from(names.join('\n')), json: false };
}
