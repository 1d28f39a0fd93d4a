# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Proof that a container serves: a signed-in request through that container. A strict health check
# is not enough, since Hasura passes it with an empty set of keys, when it refuses every token.

PROBE_EMAIL=probe@hasura-login.invalid

# A text as curl's configuration and JSON both quote it.
quoted() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# One request from nginx's place in the network, so that what is proved is the way nginx goes. Body
# and token reach curl on stdin: an argument could be read by every user of the machine.
#   http_call METHOD URL [BODY [TOKEN]]  → the body, and the status on the last line
http_call() {
  local method=$1 url=$2 body=${3:-} token=${4:-}
  {
    printf 'url = %s\nrequest = %s\n' "$(quoted "${url}")" "$(quoted "${method}")"
    printf 'header = "Content-Type: application/json"\n'
    if [[ -n ${body} ]]; then printf 'data = %s\n' "$(quoted "${body}")"; fi
    if [[ -n ${token} ]]; then printf 'header = "Authorization: Bearer %s"\n' "${token}"; fi
  } | compose exec -T nginx curl --silent --max-time 15 --write-out '\n%{http_code}' --config -
}

# The technical account the probes sign in with: made once, an ordinary user without rights.
ensure_probe_account() {
  [[ ! -e ${STATE}/probe-account ]] || return 0
  if [[ $(probe_sign_in_status) != 200 ]]; then
    create_probe_account || return 1
  fi
  ensure_state
  printf '%s\n' "${PROBE_EMAIL}" >"${STATE}/probe-account"
}

create_probe_account() {
  as_operator users create "${PROBE_EMAIL}" --name Probe || as_operator users set-password "${PROBE_EMAIL}"
}

# One of login's verbs for operators, with the probe's password on stdin.
as_operator() {
  docker exec --interactive "$(running_of login | head -n 1)" /hasura-login "$@" \
    < <(read_secret operator/probe_password) >/dev/null 2>&1
}

probe_sign_in_status() { probe_rest_sign_in "$(running_of login | head -n 1)" | tail -n 1; }

probe_rest_sign_in() {
  local host=$1 password
  password=$(read_secret operator/probe_password)
  http_call POST "http://${host}:3000/auth/signin" \
    "{\"email\":$(quoted "${PROBE_EMAIL}"),\"password\":$(quoted "${password}")}"
}

# Signs in at one login container, reads the own account, signs out.
probe_login() {
  local host=$1 answer token refresh
  answer=$(probe_rest_sign_in "${host}") || return 1
  [[ ${answer##*$'\n'} == 200 ]] || {
    say "sign-in at ${host} answers ${answer##*$'\n'}"
    return 1
  }
  token=$(jq -r .token <<<"${answer%$'\n'*}")
  refresh=$(jq -r .refreshToken <<<"${answer%$'\n'*}")
  answer=$(http_call GET "http://${host}:3000/auth/me" '' "${token}") || return 1
  [[ ${answer##*$'\n'} == 200 ]] || {
    say "GET /auth/me at ${host} answers ${answer##*$'\n'}"
    return 1
  }
  http_call POST "http://${host}:3000/auth/signout" "{\"refreshToken\":$(quoted "${refresh}")}" >/dev/null
}

graphql() {
  local host=$1 query=$2 token=${3:-}
  http_call POST "http://${host}:8080/v1/graphql" "{\"query\":$(quoted "${query}")}" "${token}"
}

# Signs in through one Hasura container (that is its action), then asks it for the own row with the
# token (that is its keys and permissions), then signs out.
probe_hasura() {
  local host=$1 answer token refresh id password
  answer=$(http_call GET "http://${host}:8080/healthz?strict=true") || return 1
  [[ ${answer##*$'\n'} == 200 ]] || {
    say "strict health of ${host} answers ${answer##*$'\n'}: ${answer%$'\n'*}"
    return 1
  }
  password=$(read_secret operator/probe_password)
  answer=$(graphql "${host}" "query{signin(email:$(quoted "${PROBE_EMAIL}"),password:$(quoted "${password}")){token refreshToken}}") || return 1
  token=$(jq -r '.data.signin.token // empty' <<<"${answer%$'\n'*}") || return 1
  refresh=$(jq -r '.data.signin.refreshToken // empty' <<<"${answer%$'\n'*}")
  [[ -n ${token} ]] || {
    say "signing in through ${host} fails: $(jq -r '.errors[0].extensions.code // "no answer"' <<<"${answer%$'\n'*}")"
    return 1
  }
  answer=$(graphql "${host}" 'query{users{id}}' "${token}") || return 1
  id=$(jq -r '.data.users[0].id // empty' <<<"${answer%$'\n'*}")
  graphql "${host}" "mutation{signout(refreshToken:$(quoted "${refresh}")){ok}}" >/dev/null || true
  [[ -n ${id} ]] || {
    say "a signed-in query at ${host} fails: $(jq -r '.errors[0].extensions.code // "no row"' <<<"${answer%$'\n'*}")"
    return 1
  }
}

# Proves one container, again and again for some seconds: Hasura starts with an empty set of keys and
# fetches it at once, but not before it listens.
#   prove SERVICE CONTAINER
prove() {
  local service=$1 host=$2 tries=${HASURA_LOGIN_PROBE_TRIES:-15}
  ensure_probe_account || {
    say "the probe account cannot be made"
    return 1
  }
  while ! "probe_${service}" "${host}"; do
    ((--tries > 0)) || return 1
    pause 5
  done
}
