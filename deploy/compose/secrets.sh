#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, where they are not there yet.
# The folder is yours alone. The files in it can be read by all, like the other
# files that are mounted: compose mounts them as they are, and the programs run
# as other users.
set -eu
umask 022
cd "$(dirname "$0")"
chmod a+r ./*.sh ./*.cfg ./*.yaml
chmod -R a+rX ../observability
chmod a+rX ../../docs ../../docs/*.yaml
mkdir -p secrets/params
chmod -R a+rX secrets/params
chmod 700 secrets
cd secrets

random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

[ -s callback-keys ] || echo "k1:$(random)" >callback-keys
[ -s client-secret ] || random >client-secret
[ -s codec-token ] || random >codec-token
[ -s encryption-keys ] || echo "k1:$(random)" >encryption-keys
[ -s grafana-password ] || random >grafana-password
[ -s postgres-password ] || random >postgres-password
