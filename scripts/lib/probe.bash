# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Proves that a container serves, with a signed-in user's requests through it. A strict health check
# is not enough: Hasura passes it with an empty key set, when it refuses every token.
#
# No request of a stranger and no setting about sign-in can make a proof fail. The account has a
# secret random address and no password; an operator's verb in login's container opens its session;
# and the only request that a limit counts, the refresh, comes from a new client address each time.

# The account of earlier releases, whose address was public.
FORMER_PROBE_EMAIL=probe@hasura-login.invalid
readonly FORMER_PROBE_EMAIL

# Quotes a text for both curl's configuration and JSON.
quoted() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//$'\n'/\\n}"
}

# curl in nginx's container, configured by stdin.  → the body, and the status on the last line
curl_from_nginx() { compose exec -T nginx curl --silent --max-time 15 --write-out '\n%{http_code}' --config -; }

# Sends one request from nginx's container, to prove the route that nginx uses. Body and token reach
# curl on stdin, because every user of the machine can read arguments.
#   http_call METHOD URL [BODY [TOKEN]]  → the body, and the status on the last line
http_call() {
  local method=$1 url=$2 body=${3:-} token=${4:-}
  {
    printf 'url = %s\nrequest = %s\n' "$(quoted "${url}")" "$(quoted "${method}")"
    printf 'header = "Content-Type: application/json"\n'
    if [[ -n ${body} ]]; then printf 'data = %s\n' "$(quoted "${body}")"; fi
    if [[ -n ${token} ]]; then printf 'header = "Authorization: Bearer %s"\n' "${token}"; fi
  } | curl_from_nginx
}

# Runs one of login's operator verbs in a container.
#   as_operator CONTAINER VERB…
as_operator() {
  local container=$1
  shift
  docker exec --interactive "${container}" /hasura-login "$@" </dev/null
}

new_probe_email() { printf 'probe-%s@hasura-login.invalid' "$(openssl rand -hex 16)"; }

# Prints the address of this installation's probe. Installations of earlier releases have none yet.
probe_email() {
  [[ -s ${SECRETS}/operator/probe_email ]] || new_probe_email | write_secret operator/probe_email
  read_secret operator/probe_email
}

# Opens a session of the probe's account; creates the account if needed.
#   open_probe_session CONTAINER-OF-LOGIN → the grant, as JSON
open_probe_session() {
  local container=$1 email words
  email=$(probe_email)
  words=$(mktemp)
  if ! as_operator "${container}" users open-session "${email}" 2>"${words}"; then
    if ! grep -qF 'no such user' "${words}"; then
      say "login opens no session for the probe: $(tail -n 1 "${words}")"
      rm -f "${words}"
      return 1
    fi
    rm -f "${words}"
    make_probe_account "${container}" "${email}" && as_operator "${container}" users open-session "${email}" 2>/dev/null
    return
  fi
  rm -f "${words}"
}

# An ordinary user without rights and without a password.
make_probe_account() {
  local container=$1 email=$2 words
  words=$(mktemp)
  as_operator "${container}" users create "${email}" --name Probe --no-password --roles user >/dev/null 2>"${words}" || {
    say "the probe account cannot be made: $(without_audit "${words}")"
    rm -f "${words}"
    return 1
  }
  rm -f "${words}"
  as_operator "${container}" users delete "${FORMER_PROBE_EMAIL}" --yes >/dev/null 2>&1 || true
}

# field NAME < JSON
field() { jq -r --arg name "$1" '.[$name] // empty'; }

# Exchanges a refresh token as if nginx passed the request on. The client is a new random address of
# the range for documentation, so it shares no limit.
#   probe_refresh HOST REFRESH-TOKEN → the answer, and the status on the last line
probe_refresh() {
  local host=$1 drawn
  drawn=$(openssl rand -hex 4)
  {
    printf 'url = "http://%s:3000/auth/refresh"\n' "${host}"
    printf 'header = "Content-Type: application/json"\ndata = %s\n' "$(quoted "{\"refreshToken\":$(quoted "$2")}")"
    printf 'header = "X-Real-IP: 2001:db8:%s:%s::1"\n' "${drawn:0:4}" "${drawn:4:4}"
    printf 'header = "X-Edge-Secret: %s"\n' "$(newest_of login/edge_secret)"
  } | curl_from_nginx
}

