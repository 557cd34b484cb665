// API that upstream removed answers 410 to everybody; the list of extensions equals upstream's.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { NovaFixture } from './nova-api.testing.ts';
import { startNova } from './nova-api.testing.ts';

let nova: NovaFixture;
before(async () => {
  nova = await startNova();
  await nova.addServer({ id: 's' });
});
after(async () => await nova.close());

const removed: readonly (readonly [HttpMethod, string])[] = [
  ['GET', 'os-agents'],
  ['POST', 'os-agents'],
  ['DELETE', 'os-agents/1'],
  ['GET', 'os-cells'],
  ['GET', 'os-cells/detail'],
  ['GET', 'os-cells/x/capacities'],
  ['POST', 'os-cells/sync_instances'],
  ['POST', 'os-certificates'],
  ['GET', 'os-certificates/root'],
  ['GET', 'os-cloudpipe'],
  ['PUT', 'os-cloudpipe/configure-project'],
  ['GET', 'os-fixed-ips/10.0.0.1'],
  ['POST', 'os-fixed-ips/10.0.0.1/action'],
  ['GET', 'os-floating-ip-dns'],
  ['PUT', 'os-floating-ip-dns/d/entries/e'],
  ['GET', 'os-floating-ips-bulk'],
  ['PUT', 'os-floating-ips-bulk/delete'],
  ['GET', 'os-fping'],
  ['GET', 'os-fping/1'],
  ['POST', 'os-networks'],
  ['POST', 'os-networks/add'],
  ['DELETE', 'os-networks/1'],
  ['POST', 'os-networks/1/action'],
  ['POST', 'os-tenant-networks'],
  ['DELETE', 'os-tenant-networks/1'],
  ['GET', 'os-security-group-default-rules'],
  ['DELETE', 'os-security-group-default-rules/1'],
  ['GET', 'servers/s/consoles'],
  ['DELETE', 'servers/s/consoles/1'],
  ['GET', 'servers/s/os-virtual-interfaces'],
];
for (const [method, path] of removed) {
  it(`${method} ${path}: 410`, async () => {
    for (const version of [1, 90]) {
      const { status, body } = await nova.ask('member', method, path, {
        version,
        ...(method === 'POST' || method === 'PUT' ? { body: {} } : {}),
      });
      assert.deepEqual([status, body.computeFault?.code], [410, 410]);
    }
  });
}
for (const action of ['resetNetwork', 'injectNetworkInfo'])
  it(`the action ${action}: 410`, async () =>
    assert.equal(
      (await nova.ask('member', 'POST', 'servers/s/action', { body: { [action]: null } })).status,
      410,
    ));

it('a token is asked for all the same', async () =>
  assert.equal((await nova.ask(null, 'GET', 'os-cells')).status, 401));

it('the extensions are the 99 of upstream, in its order, one by one as well', async () => {
  const { extensions } = (await nova.ask('member', 'GET', 'extensions')).body;
  const aliases: string[] = extensions.map(({ alias }: Loose) => alias);
  assert.deepEqual(
    [aliases.length, new Set(aliases).size, aliases[0], aliases.at(-1)],
    [99, 99, 'NMN', 'os-volumes'],
  );
  assert.deepEqual(aliases, aliases.toSorted());
  for (const extension of extensions)
    assert.deepEqual((await nova.ask('member', 'GET', `extensions/${extension.alias}`)).body, {
      extension,
    });
  assert.equal((await nova.ask('member', 'GET', 'extensions/constructor')).status, 404);
});
