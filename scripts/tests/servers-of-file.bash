# shellcheck shell=bash
# One Postgres for a file of tests, with a database to copy, and the real login if the file has loaded it.

load servers

setup_file() {
  start_postgres
  make_template
  if declare -F build_login >/dev/null; then build_login; fi
}

teardown_file() { stop_postgres; }
