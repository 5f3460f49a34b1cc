# What the scripts of the packages share: packaging/stage puts it before each of them. For any POSIX shell.
# Without a running systemd, as in a chroot or while an image is built, nothing is stopped or restarted.
# shellcheck shell=sh

unit=restore-watch.service
user_unit=restore-watch-user.service

say() { echo "restore-watch: $*"; }

# Whether systemd runs here.
is_booted() { [ -d /run/systemd/system ]; }

# Whether a unit runs, or is about to; further words are options, such as --user.
is_running() {
  case $(systemctl show --property=ActiveState --value "$@") in
    active | activating | reloading) ;;
    *) return 1 ;;
  esac
}

# Whether a unit runs the package's program, and not one that was installed by hand. A masked unit names none.
is_of_package() {
  case $(systemctl show --property=ExecStart --value "$@") in
    '' | *'path=/usr/bin/restore-watch '*) ;;
    *) return 1 ;;
  esac
}

# The numbers of the users whose units run.
users() {
  systemctl list-units --plain --no-legend --state=active 'user@*.service' | sed -n 's/^user@\([0-9]*\)\.service .*/\1/p'
}

# Waits that have not ended. One that has ended stays, because units that require it would be stopped with it.
waits() {
  systemctl list-units --plain --no-legend --state=activating 'restore-watch-wait@*.service' | cut -d ' ' -f 1
}

# After an upgrade: takes up the new program and units where a daemon runs, and starts none. A wait for one restore goes
# on with the program that it was started with: a stopped one would have failed.
restart_running() {
  if is_running "$unit"; then
    control try-restart "$unit" || say "the daemon did not start again; see: systemctl status restore-watch"
  fi
  for user in $(users); do
    control_user "$user" daemon-reload || :
    if is_running --user --machine="$user@" "$user_unit"; then control_user "$user" try-restart "$user_unit" || :; fi
  done
}

# Before a removal.
stop_running() {
  for running in "$unit" $(waits); do
    if is_of_package "$running"; then control stop "$running" || :; fi
  done
  for user in $(users); do
    if is_of_package --user --machine="$user@" "$user_unit"; then control_user "$user" stop "$user_unit" || :; fi
  done
}

# After a removal: systemd forgets the units, those that failed, too.
forget_units() {
  systemctl --system daemon-reload || :
  for pattern in "$unit" 'restore-watch-wait@*.service'; do systemctl reset-failed "$pattern" 2>/dev/null || :; done
}

# Files that were installed by hand and are used instead of the package's. A unit that `systemctl edit --full` copied
# from the package's runs its program, and is none of them.
by_hand() {
  for file in /usr/local/bin/restore-watch /etc/systemd/system/restore-watch.service \
    /etc/systemd/system/restore-watch-wait@.service /etc/systemd/user/restore-watch-user.service; do
    if [ -x "$file" ] || grep -q /usr/local/bin/restore-watch "$file" 2>/dev/null; then printf ' %s' "$file"; fi
  done
}

# After an installation or an upgrade.
point_out() {
  hidden_by=$(by_hand)
  [ -z "$hidden_by" ] || say "these files are used instead of the package's until you remove them:$hidden_by"
}

# After the first installation.
point_to_guide() {
  [ -e /etc/restore-watch/config.toml ] ||
    say "the service is not enabled yet; to set it up: /usr/share/doc/restore-watch/docs/guides/install.md"
}
