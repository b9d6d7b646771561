#!/bin/bash
# Starts HAProxy again when it is gone; when that does not help, gives the virtual address away.
running() {
    ps -C haproxy --no-header | wc -l
}

if [ "$(running)" -eq 0 ]; then
    systemctl start haproxy.service
fi
sleep 3
if [ "$(running)" -eq 0 ]; then
    pkill keepalived
fi
