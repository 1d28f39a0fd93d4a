# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# nginx: which container it sends requests to, and its reload.

upstream_file() { printf '%s\n' "${ROOT}/nginx/upstreams/$1.conf"; }

# Prints the host that an upstream file names: a container, or at first the service itself.
upstream_of() {
  sed -n 's/^[[:space:]]*server[[:space:]]\{1,\}\([^:;[:space:]]*\):.*/\1/p' "$(upstream_file "$1")" | sed -n 1p
}

write_upstream() {
  local service=$1 host=$2 file content
  file=$(upstream_file "${service}")
  content=$(sed "s/^\([[:space:]]*server[[:space:]]\{1,\}\)[^:;[:space:]]*:/\1${host}:/" "${file}")
  printf '%s\n' "${content}" | write_file "${file}" 0644
}

# Whether nginx can be told of new files. One that Docker keeps restarting (because a name in its
# files does not resolve) cannot; it reads the files at its next start.
nginx_runs() {
  local name
  name=$(running_of nginx | sed -n 1p)
  [[ -n ${name} && $(state_of "${name}") == running* ]]
}

nginx_accepts_its_files() { compose exec -T nginx nginx -t -q </dev/null >&2; }

# Prints the ids of the workers that accept connections.
nginx_workers() {
  # The shell in the container expands this.
  # shellcheck disable=SC2016
  compose exec -T nginx sh -c 'for p in /proc/[0-9]*; do if { tr "\0" " " <"$p/cmdline"; } 2>/dev/null | grep -q "^nginx: worker process *$"; then echo "${p#/proc/}"; fi; done' </dev/null
}

# Counts the workers that only finish open work; 0 when all of an earlier configuration have ended.
count_leaving_workers() {
  # shellcheck disable=SC2016
  compose exec -T nginx sh -c 'n=0; for p in /proc/[0-9]*; do if { tr "\0" " " <"$p/cmdline"; } 2>/dev/null | grep -q "^nginx: worker process is shutting down"; then n=$((n+1)); fi; done; echo "$n"' </dev/null
}

# Makes nginx reload its files, if it accepts them, and returns when no worker with the earlier ones
# accepts connections. The reload itself is only a signal: if you stop a container right after it, an
# old worker may still send a request there.
reload_nginx() {
  local before now deadline=$((SECONDS + 60)) worker stale
  before=$(nginx_workers)
  compose exec -T nginx sh /etc/nginx/reload.sh </dev/null >&2 || return 1
  while true; do
    now=$(nginx_workers)
    stale=
    for worker in ${before}; do
      if grep -qxF "${worker}" <<<"${now}"; then stale=1; fi
    done
    if [[ -n ${now} && -z ${stale} ]]; then return 0; fi
    if ((SECONDS >= deadline)); then
      say "nginx has not taken its new files up after 60 s"
      return 1
    fi
    pause 0.2
  done
}

# An old worker of nginx may still get a request on a connection: a new one within
# client_header_timeout, or one that it keeps over a reload (start.sh). A container that no longer
# gets new requests must stay for that time.
let_connections_end() { sleep "${HASURA_LOGIN_CONNECTIONS_END:-11}"; }

# Sends a service's requests to one container. If nginx refuses the file, it is restored. A mark
# exists while nginx may not have read the file, so that the next run sees that this one was killed.
point_upstream() {
  local service=$1 host=$2 before
  before=$(upstream_of "${service}")
  ensure_state
  touch "${STATE}/unread-${service}"
  write_upstream "${service}" "${host}"
  if nginx_runs && ! reload_nginx; then
    write_upstream "${service}" "${before}"
    return 1
  fi
  rm -f "${STATE}/unread-${service}"
}

# Connects the running nginx to the networks that its settings name now. A release may move login and
# Hasura to another network; a deploy does not recreate nginx, which would lose them.
nginx_joins_its_networks() {
  local name network
  name=$(running_of nginx | sed -n 1p)
  for network in $(compose config --format json | jq -r '.networks[.services.nginx.networks | keys[]].name'); do
    if ! grep -qxF "${network}" <<<"$(networks_of "${name}")"; then
      say "  nginx joins ${network}"
      docker network connect "${network}" "${name}" || return 1
    fi
  done
}

networks_of() { docker inspect --format '{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}' "$1"; }

# Whether nginx certainly sends a service's requests to a container. Each reload leaves old workers
# until their WebSockets close, so scripts reload only if needed.
points_at() { [[ $(upstream_of "$1") == "$2" && ! -e ${STATE}/unread-$1 ]]; }
