#!/usr/bin/env bash
# Makes the pictures of the README anew, from a certificate of the demo. Needs chromium and unzip.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm run demo -- --certificate "$work/leaver.quittance.zip"
unzip -q "$work/leaver.quittance.zip" report.html -d "$work"
chromium --headless --no-sandbox --hide-scrollbars --log-level=3 --user-data-dir="$work/profile" \
  --force-device-scale-factor=1.5 --window-size=1080,640 \
  --screenshot="$PWD/docs/pictures/certificate.png" "file://$work/report.html"
