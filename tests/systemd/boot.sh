#!/usr/bin/env bash
# Boots a systemd as the first process of a world of its own, and keeps it until standard input ends.
#   boot.sh PROGRAM          prints `ready PID` once it is up; PID is its first process, as it is seen from outside
#   boot.sh --root FOLDER    the same, in another system than this machine's, without the program
# The world's root is that of this machine or of FOLDER, but nothing that is written there reaches it; PROGRAM is its
# restore-watch. It has processes, mounts, a network, a name and control groups of its own. Whatever ends this script ends
# the world, too.
set -euo pipefail

# What the first process of a system is called there.
first_of() {
  local systemd=/usr/lib/systemd/systemd
  [ -x "$1$systemd" ] || systemd=/lib/systemd/systemd
  echo "$systemd"
}

# Everything below runs in the new namespaces, until systemd takes over.
within() {
  local program=$1 lower=$2 scratch=$3 root=$3/root systemd device
  systemd=$(first_of "$lower")
  mount -t tmpfs -o mode=755,size=1g scratch "$scratch"
  mkdir "$scratch/written" "$scratch/work" "$root"
  mount -t overlay -o "lowerdir=$lower,upperdir=$scratch/written,workdir=$scratch/work" world "$root"

  # No settings and no state of this machine: nothing is enabled but what systemd brings along, and it is not its first boot.
  rm -rf "$root"/etc/systemd/system "$root"/etc/systemd/user "$root"/var/log/journal "$root"/var/lib/private
  rm -rf "$root"/etc/restore-watch "$root"/var/lib/restore-watch
  mkdir -p "$root"/etc/systemd/system "$root"/etc/systemd/user "$root"/usr/local/bin
  : > "$root/etc/machine-id"
  printf '%s\n' '[Unit]' 'Requires=basic.target' 'Wants=dbus.service' 'After=basic.target dbus.service' \
    'AllowIsolate=yes' > "$root/etc/systemd/system/world.target"
  rm -f "$root/usr/local/bin/restore-watch"
  if [ -n "$program" ]; then
    : > "$root/usr/local/bin/restore-watch"
    mount --bind "$program" "$root/usr/local/bin/restore-watch"
    mount -o remount,bind,ro "$root/usr/local/bin/restore-watch"
  fi

  # The kernel is shared, so its settings are read-only, and nothing is loaded into it.
  for unit in systemd-modules-load.service modprobe@.service sys-kernel-{config,debug,tracing}.mount; do
    ln -s /dev/null "$root/etc/systemd/system/$unit"
  done
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 run "$root/run"
  mount -t tmpfs -o mode=1777 tmp "$root/tmp"
  mount -t tmpfs -o mode=755 dev "$root/dev"
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
  mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
  for device in null zero full random urandom tty; do cp -a "/dev/$device" "$root/dev/"; done
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  ln -s null "$root/dev/console"

  cd "$root"
  mkdir -p outside
  pivot_root . outside
  umount -l /outside
  mount --make-rshared /
  exec env -i container=world PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$systemd" --system --unit=world.target --log-target=journal --show-status=no
}

if [ "${1:-}" = within ]; then
  within "$2" "$3" "$4"
fi

die() { printf '%s\n' "$*" >&2; exit 1; }

program='' lower=/
case ${1:?the program} in
  --root) lower=$(realpath "${2:?the folder}") ;;
  *) program=$(realpath "$1") ;;
esac

[ "$(id -u)" = 0 ] || die "only root can boot a world"
systemd=$(first_of "$lower")
[ -x "$lower$systemd" ] || die "systemd is not installed"
version=$(chroot "$lower" "$systemd" --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
[ "${version:-0}" -ge 250 ] || die "systemd ${version:-?} is older than 250"
groups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$groups" ] || die "there are no control groups of version 2"

group=$groups/restore-watch-test-$$
scratch=$(mktemp -d -t restore-watch-world.XXXXXX)
leader='' outer=''
mkdir "$group" 2>/dev/null || { rmdir "$scratch"; die "no control group can be made in $groups"; }

# Ends the world, in order where that is possible, and removes what is left of it.
end() {
  trap - EXIT
  set +e
  # The reader of what the shell prints may be closed already.
  exec > /dev/null 2>&1
  [ -z "$leader" ] || kill -s RTMIN+4 "$leader" 2>/dev/null
  for _ in $(seq 100); do
    { [ -n "$leader" ] && kill -0 "$outer" 2>/dev/null; } || break
    sleep 0.05
  done
  [ -z "$outer" ] || kill -s KILL "$outer" 2>/dev/null
  wait
  for _ in $(seq 100); do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$group" ] || break
    sleep 0.05
  done
  rm -rf "$scratch"
}
trap end EXIT
trap exit INT TERM HUP

{
  echo "$BASHPID" > "$group/cgroup.procs"
  exec setpriv --pdeathsig KILL \
    unshare --mount --propagation private --cgroup --uts --ipc --net --pid --fork --kill-child \
    bash "$0" within "$program" "$lower" "$scratch"
} < /dev/null > "$scratch/log" 2>&1 &
outer=$!

for _ in $(seq 400); do
  kill -0 "$outer" 2>/dev/null || die "the world did not begin: $(tail -n 3 "$scratch/log")"
  leader=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null || true)
  leader=${leader%% *}
  if [ -n "$leader" ] && [ "$(cat "/proc/$leader/comm" 2>/dev/null)" = systemd ] &&
    nsenter --target "$leader" --all systemctl is-active --quiet world.target 2>/dev/null; then
    echo "ready $leader"
    while read -r _; do :; done
    exit 0
  fi
  sleep 0.05
done
die "systemd did not get up within 20 s: $(tail -n 3 "$scratch/log")"
