#!/usr/bin/env bash
# Builds the image without a registry: its base is a Debian that is here or made here.
#   image.sh FILE [DEBIAN]     writes the image to FILE, as `docker save` does; DEBIAN is a folder with a root of Debian
# Needs target/dist, which packaging/build makes.
set -euo pipefail
file=$(realpath -m "${1:?the file to write}")
debian=${2:+$(realpath "$2")}
cd "$(dirname "$0")/../.."

# A store of its own. Its driver may mount a part of it.
place=$(mktemp -d -t restore-watch-image.XXXXXX)
end() {
  buildah rm --all > /dev/null
  ! mountpoint --quiet "$place/images/overlay" || umount "$place/images/overlay"
  rm -rf --one-file-system "$place"
}
trap end EXIT
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/images"\nrunroot = "%s/run"\n' "$place" "$place" > "$place/storage.conf"
export CONTAINERS_STORAGE_CONF=$place/storage.conf

base=localhost/base
container=$(buildah from scratch)
if [ -n "$debian" ]; then
  buildah add --quiet "$container" "$debian" /
else
  mmdebstrap --quiet --variant=essential --include=ca-certificates bookworm "$place/base.tar"
  buildah add --quiet "$container" "$place/base.tar" /
fi
buildah commit --quiet --rm "$container" "$base"

packaging/image localhost/restore-watch:test --isolation chroot --pull-never --build-arg "BASE=$base"
mkdir -p "$(dirname "$file")"
rm -f "$file"
buildah push --quiet localhost/restore-watch:test "docker-archive:$file:localhost/restore-watch:test"
