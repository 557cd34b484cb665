#!/bin/sh
# PID 1 of one namespaced hypervisor host; started by power-on.ts inside new network, mount, UTS, IPC and PID namespaces.
# Usage: host-init.sh HOST_DIR NAME LIBVIRTD_PATH [DEVICE...]   DEVICE: further device nodes below /dev, e.g. kvm
set -eu
dir=$1 name=$2 libvirtd=$3; shift 3

# One init a host folder: the lock lasts as long as this process and is not inherited by what it starts.
exec 9>"$dir/init.lock"
flock --nonblock 9 || { echo "host $name is already running"; exit 75; }

# /proc is still the machine's: the shell reads its own PID and start time as the machine sees them. Together with the
# boot id they name this process for good, so that nobody ever kills a stranger who got the same PID later.
read -r pid stat </proc/self/stat
set_start() { shift 20; start=$1; } # field 22 of proc_pid_stat(5); the PID is cut off already
# shellcheck disable=SC2086 # split on purpose
set_start $stat
rm -rf "${dir:?}/ready" "${dir:?}/run" "${dir:?}/dev"
echo "$(cat /proc/sys/kernel/random/boot_id) $pid $start" >"$dir/init.pid.new"
mv "$dir/init.pid.new" "$dir/init.pid"

mount --make-rprivate /
mount -t proc proc /proc
hostname "$name"
ip link set lo up
umount -R /sys/fs/cgroup 2>/dev/null || true # libvirt would try to manage the machine's cgroups

# /run is private, else `ip netns add` in here would show on the machine.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
for folder in run/libvirt var/lib/libvirt var/cache/libvirt var/log/libvirt etc/libvirt; do
  mkdir -p "$dir/$folder" "/$folder"
  mount --bind "$dir/$folder" "/$folder"
done

# libvirtd resolves its own name at each domain start (4 to 10 s without an answer) and wants the user libvirt-qemu,
# which comes with a package we do not install. Both are given to this host alone.
bind_file() { mount --bind "$dir/etc/$1" "/etc/$1"; }
bind_file hosts
: >"$dir/etc/resolv.conf"; bind_file resolv.conf 2>/dev/null || true # may be a link into the old /run
cp /etc/passwd /etc/group "$dir/etc/"
grep -q '^libvirt-qemu:' /etc/passwd || echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>"$dir/etc/passwd"
grep -q '^libvirt-qemu:' /etc/group || echo 'libvirt-qemu:x:64055:' >>"$dir/etc/group"
bind_file passwd; bind_file group

# A private /dev. No kvm unless asked for: one that cannot boot guests makes libvirt probe QEMU again at every start.
# Its own devpts, else libvirt cannot create serial consoles.
dev=$dir/dev
mkdir -p "$dev"
mount -t tmpfs -o mode=755 tmpfs "$dev"
mkdir -p "$dev/net" "$dev/pts" "$dev/shm" "$dev/mapper"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$dev/pts"
mount -t tmpfs tmpfs "$dev/shm"
for node in null zero full random urandom tty net/tun "$@"; do
  [ -e "/dev/$node" ] || continue
  : >"$dev/$node"
  mount --bind "/dev/$node" "$dev/$node"
done
ln -s pts/ptmx "$dev/ptmx"
ln -s /proc/self/fd "$dev/fd"
ln -s fd/0 "$dev/stdin"; ln -s fd/1 "$dev/stdout"; ln -s fd/2 "$dev/stderr"
mount --rbind "$dev" /dev

# Runs a daemon in the foreground and again whenever it ends: guests outlive their libvirtd.
supervise() {
  (
    exec 9>&-
    while :; do
      "$@" || true
      echo "$1 ended, starts again in 1 s"
      sleep 1
    done
  ) &
}

supervise "$libvirtd" --pid-file /run/libvirt/libvirtd.pid
tries=0
until [ -S /run/libvirt/libvirt-sock ]; do
  tries=$((tries + 1))
  [ $tries -lt 500 ] || { echo 'libvirtd opened no socket within 10 s; its log is var/log/libvirt/libvirtd.log'; exit 1; }
  sleep 0.02
done
echo "$pid $start" >"$dir/ready"

trap 'exit 0' TERM
wait # for ever; meanwhile the shell reaps every orphan of the host
