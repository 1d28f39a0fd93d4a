#!/bin/sh
# Makes nginx load its files at once, if it accepts them. The operator's scripts
# run it in the container. After only `nginx -s reload`, watch.sh would see the
# same change and reload again.
set -eu
config=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=nginx/lib.sh
. "${config}/lib.sh"

[ "${ENTRY:-}" != tls ] || choose_certificate || say 'looking for a certificate failed'
load
