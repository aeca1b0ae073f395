#!/bin/sh
# Brings the database that tests/integration/sql reads beside PostgreSQL, where that is possible: Debian's MariaDB.
# Never fails: without it those tests skip and say so.
set -u
if command -v mariadbd >/dev/null 2>&1 || [ -x /usr/sbin/mariadbd ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no mariadbd, and no way to install it here: tests of MariaDB will skip"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq >/dev/null 2>&1 &&
  apt-get install -y -qq --no-install-recommends mariadb-server >/dev/null 2>&1; then
  # Its own service is nobody's here; where a policy started it, it is stopped.
  if command -v service >/dev/null 2>&1; then service mariadb stop >/dev/null 2>&1; fi
  echo "installed mariadb-server for the tests of sql"
else
  echo "mariadb-server could not be installed: tests of MariaDB will skip"
fi
