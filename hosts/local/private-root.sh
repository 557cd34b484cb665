# What a namespaced libvirtd needs in its own root file system. Sourced by host-init.sh, and by the
# libvirtd of tests (adapters/libvirt/private-libvirtd.sh), each in its own mount namespace.

# own_folders DIR NAME...: each /NAME is DIR/NAME from now on.
own_folders() {
  own=$1; shift
  for each in "$@"; do
    mkdir -p "$own/$each" "/$each"
    mount --bind "$own/$each" "/$each"
  done
}

# own_etc DIR NAME: /etc/NAME is DIR/NAME from now on.
own_etc() { mount --bind "$1/$2" "/etc/$2"; }

# libvirtd looks up the user libvirt-qemu before it reads qemu.conf; a package that is not installed
# would create it. In DIR.
own_users() {
  cp /etc/passwd /etc/group "$1/"
  grep -q '^libvirt-qemu:' "$1/passwd" || echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>"$1/passwd"
  grep -q '^libvirt-qemu:' "$1/group" || echo 'libvirt-qemu:x:64055:' >>"$1/group"
  own_etc "$1" passwd
  own_etc "$1" group
}

# own_dev DIR NODE...: a /dev with these nodes beside the usual ones. No kvm unless named: with one
# that cannot boot guests, libvirt probes QEMU again at every start. Its own devpts, without which
# libvirt cannot create serial consoles.
own_dev() {
  dev=$1; shift
  rm -rf "${dev:?}"; mkdir -p "$dev"
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
}
