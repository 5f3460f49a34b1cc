# shellcheck shell=sh disable=SC2154
# An administrator's policy-rc.d can forbid both.
policy=/usr/sbin/policy-rc.d
control() { deb-systemd-invoke "$@"; }
control_user() {
  user=$1
  shift
  if [ -x "$policy" ]; then
    permitted=0
    "$policy" "$user_unit" "$1" || permitted=$?
    [ "$permitted" != 101 ] || return 0
  fi
  timeout 90 systemctl --quiet --user --machine="$user@" "$@"
}
