// A seeded user who creates, deletes and acts on servers, several things at a time. What the state forbids is refused, and that is fine.
import type { Json } from '#contracts/common/json.ts';
import type { Ids } from '#platform/ids.ts';
import type { SimCloud } from './sim-cloud.ts';

const actions: readonly ((imageId: string) => Json)[] = [
  () => ({ 'os-start': null }), () => ({ 'os-stop': null }), () => ({ reboot: { type: 'SOFT' } }), () => ({ reboot: { type: 'HARD' } }),
  () => ({ pause: null }), () => ({ unpause: null }), () => ({ suspend: null }), () => ({ resume: null }),
  () => ({ rescue: null }), () => ({ unrescue: null }), (imageId) => ({ rebuild: { imageRef: imageId } }),
];

const maxServers = 10;
/** 403: over quota (other users create too). 404: deleted meanwhile. 409: not in this state. */
const expected: ReadonlySet<number> = new Set([200, 202, 204, 403, 404, 409]);

export const oneOf = <T>(list: readonly T[], ids: Pick<Ids, 'random'>): T | undefined => list[Math.floor(ids.random() * list.length)];

/** One thing a user does; throws on an answer that no user should ever see. */
export async function doSomething(cloud: SimCloud, ids: Pick<Ids, 'random'>): Promise<void> {
  const { servers } = (await cloud.compute('GET', '/servers')).body as unknown as { servers: { id: string }[] };
  const server = oneOf(servers, ids);
  const dice = ids.random();
  if (!server || (dice < 0.35 && servers.length < maxServers)) {
    const count = ids.random() < 0.2 ? 3 : 1;
    const answer = await cloud.compute('POST', '/servers', { server: { name: 'vm', flavorRef: '42', imageRef: cloud.imageId, networks: oneOf(['none', [{ uuid: cloud.networkId }], [{ uuid: cloud.networkId }, { uuid: cloud.networkId }]], ids) ?? 'none', min_count: 1, max_count: count } });
    check('POST /servers', answer.status, answer.body);
  } else if (dice < 0.6 || servers.length >= maxServers) {
    const answer = await cloud.compute('DELETE', `/servers/${server.id}`);
    check('DELETE', answer.status, answer.body);
  } else if (dice < 0.7) {
    await changeInterfaces(cloud, server.id, ids);
  } else {
    const action = oneOf(actions, ids)?.(cloud.imageId) ?? {};
    const answer = await cloud.compute('POST', `/servers/${server.id}/action`, action);
    check(JSON.stringify(action), answer.status, answer.body);
  }
}

/** Takes one of the server's interfaces away, or gives it another. */
async function changeInterfaces(cloud: SimCloud, id: string, ids: Pick<Ids, 'random'>): Promise<void> {
  const listed = (await cloud.compute('GET', `/servers/${id}/os-interface`)).body as { interfaceAttachments?: { port_id: string }[] };
  const nic = oneOf(listed.interfaceAttachments ?? [], ids);
  if (nic && ids.random() < 0.5) {
    const answer = await cloud.compute('DELETE', `/servers/${id}/os-interface/${nic.port_id}`);
    return check('DELETE os-interface', answer.status, answer.body);
  }
  const answer = await cloud.compute('POST', `/servers/${id}/os-interface`, { interfaceAttachment: { net_id: cloud.networkId } });
  // 400: it could not be plugged in, and the answer says why.
  if (answer.status !== 400) check('POST os-interface', answer.status, answer.body);
}

function check(what: string, status: number, body: unknown): void {
  if (!expected.has(status)) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
}
