#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016 # setup.bash and bats set names; code for another shell

load setup
load servers

setup() {
  empty_appliance
  export GATE=${BATS_TEST_TMPDIR}/gate NGINX_PROGRAM
  NGINX_PROGRAM=$(PATH=${PATH}:/usr/sbin command -v nginx)
  write_real
  printf 'HASURA_LOGIN_IMAGE=hasura-login:old\n' >"${HASURA_LOGIN_ROOT}/.env"
  "${SCRIPTS}/init-secrets" 2>/dev/null
  docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach postgres login hasura
  sed -i 's/server login:/server 127.0.87.1:/' "${HASURA_LOGIN_ROOT}/nginx/upstreams/login.conf"
  sed -i 's/server hasura:/server 127.0.0.1:/' "${HASURA_LOGIN_ROOT}/nginx/upstreams/hasura.conf"
  start_gate
  docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach nginx
}

teardown() {
  local pid
  for pid in "${BATS_TEST_TMPDIR}"/*/nginx.pid; do
    [[ ! -f ${pid} ]] || kill -QUIT "$(<"${pid}")" 2>/dev/null || true
  done
}

# The nginx of the appliance, with its real upstream files.
start_gate() {
  PORT=$(free_port)
  mkdir -p "${GATE}"
  cat >"${GATE}/nginx.conf" <<CONF
worker_processes 2;
pid ${GATE}/nginx.pid;
error_log ${GATE}/error.log;
events {}
http {
  access_log off;
  include ${HASURA_LOGIN_ROOT}/nginx/upstreams/*.conf;
  server {
    listen 127.0.0.1:${PORT};
    location / {
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass http://login;
    }
  }
}
CONF
  "${NGINX_PROGRAM}" -c "${GATE}/nginx.conf" -p "${GATE}" 3>&-
}

# What is real here: containers of login are servers of their own, each on its own address, that drain
# when they are stopped; and nginx.
write_real() {
  cat >"${WORLD}/real" <<'REAL'
#!/usr/bin/env bash
set -euo pipefail
folder=${GATE%/*}/server-$2
workers() { pgrep -P "$(<"${GATE}/nginx.pid")" -f "$1" || true; }
case "$1 $2" in
  'started 127.'*)
    # A container inherits nothing of the run that starts it, its lock for one.
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      if ((fd > 2)); then exec {fd}>&-; fi
    done
    mkdir -p "${folder}"
    cat >"${folder}/nginx.conf" <<CONF
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  server {
    listen $2:3000;
    return 200 "$2";
  }
}
CONF
    "${NGINX_PROGRAM}" -c "${folder}/nginx.conf" -p "${folder}" 3>&-
    ;;
  'stopped 127.'*)
    pid=$(<"${folder}/nginx.pid")
    kill -QUIT "${pid}"
    while kill -0 "${pid}" 2>/dev/null; do sleep 0.05; done
    ;;
  'nginx -t') "${NGINX_PROGRAM}" -t -q -c "${GATE}/nginx.conf" -p "${GATE}" ;;
  'sh /etc/nginx/reload.sh')
    "${NGINX_PROGRAM}" -t -q -c "${GATE}/nginx.conf" -p "${GATE}"
    kill -HUP "$(<"${GATE}/nginx.pid")"
    ;;
  'sh -c')
    case $3 in
      *'shutting down'*) workers '^nginx: worker process is shutting down' | grep -c . || true ;;
      *) workers '^nginx: worker process *$' ;;
    esac
    ;;
esac
REAL
  chmod +x "${WORLD}/real"
}

# One client on one connection and one that connects anew, each 50 requests a second, until it is killed.
client() { exec stdbuf -oL curl -s -o /dev/null --rate 50/s -w '%{http_code}\n' "$@" "http://127.0.0.1:${PORT}/[1-100000]" 3>&-; }

@test "three replacements under 100 requests a second: every answer is 200" {
  local clients=()
  client >"${BATS_TEST_TMPDIR}/kept.codes" &
  clients+=("$!")
  client -H 'Connection: close' >"${BATS_TEST_TMPDIR}/anew.codes" &
  clients+=("$!")
  sleep 0.5
  for _ in 1 2 3; do
    "${SCRIPTS}/lib/replace-service" login
  done
  sleep 0.5
  kill "${clients[@]}"
  assert_same "$(curl -s "http://127.0.0.1:${PORT}/")" 127.0.87.4
  assert_same "$(sort -u "${BATS_TEST_TMPDIR}"/*.codes)" 200
  (($(cat "${BATS_TEST_TMPDIR}"/*.codes | wc -l) > 100))
  printf '# %s requests, none failed\n' "$(cat "${BATS_TEST_TMPDIR}"/*.codes | wc -l)" >&3
}

@test "files that the real nginx refuses leave the old upstream in place, and serving" {
  echo 'rubbish;' >>"${HASURA_LOGIN_ROOT}/nginx/upstreams/hasura.conf"
  script lib/replace-service login
  assert_status 1
  assert_says 'serves on'
  grep -q 'server 127.0.87.1:3000' "${HASURA_LOGIN_ROOT}/nginx/upstreams/login.conf"
  assert_same "$(curl -s "http://127.0.0.1:${PORT}/")" 127.0.87.1
}
