# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# The checks of scripts/doctor that look at secrets, signing keys and the certificate.

# Every secret exists, only its consumer can read it, and it ends without a newline.
check_secrets() {
  local before=${PROBLEMS} missing file owner mode
  missing=$("${LIB}/../init-secrets" --check 2>&1) || problem lost-keys "${missing#ERROR: }"
  while IFS= read -r -d '' file; do
    read -r owner mode < <(stat --format '%u %a' "${file}")
    if [[ ${owner} != "$(owner_of "$(consumer_of "${file}")")" ]]; then
      problem rotation "${file#"${ROOT}/"} belongs to uid ${owner} and its reader cannot read it: scripts/init-secrets puts it right"
    elif [[ 0${mode} != "${SECRET_MODE}" ]]; then
      problem rotation "${file#"${ROOT}/"} has mode ${mode}: scripts/init-secrets puts it right"
    fi
    if [[ ! -s ${file} ]]; then
      problem lost-keys "${file#"${ROOT}/"} is empty"
    elif [[ -z $(tail -c 1 "${file}" | tr -d '\n') ]]; then
      problem rotation "${file#"${ROOT}/"} ends with a newline"
    fi
  done < <(find "${SECRETS}" -mindepth 2 -maxdepth 2 -type f ! -path '*/acme/*' -print0 2>/dev/null)
  check_values
  ((PROBLEMS > before)) || good 'secrets: all there, each readable only by its reader'
}

# No secret has more values than its reader accepts, or a value that is too short.
check_values() {
  local complaint files=()
  mapfile -d '' files < <(cd "${SECRETS}" 2>/dev/null && find . -mindepth 2 -type f ! -path './acme/*' -printf '%P\0')
  ((${#files[@]} > 0)) || return 0
  while IFS= read -r complaint; do
    problem rotation "secrets/${complaint}"
  done < <(cd "${SECRETS}" && secret_list | LC_ALL=C awk -F '\t' '
    NR == FNR { fewest[$1] = $3; most[$1] = $4; next }
    FNR == 1 { name = FILENAME; sub(/^\357\273\277/, "") }
    { sub(/[[:space:]]+$/, ""); if ($0 != "" && name in most) { values[name]++; if (length($0) < fewest[name]) short[name] = 1 } }
    END {
      for (name in values) {
        if (most[name] != "-" && values[name] > most[name]) print name " has " values[name] " values, its reader takes " most[name]
        if (short[name]) print name " has a value of fewer than " fewest[name] " characters"
      }
    }' - "${files[@]}" 2>/dev/null | sort)
}

consumer_of() {
  local rest=${1#"${SECRETS}/"}
  printf '%s' "${rest%%/*}"
}

# has_value NAME VALUE: whether a secret of several lines contains a value.
has_value() { grep -qxF -- "$2" <<<"$(read_secret "$1" 2>/dev/null)"; }

# Services that share a secret have the same value.
check_shared_secrets() {
  local before=${PROBLEMS} consumer file role
  for consumer in hasura migrate; do
    has_value login/action_secret "$(read_secret "${consumer}/action_secret")" ||
      problem rotation "login does not know ${consumer}'s action secret: scripts/rotate-action-secret brings them together"
  done
  [[ $(read_secret hasura/admin_secret) == "$(read_secret migrate/admin_secret)" ]] ||
    problem rotation 'hasura and migrate have different admin secrets: scripts/rotate-admin-secret'
  has_value login/edge_secret "$(secret_of_nginx)" ||
    problem rotation "login does not know nginx's edge secret: every client counts as unknown. scripts/rotate-edge-secret"
  for file in login/database_url {hasura,migrate}/{metadata_,}database_url; do
    role=$(user_in "${file}")
    [[ $(password_in "${file}") == "$(read_secret "postgres/${role}" 2>/dev/null || true)" ]] ||
      problem rotation "secrets/${file} has another password than secrets/postgres/${role}: scripts/rotate-postgres-password"
  done
  ((PROBLEMS > before)) || good 'shared secrets agree'
}

check_keys() {
  local mode owner listing active complaints published
  read -r owner mode < <(stat --format '%u %a' "${ROOT}/keys" 2>/dev/null || echo 'none none')
  if [[ ${owner} != "$(owner_of keys)" || 0${mode} != "${KEYS_MODE}" ]]; then
    problem lost-keys "keys/ does not belong only to login (uid ${owner}, mode ${mode}): scripts/init-secrets repairs it"
  fi
  if ! listing=$(compose exec -T login /hasura-login keys list --json </dev/null 2>/dev/null); then
    problem lost-keys 'login cannot list its signing keys'
    return 0
  fi
  active=$(jq -r 'first(.keys[] | select(.state == "active") | .kid) // empty' <<<"${listing}")
  complaints=$(jq -r '.problems // [] | map(tostring) | join("; ")' <<<"${listing}")
  if [[ -n ${complaints} ]]; then problem lost-keys "the key ring has unusable files: ${complaints}"; fi
  if [[ -z ${active} ]]; then
    problem lost-keys 'no signing key is active: scripts/rotate-jwt-key makes one'
    return 0
  fi
  published=$(http_call GET "http://$(upstream_of login):3000/.well-known/jwks.json" 2>/dev/null || true)
  if jq -e --arg kid "${active}" 'any(.keys[]; .kid == $kid)' <<<"${published%$'\n'*}" >/dev/null 2>&1; then
    good "signing key ${active} is active and published"
  else
    problem lost-keys "the active key ${active} is not in the published set"
  fi
}

# nginx's certificate is valid for three more weeks, matches its key, and is the one served.
check_certificate() {
  local chain=${SECRETS}/nginx/tls/fullchain.pem key=${SECRETS}/nginx/tls/privkey.pem name served
  [[ $(env_get ENTRY) != load-balancer ]] || return 0
  if [[ ! -s ${chain} ]]; then
    problem expired-certificate 'there is no certificate: nginx serves a self-signed one'
    return 0
  fi
  if ! openssl x509 -in "${chain}" -noout -checkend 0 >/dev/null; then
    problem expired-certificate "the certificate has expired ($(openssl x509 -in "${chain}" -noout -enddate))"
  elif ! openssl x509 -in "${chain}" -noout -checkend $((21 * 86400)) >/dev/null; then
    problem expired-certificate "the certificate expires within three weeks ($(openssl x509 -in "${chain}" -noout -enddate))"
  else
    good "certificate: $(openssl x509 -in "${chain}" -noout -enddate)"
  fi
  if [[ $(openssl x509 -in "${chain}" -noout -pubkey) != "$(openssl pkey -in "${key}" -pubout 2>/dev/null || true)" ]]; then
    problem expired-certificate 'secrets/nginx/tls: the key is not the certificate'\''s'
  fi
  read -r name _ < <(env_get SITE_NAMES | tr ',' ' ')
  served=$(openssl s_client -connect "127.0.0.1:$(https_port)" -servername "${name}" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint 2>/dev/null || true)
  if [[ -n ${served} && ${served} != "$(openssl x509 -in "${chain}" -noout -fingerprint)" ]]; then
    problem expired-certificate 'nginx serves another certificate than the one in secrets/nginx/tls: docker compose logs nginx says why'
  fi
}

https_port() {
  local bind
  bind=$(env_get HTTPS_BIND)
  bind=${bind:-443}
  printf '%s' "${bind##*:}"
}
