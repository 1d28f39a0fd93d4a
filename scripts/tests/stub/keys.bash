# shellcheck shell=bash disable=SC2154 # part of the stub
# hasura-login keys …, over keys.json, from which the published set follows.
ring=${WORLD}/keys.json
[[ -f ${ring} ]] || printf '{"keys":[{"kid":"k1","state":"active"}]}' >"${ring}"
# change FILTER: of the ring, in one rename
change() {
  jq -c "$1" "${ring}" >"${ring}.new"
  mv "${ring}.new" "${ring}"
  [[ -e ${WORLD}/jwks-is-stuck ]] || jq -c '{keys: [.keys[] | {kid}]}' "${ring}" >"${WORLD}/jwks.json"
}
case "${*:3}" in
  list*) cat "${ring}" ;;
  'rotate --publish-ahead='*) change '.keys = [{kid: "k\(.keys | length + 1)", state: "pending"}] + .keys' ;;
  'revoke --yes '*) change ".keys = [{kid: \"successor\", state: \"active\"}] + [.keys[] | select(.kid != \"${*: -1}\")]" ;;
  *) unknown "keys $*" ;;
esac
