#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names
# Which images run, and how a fix of one of them reaches a running installation.

load setup

setup() {
  running_appliance
  touch "${WORLD}/images/hasura-login:new"
}

env_of() { sed -n "s/^$1=//p" "${HASURA_LOGIN_ROOT}/.env"; }
release_names() { sed -i "s|^$1=.*|$1=$2|" "${HASURA_LOGIN_ROOT}/.env.example"; }
env_names() { sed -i "s|^$1=.*|$1=$2|" "${HASURA_LOGIN_ROOT}/.env"; }
image_that_runs() { world_image "$(world_containers "$1")"; }

@test "a deploy takes the images of a newer release, pinned to the pulled digests" {
  release_names HASURA_IMAGE hasura:2
  release_names HASURA_MIGRATE_IMAGE hasura:2.cli-migrations-v3
  publish hasura:2 2
  publish hasura:2.cli-migrations-v3 3
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(env_of HASURA_IMAGE)" "hasura:2@$(digest 2)"
  assert_same "$(env_of HASURA_MIGRATE_IMAGE)" "hasura:2.cli-migrations-v3@$(digest 3)"
  assert_same "$(image_that_runs hasura)" "hasura:2@$(digest 2)"
  assert_works
}

@test "a deploy leaves an operator's newer tag, mirror, kind of tag and major version of Postgres" {
  local setting
  env_names HASURA_IMAGE hasura:3
  publish hasura:3 3
  env_names NGINX_IMAGE mirror.example.org:5000/nginx:1.0
  publish mirror.example.org:5000/nginx:1.0 4
  release_names NGINX_IMAGE nginx:2
  env_names HASURA_MIGRATE_IMAGE hasura:1-own
  publish hasura:1-own 5
  release_names HASURA_MIGRATE_IMAGE hasura:2.cli-migrations-v3
  release_names HASURA_IMAGE hasura:2
  release_names POSTGRES_IMAGE postgres:2
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(env_of HASURA_IMAGE)" "hasura:3@$(digest 3)"
  assert_same "$(env_of NGINX_IMAGE)" "mirror.example.org:5000/nginx:1.0@$(digest 4)"
  assert_same "$(env_of HASURA_MIGRATE_IMAGE)" "hasura:1-own@$(digest 5)"
  assert_same "$(env_of POSTGRES_IMAGE)" "postgres:1@$(digest 1)"
}

@test "versions are compared as numbers: 1.30.10 is newer than 1.30.7" {
  env_names NGINX_IMAGE nginx:1.30.7
  release_names NGINX_IMAGE nginx:1.30.10
  publish nginx:1.30.10 2
  script deploy --image hasura-login:new
  assert_same "$(env_of NGINX_IMAGE)" "nginx:1.30.10@$(digest 2)"
  release_names NGINX_IMAGE nginx:1.30.9
  script deploy --image hasura-login:new
  assert_same "$(env_of NGINX_IMAGE)" "nginx:1.30.10@$(digest 2)"
}

@test "a deploy gives a setting that .env does not have this release's image" {
  sed -i '/^HASURA_MIGRATE_IMAGE=/d' "${HASURA_LOGIN_ROOT}/.env"
  publish hasura:1.cli-migrations-v3 2
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(env_of HASURA_MIGRATE_IMAGE)" "hasura:1.cli-migrations-v3@$(digest 2)"
}

@test "without a registry an image that is here is taken by its tag, with a warning; another stops the deploy" {
  env_names NGINX_IMAGE nginx:1
  touch "${WORLD}/images/nginx:1"
  script deploy --image hasura-login:new
  assert_status 0
  assert_says 'nginx:1 is not pinned'
  release_names NGINX_IMAGE nginx:2
  cp "${HASURA_LOGIN_ROOT}/.env" "${BATS_TEST_TMPDIR}/before"
  script deploy --image hasura-login:new
  assert_status 1
  assert_says 'nginx:2 cannot be pulled'
  assert_works
  sort "${HASURA_LOGIN_ROOT}/.env" | diff - <(sort "${BATS_TEST_TMPDIR}/before")
}

@test "a deploy that fails, or is killed, puts the images back too" {
  release_names HASURA_IMAGE hasura:2
  publish hasura:2 2
  echo "hasura:2@$(digest 2)" >"${WORLD}/refusing"
  script deploy --image hasura-login:new
  assert_status 1
  assert_works
  assert_same "$(env_of HASURA_IMAGE)" "hasura:1@$(digest 1)"
  assert_same "$(image_that_runs hasura)" "hasura:1@$(digest 1)"
  "${SCRIPTS}/deploy" --image hasura-login:new >/dev/null 2>&1 &
  until [[ $(env_of HASURA_IMAGE) == hasura:2* ]]; do sleep 0.02; done
  kill -KILL $!
  release_names HASURA_IMAGE hasura:1
  script deploy --image hasura-login:new
  assert_status 0
  assert_same "$(env_of HASURA_IMAGE)" "hasura:1@$(digest 1)"
  assert_same "$(image_that_runs hasura)" "hasura:1@$(digest 1)"
}

