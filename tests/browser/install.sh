#!/bin/sh
# Brings the browser that tests/browser drives, where that is possible: Debian's Chromium and a font
# that has Chinese. Never fails: without a browser those tests skip and say so.
set -u
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "no Chromium, and no way to install it here: browser tests will skip"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if apt-get update -qq >/dev/null 2>&1 &&
  apt-get install -y -qq --no-install-recommends chromium fonts-wqy-microhei >/dev/null 2>&1; then
  echo "installed Chromium for the browser tests"
else
  echo "Chromium could not be installed: browser tests will skip"
fi
