#!/usr/bin/env bash
# The GitHub action: gets the mlgate binary, verifies its checksum and becomes it. Inputs come as environment
# variables (see action.yml) and are only ever used as quoted words. Anything unclear ends the step.
set -euo pipefail

# On standard error, which the runner reads for commands too, since standard output may be captured here.
fail() {
  local text=$1
  text=${text//'%'/%25}
  text=${text//$'\r'/%0D}
  text=${text//$'\n'/%0A}
  echo "::error title=mlgate::$text" >&2
  exit 2
}

# Owner and name of this action: from where the runner has put it (…/_actions/OWNER/NAME/REF), since the context
# names the outer action when one composite action uses another.
repository() {
  local path=${GITHUB_ACTION_PATH:-}
  if [[ $path =~ /_actions/([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)/ ]]; then
    echo "${BASH_REMATCH[1]}"
  else
    echo "${ACTION_REPOSITORY:-}"
  fi
}

# The version asked for, or the one that this checkout of the action is: right for a tag, a branch and a commit alike.
version() {
  local version=${INPUT_VERSION:-}
  if [[ -z $version ]]; then
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$GITHUB_ACTION_PATH/Cargo.toml" | head -n 1)
  fi
  version=${version#v}
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || fail "'$version' is no version such as 0.1.0"
  echo "$version"
}

asset() {
  [[ ${RUNNER_OS:-} == Linux ]] || fail "mlgate runs on Linux runners, not on ${RUNNER_OS:-this one}; build it from source and give its path as 'binary'"
  case ${RUNNER_ARCH:-} in
    X64) echo mlgate-linux-x86_64 ;;
    ARM64) echo mlgate-linux-aarch64 ;;
    *) fail "there is no mlgate binary for ${RUNNER_ARCH:-this} runners; build it from source and give its path as 'binary'" ;;
  esac
}

fetch() {
  curl --fail --silent --show-error --location --proto '=https,file' --proto-redir '=https' --connect-timeout 20 \
    --max-time 300 --retry 3 --output "$2" -- "$1" || fail "cannot download $1"
}

# Downloads the binary into a fresh folder and puts its path into $binary, once its checksum is right.
install() {
  local version asset base dir stated found
  version=$(version)
  asset=$(asset)
  base=${INPUT_DOWNLOAD_URL:-}
  if [[ -z $base ]]; then
    base=$(repository)
    [[ -n $base ]] || fail "cannot tell which repository's releases to take mlgate from; give 'download-url' or 'binary'"
    base=${GITHUB_SERVER_URL:-https://github.com}/$base/releases/download
  fi
  base=${base%/}/v$version
  dir=$(mktemp -d "${RUNNER_TEMP:-/tmp}/mlgate.XXXXXX")
  fetch "$base/SHA256SUMS" "$dir/SHA256SUMS"
  fetch "$base/$asset" "$dir/mlgate"
  stated=$(awk -v name="$asset" '$2 == name || $2 == "*" name { print $1 }' "$dir/SHA256SUMS")
  [[ $stated =~ ^[0-9a-f]{64}$ ]] || fail "$base/SHA256SUMS states no SHA-256 for $asset"
  found=$(sha256sum -- "$dir/mlgate")
  found=${found%% *}
  [[ $found == "$stated" ]] || fail "$base/$asset has the SHA-256 $found, but its release states $stated; it is not run"
  if [[ -n ${INPUT_SHA256:-} && $found != "$INPUT_SHA256" ]]; then
    fail "$base/$asset has the SHA-256 $found, but the input 'sha256' is $INPUT_SHA256; it is not run"
  fi
  chmod 0755 "$dir/mlgate"
  binary=$dir/mlgate
}

arguments() {
  local command=${INPUT_COMMAND:-run} list=${INPUT_STAGES:-} stages=()
  read -ra stages <<<"${list//[$'\n,']/ }"
  case $command in
    run | check) words=("$command" "${stages[@]}") ;;
    promote)
      [[ -n ${INPUT_ENVIRONMENT:-} ]] || fail "'promote' needs the input 'environment'"
      words=(promote "$INPUT_ENVIRONMENT")
      ;;
    *) fail "the input 'command' is '$command'; it can be run, check or promote" ;;
  esac
  case ${INPUT_DRY_RUN:-false} in
    true) words+=(--dry-run) ;;
    false) ;;
    *) fail "the input 'dry-run' is '$INPUT_DRY_RUN'; it can be true or false" ;;
  esac
  [[ -z ${INPUT_CONFIG:-} ]] || words+=(--config "$INPUT_CONFIG")
  local word
  for word in "${stages[@]}" "${INPUT_ENVIRONMENT:-}"; do
    [[ $word != -* ]] || fail "'$word' is no name of a stage or an environment"
  done
}

words=()
arguments
binary=${INPUT_BINARY:-}
if [[ -z $binary ]]; then
  install
elif [[ $binary != /* ]]; then
  binary=$PWD/$binary
fi
[[ -x $binary ]] || fail "there is no program at $binary"
cd -- "${INPUT_WORKING_DIRECTORY:-.}" || fail "there is no folder ${INPUT_WORKING_DIRECTORY}"
# Signals of the runner reach mlgate itself, and its exit code is the step's.
exec "$binary" "${words[@]}"