@test "a deploy says that Postgres runs on with its image, and how to bring it" {
  release_names POSTGRES_IMAGE postgres:1.1
  env_names POSTGRES_IMAGE postgres:1.0
  publish postgres:1.1 2
  script deploy --image hasura-login:new
  assert_status 0
  assert_says 'postgres has a new image or settings. At a quiet hour: scripts/update-image postgres'
  script update-image postgres
  assert_status 0
  assert_same "$(image_that_runs postgres)" "postgres:1.1@$(digest 2)"
}

@test "update-image brings one service to a tag, by its digest, and proves the whole" {
  publish nginx:1.30.8 2
  script update-image nginx 1.30.8
  assert_status 0
  assert_same "$(env_of NGINX_IMAGE)" "nginx:1.30.8@$(digest 2)"
  assert_same "$(image_that_runs nginx)" "nginx:1.30.8@$(digest 2)"
  assert_says "nginx runs nginx:1.30.8@$(digest 2)"
  assert_works
  script update-image nginx "1.30.9@$(digest 4)"
  assert_status 0
  assert_same "$(image_that_runs nginx)" "nginx:1.30.9@$(digest 4)"
}

@test "update-image replaces hasura without a pause, and its migrations job follows" {
  publish hasura:2 2
  publish hasura:2.cli-migrations-v3 3
  script update-image hasura 2
  assert_status 0
  assert_same "$(env_of HASURA_MIGRATE_IMAGE)" "hasura:2.cli-migrations-v3@$(digest 3)"
  called 'scale hasura=2'
  assert_same "$(image_that_runs hasura)" "hasura:2@$(digest 2)"
  assert_works
}

@test "update-image puts back an image that does not come up, or whose proof fails" {
  publish nginx:2 2
  echo "nginx:2@$(digest 2)" >"${WORLD}/sick"
  script update-image nginx 2
  assert_status 1
  assert_says "as before: nginx runs nginx:1@$(digest 1)"
  assert_same "$(image_that_runs nginx)" "nginx:1@$(digest 1)"
  publish hasura:2 2
  publish hasura:2.cli-migrations-v3 3
  echo "hasura:2@$(digest 2)" >"${WORLD}/refusing"
  script update-image hasura 2
  assert_status 1
  assert_same "$(image_that_runs hasura)" "hasura:1@$(digest 1)"
  assert_same "$(env_of HASURA_MIGRATE_IMAGE)" "hasura:1.cli-migrations-v3@$(digest 1)"
  assert_works
}

@test "update-image that was killed is taken back by the next, which begins again" {
  publish nginx:2 2
  "${SCRIPTS}/update-image" nginx 2 >/dev/null 2>&1 &
  until [[ $(env_of NGINX_IMAGE) == nginx:2* ]]; do sleep 0.02; done
  kill -KILL $!
  wait $! || true
  rm "${WORLD}/registry/nginx:2"
  publish nginx:3 3
  script update-image nginx 3
  assert_status 0
  assert_same "$(image_that_runs nginx)" "nginx:3@$(digest 3)"
  [[ -z $(find "${HASURA_LOGIN_ROOT}/.state" -name '*.images' -o -name '*.phase') ]]
}

@test "update-image refuses login, the job, an unused service, a bad tag, and a major version of Postgres" {
  local arguments
  for arguments in 'login 2' 'migrate 2' 'grafana 2' 'nginx a/b:1' 'nginx 1;2'; do
    # shellcheck disable=SC2086 # two arguments
    script update-image ${arguments}
    assert_status 2
  done
  script update-image postgres 18.4
  assert_status 1
  assert_says 'docs/runbooks/upgrade.md'
  never_called '^pull'
}

@test "resolve-digests pins the tags that .env has, which may be newer than the release's, and no other" {
  local before
  env_names NGINX_IMAGE nginx:1.30.8
  env_names HASURA_IMAGE "hasura:1@$(digest 1)"
  sed -i '/^POSTGRES_IMAGE=/d' "${HASURA_LOGIN_ROOT}/.env"
  publish nginx:1.30.8 2
  publish hasura:1 6
  publish hasura:1.cli-migrations-v3 1
  before=$(sort "${HASURA_LOGIN_ROOT}/.env")
  script resolve-digests
  assert_status 1
  assert_says 'postgres:1'
  assert_same "$(sort "${HASURA_LOGIN_ROOT}/.env")" "${before}"
  publish postgres:1 5
  script resolve-digests
  assert_status 0
  assert_same "$(env_of NGINX_IMAGE)" "nginx:1.30.8@$(digest 2)"
  assert_same "$(env_of HASURA_IMAGE)" "hasura:1@$(digest 6)"
  assert_same "$(env_of POSTGRES_IMAGE)" "postgres:1@$(digest 5)"
  assert_same "$(env_of HASURA_LOGIN_IMAGE)" hasura-login:old
}

@test "every image setting of the example belongs to a service of the compose file, and back" {
  run diff <(
    # shellcheck source=scripts/lib/images.bash
    source "${SCRIPTS}/lib/images.bash"
    while IFS= read -r service; do setting_of "${service}"; done < <(awk '/^services:/ { on = 1; next } /^[a-z]/ { on = 0 } on && /^  [a-z-]+:$/ { sub(":", ""); print $1 }' "${REPOSITORY}/docker-compose.prod.yml") | sort -u
  ) <(sed -n 's/^\([A-Z_]*_IMAGE\)=.*/\1/p' "${REPOSITORY}/.env.example" | grep -vx GO_IMAGE | sort -u)
  assert_status 0
}
