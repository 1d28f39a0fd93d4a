# shellcheck shell=bash disable=SC2034 # names are shared with the scripts here
# Shared by init-secrets and rotate: the Secrets of a release. Values never are arguments of a program.

trap 'echo "${0##*/}: failed at line ${LINENO}" >&2' ERR
NAMESPACE=default
RELEASE=hasura-login

say() { printf '→ %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}
usage_error() {
  printf '%s: %s\n\n' "${0##*/}" "$*" >&2
  usage >&2
  exit 2
}

need_programs() {
  local program
  for program in "$@"; do
    command -v "${program}" >/dev/null || die "needs the program ${program}"
  done
}

# Fails here, with kubectl's own message, if the cluster or the namespace is not there.
need_namespace() { kube get namespace "${NAMESPACE}" >/dev/null; }

kube() { kubectl --namespace "${NAMESPACE}" "$@"; }

# 256 bits, in letters and digits that need no quoting in a URL or in SQL.
new_secret() { openssl rand -hex 32; }

# The Secret of a part, such as login: hasura-login-login.
secret_of() { printf '%s-%s' "${RELEASE}" "$1"; }

# read_key PART KEY: prints the value; nothing if there is none.
read_key() {
  local encoded
  encoded=$(kube get secret "$(secret_of "$1")" --ignore-not-found --output json | jq -r --arg key "$2" '.data[$key] // empty')
  base64 -d <<<"${encoded}"
}

# write_key PART KEY [ANNOTATION VALUE]: writes stdin, and an annotation together with it.
write_key() {
  local name value
  name=$(secret_of "$1")
  value=$(cat)
  [[ -n ${value} ]] || die "refusing to write an empty $2"
  [[ -n $(kube get secret "${name}" --ignore-not-found --output name) ]] || kube create secret generic "${name}" >&2
  printf '%s' "${value}" | jq -Rs --arg key "$2" --arg annotation "${3:-}" --arg phase "${4:-}" \
    '{data: {($key): @base64}} + if $annotation == "" then {} else {metadata: {annotations: {($annotation): (if $phase == "" then null else $phase end)}}} end' |
    kube patch secret "${name}" --type merge --patch-file /dev/stdin >&2
}

first_value() { sed -n 1p; }

# The file that nginx includes.
# shellcheck disable=SC2016 # nginx's variable
edge_include() { printf 'map "" $edge_secret {\n    default "%s";\n}' "$(first_value)"; }

# database_url ROLE: from the addresses in the Secret postgres.
database_url() {
  local at
  at=$(read_key postgres server)
  [[ -n ${at} ]] || die "the Secret $(secret_of postgres) has no server"
  printf 'postgres://%s:%s@%s' "$1" "$(read_key postgres "$1")" "${at}"
}
