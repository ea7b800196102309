#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: Postgres and Redis servers, gateways, Chromium, shells, mandoc, Node 20 or newer with npm. Does
# nothing where all is there. Where it may not install, it says in one line what to install.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin # where Debian puts servers, which not everybody's PATH has

# have PROGRAM: is it on the PATH, or where the systems' packages put Postgres's own programs?
have() {
  command -v "$1" >/dev/null && return
  compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null && return
  compgen -G "/opt/homebrew/opt/postgresql@*/bin/$1" >/dev/null && return
  compgen -G "/usr/local/opt/postgresql@*/bin/$1" >/dev/null
}

node_is_new() {
  local version
  version=$(node --version 2>/dev/null) && version=${version#v} && [ "${version%%.*}" -ge 20 ]
}

debian=() brew=()
need() { # need PROGRAM HOMEBREW-FORMULA DEBIAN-PACKAGE...
  have "$1" && return
  brew+=("$2")
  debian+=("${@:3}")
}
need postgres postgresql@17 postgresql
need initdb postgresql@17 postgresql
need redis-server redis redis-server
need node node nodejs
need npm node npm
need curl curl curl
need nginx nginx nginx # the gateways that deploy/gateways is for
need caddy caddy caddy
need haproxy haproxy haproxy
need chromium chromium chromium # the browser that the pages are tried in
need zsh zsh zsh # shells that completion is tried in, beside bash
need fish fish fish
need mandoc mandoc mandoc # which judges the man page
need cc gcc gcc libc6-dev # the race detector
if [ ${#debian[@]} -eq 0 ] && node_is_new; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
  if [ ${#debian[@]} -gt 0 ]; then
    echo "installing ${debian[*]}"
    # The tests start servers of their own; Debian's need not run.
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      echo "create_main_cluster = false" | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    # Through env, since sudo drops our environment.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${debian[@]}" >/dev/null
    hash -r
  fi
  if ! node_is_new; then # Debian 12 and Ubuntu 24.04 have Node 18, older ones older ones
    echo "installing a newer node"
    "${as_root[@]}" npm install --global --silent --no-fund --no-audit node@22 >/dev/null
    hash -r
  fi
elif command -v brew >/dev/null && [ ${#brew[@]} -gt 0 ]; then
  echo "installing ${brew[*]}"
  brew install --quiet "${brew[@]}"
fi
if have postgres && have initdb && have redis-server && have nginx && have caddy && have haproxy && have chromium && have zsh && have fish && have mandoc && node_is_new && have npm && have curl && have cc; then exit 0; fi
echo "the tests need programs that are not here; install: ${debian[*]-} node (20 or newer), by Debian's names" >&2
exit 1
