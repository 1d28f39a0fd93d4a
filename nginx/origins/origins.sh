#!/bin/sh
# Prints the origins of a list in the form that browsers send: scheme and host in
# lower case, A-labels, no default port. It leaves out entries that no browser sends and
# prints a line on stderr for each, but does not fail: `hasura-login check` reports them as
# errors.
#
#   sh origins.sh LIST            one a line; LIST is separated by commas or blanks
#   sh origins.sh --hasura LIST   for HASURA_GRAPHQL_CORS_DOMAIN: separated by
#                                 commas, without those that Hasura would not start with
set -euf
LC_ALL=C # names are bytes
export LC_ALL
here=$(dirname -- "$0")

hasura=
if [ "${1:-}" = --hasura ]; then
  hasura=yes
  shift
fi

left_out() { printf "CORS_ORIGINS: '%s' is left out: %s\n" "${given}" "$1" >&2; }

# read_origin sets scheme, host and port of $origin, or prints what is wrong.
read_origin() {
  case ${origin} in
    http://*) scheme=http default_port=80 ;;
    https://*) scheme=https default_port=443 ;;
    *) left_out 'it does not begin with http:// or https://' && return 1 ;;
  esac
  rest=${origin#*://}
  case ${rest} in
    \[*\]*) host=${rest%%\]*}] ;;
    *) host=${rest%%:*} ;;
  esac
  port=${rest#"${host}"}
  name=${host#\*.}
  case ${host} in
    \[*)
      name=${host#\[} name=${name%\]}
      case ${name} in
        '' | *[!0-9a-f:.]*) left_out 'it is not an IPv6 address' && return 1 ;;
        *) ;;
      esac
      ;;
    *)
      case ${name} in
        *[!\ -~]*)
          name=$(printf '%s\n' "${name}" | awk -f "${here}/a-label.awk") || name=
          case ${host} in \**) host="*.${name}" ;; *) host=${name} ;; esac
          ;;
        *) ;;
      esac
      case ${name} in
        '' | .* | *..* | *[!a-z0-9._-]*) left_out 'it is not scheme, host and port' && return 1 ;;
        *) ;;
      esac
      ;;
  esac
  case ${port} in
    '' | :"${default_port}") port= ;;
    :[1-9] | :[1-9]*[0-9]) case ${port#:} in *[!0-9]* | ??????*) left_out 'its port is not a number' && return 1 ;; *) ;; esac ;;
    *) left_out 'it has more than scheme, host and port' && return 1 ;;
  esac
}

# Hasura exits if it cannot read one of its domains.
hasura_reads() {
  case ${name} in
    *[!a-z0-9.-]* | *.) left_out 'Hasura knows no such origin' && return 1 ;;
    *) ;;
  esac
}

found=
for given in $(printf '%s' "${1:-}" | tr ',' ' '); do
  origin=$(printf '%s' "${given}" | tr '[:upper:]' '[:lower:]')
  read_origin || continue
  [ -z "${hasura}" ] || hasura_reads || continue
  found="${found}${found:+,}${scheme}://${host}${port}"
done

if [ -n "${hasura}" ]; then
  # Hasura does not start with an empty list, and without a list it allows every origin.
  printf '%s\n' "${found:-https://nothing.invalid}"
elif [ -n "${found}" ]; then
  printf '%s\n' "${found}" | tr ',' '\n'
fi
