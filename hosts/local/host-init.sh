#!/bin/sh
# PID 1 of one namespaced hypervisor host; started by start-init.ts inside new network, mount, UTS, IPC and PID namespaces.
# Usage: host-init.sh HOST_DIR NAME LIBVIRTD_PATH SOUTHBOUND TUNNEL_IP DATAPATH SERVER SHARE MOUNT OPTIONS [DEVICE...]
#   DATAPATH: netdev (userspace) or system (kernel module); SERVER to OPTIONS: the filer's share, see nfs-client.ts
#   DEVICE: further device nodes below /dev, e.g. kvm
set -eu
dir=$1 name=$2 libvirtd=$3 southbound=$4 tunnel_ip=$5 datapath=$6 server=$7 share=$8; shift 8
mountpoint=$1 mount_options=$2; shift 2
. "${0%/*}/init-lib.sh"
. "${0%/*}/private-root.sh"
hostname "$name"
umount -R /sys/fs/cgroup 2>/dev/null || true # libvirt would try to manage the machine's cgroups

# A private /run: otherwise `ip netns add` in here would be visible on the machine.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
own_folders "$dir" run/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt etc/libvirt etc/pki run/openvswitch run/ovn \
  var/log/openvswitch var/log/ovn

# libvirtd resolves its own hostname at each domain start: without an answer that takes 4 to 10 s.
own_etc "$dir/etc" hosts
: >"$dir/etc/resolv.conf"; own_etc "$dir/etc" resolv.conf 2>/dev/null || true # may be a link into the old /run
own_users "$dir/etc"
own_dev "$dir/dev" "$@"

# Volumes. Whether this kernel can mount NFS is found out at the host's first start; afterwards the
# mount is required, however long the filer takes to answer.
mount_share() {
  mkdir -p "$mountpoint"
  timeout -s KILL 5 mount -i -t nfs4 -o "$mount_options,addr=$server" "$server:$share" "$mountpoint"
}
decide_nfs_client() { if mount_share; then echo kernel; else echo libnfs; fi >"$dir/nfs-client.new"; mv "$dir/nfs-client.new" "$dir/nfs-client"; }
case $(cat "$dir/nfs-client" 2>/dev/null) in
  kernel) (exec 9>&-; until mount_share; do sleep 1; done) & ;;
  libnfs) ;;
  *) (exec 9>&-; decide_nfs_client) & ;;
esac

# The HA Agent that the cloud has for this host, if any: host-ha-agent.ts. It ends when that changes.
run_ha_agent() {
  until [ -s "$dir/ha-agent/command" ]; do sleep 5; done
  set --
  while read -r word; do set -- "$@" "$word"; done <"$dir/ha-agent/command"
  "$@" >>"$dir/ha-agent/log" 2>&1
}
rm -f "$dir/ha-agent/log"
supervise run_ha_agent

# libvirtd does not depend on the switch, so both start at the same time.
# It listens by TLS alone: libvirt-config.ts.
supervise "$libvirtd" --listen --pid-file /run/libvirt/libvirtd.pid

# Open vSwitch. Its database is recreated at each power-on: its content is written by this script,
# by ovn-controller, by libvirt as guests start and by the Neutron Agent; after a power failure it
# would only hold stale ports.
ovs=/run/openvswitch
ovsdb-tool create $ovs/conf.db /usr/share/openvswitch/vswitch.ovsschema
supervise ovsdb-server $ovs/conf.db --remote=punix:$ovs/db.sock --pidfile=$ovs/ovsdb-server.pid --log-file=/var/log/openvswitch/ovsdb-server.log -vconsole:off
wait_for 'the database of Open vSwitch, log in var/log/openvswitch' test -S $ovs/db.sock
case $datapath in
  # With the userspace datapath the tunnels' address must be on a bridge of the switch that has the
  # physical interface as its port.
  netdev) tunnel_device=br-phy; bridges='add-br br-phy -- set Bridge br-phy datapath_type=netdev -- add-port br-phy tun0 --' ;;
  *) tunnel_device=tun0; bridges= ;;
esac
# shellcheck disable=SC2086 # split on purpose
ovs-vsctl --no-wait init -- $bridges add-br br-ex -- set Bridge br-ex datapath_type="$datapath" -- add-port br-ex ext0 -- \
  set Open_vSwitch . external-ids:system-id="$name" external-ids:hostname="$name" external-ids:rundir=$ovs \
  external-ids:ovn-remote="$southbound" external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip="$tunnel_ip" \
  external-ids:ovn-bridge-datapath-type="$datapath" external-ids:ovn-bridge-mappings=physnet1:br-ex external-ids:ovn-monitor-all=true

# Internal ports of the userspace datapath end with vswitchd, and the tunnels' address with them.
address_tunnels() {
  wait_for "the device $tunnel_device" ip link show $tunnel_device
  ip addr replace "$tunnel_ip/24" dev $tunnel_device
  ip link set $tunnel_device up
  [ "$datapath" = system ] || ip link set br-ex up
}
run_vswitchd() {
  address_tunnels &
  ovs-vswitchd unix:$ovs/db.sock --pidfile=$ovs/ovs-vswitchd.pid --log-file=/var/log/openvswitch/ovs-vswitchd.log -vconsole:off
}
supervise run_vswitchd
supervise ovn-controller unix:$ovs/db.sock --pidfile=/run/ovn/ovn-controller.pid --log-file=/var/log/ovn/ovn-controller.log -vconsole:off
wait_for 'the integration bridge of ovn-controller, log in var/log/ovn' ip link show br-int
wait_for 'the address of the tunnels' sh -c "ip -o addr show dev $tunnel_device | grep -q ' $tunnel_ip/'"
wait_for 'the decision on the NFS client' test -s "$dir/nfs-client"
wait_for "libvirtd's socket, log in var/log/libvirt/libvirtd.log" test -S /run/libvirt/libvirt-sock
stay_ready
