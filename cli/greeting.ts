// The text that `cobalt up` prints when the cloud is ready: its address, and commands to try. The
// commands can be repeated and overwrite nothing.
export interface Greeting {
  dir: string;
  origin: string;
  /** Hosts that are not ready yet. */
  lateHosts: readonly string[];
  /** `up` was called with `--home`, so the printed commands need it too. */
  homeGiven: boolean;
  /** There are local hosts, so guests are real and reachable from this machine. */
  realHosts: boolean;
  /** This `up` has created the state folder. */
  isNew: boolean;
}

export function greeting({
  dir,
  origin,
  lateHosts,
  homeGiven,
  realHosts,
  isNew,
}: Greeting): string {
  const home = homeGiven ? ` --home ${dir}` : '';
  const late =
    lateHosts.length === 0
      ? ''
      : `\n  Not up yet: ${lateHosts.join(', ')} (still trying; ./cobalt status${home} tells)\n`;
  const user = realHosts && isNew ? ' --user demo' : '';
  const next = isNew
    ? `and try\n\n${(realHosts ? withRealHosts : withSimulatedHosts).map((line) => `  ${line}\n`).join('')}`
    : 'and look at what there is\n\n  openstack server list --all-projects\n';
  return (
    `${late}\nThe cloud answers at ${origin}. Load credentials into this shell with\n\n  source <(./cobalt openrc${user}${home})\n\n${next}\n` +
    `State lies in ${dir}; stop it with ./cobalt down${home}.\n`
  );
}

const withRealHosts = [
  "[ -e cobalt.key ] || ssh-keygen -q -t ed25519 -N '' -f cobalt.key",
  'openstack keypair show mine || openstack keypair create --public-key cobalt.key.pub mine',
  'openstack server create --image tiny --flavor m1.nano --network demo --key-name mine --wait vm1',
  'address=$(openstack floating ip create public -f value -c floating_ip_address)',
  'openstack server add floating ip vm1 $address',
  'ssh -i cobalt.key root@$address',
];
const withSimulatedHosts = [
  'openstack server create --image tiny --flavor m1.nano --nic none --wait vm1',
  'openstack server list --long',
];
