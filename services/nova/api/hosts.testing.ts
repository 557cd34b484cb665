// Shared by the tests of the API for administrators: a Nova with two hosts, and short functions
// that send requests as an administrator.
import { afterEach, beforeEach } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { NovaFixture } from './nova-api.testing.ts';
import { startMs, startNova } from './nova-api.testing.ts';

/** The fixture of the running test: a Nova with the hosts `h1` and `h2`. */
export const world = {} as { nova: NovaFixture }; // set by `useTwoHosts` before each test
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
