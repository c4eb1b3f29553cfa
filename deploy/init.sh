#!/bin/sh
# Makes the secrets of this installation, and gives each folder to the user of our image. Done once: when it is repeated,
# what is there stays as it is. Runs as root, without a network, in a container of its own.
set -eu
umask 077

passwords=${PASSWORDS:-/passwords}
home=${HOME_OF_SUREFILL:-/home-of-surefill}
exchange=${EXCHANGE_FOLDERS:-/exchange}
owner=${OWNER:-10001:10001}

random() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# once FILE: its standard input becomes FILE, unless there is one. A crash leaves none, or all of it.
once() {
  if [ ! -s "$1" ]; then
    cat > "$1.new"
    mv "$1.new" "$1"
  fi
}

for role in postgres temporal surefill; do
  random | once "$passwords/$role"
done
# Every container that gets this folder runs one program, under a user of its own image.
chmod 0755 "$passwords"
chmod 0444 "$passwords"/*

once "$home/.env" << EOF
SUREFILL_DATABASE_URL=postgresql+psycopg://surefill:$(cat "$passwords/surefill")@postgres:5432/surefill
SUREFILL_WEBHOOK_API_KEY=$(random)
SUREFILL_OPERATOR_TOKEN=$(random)
EOF

chown -R "$owner" "$home" "$exchange"
echo "every secret is there"
