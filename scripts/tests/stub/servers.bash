# shellcheck shell=bash disable=SC2154 # part of the stub
# Postgres and Redis of the compose file: the real servers that a test started. Inside a container the
# service's own name and the standard port lead to it.
case "${service} $1" in
  'postgres psql' | 'postgres pg_dump' | 'postgres pg_dumpall' | 'postgres pg_restore' | 'postgres pg_basebackup')
    # Some files of tests start no server; a deploy only gives it its roles.
    if [[ -z ${PG-} ]]; then
      cat >/dev/null
      exit 0
    fi
    # shellcheck disable=SC2153 # the test's name
    export PGHOST=${PG} PGPORT=${PG_PORT}
    on_volume "$@"
    ;;
  'postgres du' | 'postgres rm' | 'postgres test' | 'postgres cat') on_volume "$@" ;;
  'postgres df')
    free=9000000
    [[ ! -f ${WORLD}/machine/volume ]] || free=$(<"${WORLD}/machine/volume")
    printf 'Filesystem 1024-blocks Used Available\nvolume 1 1 %s\n' "${free}"
    ;;
  'postgres sh')
    export PGPORT=${PG_PORT}
    on_volume sh -c "${3//--host=postgres/--host=127.0.0.1}" "${@:4}"
    ;;
  'redis sh') exec sh -c "${3//exec redis-cli/exec redis-cli -p ${REDIS_PORT}}" "${@:4}" ;;
  *) unknown "compose exec ${service} $*" ;;
esac
