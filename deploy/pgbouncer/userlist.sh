#!/bin/sh
# Writes PgBouncer's list of users to standard output: a line for each file of a folder, whose name is a role and whose
# first line is its password.
#
#   userlist.sh FOLDER
set -eu

for file in "$1"/*; do
    line=$(sed -n 1p "$file")
    # A quote within quotes is spelt twice.
    printf '"%s" "%s"\n' "${file##*/}" "$(printf %s "$line" | tr -d '\r' | sed 's/"/""/g')"
done
