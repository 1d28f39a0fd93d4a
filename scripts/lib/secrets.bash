# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Secrets: one folder per consumer; only the reader's uid owns and reads each file (compose ignores
# uid and mode of file secrets, so the host's apply). Containers mount folders, never single files:
# a mounted file keeps its inode, so a rename would not reach the container. Values end without a
# newline. ops/secrets.tsv lists them all.

SECRETS=${ROOT}/secrets
SECRET_MODE=0400
SECRET_FOLDER_MODE=0500
# login writes its key ring itself.
KEYS_MODE=0700
# The servers' addresses for consumers; tests use others.
POSTGRES_AT=${HASURA_LOGIN_POSTGRES:-postgres:5432}
REDIS_AT=${HASURA_LOGIN_REDIS:-redis:6379}
LOGIN_METRICS_AT=${HASURA_LOGIN_METRICS:-login-metrics:9100}
readonly SECRETS SECRET_MODE SECRET_FOLDER_MODE KEYS_MODE POSTGRES_AT REDIS_AT LOGIN_METRICS_AT

# The list without its comments: secret, uid, length, values, made, rotated, if lost.
secret_list() { grep -v '^#' "${LIB}/../../ops/secrets.tsv"; }

# Prints the secrets that come from somebody else, one per line.
given_secrets() { secret_list | awk -F '\t' '$5 == "given" { print $1 }'; }

# Prints how many values a given secret may have, by the list; nothing for other secrets.
# A * in the list stands for letters, digits, "-" and "_".
values_of_given() {
  secret_list | awk -F '\t' -v name="$1" '$5 == "given" {
    pattern = $1
    gsub(/\./, "[.]", pattern)
    sub(/\*/, "[a-z0-9][a-z0-9_-]*", pattern)
    if (name ~ "^" pattern "$") { print $4; exit }
  }'
}

# Prints the scripts that rotate, in the order of the list.
rotations() { secret_list | awk -F '\t' '$6 ~ /^rotate-/ && !seen[$6]++ { print $6 }'; }

# Prints the uid that reads a consumer's folder: the user in docker-compose.prod.yml.
owner_of() {
  local consumer=$1
  case ${consumer} in
    keys) consumer=login ;;
    acme) consumer=nginx ;;
    *) ;;
  esac
  secret_list | awk -F '\t' -v folder="${consumer}/" 'index($1, folder) == 1 { print $2; exit }'
}

# Waits until login has certainly read its secret files again: it checks them every second.
login_rereads() { sleep "${HASURA_LOGIN_REREAD:-3}"; }

# 256 bits, in letters and digits that need no quoting in a URL or in SQL.
new_secret() { openssl rand -hex 32; }

# Writes stdin to secrets/CONSUMER/NAME, atomically.
write_secret() {
  local consumer=${1%%/*} path=${SECRETS}/$1 value
  value=$(cat)
  [[ -n ${value} ]] || die "refusing to write an empty secret: secrets/$1"
  printf '%s' "${value}" | write_file "${path}" "${SECRET_MODE}" "$(owner_of "${consumer}")"
}

# Creates the folder of a secret, if needed.
make_secret_folder() {
  make_folder "${SECRETS}" 0711
  make_folder "${SECRETS}/${1%%/*}" "${SECRET_FOLDER_MODE}" "$(owner_of "${1%%/*}")"
}

read_secret() {
  [[ -r ${SECRETS}/$1 ]] || die "secrets/$1 is missing: run scripts/init-secrets"
  plain_text "${SECRETS}/$1"
}

# Reads like login: without the byte order mark and the blanks that editors leave.
plain_text() { LC_ALL=C sed -e '1s/^\xef\xbb\xbf//' -e 's/[[:space:]]*$//' "$1"; }

# Prints the newest of several values, one per line.
newest_of() {
  local value
  value=$(read_secret "$1")
  printf '%s' "${value%%$'\n'*}"
}

# newest_values NAME COUNT
newest_values() {
  local values
  values=$(read_secret "$1")
  head -n "$2" <<<"${values}"
}

# Puts a new value first and keeps the newest of the earlier ones.
stage_secret() {
  local name=$1 fresh earlier
  fresh=$(new_secret)
  earlier=$(newest_of "${name}")
  printf '%s\n%s' "${fresh}" "${earlier}" | write_secret "${name}"
}

# Keeps the newest COUNT values.
trim_secret() {
  local name=$1 keep=$2 kept
  kept=$(newest_values "${name}" "${keep}")
  printf '%s' "${kept}" | write_secret "${name}"
}

count_values() { read_secret "$1" | grep -c . || true; }

# Prints the password in a connection URL.
password_in() {
  local url
  url=$(read_secret "$1")
  url=${url#*://*:}
  printf '%s' "${url%%@*}"
}

# Prints the user in a connection URL.
user_in() {
  local url
  url=$(read_secret "$1")
  url=${url#*://}
  printf '%s' "${url%%:*}"
}

# The file that nginx includes: the secret in nginx's syntax.
# shellcheck disable=SC2016 # nginx's variable
edge_include() { printf 'map "" $edge_secret {\n    default "%s";\n}' "$(newest_of login/edge_secret)"; }

# Prints the secret in that file.
secret_of_nginx() { read_secret nginx/edge_secret.conf | sed -n 's/^[[:space:]]*default[[:space:]]*"\(.*\)";.*/\1/p'; }

# Prints the database URL of a login role with its current password.
database_url() { printf 'postgres://%s:%s@%s/%s?sslmode=disable' "$1" "$(read_secret "postgres/$1")" "${POSTGRES_AT}" "${DATABASE}"; }

# redis_url PASSWORD
redis_url() { printf 'redis://login:%s@%s/0' "$1" "${REDIS_AT}"; }

# Prints the role that backups use; roles a and b alternate.
backup_role() {
  if [[ -s ${SECRETS}/operator/backup_role ]]; then read_secret operator/backup_role; else printf hasura_backup_a; fi
}

# Prints Redis' users, with hashes instead of passwords: login, which counts; the exporter; and the
# operator, who may only reload this file.
#   redis_acl_for LOGIN-PASSWORDS EXPORTER-PASSWORDS, several separated by blanks
redis_acl_for() {
  printf 'user default off\n'
  printf 'user login on%s ~* resetchannels -@all +@all -@admin -@dangerous\n' "$(acl_hashes "$1")"
  printf 'user exporter on%s -@all +@connection +info +config|get +slowlog|get +slowlog|len +latency|latest +client|list\n' "$(acl_hashes "$2")"
  printf 'user operator on%s -@all +acl|load +acl|whoami +ping\n' "$(acl_hashes "$(read_secret operator/redis_password)")"
}

acl_hashes() {
  local password
  for password in $1; do
    printf ' #%s' "$(printf '%s' "${password}" | sha256sum | cut -d ' ' -f 1)"
  done
}
