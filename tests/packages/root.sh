#!/usr/bin/env bash
# Makes a small Debian 12 with what the tests of the packages use, once: 300 MB of Debian's packages, without the program.
#   root.sh FOLDER
set -euo pipefail

folder=${1:?the folder}
packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,ca-certificates,man-db,bash-completion,zsh,fish,rpm

[ "$(id -u)" = 0 ] || { echo "only root can make a root of Debian" >&2; exit 1; }
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is not installed" >&2; exit 1; }
mkdir -p "$(dirname "$folder")"
exec 9> "$folder.lock"
flock 9
# Made anew if other packages are asked for; a root that was not finished has no such name.
[ "$(cat "$folder.packages" 2>/dev/null)" != "$packages" ] || exit 0
rm -rf --one-file-system "$folder" "$folder.new" "$folder.packages"
# In a namespace of its own, no mount is left behind, whatever ends it.
unshare --mount mmdebstrap --quiet --mode=root --variant=apt --include="$packages" bookworm "$folder.new" >&2
# Indexes of packages would make apt look for newer ones. A world has devices of its own.
rm -rf "$folder.new"/var/lib/apt/lists/* "$folder.new"/dev/*
mv "$folder.new" "$folder"
echo "$packages" > "$folder.packages"
