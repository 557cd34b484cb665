# Sourced by configure.sh: the ssh host key, made once a server and kept on its root disk, so that clients know the server again after a reboot.
# It lies in a small FAT file system at the disk's start (`tiny`) or on the boot partition (`tiny-disk`), in a folder of the server's id: a
# server made from this one's snapshot makes a key of its own. A disk that its owner uses for something else is left alone.
host_key=/etc/dropbear/dropbear_ed25519_host_key

blank() { [ -z "$(head -c 1048576 "$1" | tr -d '\000' | head -c 1)" ]; }
# A FAT file system's label: at byte 43 of a FAT16 one, at 71 of a FAT32 one (which busybox makes).
labelled() { dd if="$1" bs=1 skip=43 count=39 2>/dev/null | grep -a -q "$2"; }

# The root disk by its serial; one that is a volume has the volume's id there, and is the first of its kind.
root_disk() {
  for disk in /sys/block/vd*; do [ "$(cat "$disk/serial" 2>/dev/null)" != root ] || { echo "/dev/${disk##*/}"; return; }; done
  [ ! -b /dev/vda ] || [ -b /dev/sda ] || echo /dev/vda
}

# Mounts at /run/keys what keeps the key; fails where nothing can.
mount_keys() {
  disk=$(root_disk)
  [ -n "$disk" ] || return 1
  modprobe -a -q vfat nls_cp437 nls_ascii
  if [ -b "${disk}1" ] && labelled "${disk}1" TINY; then disk=${disk}1
  elif blank "$disk"; then mkdosfs -n TINY-KEYS "$disk" 1024 >/dev/null || return 1
  elif ! labelled "$disk" TINY-KEYS; then return 1
  fi
  mkdir -p /run/keys
  mount -t vfat "$disk" /run/keys
}

make_host_key() { rm -f "$1"; dropbearkey -t ed25519 -f "$1" >/dev/null 2>&1; }

# Takes about half a second when emulated, so it runs beside the rest of the boot; $host_key appears whole.
prepare_host_key() {
  origin='made for this boot alone'
  if mount_keys 2>/dev/null; then
    folder=/run/keys/ssh/$(cat /sys/class/dmi/id/product_uuid)
    origin=kept
    # Renamed when it is whole: a power failure leaves no half key.
    [ -s "$folder/key" ] || { mkdir -p "$folder" && make_host_key "$folder/new" && sync && mv "$folder/new" "$folder/key" && origin=new; }
    cp "$folder/key" $host_key.new
    umount /run/keys
  fi
  [ -s $host_key.new ] || make_host_key $host_key.new
  chmod 600 $host_key.new
  mv $host_key.new $host_key
  echo "Cobalt tiny: ssh host key ($origin) $(dropbearkey -y -f $host_key | grep -o 'SHA256:.*')" >/dev/console
}
