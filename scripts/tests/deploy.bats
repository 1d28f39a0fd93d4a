#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup

setup() {
  running_appliance
  touch "${WORLD}/images/hasura-login:new"
}

login_image() { world_image "$(world_containers login)"; }

@test "deploy replaces login by the new image and leaves one container of each service" {
  script deploy --image hasura-login:new
  assert_status 0
  assert_works
  assert_same "$(login_image)" hasura-login:new
  grep -qx 'HASURA_LOGIN_IMAGE=hasura-login:new' "${HASURA_LOGIN_ROOT}/.env"
}

@test "deploy migrates before it replaces, and checks the configuration before it migrates" {
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(grep -oE 'run --rm -T --no-deps (login check|migrate)|--scale login=2' "${WORLD}/calls" | paste -sd '|' -)" \
    'run --rm -T --no-deps login check|run --rm -T --no-deps migrate|--scale login=2'
}

# A migration may name a role that the release before does not have.
@test "deploy gives Postgres this release's roles before it migrates" {
  script deploy --image hasura-login:new
  assert_status 0
  local roles migrate
  roles=$(grep -nE 'exec -T postgres psql .*--dbname=hasura' "${WORLD}/calls" | head -n 1 | cut -d: -f1)
  migrate=$(grep -n 'run --rm -T --no-deps migrate' "${WORLD}/calls" | head -n 1 | cut -d: -f1)
  ((roles < migrate))
}

@test "deploy stops the old container only after nginx has loaded the new one" {
  script deploy --image hasura-login:new
  assert_status 0
  local reload stop
  reload=$(grep -nE 'nginx/reload.sh' "${WORLD}/calls" | head -n 1 | cut -d: -f1)
  stop=$(grep -nE '^stop ' "${WORLD}/calls" | head -n 1 | cut -d: -f1)
  ((reload < stop))
}

@test "a second deploy of the same release replaces nothing" {
  script deploy --image hasura-login:new
  local before
  before=$(world_containers login)
  script deploy --image hasura-login:new
  assert_status 0
  assert_says 'login runs this release already'
  assert_same "$(world_containers login)" "${before}"
  assert_works
}

@test "deploy replaces hasura when its settings changed" {
  echo changed >"${WORLD}/settings/hasura"
  script deploy --image hasura-login:old
  assert_status 0
  assert_same "$(world_containers hasura)" hasura-login-hasura-2
  assert_works
}

@test "deploy builds an image that is not there, named after the commit" {
  git -C "${HASURA_LOGIN_ROOT}" init -q
  git -C "${HASURA_LOGIN_ROOT}" -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m one
  script deploy
  assert_status 0
  assert_same "$(login_image)" "hasura-login:$(git -C "${HASURA_LOGIN_ROOT}" describe --always --abbrev=12)"
  called 'build login'
}

@test "files that deploys write do not change a commit's image; the image's sources do" {
  git -C "${HASURA_LOGIN_ROOT}" init -q
  mkdir "${HASURA_LOGIN_ROOT}/app"
  git -C "${HASURA_LOGIN_ROOT}" add nginx
  git -C "${HASURA_LOGIN_ROOT}" -c user.name=t -c user.email=t@example.org commit -q -m one
  sed -i 's/login:3000/hasura-login-login-7:3000/' "${HASURA_LOGIN_ROOT}/nginx/upstreams/login.conf"
  script deploy --dry-run
  assert_says "get the image hasura-login:$(git -C "${HASURA_LOGIN_ROOT}" describe --always --abbrev=12)"$'\n'
  touch "${HASURA_LOGIN_ROOT}/app/main.go"
  script deploy --dry-run
  assert_says '-dirty'
}

@test "deploy pulls an image of a registry" {
  publish registry.example.org/login:7
  script deploy --image registry.example.org/login:7
  assert_status 0
  called '^pull registry.example.org/login:7'
  assert_same "$(login_image)" registry.example.org/login:7
}

@test "a new image that is never healthy leaves the old one serving" {
  echo hasura-login:new >"${WORLD}/sick"
  script deploy --image hasura-login:new
  assert_status 1
  assert_says 'putting things back'
  assert_works
  assert_same "$(login_image)" hasura-login:old
  grep -qx 'HASURA_LOGIN_IMAGE=hasura-login:old' "${HASURA_LOGIN_ROOT}/.env"
}

@test "a new image that is healthy but refuses a signed-in request leaves the old one serving" {
  echo hasura-login:new >"${WORLD}/refusing"
  script deploy --image hasura-login:new
  assert_status 1
  assert_works
  assert_same "$(login_image)" hasura-login:old
}

@test "when hasura cannot be replaced, login goes back to the image before" {
  echo changed >"${WORLD}/settings/hasura"
  echo 'hasura:2' >"${WORLD}/settings/hasura.image"
  echo 'hasura:2' >"${WORLD}/refusing"
  script deploy --image hasura-login:new
  assert_status 1
  assert_works
  assert_same "$(login_image)" hasura-login:old
  assert_same "$(world_image "$(world_containers hasura)")" "hasura:1@$(digest 1)"
}

@test "a failing migration changes nothing" {
  echo 'run --rm -T --no-deps migrate' >"${WORLD}/fail"
  script deploy --image hasura-login:new
  assert_status 1
  assert_says 'ended with status 1'
  assert_works
  assert_same "$(world_containers login)" hasura-login-login-1
}

@test "a configuration the new login refuses changes nothing" {
  echo 'login check' >"${WORLD}/fail"
  script deploy --image hasura-login:new
  assert_status 1
  never_called 'migrate'
  assert_works
}

