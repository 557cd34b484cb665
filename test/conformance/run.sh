#!/bin/bash
# Runs OpenStack's own tests (tempest) against a cloud made for them, and prints the figures of docs/conformance.md. Its hosts are
# simulated, or real: HOSTS=2, then tests log in to guests by ssh, too. Needs `tempest` with `stestr` (Debian's tempest and
# python3-stestr, or those of PyPI first in PATH), and the runner of ../shared/conformance ($CONFORMANCE).
# Usage: test/conformance/run.sh [required|image|identity|network|volume|compute]...     (all, unless told)
set -u
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
runner=${CONFORMANCE:-$repo/../shared/conformance}
port=${PORT:-8802}
work=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX")
[ -x "$runner/run.sh" ] || { echo "There is no runner at $runner: set CONFORMANCE."; exit 2; }
[ $# -gt 0 ] || set -- required image identity network volume compute

trap '"$repo/cobalt" down --purge --home "$work/home" >"$work/down.log" 2>&1' EXIT
hosts=${HOSTS:-0}
[ "$hosts" -gt 0 ] && kind=(--hosts "$hosts" --simulated 0) || kind=(--hosts 0 --simulated 3)
"$repo/cobalt" up --detach "${kind[@]}" --home "$work/home" --port "$port" >"$work/up.log" 2>&1 || { cat "$work/up.log"; exit 2; }
# shellcheck disable=SC1090
source <("$repo/cobalt" openrc --home "$work/home")

cp "$here/tempest.conf" "$work/tempest.conf"
if [ "$hosts" -gt 0 ]; then
  IMAGE_REF=$(openstack image show tiny -f value -c id) IMAGE_REF_ALT=$(openstack image show tiny-disk -f value -c id)
  export RUN_VALIDATION=true
  sed -i 's/^hypervisor_type = sim/hypervisor_type = QEMU/; s/^storage_protocol = sim/storage_protocol = nfs/; s/^backend_names = sim/backend_names = nfs/' "$work/tempest.conf"
else
  # Two images of the same bytes: simulated guests do not read them.
  head -c 1048576 /dev/zero >"$work/disk.raw"
  image() { openstack image create --public --disk-format raw --container-format bare --file "$work/disk.raw" -f value -c id "$1"; }
  IMAGE_REF=$(image conformance-a) IMAGE_REF_ALT=$(image conformance-b)
fi
EXT_NET_NAME=public EXT_NET_ID=$(openstack network show public -f value -c id)
export EXT_NET_ID EXT_NET_NAME
NET_EXTENSIONS=$(openstack extension list --network -f value -c Alias | paste -sd,)
export NET_EXTENSIONS IMAGE_REF IMAGE_REF_ALT FLAVOR_REF=42 FLAVOR_REF_ALT=84 CONF_EXTRA=$work/tempest.conf
# Of the required tests, those of the services that are there.
grep -E '^tempest\.api\.(identity|image|compute|network|volume)\.' "$runner/required.list" >"$work/required.list"

status=0
for name in "$@"; do
  list=$here/lists/$name.list
  [ "$name" = required ] && list=$work/required.list
  echo "== $name"
  LIST=$list WORK=$work/$name WORKERS=${WORKERS:-2} BOUND=${BOUND:-900} TEST_TIMEOUT=${TEST_TIMEOUT:-180} "$runner/run.sh" || status=1
done
exit $status
