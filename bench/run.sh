#!/bin/sh
# npm run bench: every measurement, each a table of its own. Give names to run only those: npm run bench -- matching
set -eu
cd "$(dirname "$0")/.."
sh ./build.sh --quiet
node=node_modules/node-linux-$(node -p 'process.arch' 2>/dev/null || echo x64)/bin/node
[ "$#" -gt 0 ] || set -- matching stream start latency enforcement state memory worstline
for name; do
  echo "== $name"
  "$node" "bench/$name.ts"
done
