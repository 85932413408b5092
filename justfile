# Everything that is done to this repository; CI calls the same recipes (see test.sh, which installs the tools first).

set shell := ["bash", "-euo", "pipefail", "-c"]

# Tools that ./test.sh put beside the build, then the machine's own.
tools := justfile_directory() / "target/tools"
export PATH := tools / "venv/bin" + ":" + tools / "bin" + ":" + tools / "node_modules/.bin" + ":" + env("PATH")

# Lists the recipes.
default:
    @just --list --unsorted

# Brings the mesh up on ./kaleem-data, asks one question and keeps serving.
run:
    ./start.sh

# Everything that CI checks, after installing what is missing.
ci:
    ./test.sh

# Formats the workspace.
format:
    cargo fmt --all

# Checks the formatting.
fmt:
    cargo fmt --all --check

# Clippy over every target; warnings are errors.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Unit, service, store, scenario and process tests; arguments go to nextest, for example `just test -p kaleem-quota`.
test *args="--workspace":
    cargo nextest run --locked {{ args }}

# The scenarios and the crash matrix with every mesh on Postgres and Redis; arguments go to nextest.
test-production *args:
    KALEEM_TEST_STORES=production cargo nextest run --locked --workspace -E 'package(kaleem-tests) or binary(crash)' {{ args }}

# Examples in the documentation.
doc-test:
    cargo test --doc --workspace --locked

# Lints the protos and refuses changes that break clients.
proto: proto-lint proto-breaking

# Lints the protos.
proto-lint:
    buf lint

# Compares the protos with the commit `base`, or with what the main branch had before; `breaking.ignore` in buf.yaml lets through what is meant.
proto-breaking base="":
    #!/usr/bin/env bash
    set -euo pipefail
    base={{ quote(base) }}
    if [ -n "$base" ]; then
      git rev-parse --quiet --verify "$base^{commit}" >/dev/null || { echo "proto-breaking: no commit $base here" >&2; exit 64; }
    else
      # Where this branch left the main branch; on the main branch itself the last commit while protos are being edited, else
      # the one before it.
      for main in origin/main main; do
        fork=$(git merge-base HEAD "$main" 2>/dev/null) && break
      done
      if [ -n "${fork:-}" ] && [ "$fork" != "$(git rev-parse HEAD)" ]; then
        base=$fork
      elif ! git diff --quiet HEAD -- proto; then
        base=HEAD
      else
        base=HEAD~1
      fi
    fi
    # The first commit and a shallow clone have nothing to compare with.
    if ! git cat-file -e "$base:proto" 2>/dev/null; then
      echo "proto-breaking: $base is not here or has no proto/; nothing to compare with"
      exit 0
    fi
    before=$(mktemp -d)
    trap 'rm -rf "$before"' EXIT
    git archive "$base" proto | tar -x -C "$before"
    cp buf.yaml "$before"
    echo "proto-breaking: comparing with $(git log -1 --format='%h %s' "$base")"
    buf breaking --against "$before"

# Licences, banned crates and sources of the dependency tree.
deny:
    cargo deny --locked check bans licenses sources

# Spelling.
typos:
    typos --config .config/typos.toml

# Benchmarks, printed and never a gate; arguments go to cargo, for example `just bench -p kaleem-redaction`.
bench *args="--workspace":
    cargo bench --locked {{ args }}

# Trains the demonstration model again from its own generated sentences (CPU only, up to half an hour) and prints its score.
demo-model:
    python3 -m venv target/tools/demo-model
    target/tools/demo-model/bin/pip install --quiet -r tools/demo-model/requirements.txt
    target/tools/demo-model/bin/python tools/demo-model/train.py
