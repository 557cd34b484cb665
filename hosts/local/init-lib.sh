# Shared by the inits of this folder, which source it: their identity, supervised daemons, waiting.
# Expects $dir, the init's folder.

# One init per folder: the lock lasts as long as this process and is not inherited by its children.
exec 9>"$dir/init.lock"
flock --nonblock 9 || { echo "$dir: an init is already running"; exit 75; }

# /proc is still the machine's: the shell reads its own PID and start time as the machine sees them.
# Together with the boot id they identify this process for ever, so that a later process with the
# same PID is never killed in its place.
read -r pid stat </proc/self/stat
set_start() { shift 20; start=$1; } # field 22 of proc_pid_stat(5); the PID is cut off already
# shellcheck disable=SC2086 # split on purpose
set_start $stat
rm -rf "${dir:?}/ready" "${dir:?}/run"
echo "$(cat /proc/sys/kernel/random/boot_id) $pid $start" >"$dir/init.pid.new"
mv "$dir/init.pid.new" "$dir/init.pid"

mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up

# Runs a daemon in the foreground, and again whenever it ends.
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

# wait_for DESCRIPTION COMMAND...: waits until the command succeeds, 10 s at most.
wait_for() {
  what=$1; shift
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { echo "$what: not within 10 s"; exit 1; }
    sleep 0.02
  done
}

# The last line of an init: reports that everything is up, then reaps orphans for ever.
stay_ready() {
  echo "$pid $start" >"$dir/ready"
  trap 'exit 0' TERM
  wait
}
