# shellcheck shell=bash disable=SC2154 # names of lib.bash
# Types the commands of the runbooks that a real engine answers. scripts/tests/documents.bats types the others.

# shellcheck source=scripts/tests/documents/commands.bash
source "${ROOT}/scripts/tests/documents/commands.bash"

check_runbooks() {
  local REPOSITORY=${SITE} command typed=0 failed=0
  local -A seen=()
  say 'the commands of the runbooks that ask the engine'
  while IFS= read -r command; do
    command=${command//\\n/$'\n'}
    asks_engine "${command}" || continue
    [[ -z ${seen[${command}]:-} ]] || continue
    seen[${command}]=1
    typed=$((typed + 1))
    type_command "${command}" || failed=$((failed + 1))
  done < <(documented_commands | cut -f 4)
  say "  ${typed} commands"
  ((failed == 0 && typed > 60)) || die "${failed} of ${typed} commands of the runbooks fail"
}

# asks_engine COMMAND: those that the list leaves to the engine, and those of docker that no line there takes away.
asks_engine() {
  local pattern where
  while IFS=$'\t' read -r pattern where _; do
    if [[ -n ${where} && $1 =~ ^(${pattern})$ ]]; then
      [[ ${where} == engine ]]
      return
    fi
  done <"${ROOT}/scripts/tests/documents/elsewhere"
  # A second nginx serves until somebody stops it, and the test's own database stands in for the one that is
  # dropped.
  [[ $1 =~ ^(docker|for c in|echo [\"\']SELECT) && $1 != 'docker compose run --rm --no-deps nginx' ]]
}

type_command() {
  local command status=0
  command=$(sed -E -e "s|/var/lib/docker|${ENGINE_WORK}/docker|g; s|/opt/hasura-login|${SITE}|g; s|/root/|${ENGINE_WORK}/|g" \
    -e 's/\bUSER\b/ann@example.org/g; s/\bSERVICE\b/login/g; s/\bEXPORTER\b/node-exporter/g' \
    -e "s/hasura-login-login-2/$(container_of login)/g; s/\bKID\b/$(active_key)/" <<<"$1")
  CURL_CA_BUNDLE=${SSL_CERT_FILE} timeout 120 bash -c "${command}" >"${ENGINE_WORK}/said" 2>"${ENGINE_WORK}/complained" <<<yes || status=$?
  # A grep that finds nothing is a valid answer.
  if ((status == 0 || status == 1)) && [[ ${command##*| } == grep* ]]; then return 0; fi
  ((status != 0)) || return 0
  printf '── %s\n   status %d: %s\n' "${command}" "${status}" "$(tail -n 3 "${ENGINE_WORK}/complained" "${ENGINE_WORK}/said")" >&2
  return 1
}

active_key() { docker exec "$(container_of login)" /hasura-login keys list --json | jq -r '[.keys[] | select(.state == "active")][0].kid'; }
