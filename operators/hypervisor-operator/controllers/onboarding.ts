// Onboarding: waits until a new host is registered in Nova, keeps it disabled for tenants until a
// test server has booted on it, and enables it. If the test fails, the host stays disabled with the
// reason. Sole owner of Onboarding, hypervisorId and serviceId.
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { WantedCondition } from '#contracts/kube/conditions.ts';
import { conditionOf } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import { labels } from '#contracts/kube/kinds.ts';
import type { FleetHypervisor } from '#openstack/clients/nova-fleet.ts';
import type { SmokeTest } from '../domain/smoke-test.ts';
import { nextOfTest, noTest } from '../domain/smoke-test.ts';
import type { Controller, ControllerDeps } from './controller.ts';
import { must, writeStatus } from './controller.ts';

const requeueMs = 3_000;
const sharedForMs = 1_000;
/**
 * Name of the host's test servers, by which they are found again after a restart of the operator.
 */
const prefixOf = ({ metadata }: Hypervisor): string => `ohooc-${metadata.name}-${metadata.uid}`;

export function onboardingController(deps: ControllerDeps): Controller {
  const { world, nova } = deps;
  /** In memory only: after a restart of the operator failures are counted from zero. */
  const tests = new Map<string, SmokeTest>();
  const listed = hypervisorsOf(deps);
  return {
    async reconcile(name) {
      const hypervisor = world.hypervisors.get({ name });
      if (!hypervisor) {
        tests.delete(name);
        return undefined;
      }
      const { lifecycleEnabled = true, maintenance = '', skipTests } = hypervisor.spec;
      const before = conditionOf(hypervisor, 'Onboarding');
      const isOver = before?.status === 'False' && before.reason !== 'Aborted';
      if (isOver) return undefined;
      if (!lifecycleEnabled || maintenance === 'termination') {
        if (before?.status !== 'True') return undefined;
        must(await removeTestMachines(deps, hypervisor));
        await writeStatus(deps, hypervisor, [aborted(lifecycleEnabled)], idsIn(hypervisor));
        return undefined;
      }
      const novaHypervisor = must(await listed()).find((each) => isThe(each, hypervisor));
      if (!novaHypervisor) return requeueMs; // nova-compute has not registered the host yet
      const ids = { hypervisorId: novaHypervisor.id, serviceId: novaHypervisor.service.id };
      const writeCondition = async (condition: WantedCondition): Promise<void> =>
        await writeStatus(deps, hypervisor, [condition], ids);
      if (skipTests !== true) {
        const verdict = await test(deps, hypervisor, novaHypervisor, tests);
        if (verdict.status === 'True' || verdict.reason === 'Failed') {
          await writeCondition(verdict);
          return verdict.status === 'True' ? requeueMs : undefined;
        }
      }
      must(await nova.enableService(novaHypervisor.service.id));
      await writeCondition(onboarding('False', 'Succeeded', 'Onboarding completed'));
      return undefined;
    },
  };
}

/**
 * Nova's list of hypervisors, cached for a moment, so that hosts that are onboarded together share
 * one request.
 */
function hypervisorsOf({ nova, clock }: ControllerDeps): () => Promise<Outcome<FleetHypervisor[]>> {
  let last: { atMs: number; answer: Promise<Outcome<FleetHypervisor[]>> } | undefined;
  return async () => {
    const now = clock.monotonicMs();
    if (!last || now - last.atMs > sharedForMs) last = { atMs: now, answer: nova.hypervisors() };
    return await last.answer;
  };
}

/** One step of the smoke test. Returns the reason Succeeded when the host may be enabled. */
async function test(
  deps: ControllerDeps,
  hypervisor: Hypervisor,
  { service, status }: FleetHypervisor,
  tests: Map<string, SmokeTest>,
): Promise<WantedCondition> {
  const { nova, clock, config } = deps;
  const { name = '' } = hypervisor.metadata;
  const prefix = prefixOf(hypervisor);
  const zone = hypervisor.metadata.labels?.[labels.zone];
  if (zone === undefined)
    return onboarding('True', 'Initial', `The label ${labels.zone} is missing on the node`);
  // The test server names the host, which therefore works although the host is disabled; tenants'
  // servers are not scheduled to it.
  if (status === 'enabled') must(await nova.disableService(service.id, 'onboarding'));
  const state = tests.get(name) ?? noTest;
  const { testAttempts: attempts, testTimeoutMs: timeoutMs, testImage, testFlavor } = config;
  const [server] = must(await nova.ownServers(prefix));
  const next = nextOfTest(server, state, { attempts, timeoutMs }, clock.now());
  const failed = async (why: string): Promise<WantedCondition> => {
    must(await removeTestMachines(deps, hypervisor));
    const failures = state.failures + 1;
    tests.set(name, { failures, lastTrouble: why, sinceMs: 0 });
    return failures >= attempts
      ? onboarding('False', 'Failed', `${failures} test machines failed; the last one: ${why}`)
      : testing(`attempt ${failures} failed: ${why}`);
  };
  switch (next.do) {
    case 'create': {
      const wanted = { name: prefix, image: testImage, flavor: testFlavor, zone };
      const creation = await nova.createOn({ ...wanted, host: service.host });
      if (isFault(creation) && creation.kind === 'conflict') return await failed(creation.message);
      must(creation);
      tests.set(name, { ...state, sinceMs: clock.now() });
      return testing('a test machine is being built');
    }
    case 'wait':
      return testing(next.for);
    case 'failed':
      return await failed(next.why);
    case 'readConsole': {
      if (state.sinceMs === 0) tests.set(name, { ...state, sinceMs: clock.now() });
      const text = must(await nova.consoleOutput(server?.id ?? ''));
      if (!text.includes(prefix.toLowerCase().slice(0, 40)) && !text.includes(prefix))
        return testing('the test machine boots');
      must(await removeTestMachines(deps, hypervisor));
      tests.delete(name);
      return onboarding('False', 'Succeeded', '');
    }
  }
}

async function removeTestMachines({ nova }: ControllerDeps, hypervisor: Hypervisor) {
  const servers = await nova.ownServers(prefixOf(hypervisor));
  if (isFault(servers)) return servers;
  for (const { id } of servers) {
    const outcome = await nova.deleteServer(id);
    if (isFault(outcome)) return outcome;
  }
  return undefined;
}

/** Compares short host names, as the original operator does. */
export function isThe(
  { hypervisor_hostname: hostname }: FleetHypervisor,
  { metadata }: Hypervisor,
) {
  const short = (text: string): string => text.split('.')[0] ?? text;
  return short(hostname) === short(metadata.labels?.[labels.hostname] ?? metadata.name ?? '');
}

const idsIn = ({ status }: Hypervisor) => ({
  ...(status?.hypervisorId ? { hypervisorId: status.hypervisorId } : {}),
  ...(status?.serviceId ? { serviceId: status.serviceId } : {}),
});

const onboarding = (
  status: 'True' | 'False',
  reason: string,
  message: string,
): WantedCondition => ({ type: 'Onboarding', status, reason, message });

const testing = (what: string): WantedCondition =>
  onboarding('True', 'Testing', `Running onboarding tests: ${what}`);

const aborted = (lifecycleEnabled: boolean): WantedCondition =>
  onboarding(
    'False',
    'Aborted',
    lifecycleEnabled
      ? 'Aborted: the hypervisor is to be terminated'
      : 'Aborted due to LifecycleEnabled being false',
  );
