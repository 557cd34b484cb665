#!/bin/bash
# A libvirtd of its own in its own mount, network, UTS, IPC and pid namespaces, for tests. Runs as their init: its end is the end of all.
# private-libvirtd.sh FOLDER ; started by libvirtd.testing.ts under `unshare`. Recipe: testbed.md, "RECIPE" and "PITFALLS".
set -eu
folder=$1
hostname testhost
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
for name in run/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt etc/libvirt; do
  mkdir -p "$folder/$name" "/$name"
  mount --bind "$folder/$name" "/$name"
done
# libvirtd parses the user libvirt-qemu before it reads qemu.conf; the machine's own passwd stays as it is.
for table in passwd group; do
  cp "/etc/$table" "$folder/$table"
  grep -q '^libvirt-qemu:' "$folder/$table" || case $table in
    passwd) echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >> "$folder/$table" ;;
    group) echo 'libvirt-qemu:x:64055:' >> "$folder/$table" ;;
  esac
  mount --bind "$folder/$table" "/etc/$table"
done
# libvirtd looks its own hostname up at every start of a guest: unresolvable costs 4 to 10 s.
echo '127.0.0.1 localhost testhost' > "$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
# A /dev/kvm that cannot boot guests makes libvirt probe QEMU anew at every start: this /dev has none.
mkdir -p "$folder/dev"
mount -t tmpfs -o mode=755 tmpfs "$folder/dev"
mkdir -p "$folder"/dev/{pts,shm,mapper}
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$folder/dev/pts"
ln -s pts/ptmx "$folder/dev/ptmx"
for node in null zero full random urandom tty; do
  : > "$folder/dev/$node"
  mount --bind "/dev/$node" "$folder/dev/$node"
done
ln -s /proc/self/fd "$folder/dev/fd"
mkdir "$folder/dev/net" && mknod "$folder/dev/net/tun" c 10 200 # taps of guests' interfaces
mount --rbind "$folder/dev" /dev
umount -R /sys/fs/cgroup 2> /dev/null || true
ip link set lo up
# The switch that guests' interfaces are plugged into; in user space, as the kernel may have no datapath.
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
cat > /etc/libvirt/qemu.conf <<CONF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
security_default_confined = 0
namespaces = [ ]
cgroup_controllers = [ ]
seccomp_sandbox = 0
stdio_handler = "file"
CONF
# Started anew when it ends, so that a test may kill it (and only it) by its pid file.
while :; do
  libvirtd --timeout 0 --pid-file /run/libvirt/libvirtd.pid < /dev/null || true
  sleep 0.2
done
