#!/bin/sh
# Brings the broker that tests/integration/mqtt reads from, where that is possible: Debian's mosquitto. Never fails:
# without it those tests skip and say so.
set -u
if command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no mosquitto, and no way to install it here: tests of sensors will skip"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq >/dev/null 2>&1 &&
  apt-get install -y -qq --no-install-recommends mosquitto >/dev/null 2>&1; then
  if command -v service >/dev/null 2>&1; then service mosquitto stop >/dev/null 2>&1; fi
  echo "installed mosquitto for the tests of sensors"
else
  echo "mosquitto could not be installed: tests of sensors will skip"
fi
