#!/bin/sh
# Postgres' archive_command: spool-wal.sh PATH NAME SPOOL. Puts the file into SPOOL, by cluster, for
# scripts/archive-wal to encrypt and remove. A file there is complete, and never overwritten by
# another one of the same name: Postgres would continue as if both were archived.
set -eu
export LC_ALL=C
umask 077
path=$1 name=$2 spool=$3
# KiB. If nothing empties the spool, sign-ins matter more than the archive.
most=1048576

cluster=$(pg_controldata . | sed -n 's/^Database system identifier: *//p')
folder=${spool}/${cluster:?}
hash=$(sha256sum "${path}" | cut -c 1-32)
whole=${folder}/${name}-${hash}.gz
mkdir -p "${folder}"
# Archived before a crash.
if [ -e "${whole}" ]; then exit 0; fi
for other in "${folder}/${name}"-*.gz; do
  if [ -e "${other}" ]; then
    echo "another ${name} is in the spool: two servers have written this cluster's WAL" >&2
    exit 1
  fi
done
used=$(du -sk "${spool}" | cut -f 1)
if [ "${used}" -ge "${most}" ]; then
  : >"${spool}/dropped"
  echo "the spool is full and ${name} is dropped: scripts/archive-wal has not emptied it" >&2
  exit 0
fi
gzip -n <"${path}" >"${folder}/.${name}"
sync "${folder}/.${name}"
mv "${folder}/.${name}" "${whole}"
sync "${folder}"
