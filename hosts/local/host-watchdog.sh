#!/bin/sh
# The chassis of a namespaced host, outside of its PID namespace: runs the host's init (COMMAND) and cuts its power when the watchdog,
# once armed, is not fed in time. As a watchdog's hardware, it goes on when all processes of the host are frozen.
# Usage: host-watchdog.sh FILE COMMAND...    FILE: host-watchdog.ts
set -u
file=$1; shift
# The kernel ends the init with this shell: no host runs on without its watchdog.
setpriv --pdeathsig KILL "$@" &
init=$!
deadline=0 limit=0
while kill -0 $init 2>/dev/null; do
  if read -r a b 2>/dev/null <"$file"; then
    case $a$b in '' | *[!0-9]*) ;; *) deadline=$a limit=$b ;; esac
  fi
  read -r uptime _ </proc/uptime
  now=$((${uptime%.*} * 1000 + (1${uptime#*.} - 100) * 10))
  if [ "$limit" -gt 0 ] && [ $now -ge "$deadline" ]; then
    echo "watchdog: not fed for $limit ms; the power of the host is cut"
    kill -9 $init
    break
  fi
  sleep 1
done
wait $init
