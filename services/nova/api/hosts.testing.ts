// What the tests of the operator's side of the API share: Nova with two hosts, and an
// administrator's requests.
import { afterEach, beforeEach } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { NovaFixture } from './nova-api.testing.ts';
import { startMs, startNova } from './nova-api.testing.ts';

/** Set before each test: two hosts, `h1` and `h2`. */
export const world = {} as { nova: NovaFixture }; // by `useTwoHosts`
export const ask: NovaFixture['ask'] = (...args) => world.nova.ask(...args);
export const at = (version?: number) => (version === undefined ? {} : { version });
export const put = async (path: string, body: Json, version?: number) =>
  await ask('admin', 'PUT', path, { body, ...at(version) });
export const post = async (path: string, body: Json, version?: number) =>
  await ask('admin', 'POST', path, { body, ...at(version) });
export const get = async (path: string, version?: number) =>
  await ask('admin', 'GET', path, at(version));
export const services = async (query = '', version?: number) =>
  (await get(`os-services${query}`, version)).body.services;
export const runTasks = async () => {
  for (const task of world.nova.tasks) await task.run(new AbortController().signal);
};

export function useTwoHosts(): void {
  beforeEach(async () => {
    world.nova = await startNova();
    await world.nova.addHost('h1', { bootedAtMs: startMs - (26 * 60 + 5) * 60_000 });
    await world.nova.addHost('h2');
  });
  afterEach(async () => await world.nova.close());
}
