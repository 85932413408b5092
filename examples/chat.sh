#!/usr/bin/env bash
# Asks one question with curl and shows the stream of server-sent events as it comes.
set -euo pipefail

server=${KALEEM_SERVER:-127.0.0.1:8080}
key=${KALEEM_API_KEY:-$(cat kaleem-data/demo.key)}
question=${1:-هل تشحنون إلى جدة؟}

# Python only quotes the question as JSON. The key goes in through a file descriptor, so that no process list shows it.
body=$(python3 -c 'import json, sys; print(json.dumps({"model": "auto", "stream": True, "messages": [{"role": "user", "content": sys.argv[1]}]}))' "$question")
curl --silent --show-error --no-buffer --fail-with-body "http://${server#http://}/v1/chat/completions" \
  --header @<(printf 'authorization: Bearer %s\n' "$key") --header 'content-type: application/json' --data "$body"
