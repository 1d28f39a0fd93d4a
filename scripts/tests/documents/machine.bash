# shellcheck shell=bash disable=SC2154,SC2034,SC2016 # bats, setup.bash, servers.bash and login.bash set names
# The machine on which documents.bats types: an installation as docs/vps.md leaves it, with every profile, users,
# earlier releases, a backup, a certificate, and the logs of a bad day.

a_machine() {
  running_appliance
  fill_database
  cp "${REPOSITORY}/docker-compose.prod.yml" "${REPOSITORY}/.env.example" "${HASURA_LOGIN_ROOT}/"
  cp -r "${REPOSITORY}"/ops "${HASURA_LOGIN_ROOT}/"
  ln -s "${SCRIPTS}" "${HASURA_LOGIN_ROOT}/scripts"
  printf '%s\n' prometheus alertmanager node-exporter edge-metrics acme >>"${WORLD}/services"
  quietly docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach
  redis_of_test
  make_releases
  make_certificate
  make_backup
  make_logs >/dev/null
  as_superuser -c 'CREATE DATABASE hasura_before_20261124'
  rewrite_names
}

stop_machine() {
  local pid
  [[ -z ${LOGIN_PID:-} ]] || stop_login
  for pid in "${BATS_TEST_TMPDIR}"/*.pid; do
    [[ ! -f ${pid} ]] || kill "$(<"${pid}")" 2>/dev/null || true
  done
  as_superuser -c 'DROP DATABASE IF EXISTS hasura_before_20261124'
}

make_releases() {
  local git=(git -C "${HASURA_LOGIN_ROOT}" -c user.name=t -c user.email=t@example.org) tag
  printf '%s\n' .env secrets keys backups .state >"${HASURA_LOGIN_ROOT}/.gitignore"
  "${git[@]}" init -q
  for tag in v1.2.2 v1.2.3 v1.2.4; do
    echo "${tag}" >"${HASURA_LOGIN_ROOT}/VERSION"
    "${git[@]}" add --all
    "${git[@]}" commit -q -m "${tag}"
    "${git[@]}" tag "${tag}"
  done
  "${git[@]}" remote add origin "${HASURA_LOGIN_ROOT}"
  mkdir -p "${HASURA_LOGIN_ROOT}"/.state/releases/20261124T031500Z-v1.2.2
  echo 'deploy, process 1' >"${HASURA_LOGIN_ROOT}/.state/lock.holder"
}

make_certificate() {
  local folder=${HASURA_LOGIN_ROOT}/secrets/nginx/tls
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj /CN=login.example.org \
    -addext subjectAltName=DNS:login.example.org -keyout "${folder}/privkey.pem" -out "${folder}/fullchain.pem" 2>/dev/null
  TLS_PORT=$(free_port)
  openssl s_server -accept "127.0.0.1:${TLS_PORT}" -cert "${folder}/fullchain.pem" -key "${folder}/privkey.pem" -quiet >/dev/null 2>&1 3>&- </dev/zero &
  echo $! >"${BATS_TEST_TMPDIR}/tls.pid"
}

make_backup() {
  mkdir -p "${BATS_TEST_TMPDIR}/another-machine" "${HASURA_LOGIN_BACKUPS}"
  RECIPIENT=$(age-keygen 2>/dev/null | age-keygen -y)
  echo "${RECIPIENT}" >"${HASURA_LOGIN_BACKUPS}/recipients"
  printf '[offbox]\ntype = local\n' >"${HASURA_LOGIN_BACKUPS}/rclone.conf"
  chmod 0600 "${HASURA_LOGIN_BACKUPS}/rclone.conf"
  echo "BACKUP_COPY_TO=offbox:${BATS_TEST_TMPDIR}/another-machine" >>"${HASURA_LOGIN_ROOT}/.env"
  "${SCRIPTS}/backup" >/dev/null 2>&1
  "${SCRIPTS}/verify-backup" --elsewhere >/dev/null 2>&1
}

# What the logs of a bad day hold: of the real login, and lines of the others in their own shape.
make_logs() {
  local first token
  start_login LOGIN_MAIL_SMTP_HOST=127.0.0.1 LOGIN_MAIL_SMTP_PORT=9 'LOGIN_MAIL_FROM=Example <login@example.org>' \
    'LOGIN_MAIL_RESET_LINK=https://app.example.org/reset#token={token}' 'LOGIN_MAIL_VERIFY_LINK=https://app.example.org/verify#token={token}' \
    LOGIN_LIMIT_SIGNIN_ACCOUNT=4-M,20-H
  first=$(ask POST /auth/signup '{"email":"eve@example.org","name":"Eve","password":"correct horse battery"}' | jq -r .refreshToken)
  token=$(ask POST /auth/refresh "{\"refreshToken\":\"${first}\"}" | jq -r .refreshToken)
  ask POST /auth/refresh "{\"refreshToken\":\"${token}\"}"
  ask POST /auth/signin '{"email":"eve@example.org","password":"correct horse battery"}'
  for _ in {1..6}; do ask POST /auth/signin '{"email":"eve@example.org","password":"wrong horse battery"}'; done
  second_factors
  claims_that_fail
  ask POST /actions/signin '{}' -H 'X-Hasura-Action-Secret: another'
  as_superuser -d hasura -c 'ALTER TABLE auth.sessions RENAME TO gone'
  ask POST /auth/signup '{"email":"bob@example.org","name":"Bob","password":"correct horse battery"}' -H 'X-Request-Id: 75e482cd4bf041c47019c2d03da01ef6'
  as_superuser -d hasura -c 'ALTER TABLE auth.gone RENAME TO sessions'
  # Longer ago than a client may repeat a refresh.
  as_superuser -d hasura -c 'UPDATE auth.sessions SET recent = NULL'
  ask POST /auth/refresh "{\"refreshToken\":\"${first}\"}"
  mkdir -p "${WORLD}/logs"
  {
    cat "${BATS_TEST_TMPDIR}/login/log"
    # As app/cmd/trail.go logs an event that was lost.
    printf '%s\n' '{"level":"error","time":"2026-11-24T03:15:00Z","msg":"audit","error":"write /audit: no space left on device","event":"{\"event\":\"refused\"}"}'
    # As app/httpapi/observe.go logs what a provider did wrong.
    printf '%s\n' '{"level":"warn","time":"2026-11-24T03:15:00Z","msg":"provider","id":"75e482cd4bf041c47019c2d03da01ef6","error":"provider-unavailable"}'
  } >"${WORLD}/logs/login"
  {
    edge_line 502 /v1/graphql
    edge_line 401 /auth/signin
    echo '2026/11/24 03:15:00 [error] 29#29: *1 connect() failed'
    echo 'not taking secrets/nginx/tls: the key is not the certificate'"'"'s'
  } >"${WORLD}/logs/nginx"
  printf '%s\n' '{"type":"http-log","level":"error","detail":{"request_id":"75e482cd4bf041c47019c2d03da01ef6","operation":{"error":{"code":"unexpected"}},"http_info":{"status":200}}}' >"${WORLD}/logs/hasura"
  echo 'ERROR:  relation "auth.sessions" does not exist' >"${WORLD}/logs/postgres"
  echo 'level=ERROR msg="Notify for alerts failed"' >"${WORLD}/logs/alertmanager"
  echo 'level=ERROR component=notifier msg="Error sending alerts"' >"${WORLD}/logs/prometheus"
  echo '1:M * Ready to accept connections by redis' >"${WORLD}/logs/redis"
}

# The project's function fails for a while.
claims_that_fail() {
  local replace='CREATE OR REPLACE FUNCTION auth.claims(user_id uuid) RETURNS jsonb LANGUAGE'
  as_superuser -d hasura -c "${replace} plpgsql AS 'BEGIN RAISE ''no such team''; END'"
  ask POST /auth/signup '{"email":"kim@example.org","name":"Kim","password":"correct horse battery"}'
  as_superuser -d hasura -c "${replace} sql AS 'SELECT ''{}''::jsonb'"
}

# user1 has an app. Zoe has one, too, and signs in with a recovery code after a wrong one.
second_factors() {
  local challenge code
  ask POST /auth/signup '{"email":"zoe@example.org","name":"Zoe","password":"correct horse battery"}' >/dev/null
  as_superuser -d hasura -c "
    INSERT INTO auth.totp (user_id, secret, last_step, created_at) SELECT id, '\\x00', 0, now() FROM users WHERE email IN ('user1@example.org', 'zoe@example.org');
    INSERT INTO auth.recovery_codes (user_id, hash, created_at) SELECT id, sha256('abcdefghjk'), now() FROM users WHERE email = 'zoe@example.org'"
  challenge=$(ask POST /auth/signin '{"email":"zoe@example.org","password":"correct horse battery"}' | jq -r .challenge)
  for code in mmmmm-mmmmm abcde-fghjk; do
    ask POST /auth/signin/second-factor "{\"challenge\":\"${challenge}\",\"method\":\"recovery-code\",\"code\":\"${code}\"}"
  done
}

# A line of nginx' access log, of its own format.
edge_line() {
  sed -n "/^log_format json/,/;\$/p" "${REPOSITORY}/nginx/http/log.conf" | grep -o "'.*'" | tr -d "'\n" |
    sed -e "s/\\\$status/$1/; s|\\\$logged_path|$2|; s/\\\$request_id/75e482cd4bf041c47019c2d03da01ef6/; s/\\\$\(request_length\|body_bytes_sent\|request_time\)/1/g; s/\\\$[a-z_0-9]*/x/g"
  echo
}

