# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Shared by every script here. Sourced, never run:
#   source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/lib/all.bash"

# Scripts set modes explicitly if they matter; this makes all others independent of the operator's
# umask.
umask 022

LIB=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# The appliance's folder; scripts name another one only to work on a copy.
ROOT=${HASURA_LOGIN_ROOT:-$(dirname -- "$(dirname -- "${LIB}")")}
# Where runs keep their state, next to the appliance that it belongs to.
STATE=${ROOT}/.state
readonly LIB ROOT STATE

# shellcheck source=scripts/lib/log.bash
source "${LIB}/log.bash"
# shellcheck source=scripts/lib/trap.bash
source "${LIB}/trap.bash"
# shellcheck source=scripts/lib/options.bash
source "${LIB}/options.bash"
# shellcheck source=scripts/lib/files.bash
source "${LIB}/files.bash"
# shellcheck source=scripts/lib/lock.bash
source "${LIB}/lock.bash"
# shellcheck source=scripts/lib/phase.bash
source "${LIB}/phase.bash"
# shellcheck source=scripts/lib/secrets.bash
source "${LIB}/secrets.bash"
# shellcheck source=scripts/lib/compose.bash
source "${LIB}/compose.bash"
# shellcheck source=scripts/lib/nginx.bash
source "${LIB}/nginx.bash"
# shellcheck source=scripts/lib/probe.bash
source "${LIB}/probe.bash"
# shellcheck source=scripts/lib/replace.bash
source "${LIB}/replace.bash"
# shellcheck source=scripts/lib/sql.bash
source "${LIB}/sql.bash"
# shellcheck source=scripts/lib/releases.bash
source "${LIB}/releases.bash"
# shellcheck source=scripts/lib/images.bash
source "${LIB}/images.bash"
# shellcheck source=scripts/lib/alerts.bash
source "${LIB}/alerts.bash"
