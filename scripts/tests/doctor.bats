#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup
load servers-of-file
load doctor

@test "doctor finds nothing wrong with an appliance that works, and changes nothing" {
  local before
  before=$(find "${HASURA_LOGIN_ROOT}" "${WORLD}/containers" -type f | sort | xargs sha256sum)
  script doctor
  assert_status 0
  assert_says 'all well'
  assert_same "$(find "${HASURA_LOGIN_ROOT}" "${WORLD}/containers" -type f | sort | xargs sha256sum)" "${before}"
}

@test "doctor names: Docker does not answer, and still looks at the files" {
  echo '^version' >"${WORLD}/fail"
  rm "$(secret_file login/edge_secret)"
  doctor_names 'Docker does not answer' deploy
  assert_says 'secrets/login/edge_secret'
}

@test "doctor names: an old Docker" {
  echo 24.0.7 >"${WORLD}/engine"
  doctor_names '28.0 and 2.33.1 are needed' deploy
}

@test "doctor names: settings that others can read" {
  chmod 0644 "${HASURA_LOGIN_ROOT}/.env"
  doctor_names '.env can be read by others' deploy
}

@test "doctor names: a compose file and settings that do not fit" {
  echo 'config --quiet' >"${WORLD}/fail"
  doctor_names 'do not fit together' deploy
}

@test "doctor names: a secret that is missing" {
  rm "$(secret_file login/server_secret)"
  doctor_names 'secrets/login/server_secret' lost-keys
}

@test "doctor names: a secret that others can read" {
  chmod 0444 "$(secret_file hasura/admin_secret)"
  doctor_names 'secrets/hasura/admin_secret has mode 444' rotation
}

@test "doctor names: a secret its reader cannot read" {
  chown 12345 "$(secret_file login/action_secret)"
  doctor_names 'its reader cannot read it' rotation
}

@test "doctor names: secrets with a newline at the end, a value too many, or one too short" {
  echo >>"$(secret_file grafana/admin_password)"
  printf '%032d\n%032d\n%032d' 1 2 3 >"$(secret_file login/server_secret)"
  printf 'too-short' >"$(secret_file login/edge_secret)"
  doctor_names 'ends with a newline' rotation
  assert_says 'secrets/login/server_secret has 3 values, its reader takes 2'
  assert_says 'secrets/login/edge_secret has a value of fewer than 32 characters'
}

@test "doctor names: Hasura's action secret is not login's" {
  printf 'other-secret-other-secret-other-se' >"$(secret_file hasura/action_secret)"
  doctor_names "login does not know hasura's action secret" rotation
}

@test "doctor names: nginx's edge secret is not login's" {
  printf 'other-secret-other-secret-other-se' >"$(secret_file login/edge_secret)"
  doctor_names "login does not know nginx's edge secret" rotation
}

@test "doctor names: a database password that differs between two files" {
  printf 'postgres://hasura_login_a:wrong@postgres:5432/hasura' >"$(secret_file login/database_url)"
  doctor_names 'secrets/login/database_url has another password' rotation
}

@test "doctor names: a database password that Postgres does not take" {
  as_superuser -c "ALTER ROLE hasura_login_a PASSWORD 'another'"
  doctor_names 'the password of hasura_login_a does not open the database' rotation
}

@test "doctor names: tables that are missing" {
  as_superuser -d hasura -c 'DROP TABLE auth.refresh_tokens'
  doctor_names 'tables are missing' restore
}

@test "doctor names: a service with two containers" {
  docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach --scale hasura=2 hasura
  doctor_names 'hasura has 2 containers' deploy
}

@test "doctor names: a container that is not healthy" {
  printf unhealthy >"${WORLD}/containers/hasura-login-hasura-1/health"
  doctor_names 'hasura-login-hasura-1 is running unhealthy' deploy
}

@test "doctor names: requests that go to a container that is gone" {
  sed -i 's/server .*:/server hasura-login-login-99:/' "${HASURA_LOGIN_ROOT}/nginx/upstreams/login.conf"
  doctor_names 'hasura-login-login-99, which does not run' deploy
}

