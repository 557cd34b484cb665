// Our Kubernetes API with Cortex's CRDs, and a client of it with Cortex's field manager.
import { inProcessTransport } from '#adapters/kube/in-process-transport.ts';
import { createKubeClient } from '#adapters/kube/kube-client.ts';
import { installDefinitions } from '#compose/kubernetes.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import type { Kube } from '#ports/kube.ts';
import type { TestApiserver } from '#services/kube-apiserver/api/apiserver.testing.ts';
import { startTestApiserver } from '#services/kube-apiserver/api/apiserver.testing.ts';

export async function startCortexResources(): Promise<{ server: TestApiserver; kube: Kube }> {
  const server = await startTestApiserver();
  const user = { name: 'system:cobalt:cortex', groups: ['system:masters'] };
  const transport = inProcessTransport(server.apiserver.handler, user, systemClock);
  const kube = createKubeClient({ transport, clock: systemClock, ids: systemIds }, 'cortex');
  await installDefinitions(kube);
  return { server, kube };
}
