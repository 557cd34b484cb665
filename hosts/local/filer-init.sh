#!/bin/sh
# PID 1 of the embedded cloud's filer: nfs-ganesha over a folder, with the portmapper that NFSv3
# clients such as QEMU ask, and the status monitor without which ganesha grants no NLM locks
# (adapters/nfs/nlm-image-locks.ts). Started by start-init.ts in its own namespaces.
# Usage: filer-init.sh DIR ADDRESS
set -eu
dir=$1 address=$2; shift 2
. "${0%/*}/init-lib.sh"
hostname filer
# A private /run: otherwise rpcbind would use the machine's socket and locks.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/rpcbind /run/lock /run/statd/sm /run/statd/sm.bak "$dir/export" "$dir/recovery" "$dir/log" "$dir/run"
: >/run/utmp
chown -R statd /run/statd
# ganesha finds the file systems of its folders in /etc/mtab. A Debian that was unpacked but never
# booted has no such file; there, /etc is replaced by a private copy that refers to the machine's
# files.
if ! [ -e /etc/mtab ]; then
  mkdir /run/etc /run/machine-etc
  mount --bind /etc /run/machine-etc
  for each in /run/machine-etc/* /run/machine-etc/.[!.]*; do
    if [ -L "$each" ]; then cp -P "$each" /run/etc; elif [ -e "$each" ]; then ln -s "$each" /run/etc; fi
  done
  ln -sf /proc/self/mounts /run/etc/mtab
  mount --bind /run/etc /etc
fi
supervise rpcbind -f -w
wait_for 'the portmapper' test -S /run/rpcbind.sock
# A restarted server grants no new locks until the clients that had mounted the share have reclaimed
# theirs, 20 s at most; if none had (QEMU's own client is version 3 and leaves no record) it grants
# them at once.
run_ganesha() {
  graceless=true
  if find "$dir/recovery/v4recov" -mindepth 2 2>/dev/null | grep -q .; then graceless=false; fi
  cat >"$dir/ganesha.conf" <<X
NFS_CORE_PARAM { Bind_addr = $address; NFS_Port = 2049; MNT_Port = 20048; NFS_Protocols = 3, 4; Enable_NLM = true; Enable_RQUOTA = false; Enable_UDP = false; mount_path_pseudo = true; }
NFSV4 { Graceless = $graceless; Grace_Period = 20; Lease_Lifetime = 15; RecoveryBackend = fs; RecoveryRoot = "$dir/recovery"; Minor_Versions = 0,1,2; Only_Numeric_Owners = true; }
EXPORT_DEFAULTS { Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Protocols = 3, 4; Transports = TCP; }
EXPORT { Export_Id = 1; Path = "$dir/export"; Pseudo = /vol; FSAL { Name = VFS; } }
LOG { Default_Log_Level = EVENT; }
X
  ganesha.nfsd -F -f "$dir/ganesha.conf" -L "$dir/log/ganesha.log" -p "$dir/run/ganesha.pid"
}
# -L: it notifies no client of a restart, since ours notice it themselves; its records end with this
# init. It runs as the owner of its folder.
supervise rpc.statd -F -L -P /run/statd
supervise run_ganesha
wait_for "the NFS server, log in $dir/log" rpcinfo -T tcp "$address" 100003 3
wait_for "the mount service, log in $dir/log" rpcinfo -T tcp "$address" 100005 3
has_share() { showmount --no-headers --exports "$address" | grep -q '^/vol '; }
wait_for "the share, log in $dir/log" has_share
wait_for "the lock manager, log in $dir/log" rpcinfo -T tcp "$address" 100021 4
wait_for 'the status monitor' rpcinfo -T tcp 127.0.0.1 100024 1
stay_ready
