// The refusal of a write that has seen an older generation. For every write under one.
import { fault, type Fault } from '#contracts/common/fault.ts';

export const concurrentUpdate = (message = 'resource provider generation conflict'): Fault =>
  fault('concurrentUpdate', message, { code: 'placement.concurrent_update' });