# Through one login container: exchanges the refresh token (it signs), reads the account (it verifies
# and reads), then signs out. PROBE_TOKEN is the new access token.
PROBE_TOKEN=
probe_login() {
  local host=$1 grant answer
  grant=$(open_probe_session "${host}") || return 1
  answer=$(probe_refresh "${host}" "$(field refreshToken <<<"${grant}")") || return 1
  [[ ${answer##*$'\n'} == 200 ]] || {
    say "a refresh at ${host} answers ${answer##*$'\n'}"
    return 1
  }
  grant=${answer%$'\n'*}
  PROBE_TOKEN=$(field token <<<"${grant}")
  answer=$(http_call GET "http://${host}:3000/auth/me" '' "${PROBE_TOKEN}") || return 1
  http_call POST "http://${host}:3000/auth/signout" "{\"refreshToken\":$(quoted "$(field refreshToken <<<"${grant}")")}" >/dev/null
  [[ ${answer##*$'\n'} == 200 ]] || {
    say "GET /auth/me at ${host} answers ${answer##*$'\n'}"
    return 1
  }
}

graphql() {
  local host=$1 query=$2 token=${3:-}
  http_call POST "http://${host}:8080/v1/graphql" "{\"query\":$(quoted "${query}")}" "${token}"
}

# Prints the error of a GraphQL answer, or $1 if it has none.
complaint_in() { jq -r --arg else "$1" '.errors[0].extensions.code // $else' 2>/dev/null || printf 'no answer'; }

# Through one Hasura container: reads the account's row (this needs keys and permissions), then its
# sessions (this needs the action, its secret and the route to login), then signs out.
probe_hasura() {
  local host=$1 answer grant token id current
  answer=$(http_call GET "http://${host}:8080/healthz?strict=true") || return 1
  [[ ${answer##*$'\n'} == 200 ]] || {
    say "strict health of ${host} answers ${answer##*$'\n'}: ${answer%$'\n'*}"
    return 1
  }
  grant=$(open_probe_session "$(upstream_container login)") || return 1
  token=$(field token <<<"${grant}")
  answer=$(graphql "${host}" 'query{users{id}}' "${token}") || return 1
  answer=${answer%$'\n'*}
  id=$(jq -r '.data.users[0].id // empty' <<<"${answer}" 2>/dev/null || true)
  [[ -n ${id} && ${id} == "$(field id <<<"${grant}")" ]] || {
    say "a signed-in query at ${host} fails: $(complaint_in 'not the own row' <<<"${answer}")"
    return 1
  }
  answer=$(graphql "${host}" 'query{sessions{id current}}' "${token}") || return 1
  answer=${answer%$'\n'*}
  current=$(jq -r 'first(.data.sessions[] | select(.current) | .id) // empty' <<<"${answer}" 2>/dev/null || true)
  [[ -n ${current} ]] || {
    say "an action through ${host} fails: $(complaint_in 'not the own session' <<<"${answer}")"
    return 1
  }
  graphql "${host}" "mutation{signout(refreshToken:$(quoted "$(field refreshToken <<<"${grant}")")){ok}}" >/dev/null || true
}

# Prints the container that nginx sends a service's requests to; at first nginx names only the
# service.
upstream_container() {
  local host
  host=$(upstream_of "$1")
  [[ ${host} != "$1" ]] || host=$(running_of "$1" | sed -n 1p)
  printf '%s' "${host}"
}

# Proves one container, with retries for some seconds: Hasura starts with an empty key set, and may
# listen before it has fetched one.
#   prove SERVICE CONTAINER
prove() {
  local service=$1 host=$2 tries=${HASURA_LOGIN_PROBE_TRIES:-15}
  while ! "probe_${service}" "${host}"; do
    ((--tries > 0)) || return 1
    pause 5
  done
}