@test "doctor names: a container besides nginx that publishes a port" {
  echo '0.0.0.0:5432->5432/tcp' >"${WORLD}/containers/hasura-login-postgres-1/ports"
  doctor_names 'besides nginx publishes a port: hasura-login-postgres-1' deploy
}

@test "doctor names: a run that was cut off" {
  printf 'phase=switch\n' >"${HASURA_LOGIN_ROOT}/.state/rotate-postgres-password login.phase"
  doctor_names 'a run of scripts/rotate-postgres-password login was cut off (phase switch)' rotation
}

@test "doctor names: no certificate, one that ends soon, and one with another's key" {
  rm "$(secret_file nginx/tls/fullchain.pem)"
  doctor_names 'there is no certificate' expired-certificate
  certificate 10
  doctor_names 'expires within three weeks' expired-certificate
  certificate 90
  openssl genpkey -algorithm ed25519 -out "$(secret_file nginx/tls/privkey.pem)"
  doctor_names "the key is not the certificate's" expired-certificate
}

@test "doctor names: a key folder that others can read, and a ring without an active key" {
  chmod 0755 "${HASURA_LOGIN_ROOT}/keys"
  doctor_names "keys/ does not belong only to login" lost-keys
  chmod 0700 "${HASURA_LOGIN_ROOT}/keys"
  echo '{"keys":[{"kid":"k1","state":"retired"}]}' >"${WORLD}/keys.json"
  doctor_names 'no signing key is active' lost-keys
}

@test "doctor names: an active key that is not published" {
  echo '{"keys":[]}' >"${WORLD}/jwks.json"
  doctor_names 'the active key k1 is not in the published set' lost-keys
}

@test "doctor names: tokens that Hasura refuses although it is healthy" {
  "${SCRIPTS}/lib/replace-service" hasura 2>/dev/null
  echo "hasura:1@$(digest 1)" >"${WORLD}/refusing"
  doctor_names 'a signed-in request through hasura' deploy
}

@test "doctor names: backups that are old, missing, or never could be made" {
  touch -d '2 days ago' "${HASURA_LOGIN_BACKUPS}"/archives/*/SHA256SUMS
  doctor_names 'hours old' restore
  rm -r "${HASURA_LOGIN_BACKUPS}/archives"
  doctor_names 'there is no backup' restore
  rm "${HASURA_LOGIN_BACKUPS}/recipients"
  doctor_names 'backups/recipients is missing' restore
}

@test "doctor names: a backup that was never verified, long not verified, never copied, long not copied" {
  stamp_hours_ago verified 200
  doctor_names 'no backup of the last 192 hours was restored and compared' restore
  rm "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_verified.prom"
  doctor_names 'no backup was restored and compared' restore
  stamp_hours_ago verified 1
  stamp_hours_ago copied 27
  doctor_names 'no backup of the last 26 hours has a copy off this machine' restore
  rm "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_copied.prom"
  doctor_names 'no backup has a copy off this machine' restore
  stamp_hours_ago copied 1
  sed -i '/^BACKUP_COPY_TO=/d' "${HASURA_LOGIN_ROOT}/.env"
  doctor_names 'backups burn with this machine' restore
}

@test "doctor names: a full disk and a clock that runs free" {
  echo '97% 900' >"${WORLD}/machine/disk"
  doctor_names 'is 97 % full' full-disk
  echo no >"${WORLD}/machine/clock"
  doctor_names 'the clock is not synchronized' deploy
}

@test "doctor names: a name without an address, and IPv6 clients that would share one limit" {
  : >"${WORLD}/machine/addresses"
  doctor_names 'has no address' deploy
  echo '2001:db8::1 STREAM' >"${WORLD}/machine/addresses"
  touch "${WORLD}/machine/no-ipv6"
  doctor_names 'share one limit' deploy
}

@test "doctor names: a service that runs another image, or other settings, than those of now" {
  sed -i "s/^NGINX_IMAGE=.*/NGINX_IMAGE=nginx:2@$(digest 2)/" "${HASURA_LOGIN_ROOT}/.env"
  doctor_names 'nginx runs nginx:1@' upgrade
  assert_says 'scripts/deploy --with-nginx'
  sed -i "s/^NGINX_IMAGE=.*/NGINX_IMAGE=nginx:1@$(digest 1)/" "${HASURA_LOGIN_ROOT}/.env"
  echo 'more memory' >"${WORLD}/settings/postgres"
  doctor_names 'postgres runs postgres:1@' upgrade
  assert_says 'scripts/update-image postgres'
}

