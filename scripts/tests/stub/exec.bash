# shellcheck shell=bash disable=SC2154,SC2249 # part of the stub
# docker exec --interactive NAME /hasura-login …
while [[ $1 == -* ]]; do shift; done
runs "$1" || exit 1
case "${*:2}" in
  '/hasura-login users create probe@hasura-login.invalid --name Probe')
    [[ -n $(cat) ]] || exit 1
    touch "${WORLD}/probe-account"
    ;;
  *) unknown "exec $*" ;;
esac
