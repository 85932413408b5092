#!/usr/bin/env bash
# Runs the main job on a bare Debian-like machine: builds kaleem, brings the whole mesh up on ./kaleem-data, asks one sample
# question and keeps serving until Ctrl-C. KALEEM__LISTEN chooses another address than 127.0.0.1:8080.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export KALEEM__LISTEN=${KALEEM__LISTEN:-127.0.0.1:8080}
# For the commands of this script; others find the address in the data folder.
export KALEEM_SERVER=http://$KALEEM__LISTEN
PORT=${KALEEM__LISTEN##*:}
KALEEM=target/release/kaleem
QUESTION='هل تشحنون إلى جدة؟ رقمي ٠٥٥١٢٣٤٥٦٧'

say() { printf '\n==> %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }
fail() { printf 'start.sh: %s\n' "$2" >&2; exit "$1"; }

need_rust() {
  has cargo || fail 69 'no cargo here. Install Rust 1.95 with rustup (Debian 13: apt-get install rustup; else see
  https://www.rust-lang.org/tools/install), run `rustup toolchain install 1.95.0`, and start this again.'
}

need_compiler() {
  has cc && return
  has apt-get || fail 69 'no C compiler here (some crates hold C); install one as `cc` and start this again.'
  say 'installing a C compiler (package build-essential)'
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends build-essential </dev/null
}

need_port() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
    fail 69 "port $PORT is taken (a kaleem that still runs?). Choose another: KALEEM__LISTEN=127.0.0.1:$((PORT + 1)) ./start.sh"
  fi
}

# In a process group of its own, so that Ctrl-C in the terminal reaches it once, through `drain`.
serve() {
  set -m
  "$KALEEM" up </dev/null &
  SERVER=$!
  set +m
  trap drain INT TERM HUP EXIT
}

# Ends with the server's exit code, or with that of the command that failed before. A second signal goes to the server too, which
# then aborts.
drain() {
  local failed=$? status=0
  trap - EXIT
  trap 'kill -TERM "$SERVER"' INT TERM HUP
  if kill -TERM "$SERVER" 2>/dev/null; then
    say 'stopping: answers that stream may finish'
    # A signal interrupts `wait`, not the server.
    while kill -0 "$SERVER" 2>/dev/null; do status=0; wait "$SERVER" || status=$?; done
  fi
  [ "$failed" = 0 ] || [ "$failed" -gt 128 ] || status=$failed
  exit "$status"
}

# Waits for readiness, or for the server's end if that comes first.
wait_ready() {
  local status=0
  "$KALEEM" doctor --wait 30s &
  local doctor=$!
  wait -n "$SERVER" "$doctor" || status=$?
  if ! kill -0 "$SERVER" 2>/dev/null; then
    kill "$doctor" 2>/dev/null || true
    fail "$((status ? status : 70))" 'the server ended; its last lines say why.'
  fi
  [ "$status" = 0 ] || fail "$status" 'the mesh is not ready; the lines above say what is missing.'
}

next_steps() {
  cat <<TEXT

kaleem serves on $KALEEM_SERVER: gRPC with reflection, and the OpenAI-compatible API under /v1. The key of the demo
merchant is in kaleem-data/demo.key. From another terminal, in this folder:

  $KALEEM chat "متى يصل طلبي؟"     # ask again; --show-redacted shows what the provider saw
  $KALEEM usage                    # tokens and cost so far
  $KALEEM doctor                   # what is reachable, what is missing, how to mend it
  $KALEEM key --help               # keys of other merchants

README.md shows buf curl, the OpenAI SDK (base_url=$KALEEM_SERVER/v1) and a generated client. Ctrl-C stops the mesh.
TEXT
}

need_rust
need_port
need_compiler
say 'building kaleem (release; the first time takes some minutes)'
cargo build --release --locked -p kaleem
say "starting the mesh on $KALEEM__LISTEN"
serve
wait_ready
say "asking: $QUESTION"
"$KALEEM" chat "$QUESTION" --show-redacted
say 'what it cost'
"$KALEEM" usage
next_steps
ended=0
wait "$SERVER" || ended=$?
exit "$ended"
