#!/bin/busybox sh
# Init of the test guest: prints a banner with the name from the config drive, obeys ACPI, answers on the serial console.
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /mnt /etc/acpi/PWRF /bin /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec < /dev/console > /dev/console 2>&1
for module in virtio_pci virtio_blk button evdev isofs virtio_balloon; do modprobe $module 2> /dev/null; done
name=unnamed
for disk in /dev/vd? /dev/sr0; do
  # Byte 32808 is the volume id of an ISO 9660 primary volume descriptor.
  [ -b $disk ] && [ "$(dd if=$disk bs=1 skip=32808 count=8 2> /dev/null)" = config-2 ] && mount -t iso9660 -o ro $disk /mnt && name=$(sed -n 's/.*"hostname": *"\([^"]*\)".*/\1/p' /mnt/openstack/latest/meta_data.json)
done
printf '#!/bin/sh\necho "power button"; poweroff -f\n' > /etc/acpi/PWRF/00000080; chmod +x /etc/acpi/PWRF/00000080
acpid -c /etc/acpi -l /tmp/acpid.log
echo "disks: $(cd /sys/block; for d in vd* sd*; do [ -d $d ] && echo -n "$d=$(cat $d/serial 2>/dev/null):$(cat $d/size) "; done)"
echo "$name login:"
# Changes 24 MiB of memory again and again, faster than a slow migration sends them.
grep -q restless /proc/cmdline && (while :; do n=$((n + 1)); yes $n | head -c 25165824 > /tmp/fill; done) &
# Writes a number that grows to its first writable disk, and says so.
grep -q counting /proc/cmdline && for disk in /dev/vd?; do
  [ "$(cat /sys/block/${disk#/dev/}/ro)" = 0 ] || continue
  while :; do n=$((n + 1)); echo $n | dd of=$disk bs=512 count=1 conv=sync,fsync 2> /dev/null && echo "wrote $n"; sleep 0.1; done
done
grep -q chatty /proc/cmdline && while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done
while :; do sleep 3600; done
