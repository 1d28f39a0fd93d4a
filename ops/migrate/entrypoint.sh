#!/bin/sh
# The migrations job: migrates a database to this release's tables, then applies
# this release's metadata to Hasura.
#
# The image's own entrypoint applies the metadata first. On a live system that
# drops every object whose table does not exist yet, so here the migrations run
# first if the source is known already. On an empty system the metadata must
# name the source before a migration can run in it.
#
# The image's entrypoint also exits with 0 if the metadata is inconsistent; this
# one does not.
set -eu

project=/tmp/project
port=9691
export HASURA_GRAPHQL_ENDPOINT="http://127.0.0.1:${port}"
# The CLI unpacks its helper below HOME.
export HOME=/tmp

say() { printf 'migrate: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

read_secret() {
  # Editors leave a byte order mark before a value and blanks after it.
  value=$(cat "/run/secrets/$1") || die "cannot read /run/secrets/$1"
  value=${value#"$(printf '\357\273\277')"}
  value=${value%"${value##*[![:space:]]}"}
  # An empty admin secret would be valid.
  [ -n "${value}" ] || die "/run/secrets/$1 is empty"
  printf '%s' "${value}"
}

# An engine with only the metadata API, for this container only. It gets no JWT
# setting: with one it would request keys from login, and login may wait for this
# job.
start_engine() {
  HASURA_GRAPHQL_SERVER_HOST=127.0.0.1 graphql-engine serve --enabled-apis metadata --server-port "${port}" &
  engine=$!
  trap 'kill "${engine}" 2>/dev/null || true' EXIT
  tries=60
  until nc -z 127.0.0.1 "${port}"; do
    kill -0 "${engine}" 2>/dev/null || die 'the engine ended: see its lines above'
    tries=$((tries - 1))
    [ "${tries}" -gt 0 ] || die 'the engine does not listen after 60 s'
    sleep 1
  done
}

cli() { hasura-cli --project "${project}" --skip-update-check --no-color "$@"; }

source_is_known() {
  cli metadata export --output json >/tmp/metadata.json || die 'cannot read the metadata'
  grep -q '"name": *"default"' /tmp/metadata.json
}

# Organisations are off unless somebody wants them: their tables have names that an
# application may use. hasura.WithOrganizations does the same for the stand-in.
add_organizations() {
  say 'with organizations'
  tables="${project}/metadata/databases/default/tables"
  for file in "${project}/organizations/${tables#"${project}/"}"/*.yaml; do
    printf '\n- "!include %s"' "${file##*/}" >>"${tables}/tables.yaml"
  done
  echo >>"${tables}/tables.yaml"
  cp -R "${project}/organizations/." "${project}"
}

migrate() {
  say 'migrations'
  cli migrate apply --database-name default
}

apply_metadata() {
  say 'metadata'
  cli metadata apply
}

HASURA_GRAPHQL_ADMIN_SECRET=$(read_secret admin_secret)
ACTION_SECRET=$(read_secret action_secret)
export HASURA_GRAPHQL_ADMIN_SECRET ACTION_SECRET

# The values that login takes for true and false.
case ${LOGIN_ORGANIZATIONS:-false} in
  1 | t | T | true | True | TRUE) organizations=true ;;
  0 | f | F | false | False | FALSE) organizations=false ;;
  *) die "LOGIN_ORGANIZATIONS: \"${LOGIN_ORGANIZATIONS}\" is neither true nor false" ;;
esac

start_engine
# A Kubernetes volume consists of links.
cp -RL /hasura "${project}"
if "${organizations}"; then
  add_organizations
fi

if source_is_known; then
  migrate
  apply_metadata
else
  say 'an empty system: the metadata first names the source'
  apply_metadata
  migrate
fi
# Makes the engine read the tables again.
cli metadata reload
cli metadata inconsistency status || {
  cli metadata inconsistency list || true
  die 'the metadata is inconsistent'
}
say 'done'
