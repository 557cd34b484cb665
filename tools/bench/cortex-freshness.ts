// How soon a claim in Placement counts for the next decision, for cortex.ts: a whole Cortex over a
// Placement on SQLite and the bus of the process, told of each claim as Nova's scheduler tells it.
import { strict as assert } from 'node:assert';
import { setImmediate } from 'node:timers/promises';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { CortexRpc } from '#contracts/cortex/cortex-rpc.ts';
import { cortexTopic } from '#contracts/cortex/cortex-rpc.ts';
import type { FleetHypervisor } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { createCortex } from '#services/cortex/api/role.ts';
import { cortexDefaults } from '#services/cortex/deps.ts';
import type { PlacementFixture } from '#services/placement/api/placement.testing.ts';
import { claimOf, startPlacement } from '#services/placement/api/placement.testing.ts';
