#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # setup.bash and bats set names; the documents' own lines; each test is a process
# Types the commands that the documents give an operator: docs/runbooks, vps.md, alerts.md, logs.md and privacy.md. documents/elsewhere lists
# those that another test runs, and those that none can. DOCUMENTS=restore.md types the commands of one page.

load setup
load servers-of-file
load login
load documents/commands
load documents/machine

setup() {
  ELSEWHERE=${BATS_TEST_DIRNAME}/documents/elsewhere
}

teardown() { stop_machine; }

# elsewhere COMMAND: whether the list has it.
elsewhere() {
  local pattern where
  while IFS=$'\t' read -r pattern where _; do
    if [[ -n ${where} && $1 =~ ^(${pattern})$ ]]; then return 0; fi
  done <"${ELSEWHERE}"
  return 1
}

@test "every command that is run elsewhere stands in the test that the list names" {
  local pattern where name text body failed=0 commands
  commands=$(documented_commands | cut -f 4)
  while IFS=$'\t' read -r pattern where name text; do
    [[ -n ${pattern} && ${pattern} != '#'* ]] || continue
    grep -qxE -- "${pattern}" <<<"${commands}" || fault "no document says: ${pattern}"
    case ${where} in
      engine) [[ -z ${name} ]] || fault "${pattern}: ops/appliance-smoke types what the document says, and no more" ;;
      never) [[ -n ${name} ]] || fault "${pattern}: why can no test run it?" ;;
      *)
        body=$(body_of "${REPOSITORY}/${where}" "${name}") || fault "${pattern}: ${where} has no test '${name}'"
        [[ -n ${text} ]] && grep -qF -- "${text}" <<<"${body}" || fault "${pattern}: '${name}' in ${where} does not say: ${text}"
        ;;
    esac
  done <"${ELSEWHERE}"
  ((failed == 0))
}

fault() {
  printf '── %s\n' "$1"
  failed=$((failed + 1))
}

# body_of FILE NAME: of a test of bats or Go, or of a function of a shell script.
body_of() {
  awk -v bats="@test \"$2\" {" -v go="func $2(" -v shell="$2() {" '
    $0 == bats || index($0, go) == 1 || $0 == shell { inside = found = 1 }
    inside
    /^}/ { inside = 0 }
    END { exit !found }' "$1"
}

@test "every other command works as the document says it" {
  local file heading kind command failed=0 tried=0 unit='' block=''
  local -A seen=()
  a_machine
  while IFS=$'\t' read -r file heading kind command; do
    [[ ${file} =~ ${DOCUMENTS:-} ]] || continue
    [[ "${file} ${heading} ${kind}" == "${unit}" ]] || block=''
    unit="${file} ${heading} ${kind}"
    command=${command//\\n/$'\n'}
    ! elsewhere "${command}" || continue
    # What a block has set is there for its next lines.
    if [[ ${command} =~ ^(cd\ [^ ]*|[A-Za-z]+=[^\ ]*)$ ]]; then
      block+=${command}$'\n'
      continue
    fi
    [[ -z ${seen[${block}${command}]:-} ]] || continue
    seen[${block}${command}]=1
    tried=$((tried + 1))
    try "${block}${command}" "${file}, ${heading}" || failed=$((failed + 1))
  done < <(documented_commands)
  printf '# %d commands work\n' "$((tried - failed))" >&3
  ((failed == 0 && tried > ${DOCUMENTS:+-}100)) || {
    printf '%d of %d commands fail\n' "${failed}" "${tried}"
    false
  }
}

# try COMMAND WHERE: types it in the folder of the appliance. It must succeed without a complaint, and one that
# picks fields out of a log must find them.
try() {
  local command status=0 said=${BATS_TEST_TMPDIR}/said complained=${BATS_TEST_TMPDIR}/complained
  command=$(sed -E "${HERE[@]}" <<<"$1")
  (cd "${HASURA_LOGIN_ROOT}" && timeout 60 bash -c "${command}") >"${said}" 2>"${complained}" </dev/null || status=$?
  if ((status != 0)); then
    printf '── %s\n   typed: %s\n   status %d: %s\n' "$2" "${command}" "${status}" "$(tail -n 3 "${complained}" "${said}")"
    return 1
  fi
  if grep -qE 'not found|unknown (option|command)|No such|does not know' "${complained}"; then
    printf '── %s\n   typed: %s\n   complains: %s\n' "$2" "${command}" "$(<"${complained}")"
    return 1
  fi
  if [[ ${command} == *'| jq'* ]] && { [[ ! -s ${said} ]] || grep -qE '(^|[:[:space:]])null\b' "${said}"; }; then
    printf '── %s\n   typed: %s\n   does not find what it looks for: %s\n' "$2" "${command}" "$(head -n 2 "${said}")"
    return 1
  fi
}

@test "what login-not-ready.md asks names the part that is missing" {
  local line
  running_appliance
  fill_database
  start_login
  rewrite_names
  line=$(documented_commands | awk -F '\t' '$1 == "runbooks/login-not-ready.md" && /readyz/ { print $4 }')
  assert_same "$(missing)" ''
  as_superuser -c 'ALTER DATABASE hasura ALLOW_CONNECTIONS false' -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'hasura'"
  # Login remembers for a moment how its store was.
  for _ in {1..50}; do
    [[ -z $(missing) ]] || break
    sleep 0.1
  done
  assert_same "$(missing)" store
}

missing() {
  try "${line}" login-not-ready.md
  jq -r 'map_values(select(. != "ok")) | keys[]' "${BATS_TEST_TMPDIR}/said"
}
