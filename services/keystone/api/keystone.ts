// What every handler of the Identity API receives. Created once by role.ts.
import type { KeystoneConfig, KeystoneDeps } from '../deps.ts';
import type { Passwords } from './passwords/passwords.ts';
import type { Tokens } from './tokens/tokens.ts';

export interface Keystone extends Omit<KeystoneDeps, 'config'> {
  config: KeystoneConfig;
  passwords: Passwords;
  tokens: Tokens;
}
