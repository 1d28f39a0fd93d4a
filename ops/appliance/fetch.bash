# shellcheck shell=bash disable=SC2154 # ROOT is of the script that sources this
# Fetches and builds, while there still is internet, what the tests of the whole appliance start.

go mod download -C "${ROOT}"
"${ROOT}/ops/build-alertmanager" >/dev/null
PEBBLE=$(cd "${ROOT}/tools/pebble" && go tool -n pebble)
CHALLTESTSRV=$(cd "${ROOT}/tools/pebble" && go tool -n pebble-challtestsrv)
export PEBBLE CHALLTESTSRV
# If its source is missing, because it is not a module, Debian's older one takes
# its place.
if [[ -z ${NGINX_PROGRAM:-} ]] && built=$("${ROOT}/ops/build-nginx"); then export NGINX_PROGRAM=${built}/nginx; fi
