// The status that a kubelet would write to a Node, shown by `kubectl get nodes -o wide`. Pure.
// https://kubernetes.io/docs/reference/node/node-status/
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '#contracts/kube/kinds.ts';
import type { SystemFacts } from '#ports/node-facts.ts';

/** Kubernetes uses Go's names for architectures. */
const goArchitectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

/**
 * The merge patch of a Node's status to these facts and this address; undefined: the Node has them
 * already.
 */
export function nodeStatusPatch(
  { status = {} }: Node,
  system: SystemFacts,
  address: string | null,
): Pick<NonNullable<Node['status']>, 'nodeInfo' | 'addresses'> | undefined {
  const wantedInfo = {
    architecture:
      system.machine === undefined
        ? undefined
        : (goArchitectures[system.machine] ?? system.machine),
    kernelVersion: system.kernelRelease,
    osImage: system.prettyName,
    bootID: system.bootId,
    operatingSystem: system.kernelName?.toLowerCase(),
  };
  const nodeInfo: Record<string, string> = {};
  for (const [field, value] of Object.entries(wantedInfo))
    if (value !== undefined) nodeInfo[field] = value.slice(0, 256);
  const addresses = address === null ? undefined : [{ type: 'InternalIP', address }];
  const isSame =
    Object.entries(nodeInfo).every(([field, value]) => status.nodeInfo?.[field] === value) &&
    (addresses === undefined || isDeepStrictEqual(status.addresses, addresses));
  return isSame ? undefined : { nodeInfo, ...(addresses ? { addresses } : {}) };
}
