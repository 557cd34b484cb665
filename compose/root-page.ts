// The answer at the cloud's root address: a page for browsers, a version document for API clients.
// Needs no token.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogOf } from './catalog.ts';
import { version } from './version.ts';

const template = readFileSync(join(import.meta.dirname, 'root-page.html'), 'utf8');

interface RootReply {
  status: number;
  type: string;
  body: string;
}

/**
 * The page or the document, by the Accept header: browsers list text/html; a client that accepts
 * anything, or asks for JSON, gets the document.
 */
export function rootPage(
  origin: string,
  { accept, ha }: { accept: string; ha: boolean },
): RootReply {
  return prefersHtml(accept)
    ? { status: 200, type: 'text/html; charset=utf-8', body: htmlPage(origin, { ha }) }
    : {
        status: 300,
        type: 'application/json',
        body: JSON.stringify(versionDocument(origin, { ha })),
      };
}

export function prefersHtml(accept: string): boolean {
  const ranges = accept
    .toLowerCase()
    .split(',')
    .map((range) => {
      const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
      return {
        type,
        quality: Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1),
      };
    });
  const qualityOf = (type: string): number =>
    ranges.find((range) => range.type === type)?.quality ?? 0;
  return qualityOf('text/html') > qualityOf('application/json');
}

/**
 * Keystone's versions as its own root lists them, with status 300, so that a client with the
 * cloud's root as its OS_AUTH_URL finds Keystone (keystoneauth, "Version discovery"). Also lists
 * every service's address.
 */
function versionDocument(origin: string, { ha }: { ha: boolean }): object {
  const identity = `${origin}/identity/v3`;
  const media = { base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' };
  return {
    versions: {
      values: [
        {
          id: 'v3.14',
          status: 'stable',
          updated: '2020-04-07T00:00:00Z',
          links: [{ rel: 'self', href: identity }],
          'media-types': [media],
        },
      ],
    },
    cloud: { name: 'CobaltCore', version },
    services: catalogOf(origin, { ha }).map(({ type, url }) => ({ type, url })),
  };
}

const names: Readonly<Record<string, string>> = {
  identity: 'Identity (Keystone)',
  image: 'Images (Glance)',
  placement: 'Placement',
  compute: 'Compute (Nova)',
  network: 'Networks (Neutron)',
  'block-storage': 'Volumes (Cinder)',
  'instance-ha': 'High availability (masakari)',
};

function htmlPage(origin: string, { ha }: { ha: boolean }): string {
  const endpoints = catalogOf(origin, { ha })
    .filter(({ type }) => type in names)
    .map(
      ({ type, url }) =>
        `<tr><th>${escape(names[type] ?? type)}</th><td><code>${escape(url)}</code></td></tr>`,
    )
    .join('\n');
  const values: Readonly<Record<string, string>> = {
    version: escape(version),
    origin: escape(origin),
    endpoints,
  };
  return template.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole);
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
