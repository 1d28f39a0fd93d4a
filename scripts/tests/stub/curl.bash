# shellcheck shell=bash disable=SC2154,SC2249 # part of the stub
# curl as the stub's containers answer it; its configuration comes on stdin.
url='' data='' token='' action_secret='' edge_secret='' id=''
while IFS= read -r line; do
  case ${line} in
    'url = '*) url=${line#url = \"} url=${url%\"} ;;
    'data = '*) data=${line#data = } ;;
    'header = "X-Hasura-Action-Secret: '*) action_secret=${line#*: } action_secret=${action_secret%\"} ;;
    'header = "X-Edge-Secret: '*) edge_secret=${line#*: } edge_secret=${edge_secret%\"} ;;
    'header = "X-Request-Id: '*) id=${line#*: } id=${id%\"} ;;
    'header = "Authorization: Bearer '*) token=${line#*Bearer } token=${token%\"} ;;
  esac
done
rest=${url#*://}
host=${rest%%[:/]*}
path=/${rest#*/}
# The name that login has on the network of metrics, and nowhere else.
if [[ ${host} == login-metrics ]]; then host=login; fi
answer() {
  printf '%s\n%s' "$2" "$1"
  exit 0
}
if ! resolves "${host}"; then
  printf '\n000'
  exit 7
fi
image=''
if exists "${host}"; then image=$(<"${WORLD}/containers/${host}/image"); fi
if listed refusing "${image}"; then answer 401 '{"code":"unauthenticated","errors":[{"extensions":{"code":"invalid-jwt"}}]}'; fi
case ${path} in
  /auth/me) if [[ ${token} == good ]]; then answer 200 '{"id":"1"}'; else answer 401 '{}'; fi ;;
  /auth/signout) answer 204 '' ;;
  /healthz*) answer 200 OK ;;
  /.well-known/jwks.json) answer 200 "$(<"${WORLD}/jwks.json")" ;;
  /actions/signin)
    if grep -qxF -- "${action_secret}" "${root}/secrets/login/action_secret"; then
      answer 400 '{"message":"the payload is for another action"}'
    fi
    answer 401 '{"message":"unauthenticated"}'
    ;;
  /auth/refresh)
    client=unknown
    if [[ ! -e ${WORLD}/login-is-stuck ]] && grep -qxF -- "${edge_secret}" "${root}/secrets/login/edge_secret"; then client=127.0.0.1/32; fi
    printf '{"msg":"request","id":"%s","client":"%s"}\n' "${id}" "${client}" >>"${WORLD}/log"
    # Strangers over WebSockets have used up what unknown clients share.
    if [[ ${data} == *'\"r\"'* && ${client} == unknown ]]; then answer 429 '{"code":"rate-limited"}'; fi
    if [[ ${data} == *'\"r\"'* ]]; then answer 200 '{"id":"1","token":"good","refreshToken":"r2"}'; fi
    answer 400 '{"code":"invalid-input"}'
    ;;
  /metrics) answer 200 'login_limiter_degraded 0' ;;
  /v1/graphql)
    case ${data} in
      *__typename*) answer 200 '{"data":{"__typename":"query_root"}}' ;;
      *sessions*)
        # Login checks the secret that this container started with.
        if [[ ${token} != good ]] || ! grep -qF -- "$(head -c 64 "${WORLD}/containers/${host}/secrets")" "${root}/secrets/login/action_secret"; then
          answer 200 '{"errors":[{"extensions":{"code":"unexpected"}}]}'
        fi
        answer 200 '{"data":{"sessions":[{"id":"s1","current":true}]}}'
        ;;
      *signin*) answer 200 '{"errors":[{"extensions":{"code":"rate-limited"}}]}' ;;
      *users*) if [[ ${token} == good ]]; then answer 200 '{"data":{"users":[{"id":"1"}]}}'; else answer 200 '{"data":{"users":[]}}'; fi ;;
      *) answer 200 '{"data":{"signout":{"ok":true}}}' ;;
    esac
    ;;
  *) answer 404 '{}' ;;
esac
