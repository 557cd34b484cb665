#!/bin/sh
# PID 1 of OVN's central daemons: northbound and southbound databases and northd. Started by
# start-init.ts in its own namespaces; the network namespace is the underlay that connects the
# hosts. All daemons are accessed by Unix sockets below run/.
# Usage: ovn-init.sh DIR
set -eu
dir=$1; shift
. "${0%/*}/init-lib.sh"
mkdir -p "$dir/run" "$dir/db" "$dir/log"

# A lost database is recreated empty: Neutron fills the northbound one, northd and the hosts the
# southbound one.
serve_database() {
  [ -s "$dir/db/$1.db" ] || { rm -f "$dir/db/$1.db" "$dir/db/.$1.db.~lock~"; ovsdb-tool create "$dir/db/$1.db" "/usr/share/ovn/ovn-$1.ovsschema"; }
  exec ovsdb-server "$dir/db/$1.db" --remote="punix:$dir/run/$1.sock" --unixctl="$dir/run/$1.ctl" --pidfile="$dir/run/$1.pid" \
    --log-file="$dir/log/$1.log" -vconsole:off
}
run_apart() { ( "$@" ); } # `exec` in a function must not replace the loop that starts it again
supervise run_apart serve_database nb
supervise run_apart serve_database sb
for database in nb sb; do wait_for "the database $database, log in $dir/log" test -S "$dir/run/$database.sock"; done
supervise ovn-northd --ovnnb-db="unix:$dir/run/nb.sock" --ovnsb-db="unix:$dir/run/sb.sock" --unixctl="$dir/run/northd.ctl" --pidfile="$dir/run/northd.pid" \
  --log-file="$dir/log/northd.log" -vconsole:off
stay_ready
