#!/usr/bin/env bats
# shellcheck disable=SC2154 # bats sets names
# The steps of a release that need no registry; gh and npm are stand-ins that note how they are called.

setup() {
  cd "${BATS_TEST_TMPDIR}" || return
  mkdir ops dist bin
  cp "${BATS_TEST_DIRNAME}/../../ops/release" ops/release
  printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>gh.calls\n' >bin/gh
  printf '#!/bin/sh\nprintf "%%s\n" "$*" >>"%s/npm.calls"\n' "${PWD}" >bin/npm
  chmod +x bin/gh bin/npm
  PATH="${PWD}/bin:${PATH}"
  cat >CHANGELOG.md <<'CHANGELOG'
# Changelog

## [Unreleased]

- not yet

## [1.2.0] - 2026-11-29

### Added

- a thing

### Breaking

- set a setting

### Fixed

- a fault

## [1.1.0] - 2026-01-01

- long ago
CHANGELOG
}

@test "the notes of a version begin with what an operator must do" {
  VERSION=v1.2.0 ops/release notes
  run cat dist/notes.md
  [[ ${output} == '### Breaking'*'- set a setting'*'Upgrade: '*'### Added'*'- a thing'*'### Fixed'*'- a fault'* ]]
  [[ ${output} != *'not yet'* && ${output} != *'long ago'* ]]
  [[ $(grep -c 'set a setting' dist/notes.md) == 1 ]]
}

@test "a version that is none, and one without a section in the changelog, become no release" {
  for version in '' 1.2.0 v1.2 v1.2.0/x v1.3.0; do
    run env VERSION="${version}" ops/release notes
    [[ ${status} != 0 ]]
    [[ ! -e dist/notes.md ]]
  done
  run env VERSION=v1.2.0 ops/release everything
  [[ ${status} == 2 ]]
}

@test "a release names the image by its digest, and a candidate is no latest release" {
  printf '{\n  "buildx.build.ref": "x",\n  "containerimage.digest": "sha256:%064d",\n  "image.name": "ghcr.io/acme/hasura-login:v1.2.0"\n}\n' 7 >dist/image.json
  touch dist/hasura-login-linux-amd64 dist/SHA256SUMS dist/SHA256SUMS.sigstore.json
  for version in v1.2.0 v1.2.0-rc.1; do
    echo notes >dist/notes.md
    VERSION=${version} OWNER=Acme ops/release publish
    grep -qx "Image: ghcr.io/acme/hasura-login:${version}@sha256:$(printf %064d 7)" dist/notes.md
  done
  run cat gh.calls
  [[ ${lines[0]} == 'release create v1.2.0 --verify-tag '* && ${lines[0]} != *--prerelease* ]]
  [[ ${lines[1]} == 'release create v1.2.0-rc.1 '*' --prerelease '* ]]
  [[ ${lines[0]} == *dist/hasura-login-linux-amd64*dist/SHA256SUMS*dist/SHA256SUMS.sigstore.json ]]
}

@test "the npm package has the version of the service, and a candidate is not what npm installs" {
  mkdir -p clients/js/dist clients/js/src
  touch clients/js/package.json clients/js/README.md clients/js/LICENSE
  VERSION=v1.2.0 OWNER=acme ops/release package
  VERSION=v1.2.0 ops/release registry
  VERSION=v1.3.0-rc.1 ops/release registry
  run cat npm.calls
  [[ ${output} == *'pkg set version=1.2.0 '*'repository.url=git+https://github.com/acme/hasura-login.git'*'pack --pack-destination dist '* ]]
  [[ ${output} == *'--provenance --tag latest ./dist/hasura-login-client-1.2.0.tgz'* ]]
  [[ ${output} == *'--provenance --tag next ./dist/hasura-login-client-1.3.0-rc.1.tgz'* ]]
}
