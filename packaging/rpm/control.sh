# shellcheck shell=sh
control() { systemctl "$@"; }
control_user() {
  user=$1
  shift
  timeout 90 systemctl --quiet --user --machine="$user@" "$@"
}
