#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names
# Files of the operator are not files of the release.

load setup

setup() {
  running_appliance
  touch "${WORLD}/images/hasura-login:new"
  alertmanager=${HASURA_LOGIN_ROOT}/site/alertmanager/alertmanager.yml
  public=${HASURA_LOGIN_ROOT}/site/prometheus/public.yml
}

set_secret() { printf '%s' "$2" | "${SCRIPTS}/set-secret" "$1"; }

@test "configure-alerts writes what Alertmanager and Prometheus read, for them to read under any umask" {
  umask 077
  set_secret alertmanager/slack_url https://hooks.example.org/x
  script configure-alerts
  assert_status 0
  assert_says 'critical: slack; warnings: slack'
  grep -q 'api_url_file: /run/secrets/slack_url' "${alertmanager}"
  assert_same "$(grep -c 'hooks.example.org' "${alertmanager}" || true)" 0
  grep -qx '    - https://login.example.org/healthz' "${public}"
  assert_same "$(stat -c %a "${alertmanager}" "${public}" "${HASURA_LOGIN_ROOT}/site" "${HASURA_LOGIN_ROOT}/site/alertmanager" "${HASURA_LOGIN_ROOT}/site/prometheus" | paste -sd ' ' -)" '644 644 755 755 755'
  assert_same "$(stat -c '%a %u' "${HASURA_LOGIN_ROOT}/secrets/alertmanager/slack_url")" '400 65534'
}

@test "a file of site/ that the operator took over stays through configure-alerts, deploy and rollback" {
  printf '# mine\n' >"${BATS_TEST_TMPDIR}/mine"
  script deploy --image hasura-login:old
  sleep 1
  cp "${BATS_TEST_TMPDIR}/mine" "${alertmanager}"
  cp "${BATS_TEST_TMPDIR}/mine" "${public}"
  printf '# mine too\n' >"${HASURA_LOGIN_ROOT}/site/prometheus/rules/own.yml"
  script configure-alerts
  assert_says 'site/alertmanager/alertmanager.yml is your own and stays'
  script deploy --image hasura-login:new
  assert_status 0
  script rollback
  assert_status 0
  cmp "${BATS_TEST_TMPDIR}/mine" "${alertmanager}"
  cmp "${BATS_TEST_TMPDIR}/mine" "${public}"
  grep -q 'mine too' "${HASURA_LOGIN_ROOT}/site/prometheus/rules/own.yml"
}

@test "a deploy has Prometheus and Alertmanager read this release's files, after they were brought to their settings" {
  printf '%s\n' prometheus alertmanager >>"${WORLD}/services"
  script deploy --image hasura-login:new
  assert_status 0
  called 'exec -T prometheus wget .*/-/reload'
  called 'exec -T alertmanager wget .*/-/reload'
  [[ $(grep -n 'up --detach.* prometheus' "${WORLD}/calls" | sed -n 1p | cut -d : -f 1) -lt $(grep -n 'prometheus wget' "${WORLD}/calls" | sed -n 1p | cut -d : -f 1) ]]
}

@test "a refused reload is said and does not fail the deploy; a refused configuration is not put in place" {
  printf '%s\n' prometheus alertmanager >>"${WORLD}/services"
  script deploy --image hasura-login:new
  echo 'exec -T prometheus wget' >"${WORLD}/fail"
  script deploy --image hasura-login:new
  assert_status 0
  assert_says 'prometheus refuses its files'
  cp "${alertmanager}" "${BATS_TEST_TMPDIR}/before"
  set_secret alertmanager/slack_url https://hooks.example.org/x
  echo 'amtool check-config' >"${WORLD}/fail"
  script configure-alerts
  assert_status 1
  cmp "${alertmanager}" "${BATS_TEST_TMPDIR}/before"
}

@test "a deploy whose alert settings are wrong does not begin" {
  echo 'ALERT_MAIL_TO=a@example.org' >>"${HASURA_LOGIN_ROOT}/.env"
  script deploy --image hasura-login:new
  assert_status 1
  assert_says 'ALERT_MAIL_FROM is not'
  never_called 'no-deps migrate'
}

@test "configure-alerts --test sends by Alertmanager if it runs" {
  printf '%s\n' prometheus alertmanager >>"${WORLD}/services"
  set_secret alertmanager/slack_url https://hooks.example.org/x
  script deploy --image hasura-login:new
  script configure-alerts --test
  assert_status 0
  called 'amtool .*alert add Test-critical severity="critical"'
  called 'amtool .*alert add Test-warning severity="warning"'
}

@test "set-secret writes what others made, for its reader, and nothing else" {
  set_secret login/smtp_password $'pass word\r\n'
  assert_same "$(<"${HASURA_LOGIN_ROOT}/secrets/login/smtp_password")" 'pass word'
  assert_same "$(stat -c '%a %u' "${HASURA_LOGIN_ROOT}/secrets/login/smtp_password")" '400 10001'
  run set_secret login/action_secret x
  assert_status 2
  run set_secret alertmanager/slack_url ''
  assert_status 1
  assert_says 'nothing was changed'
  run set_secret alertmanager/slack_url 'slack.com/x'
  assert_status 1
  assert_says 'must be an address'
  never_called_with 'pass word'
}

@test "set-secret takes what providers give: secrets by any provider's name, and files" {
  local name folder=${HASURA_LOGIN_ROOT}/secrets/login
  # Nobody must have them.
  script init-secrets --check
  assert_status 0
  for name in google_client_secret corp-2_client_secret; do
    set_secret "login/${name}" $'of the console\n'
    assert_same "$(<"${folder}/${name}")" 'of the console'
    assert_same "$(stat -c '%a %u' "${folder}/${name}")" '400 10001'
  done
  set_secret login/apple_key.p8 $'-----BEGIN\r\nkey\r\n-----END\r\n'
  assert_same "$(od -c "${folder}/apple_key.p8")" "$(printf -- '-----BEGIN\nkey\n-----END' | od -c)"
  set_secret login/providers.json $'{\n  "providers": []\n}\n'
  assert_same "$(jq -c . "${folder}/providers.json")" '{"providers":[]}'
  assert_same "$(stat -c '%a %u' "${folder}/providers.json")" '400 10001'
  for name in login/_client_secret login/../x_client_secret login/a/b_client_secret 'login/*_client_secret' login/google_client_secretx login/providersXjson nginx/google_client_secret; do
    run set_secret "${name}" x
    assert_status 2
    assert_says 'not one of'
  done
  never_called_with 'of the console'
}

@test "git ignores the operator's files, and the release holds none of them" {
  local path
  for path in site/alertmanager/alertmanager.yml site/prometheus/public.yml .env secrets/x keys/x backups/recipients; do
    git -C "${REPOSITORY}" check-ignore -q "${path}"
  done
  # Nothing that documentation has operators change is tracked.
  run git -C "${REPOSITORY}" grep -nE '(mail|pager|dead-man|hooks)\.example\.org' -- ops docker-compose.prod.yml nginx
  assert_status 1
}
