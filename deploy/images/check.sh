#!/usr/bin/env bash
# Whether an image holds a Nova that serves, as the chart runs it: not root, and writing nowhere but where it may.
#   deploy/images/check.sh IMAGE
set -euo pipefail

image=$1
nova=nova-check-$$
# The two emptyDirs of a pod. The engines are those of the packages, the certificates those for development.
pod=(--read-only --tmpfs /tmp --tmpfs /var/lib/nova:uid=10001,mode=0750)
rooms=(identity:7001 user:7002 graph:7003 social:7004 content:7005 features:7011 ranking:7012 feed:7013)
ready_s=300
end_s=60

test "$(docker run --rm --entrypoint id "$image" -u)" = 10001
docker run --rm "${pod[@]}" "$image" config > /dev/null
docker run --rm "${pod[@]}" "$image" doctor

trap 'docker logs "$nova" || true; docker rm --force "$nova" > /dev/null || true' EXIT
docker run --detach --name "$nova" "${pod[@]}" "$image" up --processes --world none > /dev/null
for ((waited_s = 0; ; waited_s += 2)); do
    docker exec "$nova" nova status && break
    test "$(docker inspect --format '{{.State.Running}}' "$nova")" = true
    test "$waited_s" -lt "$ready_s"
    sleep 2
done

# Each room over mutual TLS, by the probe that the chart asks it by.
for room in "${rooms[@]}"; do
    files=/var/lib/nova/certificates/${room%:*}
    docker exec "$nova" grpc-health-probe -addr="127.0.0.1:${room#*:}" -tls -tls-server-name="${room%:*}.nova.internal" \
        -tls-ca-cert="$files/ca.crt" -tls-client-cert="$files/tls.crt" -tls-client-key="$files/tls.key"
done

# An end in good order is 0: by the signal that the image names, within the time that a pod has.
docker stop --time "$end_s" "$nova" > /dev/null
test "$(docker inspect --format '{{.State.ExitCode}}' "$nova")" = 0
