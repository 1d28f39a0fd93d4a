# shellcheck shell=bash disable=SC2154,SC2249 # part of the stub
# docker exec --interactive NAME /hasura-login …
while [[ $1 == -* ]]; do shift; done
runs "$1" || exit 1
if [[ -n ${engine} ]]; then exec "${engine}" exec "$@"; fi
if [[ $1 == hasura-login-restore-to ]]; then
  shift
  in_recovery "$@"
  exit
fi
shift
# The public routes refuse whoever comes: no proof may need them.
case "$*" in
  '/hasura-login users reseal-totp') echo '0 secrets encrypted with the first key' ;;
  '/hasura-login users open-session '*)
    if [[ ! -e ${WORLD}/users/${4} ]]; then
      printf 'hasura-login: no such user\n' >&2
      exit 1
    fi
    printf '{"id":"1","token":"good","tokenExpiresAt":"2026-11-24T03:15:00Z","refreshToken":"r"}\n'
    ;;
  '/hasura-login users create '*' --name Probe --no-password --roles user')
    touch "${WORLD}/users/${4}"
    ;;
  '/hasura-login users normalize')
    [[ ! -e ${WORLD}/old-addresses ]] || exit 1
    ;;
  '/hasura-login users delete '*' --yes')
    [[ -e ${WORLD}/users/${4} ]] || exit 1
    rm "${WORLD}/users/${4}"
    ;;
  *) unknown "exec $*" ;;
esac
