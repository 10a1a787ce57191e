# Sourced by the other scripts: steps with their times, and one sentence with the cause when something goes wrong.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOGS=$ROOT/build/logs
JOBS=${JOBS:-$(nproc)}

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# The last line of a failed script, on standard error.
die() {
  printf '\n%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# quietly NAME COMMAND...: runs it into build/logs/NAME.log, with a sign of life every ten seconds. On failure shows the end
# of the log and returns the command's status.
quietly() {
  local log=$LOGS/$1.log begin=$SECONDS status=0
  shift
  mkdir -p "$LOGS"
  "$@" >"$log" 2>&1 </dev/null &
  local job=$!
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - begin >= 10)) && (((SECONDS - begin) % 10 == 0)) && ((SECONDS != ${beat:-0})); then
      local beat=$SECONDS
      say "   ... $((SECONDS - begin)) s"
    fi
  done
  wait "$job" || status=$?
  if ((status)); then tail -n 30 "$log" >&2; fi
  return "$status"
}
