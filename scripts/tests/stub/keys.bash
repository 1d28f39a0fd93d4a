# shellcheck shell=bash disable=SC2154 # part of the stub
# hasura-login keys …, over a file of key ids: the newest first.
unknown "keys $*"
