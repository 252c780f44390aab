# shellcheck shell=bash
# Shared by scripts/run, scripts/test and scripts/bench: what has to be there, and how it gets there.
# Sourced, never run. Needs nothing but what a bare Debian 12 has.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
node_wanted="20.19.0"

# To build and run.
build_packages=(
  build-essential cmake ninja-build ccache pkg-config ca-certificates curl python3
  libpoco-dev libsoci-dev libmysqlcppconn-dev libmariadb-dev libmariadb-dev-compat libsqlite3-dev
  libyaml-cpp-dev libboost-dev libboost-system-dev libboost-filesystem-dev rapidjson-dev
  libsodium-dev libelf-dev libcli11-dev libspdlog-dev libre2-dev libicu-dev libcsv-dev libphonenumber-dev libcurl4-openssl-dev libgmime-3.0-dev libsystemd-dev prometheus-cpp-dev zlib1g-dev
)
# To test, beside those. mariadb-server-core has the server without a service that starts by itself.
test_packages=(
  libgtest-dev libgmock-dev doxygen clang lld libc++-dev libc++abi-dev mariadb-server-core mariadb-client-core
  chromium fonts-noto-cjk python3-yaml python3-jsonschema
)

say() { printf '%s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root to install packages: run as root, or install sudo. Missing: ${missing[*]-}"
  fi
}

# Prints those of its arguments that are not installed.
missing_packages() {
  local installed name
  # dpkg-query fails for a name that it does not know; that is an answer, not an error.
  installed=$({ dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^installed //p')
  for name in "$@"; do
    grep -qxF -- "$name" <<<"$installed" || printf '%s\n' "$name"
  done
}

apt_install() {
  say "Installing Debian packages: $*"
  [ -n "${apt_updated-}" ] || as_root apt-get update -q >&2
  apt_updated=1
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2 ||
    die "apt-get could not install: $*"
}

ensure_packages() {
  command -v dpkg-query >/dev/null || die "is made for Debian 12; elsewhere install these by hand: $*"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

# version_at_least HAVE WANTED
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

node_is_new_enough() {
  local have
  have=$(node --version 2>/dev/null) && version_at_least "${have#v}" "$node_wanted"
}

# Node for the console. Debian 12 ships 18: npm package `node` brings a newer one into build/node.
ensure_node() {
  local bin="$root/build/node/node_modules/node/bin"
  if [ -x "$bin/node" ]; then PATH="$bin:$PATH"; fi
  if node_is_new_enough && command -v npm >/dev/null; then return; fi
  command -v npm >/dev/null || ensure_packages nodejs npm
  if ! node_is_new_enough; then
    say "Installing Node $node_wanted or newer into build/node (Debian's is $(node --version 2>/dev/null || echo missing))"
    mkdir -p "$root/build/node"
    npm install --prefix "$root/build/node" --no-audit --no-fund --no-update-notifier --loglevel=error \
      "node@>=$node_wanted <21" >&2
    PATH="$bin:$PATH"
    hash -r
  fi
  node_is_new_enough || die "the console needs Node $node_wanted or newer; found $(node --version 2>/dev/null || echo none)"
}

# changed_since STAMP FILE_OR_FOLDER...: whether anything there is newer than STAMP. Folders count too, so that a
# deleted file is noticed.
changed_since() {
  local stamp=$1
  shift
  [ -e "$stamp" ] || return 0
  [ -n "$(find "$@" \( -name node_modules -o -name dist -o -name .git \) -prune -o -newer "$stamp" -print -quit 2>/dev/null)" ]
}

native_sources() {
  local name
  for name in CMakeLists.txt CMakePresets.json sdk plugins; do printf '%s\n' "$root/$name"; done
  find "$root/core" -mindepth 1 -maxdepth 1 ! -name console ! -name README.md
}

# build_native PRESET [with-tests]: configures and builds unless nothing changed since the last time. The release is built
# without its tests unless they are asked for; the other presets have them anyway.
build_native() {
  local preset=$1 dir="$root/build/$1" stamp=.built options=() sources
  mapfile -t sources < <(native_sources)
  if [ "$preset" != release ] || [ -n "${2-}" ]; then sources+=("$root/tests"); fi
  if [ -n "${2-}" ]; then stamp=.built-with-tests options=(-DCARAVAN_TESTS=ON); fi
  if [ -z "${always_build-}" ] && ! changed_since "$dir/$stamp" "${sources[@]}"; then return; fi
  mkdir -p "$dir"
  touch "$dir/.started"
  say "Building Caravan ($preset) in build/$preset"
  (cd "$root" && cmake --preset "$preset" ${options[@]+"${options[@]}"} >"$dir/configure.log" 2>&1) ||
    { tail -n 40 "$dir/configure.log" >&2; die "configuring failed; the whole log is build/$preset/configure.log"; }
  cmake --build "$dir" -j "$(nproc)" >&2 || die "building build/$preset failed"
  [ "$stamp" = .built ] || cp -p "$dir/.started" "$dir/.built"
  mv "$dir/.started" "$dir/$stamp"
}

# Modules by lock file, bundle by sources.
install_console_modules() {
  local lock="$root/core/console/package-lock.json" stamp="$root/core/console/node_modules/.caravan-lock"
  if cmp -s "$lock" "$stamp"; then return; fi
  ensure_node
  say "Installing the console's modules"
  (cd "$root/core/console" && npm ci --no-audit --no-fund --no-update-notifier --loglevel=error >&2) || die "npm ci failed in core/console"
  cp "$lock" "$stamp"
}

build_console() {
  local console="$root/core/console" sources
  [ -f "$console/package.json" ] || die "core/console is missing: is the clone complete?"
  mapfile -t sources < <(find "$console" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist ! -name '*.tsbuildinfo')
  if [ -f "$console/dist/index.html" ] && cmp -s "$console/package-lock.json" "$console/node_modules/.caravan-lock" &&
    ! changed_since "$console/dist/.built" "${sources[@]}"; then return; fi
  ensure_node
  install_console_modules
  touch "$root/build/.console-started"
  say "Building the console"
  (cd "$console" && npm run --silent build >&2) || die "npm run build failed in core/console"
  mv "$root/build/.console-started" "$console/dist/.built"
}

# Only one script builds at a time in this tree. The lock is not handed on to what is started later.
with_build_lock() {
  mkdir -p "$root/build"
  exec {lock_fd}>"$root/build/.lock"
  flock -n "$lock_fd" || { say "Waiting for another build in this tree"; flock "$lock_fd"; }
  "$@"
  exec {lock_fd}>&-
}
