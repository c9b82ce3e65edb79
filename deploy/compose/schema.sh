#!/bin/sh
# Makes Temporal's two databases and brings their tables up to this version.
set -eu

export SQL_PLUGIN=postgres12 SQL_HOST=${SQL_HOST:-postgresql} SQL_PORT=${SQL_PORT:-5432} SQL_USER=temporal
SQL_PASSWORD=$(cat "${PASSWORD_FILE:-/run/secrets/postgres-password}")
export SQL_PASSWORD
schema=${SCHEMA:-/etc/temporal/schema/postgresql/v12}

temporal-sql-tool --db temporal create || {
	echo "PostgreSQL does not let Temporal in. Its volume keeps the password that it was made with: where that file was" \
		"made anew since, put the old one back, or remove what was kept with docker compose --profile full down --volumes" >&2
	exit 1
}
temporal-sql-tool --db temporal setup-schema -v 0.0
temporal-sql-tool --db temporal update-schema -d "$schema/temporal/versioned"

temporal-sql-tool --db temporal_visibility create
temporal-sql-tool --db temporal_visibility setup-schema -v 0.0
temporal-sql-tool --db temporal_visibility update-schema -d "$schema/visibility/versioned"
