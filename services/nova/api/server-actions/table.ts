// Every server action, one line each.
import { removedActions } from '../removed.ts';
import type { ServerActionRow } from './action.ts';
import { addFixedIp, addFloatingIp, removeFixedIp, removeFloatingIp } from './addresses.ts';
import { getConsoleOutput, getVncConsole } from './console.ts';
import { createBackup } from './create-backup.ts';
import { createImage } from './create-image.ts';
import { evacuate } from './evacuate.ts';
import { lock, unlock } from './lock.ts';
import { migrateLive } from './migrate-live.ts';
import { pause, reboot, resume, start, stop, suspend, unpause } from './power.ts';
import { rebuild } from './rebuild.ts';
import { rescue, unrescue } from './rescue.ts';
import { forceDelete, resetState } from './reset-state.ts';
import { confirmResize, migrate, resize, revertResize } from './resize.ts';
import { addSecurityGroup, removeSecurityGroup } from './security-groups.ts';
import { shelve, shelveOffload, unshelve } from './shelve.ts';

export const serverActions: readonly ServerActionRow[] = [
  start,
  stop,
  reboot,
  pause,
  unpause,
  suspend,
  resume,
  rescue,
  unrescue,
  rebuild,
  shelve,
  shelveOffload,
  unshelve,
  migrateLive,
  resize,
  confirmResize,
  revertResize,
  migrate,
  evacuate,
  lock,
  unlock,
  resetState,
  forceDelete,
  getConsoleOutput,
  getVncConsole,
  createImage,
  createBackup,
  addSecurityGroup,
  removeSecurityGroup,
  addFixedIp,
  removeFixedIp,
  addFloatingIp,
  removeFloatingIp,
  ...removedActions,
];
