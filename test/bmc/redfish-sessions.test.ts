// Sessions of our Redfish driver at the emulated BMC: one is shared, renewed when the BMC has
// forgotten it, and deleted at the end; if the BMC gives none, the driver uses Basic
// authentication.
import assert from 'node:assert/strict';
import { Agent } from 'node:https';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { sendRequest } from '#platform/http/send-request.ts';
import { startTestBmc } from './emulated-bmc.testing.ts';
import type { TestBmc } from './emulated-bmc.testing.ts';

describe('sessions of the Redfish driver', () => {
  let test: TestBmc;
  let agent: Agent;
  beforeEach(async () => {
    test = await startTestBmc();
    agent = new Agent({ ca: test.emulated.certificate });
  });
  afterEach(async () => {
    agent.destroy();
    await test.close();
  });

  const collection = '/redfish/v1/SessionService/Sessions';
  async function ask(method: string, body?: object): Promise<any> {
    const { origin, user, password } = test.emulated;
    const basic = Buffer.from(`${user}:${password.reveal()}`).toString('base64');
    const answer = await sendRequest(
      {
        method,
        url: new URL(collection, origin),
        headers: { authorization: `Basic ${basic}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        agent,
        timeoutMs: 5_000,
        maxAnswerBytes: 65_536,
      },
      systemClock,
    );
    assert.ok(!isFault(answer));
    return JSON.parse(answer.body.toString());
  }
  const count = async (): Promise<number> => (await ask('GET')).Members.length;

  it('shares one among calls at the same time, and ends it', async () => {
    const bmc = test.connect();
    const states = await Promise.all(Array.from({ length: 8 }, async () => await bmc.powerState()));
    assert.deepEqual(new Set(states), new Set(['On']));
    assert.equal(await bmc.power('On'), undefined);
    assert.equal(await count(), 1);
    await bmc.close();
    assert.equal(await count(), 0);
  });

  it('opens another one when the BMC has forgotten it, for a power order too', async () => {
    const bmc = test.connect();
    assert.equal(await bmc.powerState(), 'On');
    await test.restart();
    assert.equal(await bmc.power('ForceOff'), undefined);
    assert.equal(test.chassis.runs, false);
    assert.equal(await count(), 1);
  });

  it('does without one while the BMC has as many as it holds', async () => {
    const { user, password } = test.emulated;
    for (let session = 0; session < 16; session += 1)
      await ask('POST', { UserName: user, Password: password.reveal() });
    const bmc = test.connect();
    assert.equal(await bmc.power('ForceOff'), undefined);
    assert.equal(await bmc.powerState(), 'Off');
    assert.equal(await count(), 16);
  });

  it('is refused while the password is wrong, and has another chance with the next call', async () => {
    test.trouble({ kind: 'locked' });
    const bmc = test.connect();
    const refusal = await bmc.powerState();
    assert.ok(isFault(refusal) && refusal.kind === 'forbidden');
    test.trouble(undefined);
    assert.equal(await bmc.powerState(), 'On');
  });
});
