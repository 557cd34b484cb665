#!/bin/sh
# PID 1 of the embedded cloud's filer: nfs-ganesha over a folder, with the portmapper that NFSv3 clients such as QEMU ask.
# Started by start-init.ts in namespaces of its own. Usage: filer-init.sh DIR ADDRESS
set -eu
dir=$1 address=$2; shift 2
. "${0%/*}/init-lib.sh"
hostname filer
# Private: rpcbind's socket and locks would else be the machine's.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/rpcbind /run/lock "$dir/export" "$dir/recovery" "$dir/log" "$dir/run"
: >/run/utmp
supervise rpcbind -f -w
wait_for 'the portmapper' test -S /run/rpcbind.sock
cat >"$dir/ganesha.conf" <<X
NFS_CORE_PARAM { Bind_addr = $address; NFS_Port = 2049; MNT_Port = 20048; NFS_Protocols = 3, 4; Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; mount_path_pseudo = true; }
NFSV4 { Graceless = true; Grace_Period = 5; Lease_Lifetime = 10; RecoveryBackend = fs; RecoveryRoot = "$dir/recovery"; Minor_Versions = 0,1,2; Only_Numeric_Owners = true; }
EXPORT_DEFAULTS { Access_Type = RW; Squash = No_Root_Squash; SecType = sys; Protocols = 3, 4; Transports = TCP; }
EXPORT { Export_Id = 1; Path = "$dir/export"; Pseudo = /vol; FSAL { Name = VFS; } }
LOG { Default_Log_Level = EVENT; }
X
supervise ganesha.nfsd -F -f "$dir/ganesha.conf" -L "$dir/log/ganesha.log" -p "$dir/run/ganesha.pid"
wait_for "the NFS server, log in $dir/log" rpcinfo -T tcp "$address" 100003 3
wait_for "the mount service, log in $dir/log" rpcinfo -T tcp "$address" 100005 3
stay_ready
