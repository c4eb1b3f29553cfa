#!/bin/sh
# Starts the Temporal server; its image takes the database's password from the environment only.
set -eu
POSTGRES_PWD=$(cat "${PASSWORDS:-/passwords}/temporal")
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh
