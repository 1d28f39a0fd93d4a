#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash sets names

setup() {
  load setup
  running_appliance
}

new_image() { touch "${WORLD}/images/hasura-login:new"; }

@test "deploy replaces login by the new image and leaves one container of each service" {
  new_image
  script deploy --image hasura-login:new
  assert_status 0
  assert_works
  assert_same "$(world_image "$(world_containers login)")" hasura-login:new
  grep -qx 'HASURA_LOGIN_IMAGE=hasura-login:new' "${HASURA_LOGIN_ROOT}/.env"
}