# The places and names of this machine for those of the documents.
rewrite_names() {
  HERE=(
    -e "s|/opt/hasura-login|${HASURA_LOGIN_ROOT}|g" -e "s|127\.0\.0\.1:443|127.0.0.1:${TLS_PORT:-443}|g"
    -e "s#/(root|var/log)/#${BATS_TEST_TMPDIR}/#g" -e "s|offbox:hasura-login|offbox:${BATS_TEST_TMPDIR}/another-machine|g"
    -e 's|hasura_before_…|hasura_before_20261124|g' -e "s|age1…[a-z …]*|${RECIPIENT:-}|g"
    -e 's/(users delete) ID$/\1 user2@example.org/; s/(users delete) ann.*$/\1 user3@example.org/; s/\b(ann@example\.org|USER|ID)\b/user1@example.org/g' -e 's/\bSERVICE\b/login/g' -e 's/\bEXPORTER\b/node-exporter/g'
    -e 's/hasura-login-login-2/hasura-login-login-1/g' -e 's|keys/<file>|a-file|g'
    # An operator's verb that stands in a sentence, without its argument.
    -e 's|^users |docker compose exec login /hasura-login users |; s|(users [a-z-]+)$|\1 --help|'
    # Nobody can answer.
    -e 's/(set-password [^ ]+)$/\1 <<<"another good battery"/; s/(users delete [^ ]+)$/\1 --yes/; s|(set-secret [^ ]*)( .*)?$|\1 <<<https://ntfy.example.org/topic|'
  )
  touch "${HASURA_LOGIN_ROOT}/a-file"
}
