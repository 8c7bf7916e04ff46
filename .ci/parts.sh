# Sourced by .ci/run: starts a Docker engine of our own, away from any that the machine has, and ends it by its process
# id. Tests find it by MLGATE_TEST_DOCKER_HOST; registries and the like they start themselves, one a test.
# shellcheck shell=bash

parts_dir=
engine_pid=

start_engine() {
  # A socket's path has at most 108 bytes, so the folder lies under /tmp.
  parts_dir=$(mktemp -d /tmp/mlgate-ci.XXXXXX)
  local socket=$parts_dir/docker.sock deadline=$((SECONDS + 60))
  dockerd --host "unix://$socket" --group root --data-root "$parts_dir/data" --exec-root "$parts_dir/exec" \
    --pidfile "$parts_dir/pid" >"$parts_dir/log" 2>&1 &
  engine_pid=$!
  until curl --silent --fail --max-time 2 --output /dev/null --unix-socket "$socket" http://docker/_ping; do
    if ((SECONDS >= deadline)) || ! kill -0 "$engine_pid" 2>/dev/null; then
      echo "dockerd did not start:" >&2
      tail -n 20 "$parts_dir/log" >&2
      return 1
    fi
    sleep 0.2
  done
  export MLGATE_TEST_DOCKER_HOST="unix://$socket"
  # With this set, a test that lacks its part fails.
  export MLGATE_TEST_REQUIRE_PARTS=1
}

stop_engine() {
  [ -n "$parts_dir" ] || return 0
  kill "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  # An engine that has run a container leaves its network namespace mounted.
  awk -v dir="$parts_dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | xargs --no-run-if-empty umount || true
  rm -rf "$parts_dir"
  parts_dir=
}
