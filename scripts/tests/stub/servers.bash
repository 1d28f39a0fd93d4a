# shellcheck shell=bash disable=SC2154 # part of the stub
# Postgres and Redis of the compose file: the real servers that a test started.
unknown "$*"
