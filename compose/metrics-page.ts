// The page /metrics of an embedded cloud's API port, for a Prometheus. It names hosts and their
// versions, which tenants must not see, and needs no token: so by default only programs of this
// machine may read it.
import { BlockList, isIPv6 } from 'node:net';
import type { PageReply } from '#platform/http/server.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { CloudConfig } from './config.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4'); // and its IPv4-mapped IPv6 addresses, as Node compares
loopback.addAddress('::1', 'ipv6');

const refusal =
  'Only programs of this machine may read the metrics. To let others read them: api.metricsFrom: anywhere in cobalt.yaml.\n';

/**
 * The page, or a refusal (403) by the setting `api.metricsFrom`. `source`: the client's IP address.
 */
export async function metricsPage(
  metrics: Pick<Metrics, 'text'>,
  from: CloudConfig['api']['metricsFrom'],
  source: string,
): Promise<PageReply> {
  if (from === 'anywhere' || loopback.check(source, isIPv6(source) ? 'ipv6' : 'ipv4'))
    return { status: 200, type: 'text/plain; version=0.0.4', body: await metrics.text() };
  return { status: 403, type: 'text/plain; charset=utf-8', body: refusal };
}
