#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup

milliseconds() { date +%s%3N; }

# Runs a command and kills it, with SIGKILL and alone, at a random point of so many milliseconds.
killed_within() {
  local after=$((RANDOM * $1 / 32768)) pid
  shift
  "$@" >/dev/null 2>&1 &
  pid=$!
  sleep "$((after / 1000)).$(printf '%03d' "$((after % 1000))")"
  kill -KILL "${pid}" 2>/dev/null || true
  wait "${pid}" 2>/dev/null || true
}

# Every release is another image, so a deploy has all to do; half of them change hasura too.
next_release() {
  release=$((release + 1))
  touch "${WORLD}/images/hasura-login:r${release}"
  if ((release % 2)); then echo "${release}" >"${WORLD}/settings/hasura"; fi
}

# kill_deploys COUNT SEED, in an appliance of its own
kill_deploys() {
  local release=0 round begun whole
  BATS_TEST_TMPDIR=${BATS_TEST_TMPDIR}/$2
  mkdir "${BATS_TEST_TMPDIR}"
  running_appliance
  RANDOM=$2
  next_release
  begun=$(milliseconds)
  "${SCRIPTS}/deploy" --image "hasura-login:r${release}" 2>/dev/null
  whole=$(($(milliseconds) - begun))
  for ((round = 1; round <= $1; round++)); do
    next_release
    killed_within "${whole}" "${SCRIPTS}/deploy" --image "hasura-login:r${release}"
    # Now and then the run that takes it up is killed too.
    if ((round % 5 == 0)); then
      killed_within "${whole}" "${SCRIPTS}/deploy" --image "hasura-login:r${release}"
    fi
    run "${SCRIPTS}/deploy" --image "hasura-login:r${release}"
    assert_status 0
    assert_works
    assert_same "$(world_image "$(world_containers login)")" "hasura-login:r${release}"
    assert_same "$(find "${HASURA_LOGIN_ROOT}" -type f \( -name '*.phase' -o -name 'unread-*' \))" ''
  done
}

@test "after each of 50 deploys killed at a random point the next run ends in a working state" {
  local lane
  kill_deploys 25 11 >"${BATS_TEST_TMPDIR}/lane.out" 2>&1 &
  lane=$!
  kill_deploys 25 12
  wait "${lane}" || {
    cat "${BATS_TEST_TMPDIR}/lane.out"
    false
  }
}

@test "a deploy stopped by SIGTERM puts things back by itself" {
  running_appliance
  touch "${WORLD}/images/hasura-login:new"
  "${SCRIPTS}/deploy" --image hasura-login:new >"${BATS_TEST_TMPDIR}/out" 2>&1 &
  local pid=$!
  until grep -q 'replace login' "${BATS_TEST_TMPDIR}/out"; do sleep 0.01; done
  kill -TERM "${pid}"
  wait "${pid}" && status=0 || status=$?
  assert_same "${status}" 143
  assert_works
  assert_same "$(world_image "$(world_containers login)")" hasura-login:old
}
