#!/bin/sh
# Makes the namespace and our search attributes, unless they are there; a retention that somebody changed stays.
# Settings: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE.
set -eu
: "${TEMPORAL_NAMESPACE:=default}"
export TEMPORAL_NAMESPACE

# patiently COMMAND...: again until it works, for a minute. A new namespace is not known everywhere at once.
patiently() {
  tries=1
  until "$@"; do
    [ "$tries" -lt 20 ] || return 1
    tries=$((tries + 1))
    sleep 3
  done
}

patiently temporal operator cluster health
if ! temporal operator namespace describe -n "$TEMPORAL_NAMESPACE" > /dev/null 2>&1; then
  temporal operator namespace create -n "$TEMPORAL_NAMESPACE" --retention 30d
fi
# What is there already is no error.
patiently temporal operator search-attribute create \
  --name TradeStatus --type Keyword \
  --name Symbol --type Keyword \
  --name Side --type Keyword \
  --name Strategy --type Keyword \
  --name Venue --type Keyword \
  --name Account --type Keyword
echo "namespace $TEMPORAL_NAMESPACE is ready"
