# shellcheck shell=bash disable=SC2154 # HERE and ROOT are of the scripts that source this
# What goes into the images that tests make of this machine's programs.

# put FOLDER PROGRAM…: copies programs with their libraries, to the same paths
# as here.
put() {
  local folder=$1 file
  shift
  {
    printf '%s\n' "$@"
    for file in "$@"; do ldd "${file}" 2>/dev/null | grep -oE '/[^ ]+' || true; done
  } | sort -u | xargs cp --parents --dereference --target-directory "${folder}"
}

# What Debian's smallest image has, and what the official ones add: curl, openssl,
# nc.
put_system() {
  local folder=$1 programs
  mkdir -p "${folder}"/{bin,etc/ssl,tmp,usr/bin,usr/local/bin,usr/share,var/log/edge,var/lib/acme-challenge,run}
  chmod 1777 "${folder}/tmp"
  # A new volume gets the owner of the folder that it covers.
  chown 101:101 "${folder}/var/log/edge" "${folder}/var/lib/acme-challenge"
  mapfile -t programs < <(dpkg -L bash coreutils dash debianutils diffutils findutils grep gzip hostname libc-bin mawk sed tar util-linux | grep -E '^(/usr)?/bin/[^/]+$' | while read -r each; do [[ ! -f ${each} ]] || echo "${each}"; done)
  put "${folder}" "${programs[@]}" /usr/bin/curl /usr/bin/openssl /bin/nc.openbsd
  ln -s nc.openbsd "${folder}/bin/nc"
  ln -sf mawk "${folder}/usr/bin/awk"
  ln -sf dash "${folder}/bin/sh"
  cp -rL /etc/ssl/certs "${folder}/etc/ssl/certs"
  # The authority of the tests, which certbot must trust.
  cat "${TEST_AUTHORITY:?}" >>"${folder}/etc/ssl/certs/ca-certificates.crt"
  cp /etc/ssl/openssl.cnf "${folder}/etc/ssl/"
  mkdir -p "${folder}/usr/lib/ssl"
  ln -s /etc/ssl/openssl.cnf "${folder}/usr/lib/ssl/openssl.cnf"
  ln -s /etc/ssl/certs "${folder}/usr/lib/ssl/certs"
  printf 'hosts: files dns\n' >"${folder}/etc/nsswitch.conf"
}

put_users() {
  printf '%s:x:%s:%s::/:/bin/sh\n' root 0 0 nginx 101 101 postgres 999 999 hasura 1001 1001 nobody 65534 65534 >"$1/etc/passwd"
  printf '%s:x:%s:\n' root 0 nginx 101 postgres 999 hasura 1001 nogroup 65534 >"$1/etc/group"
}

put_servers() {
  local folder=$1 postgres
  postgres=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 | sort -V | tail -n 1)
  put "${folder}" /usr/sbin/nginx /usr/bin/redis-server /usr/bin/redis-cli
  if [[ -n ${NGINX_PROGRAM:-} ]]; then
    put "${folder}" "${NGINX_PROGRAM}"
    install "${NGINX_PROGRAM}" "${folder}/usr/sbin/nginx"
  fi
  mkdir -p "${folder}/var/log/nginx" "${folder}/var/lib/nginx"
  # shellcheck disable=SC2046 # names of programs
  put "${folder}" $(find "${postgres}/bin" "${postgres}/lib" -maxdepth 1 -type f ! -name '*llvm*')
  cp -r --parents "${postgres}/lib" "/usr/share/postgresql/${postgres##*/}" /usr/share/zoneinfo "${folder}"
  rm -rf "${folder}${postgres}/lib/bitcode" "${folder}${postgres}"/lib/*llvm*
  ln -s "${postgres}"/bin/* "${folder}/usr/local/bin/"
  cp "${HERE}/postgres-entrypoint.sh" "${folder}/usr/local/bin/docker-entrypoint.sh"
  mkdir -p "${folder}/docker-entrypoint-initdb.d" "${folder}/var/lib/postgresql" "${folder}/var/run/postgresql"
  chmod 3777 "${folder}/var/run/postgresql"
  # A new volume gets the owner and mode of this folder.
  chown 999:999 "${folder}/var/lib/postgresql"
  chmod 1777 "${folder}/var/lib/postgresql"
}

put_standin() {
  CGO_ENABLED=0 go build -C "${ROOT}" -trimpath -ldflags '-s -w' -o "$1/usr/local/bin/graphql-engine" ./dev/standin/engine
  ln -s graphql-engine "$1/usr/local/bin/hasura-cli"
}
