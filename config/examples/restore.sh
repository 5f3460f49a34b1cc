#!/usr/bin/env bash
# Restores an index from a backup, waits until it serves, and switches traffic to it; rolls back if that failed.
#
#   PINECONE_API_KEY=… ./restore.sh BACKUP_ID INDEX_NAME
#
# If it did not get to the end, run it again with the same arguments: it goes on with the restore that it started.
# Put your own switch-traffic.sh and roll-back.sh beside it. Both get the name of the index, and both may run twice.
# roll-back.sh must not delete the index: the restore may have been refused because there is another index of that name.
set -euo pipefail
cd "$(dirname "$0")"

backup=${1:?the id of the backup is missing}
index=${2:?the name of the index to make is missing}

# In the background, because bash does not pass a signal on to a command in the foreground.
restore-watch restore "$backup" --name "$index" --until ready --timeout "${TIMEOUT:-2h}" &
trap 'kill -TERM $! || true' INT TERM HUP
while kill -0 $! 2>/dev/null; do wait $! || true; done    # a signal to this script ends `wait`, not yet the restore-watch
code=0
wait $! || code=$?

case $code in
  0) ./switch-traffic.sh "$index" || { code=$?; ./roll-back.sh "$index"; } ;;
  1) ./roll-back.sh "$index" ;;
  5 | 124 | 130 | 143) echo "the restore goes on unwatched, if it was started; nothing was switched. Run this again" >&2 ;;
  *) echo "nothing was switched; see above what to do, then run this again" >&2 ;;
esac
exit "$code"