@test "doctor names: an image that was pulled again under its tag and does not run yet" {
  sed -i "s/^NGINX_IMAGE=.*/NGINX_IMAGE=nginx:1/" "${HASURA_LOGIN_ROOT}/.env"
  quietly docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach nginx
  script doctor
  assert_status 0
  assert_says 'by a tag, which may change: NGINX_IMAGE'
  publish nginx:1 7
  quietly docker pull nginx:1
  doctor_names 'nginx runs nginx:1' upgrade
}

@test "doctor names: an image of .env that is older than this release's" {
  sed -i 's/^POSTGRES_IMAGE=.*/POSTGRES_IMAGE=postgres:1.9/' "${HASURA_LOGIN_ROOT}/.env.example"
  sed -i 's/^POSTGRES_IMAGE=.*/POSTGRES_IMAGE=postgres:1.8/' "${HASURA_LOGIN_ROOT}/.env"
  doctor_names 'POSTGRES_IMAGE is postgres:1.8 in .env, this release has postgres:1.9: scripts/deploy takes it' upgrade
}

@test "doctor says which images are the operator's own to keep up to date" {
  sed -i "s|^HASURA_MIGRATE_IMAGE=.*|HASURA_MIGRATE_IMAGE=mirror.example.org/hasura:1@$(digest 1)|" "${HASURA_LOGIN_ROOT}/.env"
  script doctor
  assert_status 0
  assert_says 'yours to keep up to date: HASURA_MIGRATE_IMAGE'
}

@test "doctor names: files of another commit than those deployed, and an image that was never deployed" {
  git -C "${HASURA_LOGIN_ROOT}" init -q
  git -C "${HASURA_LOGIN_ROOT}" -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m one
  echo 0123456789abcdef >"${HASURA_LOGIN_ROOT}/.state/releases/20261124T031500Z-old/commit"
  doctor_names 'deployed were those of 0123456789ab' deploy
  git -C "${HASURA_LOGIN_ROOT}" rev-parse HEAD >"${HASURA_LOGIN_ROOT}/.state/releases/20261124T031500Z-old/commit"
  script doctor
  assert_status 0
  echo hasura-login:newer >"${HASURA_LOGIN_ROOT}/.state/releases/20261124T031500Z-old/image"
  doctor_names 'HASURA_LOGIN_IMAGE is hasura-login:old in .env, deployed was hasura-login:newer' deploy
}

@test "doctor names: alerts that reach nobody, a way that is not set up, and a missing timer" {
  rm "$(secret_file alertmanager/webhook_url)"
  doctor_names 'alerts reach nobody' alerts-not-delivered
  echo 'ALERT_CRITICAL=telegram' >>"${HASURA_LOGIN_ROOT}/.env"
  doctor_names 'ALERT_CRITICAL in .env names "telegram", which is not set up' alerts-not-delivered
  sed -i '/^ALERT_CRITICAL=/d' "${HASURA_LOGIN_ROOT}/.env"
  printf 'https://pager.example.org/' | "${SCRIPTS}/set-secret" alertmanager/webhook_url
  touch "${WORLD}/machine/no-timers"
  doctor_names 'scripts/install-timers' alerts-not-delivered
  echo alertmanager >>"${WORLD}/services"
  script doctor
  assert_says 'alerts go out by: webhook'
}
