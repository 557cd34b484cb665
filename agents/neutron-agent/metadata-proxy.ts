// The metadata proxy of one network: takes a guest's request, adds the headers that identify the
// guest, and returns Nova's answer. The guest's own headers are not forwarded. Protocol:
// https://docs.openstack.org/neutron/latest/contributor/internals/ovn/metadata_api.html
import { createHmac } from 'node:crypto';
import http from 'node:http';
import type { Server, Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import type { LocalGuest } from '#ports/host-network.ts';
import type { NeutronAgentDeps } from './deps.ts';
import { guestAt } from './identify-guest.ts';

export interface MetadataProxy {
  /** Also ends requests in progress. */
  close(): Promise<void>;
}

const maxConnections = 128;
/** Deadline of a guest's connection, even if the guest sends slowly. */
const connectionMs = 60_000;
/** Deadline of Nova's answer. */
const answerMs = 20_000;
const maxPathLength = 2_048;
/** What the proxy knows about its network. */
export interface ProxiedNetwork {
  guests(): readonly LocalGuest[];
  peerAddress(socket: Socket): Promise<Outcome<string>>;
}

/**
 * Matches paths with `.` or `..` segments in any spelling that an HTTP client would resolve, which
 * could leave the metadata API.
 */
const stepsOut = /(^|[/\\])(\.|%2e){1,2}([/\\?]|$)/i;

export function startMetadataProxy(
  deps: Pick<NeutronAgentDeps, 'http' | 'clock' | 'ids' | 'log' | 'config'>,
  socket: Server,
  network: ProxiedNetwork,
): MetadataProxy {
  const open = new Set<Socket>();
  const web = http.createServer((request, response) => {
    request.on('error', () => response.destroy());
    response.on('error', () => response.destroy());
    answer(deps, network, request, response).catch((error: unknown) => {
      deps.log.error({ err: error }, 'a question for metadata failed');
      response.destroy();
    });
  });
  socket.maxConnections = maxConnections;
  socket.on('error', (error) =>
    deps.log.error({ err: error }, 'metadata: a connection was not accepted'),
  ); // e.g. out of file descriptors
  socket.on('connection', (each: Socket) => {
    open.add(each);
    const deadline = deps.clock.after(connectionMs, () => each.destroy(), { unref: true });
    each.once('close', () => {
      deadline.stop();
      open.delete(each);
    });
    web.emit('connection', each);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        socket.close(() => resolve());
        for (const each of open) each.destroy();
      }),
  };
}

async function answer(
  { http: nova, ids, config }: Pick<NeutronAgentDeps, 'http' | 'ids' | 'config'>,
  network: ProxiedNetwork,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const path = request.url ?? '/';
  const end = (status: number, text: string): void =>
    void response.writeHead(status, { 'content-type': 'text/plain; charset=UTF-8' }).end(text);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return end(405, 'Only GET is answered.\n');
  if (
    !path.startsWith('/') ||
    path.length > maxPathLength ||
    stepsOut.test(path.split('?')[0] ?? '')
  )
    return end(400, 'No such path.\n');
  const from = await addressOf(request.socket, network);
  const guest = guestAt(from, network.guests());
  if (!guest || guest.instanceId === '') return end(404, 'Nobody is known at this address.\n');
  // No typed client, because the metadata API authenticates by the signature below, not by a token.
  const reply = await nova.send({
    method: 'GET',
    service: 'metadata',
    path,
    requestId: ids.requestId(),
    timeoutMs: answerMs,
    asStream: true,
    headers: {
      'x-instance-id': guest.instanceId,
      'x-tenant-id': guest.projectId,
      'x-forwarded-for': guest.ips[0] ?? from,
      'x-instance-id-signature': createHmac('sha256', config.metadataSecret.reveal())
        .update(guest.instanceId)
        .digest('hex'),
    },
  });
  if (isFault(reply))
    return end(reply.kind === 'timeout' ? 504 : 503, 'Metadata is not available now.\n');
  const type = reply.headers['content-type'] ?? 'text/plain; charset=UTF-8';
  response.writeHead(reply.status, { 'content-type': type });
  if (reply.stream) return await pipeline(reply.stream, response);
  response.end(
    typeof reply.body === 'string'
      ? reply.body
      : reply.body === undefined || reply.body === null
        ? ''
        : JSON.stringify(reply.body),
  );
}

/** Source address of the connection; '': it has ended. */
async function addressOf(socket: Socket, network: ProxiedNetwork): Promise<string> {
  try {
    return socket.remoteAddress ?? '';
  } catch {
    // Fails for a link-local address in another namespace: see `peerAddress` in
    // ports/host-network.ts.
    const address = await network.peerAddress(socket);
    return isFault(address) ? '' : address;
  }
}
