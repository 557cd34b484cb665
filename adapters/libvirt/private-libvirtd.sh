#!/bin/bash
# Runs a libvirtd for tests in its own mount, network, UTS, IPC and pid namespaces, as their init:
# when it ends, everything in them ends.
# private-libvirtd.sh FOLDER ; started by libvirtd.testing.ts under `unshare`.
set -eu
folder=$1
. "${0%/*}/../../hosts/local/private-root.sh"
hostname testhost
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
own_folders "$folder" run/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt etc/libvirt
own_users "$folder"
# libvirtd resolves its own hostname at every start of a guest; a name that does not resolve costs 4
# to 10 s.
echo '127.0.0.1 localhost testhost' > "$folder/hosts"
own_etc "$folder" hosts
own_dev "$folder/dev"
umount -R /sys/fs/cgroup 2> /dev/null || true
ip link set lo up
# The switch for guests' interfaces; in user space, since the kernel may have no datapath.
mkdir -p /run/openvswitch "$folder/ovs"
ovsdb-tool create "$folder/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server "$folder/ovs/conf.db" --remote=punix:/run/openvswitch/db.sock --log-file="$folder/ovs/ovsdb-server.log" --pidfile=/run/openvswitch/ovsdb-server.pid --detach --no-chdir -vconsole:off
ovs-vsctl --no-wait init
ovs-vswitchd unix:/run/openvswitch/db.sock --log-file="$folder/ovs/ovs-vswitchd.log" --pidfile=/run/openvswitch/ovs-vswitchd.pid --detach --no-chdir -vconsole:off
ovs-vsctl --timeout=10 add-br br-int -- set bridge br-int datapath_type=netdev
cat > /etc/libvirt/libvirtd.conf <<CONF
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
max_client_requests = 64
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
CONF
cp "${0%/*}/../../hosts/local/qemu.conf" /etc/libvirt/qemu.conf
# Restarted when it ends, so that a test may kill it, and only it, by its pid file.
while :; do
  libvirtd --timeout 0 --pid-file /run/libvirt/libvirtd.pid < /dev/null || true
  sleep 0.2
done
