#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, where they are not there yet.
# The folder is yours alone. The files in it can be read by all: compose mounts
# them as they are, and the programs run as other users.
set -eu
umask 022
cd "$(dirname "$0")"
mkdir -p secrets/params
chmod 700 secrets
cd secrets

random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }

[ -s callback-keys ] || echo "k1:$(random)" >callback-keys
[ -s client-secret ] || random >client-secret
[ -s grafana-password ] || random >grafana-password
[ -s postgres-password ] || random >postgres-password
