// The fault of a write whose generation is stale. Used by every write that checks a generation.
import { fault, type Fault } from '#contracts/common/fault.ts';

export const concurrentUpdate = (message = 'resource provider generation conflict'): Fault =>
  fault('concurrentUpdate', message, { code: 'placement.concurrent_update' });
