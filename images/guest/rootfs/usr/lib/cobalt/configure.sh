# Sourced by /init: network, metadata (config drive first, then the metadata service), name, keys.
. /usr/lib/cobalt/host-key.sh
prepare_host_key &
seed=/run/seed # meta_data (one `path<TAB>value` a line) and user-data, whichever source they come from
mkdir -p $seed

nics=$(ls /sys/class/net | grep -v '^lo$')
# IPv6 needs no more than the link: the kernel hears the router's advertisements (SLAAC).
bring_up() {
  : >"/run/nic.$1"
  ip link set "$1" up
  udhcpc -i "$1" -s /usr/share/udhcpc/default.script -b -t 20 -T 1 -A 2 -O mtu -O staticroutes -O hostname >/dev/null 2>&1 &
}
for nic in $nics; do bring_up "$nic"; done
serve_ssh() {
  [ -e /run/ssh ] && return
  : >/run/ssh
  tries=0; until [ -e $host_key ] || [ $tries -ge 200 ]; do tries=$((tries + 1)); usleep 100000; done
  dropbear -R -s 2>/dev/null
}
# Interfaces that are plugged in later, with a driver that may not be loaded yet. Shell words alone: an idle guest stays idle.
watch_nics() {
  set -- /sys/bus/pci/devices/*
  devices=$#
  while sleep 2; do
    set -- /sys/bus/pci/devices/*
    [ $# = "$devices" ] || { devices=$#; load_drivers; load_drivers; }
    for nic in /sys/class/net/*; do
      nic=${nic##*/}
      [ "$nic" = lo ] || [ -e "/run/nic.$nic" ] || { bring_up "$nic"; serve_ssh; }
    done
    for known in /run/nic.*; do [ -e "/sys/class/net/${known##*.}" ] || rm -f "$known" "/run/lease.${known##*.}"; done
  done
}

read_json() { awk -f /usr/lib/cobalt/json.awk; }
value() { sed -n "s/^$1	//p" $seed/meta_data 2>/dev/null | head -n 1; }

from_config_drive() {
  drive=$(findfs LABEL=config-2 2>/dev/null || findfs LABEL=CONFIG-2 2>/dev/null) || return 1
  mkdir -p /run/config-drive
  modprobe -a -q isofs vfat nls_cp437 nls_ascii 2>/dev/null
  mount -o ro "$drive" /run/config-drive 2>/dev/null || { say "config drive $drive cannot be mounted"; return 1; }
  read_json </run/config-drive/openstack/latest/meta_data.json >$seed/meta_data
  cp /run/config-drive/openstack/latest/user_data /run/user-data 2>/dev/null
  umount /run/config-drive
  say "metadata from the config drive $drive"
}

fetch() { timeout 3 wget -q -O "$2" "$1" 2>/dev/null; } # not wget -T: it crashes in Debian 12's busybox-static
has_lease() { ls /run/lease.* >/dev/null 2>&1; }
from_service() {
  [ -n "$nics" ] || return 1
  tries=0; until has_lease; do tries=$((tries + 1)); [ $tries -le 100 ] || { say 'no DHCP lease after 10 s'; return 1; }; usleep 100000; done
  url=http://169.254.169.254/openstack/latest
  tries=0; until fetch $url/meta_data.json $seed/json; do
    tries=$((tries + 1)); [ $tries -le 5 ] || { say 'no metadata service'; return 1; }; sleep 1
  done
  read_json <$seed/json >$seed/meta_data
  fetch $url/user_data /run/user-data || rm -f /run/user-data
  say 'metadata from the metadata service'
}

from_config_drive || from_service || true

# The name: metadata, kernel command line, SMBIOS (any field `cobalt.hostname=NAME`, then the family), `tiny`.
named() { sed -n 's/.*cobalt\.hostname=\([A-Za-z0-9.-]*\).*/\1/p' "$@" 2>/dev/null | head -n 1; }
dmi=/sys/class/dmi/id
name=$(value hostname)
[ -n "$name" ] || name=$(value name)
[ -n "$name" ] || name=$(named /proc/cmdline)
[ -n "$name" ] || name=$(sed -n 's/\(^\|.* \)hostname=\([A-Za-z0-9.-]*\).*/\2/p' /proc/cmdline)
[ -n "$name" ] || name=$(named $dmi/product_family $dmi/product_sku $dmi/product_serial $dmi/product_version $dmi/chassis_asset_tag $dmi/chassis_serial)
[ -n "$name" ] || name=$(grep -v -i -x -e 'virtual machine' -e 'not specified' $dmi/product_family 2>/dev/null | tr -cd 'A-Za-z0-9.-')
hostname "${name:-tiny}"
hostname "$(hostname | cut -d . -f 1)" # the short name, as cloud-init does
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >/etc/hosts

# Keys: Nova gives them as public_keys.NAME.
grep '^public_keys\.' $seed/meta_data 2>/dev/null | cut -f 2- >/root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
[ -z "$nics" ] || serve_ssh
watch_nics &
