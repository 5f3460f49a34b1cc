#!/bin/sh
# Installs axe-core for the tests of the page, into the folder of what is built. It needs npm.
set -eu
cd "$(dirname "$0")"
folder=${CARGO_TARGET_DIR:-../../target}/browser
mkdir -p "$folder"
cp package.json package-lock.json "$folder"
cd "$folder"
# Not with --prefix, with which npm reads another configuration.
exec npm ci --ignore-scripts --no-audit --no-fund
