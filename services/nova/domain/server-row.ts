// What the columns of a server's row say: JSON and packed text, read and written here alone. Pure.
import type { JsonObject } from '#contracts/common/json.ts';
import type { FaultFacts, FlavorFacts, ImageFacts } from '#contracts/nova/facts.ts';
import type { Server } from '../store/servers.ts';

// The same flavor and image texts stand in thousands of rows: parse each once. Bounded; the entries
// are never changed.
const parsedTexts = new Map<string, unknown>();
const maxParsedTexts = 2000;

function parsedOnce<T>(text: string): T {
  let value = parsedTexts.get(text);
  if (value === undefined) {
    if (parsedTexts.size >= maxParsedTexts) parsedTexts.clear();
    value = JSON.parse(text);
    parsedTexts.set(text, value);
  }
  return value as T; // written by this release or an earlier one as this type
}

export const flavorOf = (server: Pick<Server, 'flavor'>): FlavorFacts =>
  parsedOnce<FlavorFacts>(server.flavor);
export const imageOf = (server: Pick<Server, 'image'>): ImageFacts | null =>
  parsedOnce<ImageFacts | null>(server.image);
export const metadataOf = (server: Pick<Server, 'metadata'>): Record<string, string> =>
  JSON.parse(server.metadata) as Record<string, string>;
/** What the tenant wishes of the placement: `os:scheduler_hints`, as sent. */
export const schedulerHintsOf = (server: Pick<Server, 'scheduler_hints'>): JsonObject =>
  JSON.parse(server.scheduler_hints ?? '{}') as JsonObject;
export const faultOf = (server: Pick<Server, 'fault'>): FaultFacts | null =>
  server.fault === null ? null : (JSON.parse(server.fault) as FaultFacts);
export const tagsOf = (server: Pick<Server, 'tags'>): string[] =>
  server.tags.split(',').filter((tag) => tag !== '');
export const tagsText = (tags: readonly string[]): string =>
  `,${tags.map((tag) => `${tag},`).join('')}`;

/** The guest's name on its hypervisor. */
export const instanceName = (server: Pick<Server, 'number'>): string =>
  `instance-${server.number.toString(16).padStart(8, '0')}`;
