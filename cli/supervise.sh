#!/bin/sh
# Runs the control plane of a detached cloud and starts it again when it dies; a shell, since a second Node would take 40 MB.
# Usage: supervise.sh STATUS_FILE COMMAND...   Writes `RESTARTS EXIT_CODE TIME` to STATUS_FILE at each restart.
# USR1 from the command: it is up (before that a failure is final). TERM: end it, and ourselves.
# Exit codes of the command that are final: 0, it was told to end; 78 (EX_CONFIG), it cannot run as it is configured.
status=$1; shift
ready='' stopping='' pause=1 restarts=0
trap 'ready=1' USR1
trap 'stopping=1; kill -TERM "$child" 2>/dev/null' TERM INT
while :; do
  started=$(date +%s)
  "$@" &
  child=$!
  # A TERM between two children found nobody to hand it to.
  [ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null
  # A trapped signal ends `wait` early: the child's own end is waited for.
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  [ -z "$stopping" ] || exit 0
  case $code in 0 | 78) exit "$code" ;; esac
  [ -n "$ready" ] || exit "$code"
  restarts=$((restarts + 1))
  [ $(($(date +%s) - started)) -lt 60 ] || pause=1
  echo "$restarts $code $(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$status.new" && mv "$status.new" "$status"
  echo "the control plane ended with code $code; it starts again in $pause s (restart $restarts)"
  # Its starter has gone: nobody reads the channel that the first child reported over.
  [ -z "$NODE_CHANNEL_FD" ] || { unset NODE_CHANNEL_FD; exec 3>&-; }
  sleep $pause &
  child=$!
  wait "$child"
  [ -z "$stopping" ] || exit 0
  pause=$((pause * 2))
  [ $pause -le 30 ] || pause=30
done
