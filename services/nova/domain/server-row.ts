// Parses and writes the JSON and packed text columns of a server's row; nothing else does. Pure.
import type { JsonObject } from '#contracts/common/json.ts';
import type { FaultFacts, FlavorFacts, ImageFacts } from '#contracts/nova/facts.ts';
import type { Server } from '../store/servers.ts';

// Cache of parsed JSON: thousands of rows have the same flavor and image text. Bounded; parsed
// values are shared and must not be modified.
const parsedTexts = new Map<string, unknown>();
const maxParsedTexts = 2000;

function parsedOnce<T>(text: string): T {
  let value = parsedTexts.get(text);
  if (value === undefined) {
    if (parsedTexts.size >= maxParsedTexts) parsedTexts.clear();
    value = JSON.parse(text);
    parsedTexts.set(text, value);
  }
  return value as T; // this release or an earlier one wrote it as this type
}

export const flavorOf = (server: Pick<Server, 'flavor'>): FlavorFacts =>
  parsedOnce<FlavorFacts>(server.flavor);
export const imageOf = (server: Pick<Server, 'image'>): ImageFacts | null =>
  parsedOnce<ImageFacts | null>(server.image);
export const metadataOf = (server: Pick<Server, 'metadata'>): Record<string, string> =>
  JSON.parse(server.metadata) as Record<string, string>;
/** The scheduler hints that the tenant sent (`os:scheduler_hints`). */
export const schedulerHintsOf = (server: Pick<Server, 'scheduler_hints'>): JsonObject =>
  JSON.parse(server.scheduler_hints ?? '{}') as JsonObject;
export const faultOf = (server: Pick<Server, 'fault'>): FaultFacts | null =>
  server.fault === null ? null : (JSON.parse(server.fault) as FaultFacts);
export const tagsOf = (server: Pick<Server, 'tags'>): string[] =>
  server.tags.split(',').filter((tag) => tag !== '');
export const tagsText = (tags: readonly string[]): string =>
  `,${tags.map((tag) => `${tag},`).join('')}`;

/** The guest's libvirt domain name. */
export const instanceName = (server: Pick<Server, 'number'>): string =>
  `instance-${server.number.toString(16).padStart(8, '0')}`;
