#!/bin/sh
# Brings the proxy that tests/integration/proxy attacks, where that is possible: Debian's nginx. Never fails:
# without it those tests skip and say so.
set -u
if command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no nginx, and no way to install it here: proxy tests will skip"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq >/dev/null 2>&1 &&
  apt-get install -y -qq --no-install-recommends nginx-light >/dev/null 2>&1; then
  if command -v service >/dev/null 2>&1; then service nginx stop >/dev/null 2>&1; fi
  echo "installed nginx for the proxy tests"
else
  echo "nginx could not be installed: proxy tests will skip"
fi
