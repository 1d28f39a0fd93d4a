# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# SQL in the appliance's own Postgres. Statements go in on stdin, never as an argument, and those with
# a password stay out of the server's log.

DATABASE=hasura
readonly DATABASE

# The container that a script uses instead of the service's own.
POSTGRES_CONTAINER=

in_postgres() {
  if [[ -n ${POSTGRES_CONTAINER} ]]; then docker exec --interactive "${POSTGRES_CONTAINER}" "$@"; else compose exec -T postgres "$@"; fi
}

# Runs stdin as the superuser over the container's own socket.
#   sql [DATABASE] → rows, tab separated, without headers
sql() {
  in_postgres psql --no-psqlrc --quiet --tuples-only --no-align --field-separator=$'\t' \
    --set=ON_ERROR_STOP=1 --username=postgres --dbname="${1:-${DATABASE}}"
}

# Sets a role's password; it comes on stdin.
set_role_password() {
  local role=$1 password
  password=$(cat)
  sql <<SQL
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET pg_stat_statements.track_utility = off;
ALTER ROLE ${role} PASSWORD '${password}';
SQL
}

# Whether a role's password, on stdin, opens the database over the network.
password_opens() {
  # The shell in the container expands this.
  # shellcheck disable=SC2016
  compose exec -T postgres sh -c \
    'IFS= read -r PGPASSWORD; export PGPASSWORD; exec psql --no-psqlrc --quiet --host=postgres --username="$1" --dbname="$2" --output=/dev/null --command="SELECT 1"' \
    sh "$1" "${DATABASE}"
}
