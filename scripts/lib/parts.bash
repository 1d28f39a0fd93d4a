# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Writes the parts of a backup (scripts/lib/backups.bash lists them) into the folder PARTIAL.

PARTIAL=

forget_partial() { rm -rf "${PARTIAL}"; }

# All parts are there: keep_backup FOLDER
keep_backup() {
  (cd "${PARTIAL}" && sha256sum -- *.age >SHA256SUMS)
  sync "${PARTIAL}"/*
  mv -T "${PARTIAL}" "$1"
  sync "${1%/*}"
}

# The manifest counts in the same snapshot that the dump uses; a session holds it open meanwhile.
dump_database() {
  local snapshot
  coproc HOLDER { sql; }
  printf 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSELECT pg_export_snapshot();\n' >&"${HOLDER[1]}"
  IFS= read -r -t 60 snapshot <&"${HOLDER[0]}" || die "Postgres gives no snapshot"
  in_postgres pg_dump --format=custom --username="$(backup_role)" --role=hasura_backup --snapshot="${snapshot}" \
    --no-password "${DATABASE}" </dev/null | encrypt >"${PARTIAL}/database.dump.age"
  save_manifest
  printf '\\q\n' >&"${HOLDER[1]}"
  # shellcheck disable=SC2154 # set by coproc
  wait "${HOLDER_PID}"
}

# Reads lines up to an end mark: a broken session must not look like an empty database.
save_manifest() {
  local line manifest=''
  {
    manifest_sql
    printf "SELECT 'end of manifest';\n"
  } >&"${HOLDER[1]}"
  while true; do
    IFS= read -r -t 3600 line <&"${HOLDER[0]}" || die "Postgres broke off while the rows were counted"
    [[ ${line} != 'end of manifest' ]] || break
    manifest+=${line}$'\n'
  done
  [[ -n ${manifest} ]] || die "the database has no tables"
  printf '%s' "${manifest}" | encrypt >"${PARTIAL}/manifest.age"
}

# Without passwords, so that a dump alone opens no login. The secrets contain them, and a restore
# sets them from there.
save_roles() {
  in_postgres pg_dumpall --username=postgres --roles-only --no-role-passwords </dev/null |
    encrypt >"${PARTIAL}/roles.sql.age"
}

save_files() {
  local own=() site=() file
  for file in "${RECIPIENTS}" "${COPY_HOOK}" "${COPY_CONFIG}"; do
    if [[ -f ${file} ]]; then own+=("${file#"${BACKUPS%/*}/"}"); fi
  done
  # shellcheck disable=SC2153 # not a misspelling of "site"
  [[ ! -d ${SITE} ]] || site=(site)
  tar --numeric-owner -cf - -C "${ROOT}" secrets .env "${site[@]}" -C "${BACKUPS%/*}" "${own[@]}" | encrypt >"${PARTIAL}/secrets.tar.age"
  tar -C "${ROOT}" --numeric-owner -cf - keys | encrypt >"${PARTIAL}/keys.tar.age"
}

# A backup without the trail is better than no backup.
save_trail() {
  local file=${PARTIAL}/audit.jsonl.gz.age
  compose run --rm --no-deps -T login audit --since 0 --json </dev/null | gzip | encrypt >"${file}" || {
    rm -f "${file}"
    warn 'the audit trail cannot be read, and is not in this backup'
  }
}
