import { volumeBackendContract } from '#ports/volume-backend.testing.ts';
import { createSimVolumes } from './sim-volumes.ts';

volumeBackendContract('sim', { carriesBytes: false, open: async () => createSimVolumes() });
