#!/bin/bash
# The service manager of a node of the lab and of bench/failover: runs DIRECTORY/<name>.unit for every name given.
#
#   supervise.sh DIRECTORY always|never NAME...
#
# "always" starts a unit 100 ms after its end, as systemd's Restart=always does; "never" waits for a line
# in the pipe DIRECTORY/<name>.start, which the stand-in for systemctl writes. While DIRECTORY/<name>.off
# exists the unit is not started. As process 1 of a PID namespace it also reaps what its units leave.
set -u
directory=$1
restart=$2
shift 2

keep() {
    local unit=$directory/$1 line
    rm -f "$unit.start"
    mkfifo "$unit.start"
    # Open for both directions: neither reader nor writer ever waits for the other.
    exec 3<>"$unit.start"
    while :; do
        if [ ! -e "$unit.off" ]; then
            "$unit.unit"
            echo "$1 ended with $?"
        fi
        if [ "$restart" = always ]; then
            # The builtin: a "sleep" of its own would be one more process to be killed by a fault.
            read -r -t 0.1 line <&3
        else
            read -r line <&3
        fi
    done
}

for name; do keep "$name" & done
wait
