#!/bin/sh
# Brings Temporal's two databases to the shape that its version needs; run before each start of the server. A database
# that has the shape stays as it is. Settings: SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER.
set -eu
SQL_PASSWORD=$(cat "${PASSWORDS:-/passwords}/temporal")
export SQL_PASSWORD

# shape DATABASE KIND
shape() {
  temporal-sql-tool --db "$1" setup-schema -v 0.0
  temporal-sql-tool --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

shape temporal temporal
shape temporal_visibility visibility
