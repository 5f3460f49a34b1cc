#!/usr/bin/env bash
# Restores an index from a backup, waits until it serves, and switches traffic to it; rolls back if that failed.
#
#   PINECONE_API_KEY=… ./restore.sh BACKUP_ID INDEX_NAME
#
# If it did not get to the end, run it again with the same arguments: INDEX_NAME.BACKUP_ID.json remembers the restore that
# it started, and it goes on with that one. Remove that file, and the index, to restore once more.
# Put your own switch-traffic.sh and roll-back.sh beside it. Both get the name of the index, and both may run twice.
set -euo pipefail
cd "$(dirname "$0")"

backup=${1:?the id of the backup is missing}
index=${2:?the name of the index to make is missing}
started=$index.$backup.json

# Only one at a time; otherwise there would be two restores.
exec 9> "$started.lock"
flock --nonblock 9 || { echo "another restore.sh is running for $index" >&2; exit 75; }
trap 'rm -f "$started.new"' EXIT

if [ ! -e "$started" ]; then
  # Remembered only if a restore was started: pc prints an object with an error, too.
  if ! pc index restore --id "$backup" --name "$index" --json > "$started.new" ||
    ! grep -q '"restore_job_id"' "$started.new"; then
    cat "$started.new" >&2
    echo "no restore was started, as far as pc says; nothing was switched" >&2
    exit 69
  fi
  mv "$started.new" "$started"
fi

# In the background, because bash does not pass a signal on to a command in the foreground.
restore-watch wait --from-file "$started" --until ready --timeout "${TIMEOUT:-2h}" 9>&- &
wait=$!
trap 'kill -TERM "$wait" || true' INT TERM HUP
while kill -0 "$wait" 2>/dev/null; do
  wait "$wait" || true    # a signal to this script ends this, not yet the wait
done
code=0
wait "$wait" || code=$?
trap - INT TERM HUP

case $code in
  0)
    # The index serves. The switch may fail, too.
    ./switch-traffic.sh "$index" || { code=$?; ./roll-back.sh "$index"; } ;;
  1)
    echo "the restore failed or was cancelled, or its index does not serve: rolling back" >&2
    ./roll-back.sh "$index" ;;
  124 | 130 | 143)
    echo "the restore goes on, unwatched; nothing was switched. Run this again to go on waiting" >&2 ;;
  5)
    echo "Pinecone could not be reached, the restore may be well; nothing was switched. Run this again later" >&2 ;;
  4)
    echo "the key may not read restore jobs; nothing was switched. Set another PINECONE_API_KEY, run this again" >&2 ;;
  3 | 6)
    echo "the outcome of the restore is unknown; nothing was switched. Look at: pc index restore list" >&2 ;;
  *)
    # 2 wrong usage, 70 a bug, 78 a bad configuration: nothing was waited for.
    echo "restore-watch could not wait ($code); nothing was switched. Correct that, then run this again" >&2 ;;
esac
exit "$code"