@test "files nginx refuses leave the old container serving" {
  echo 'nginx/reload.sh' >"${WORLD}/fail"
  script deploy --image hasura-login:new
  assert_status 1
  assert_same "$(<"${WORLD}/nginx/login")" login
  grep -q 'server hasura-login-login-1:\|server login:' "${HASURA_LOGIN_ROOT}/nginx/upstreams/login.conf"
  [[ $(<"${WORLD}/containers/hasura-login-login-1/state") == running ]]
}

@test "deploy brings addresses to their form, and says so when some keep theirs" {
  script deploy --image hasura-login:new
  assert_status 0
  grep -q 'users normalize' "${WORLD}/calls"
  [[ ${output} != *'old form'* ]]
  touch "${WORLD}/old-addresses"
  script deploy --image hasura-login:new
  assert_status 0
  assert_says 'some addresses keep an old form'
}

@test "deploy refuses to begin when a service does not run" {
  rm -r "${WORLD}/containers/hasura-login-hasura-1"
  script deploy --image hasura-login:new
  assert_status 1
  assert_says 'hasura does not run'
  never_called 'migrate'
}

@test "deploy refuses to begin when a secret is missing" {
  rm "${HASURA_LOGIN_ROOT}/secrets/login/edge_secret"
  script deploy --image hasura-login:new
  assert_status 1
  assert_says 'secrets/login/edge_secret'
}

@test "deploy leaves nginx alone unless told, and says so" {
  echo changed >"${WORLD}/settings/nginx"
  script deploy --image hasura-login:new
  assert_status 0
  assert_says 'scripts/deploy --with-nginx'
  never_called 'up .* nginx'
  script deploy --image hasura-login:new --with-nginx
  assert_status 0
  called 'up .* nginx'
  assert_works
}

@test "deploy --dry-run changes nothing and says what it would do" {
  local before
  before=$(find "${HASURA_LOGIN_ROOT}" "${WORLD}/containers" -type f | sort | xargs sha256sum)
  script deploy --image hasura-login:new --dry-run
  assert_status 0
  assert_says 'would replace login, if it changed'
  never_called ' up | run --rm|build|pull|^stop|^rm'
  assert_same "$(find "${HASURA_LOGIN_ROOT}" "${WORLD}/containers" -type f | sort | xargs sha256sum)" "${before}"
}

@test "two deploys do not run at once" {
  mkdir -p "${HASURA_LOGIN_ROOT}/.state"
  exec 8>"${HASURA_LOGIN_ROOT}/.state/lock"
  flock 8
  run timeout 2 "${SCRIPTS}/deploy" --image hasura-login:new 8>&-
  [[ ${status} == 124 || ${status} == 143 ]]
  assert_says 'waiting'
  never_called migrate
}

@test "a stranger's second container of login is drained and removed" {
  docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach --scale login=2 login
  "${SCRIPTS}/lib/replace-service" login
  assert_works
}

@test "replace-service takes over when the container nginx names is dead" {
  "${SCRIPTS}/lib/replace-service" login
  docker stop "$(world_containers login)"
  "${SCRIPTS}/lib/replace-service" login
  assert_works
}

@test "replace-service refuses services that publish ports or hold data" {
  script lib/replace-service postgres
  assert_status 2
  assert_says 'only login and hasura'
}

@test "rollback deploys the release before, or the one that is named, with its files" {
  local release
  script deploy --image hasura-login:old
  echo '# of the old release' >>"${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
  sleep 1
  script deploy --image hasura-login:old
  sleep 1
  echo '# of the new release' >"${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
  script deploy --image hasura-login:new
  assert_same "$(login_image)" hasura-login:new
  script rollback
  assert_status 0
  assert_same "$(login_image)" hasura-login:old
  assert_works
  grep -q 'of the old release' "${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
  # To another one, by its name.
  release=$(grep -lxF hasura-login:new "${HASURA_LOGIN_ROOT}"/.state/releases/*/image)
  script rollback "$(basename "${release%/image}")"
  assert_status 0
  assert_same "$(login_image)" hasura-login:new
  grep -q 'of the new release' "${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
}

@test "a rollback that fails leaves the files of now" {
  script deploy --image hasura-login:old
  sleep 1
  echo '# of the new release' >"${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
  script deploy --image hasura-login:new
  echo hasura-login:old >"${WORLD}/refusing"
  script rollback
  assert_status 1
  assert_same "$(login_image)" hasura-login:new
  grep -q 'of the new release' "${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
  assert_works
}

@test "rollback without an earlier release says so" {
  script rollback
  assert_status 1
  assert_says 'no earlier release'
}

@test "only the newest five releases are remembered" {
  local number
  for number in 1 2 3 4 5 6 7; do
    mkdir -p "${HASURA_LOGIN_ROOT}/.state/releases/2026010${number}T000000Z-x"
  done
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(find "${HASURA_LOGIN_ROOT}/.state/releases" -mindepth 1 -maxdepth 1 | wc -l)" 5
}

@test "the nginx that runs joins a network that a release brings, before Hasura moves there" {
  local nginx
  nginx=$(world_containers nginx)
  echo other >"${WORLD}/settings/hasura"
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(<"${WORLD}/containers/${nginx}/networks")" hasura-login_inside
  [[ $(grep -n 'network connect' "${WORLD}/calls" | cut -d : -f 1) -lt $(grep -n 'hasura=2' "${WORLD}/calls" | cut -d : -f 1) ]]
  script deploy --image hasura-login:new
  assert_same "$(wc -l <"${WORLD}/containers/${nginx}/networks")" 1
}
