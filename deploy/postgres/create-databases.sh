#!/bin/sh
# Run by the postgres image when its data folder is new: a user and databases for Temporal, a user and a database for
# the ledger. Neither can open what belongs to the other.
set -eu
export PASSWORDS="${PASSWORDS:-/passwords}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres << 'SQL'
\set temporal_password `cat "$PASSWORDS/temporal"`
\set surefill_password `cat "$PASSWORDS/surefill"`
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE ROLE surefill LOGIN PASSWORD :'surefill_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
CREATE DATABASE surefill OWNER surefill;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility, surefill FROM PUBLIC;
SQL
