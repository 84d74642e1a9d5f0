# shellcheck shell=bash
# The Debian packages that building, running and testing need. Installs only what is missing, and nothing at all (no
# root, no network) when nothing is. Packages bring system services; those are kept from starting and are switched off
# if and only if it was us who brought them.

packages_needed=(
    # build
    gcc libc6-dev cmake ninja-build pkg-config clang-format
    libh2o-evloop-dev libhiredis-dev librdkafka-dev default-libmysqlclient-dev libcmocka-dev libjansson-dev
    libcyaml-dev libyaml-dev libxxhash-dev libcurl4-openssl-dev libssl-dev zlib1g-dev
    # run
    maven openjdk-17-jre-headless redis-server redis-tools mariadb-server mariadb-client haproxy kcat curl
    ca-certificates
    # test
    prometheus python3 python3-pytest python3-pymysql python3-redis python3-yaml python3-jsonschema
    spin valgrind clang libclang-rt-14-dev liblua5.1-0-dev
)

packages_missing() {
    local installed name
    installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii //p')
    for name in "${packages_needed[@]}"; do
        grep -qx "$name" <<<"$installed" || echo "$name"
    done
}

packages_as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "packages are missing and need root: run as root once, or install sudo, or: apt-get install ${missing[*]}"
    fi
}

# While apt runs no service may start; a policy that is there already (containers have one) is left as it is.
packages_forbid_services() {
    [[ -e /usr/sbin/policy-rc.d ]] && return 0
    printf '#!/bin/sh\nexit 101\n' | packages_as_root tee /usr/sbin/policy-rc.d >/dev/null
    packages_as_root chmod 0755 /usr/sbin/policy-rc.d
    trap 'packages_as_root rm -f /usr/sbin/policy-rc.d' EXIT
}

# Of the packages we have just brought: their services must not come up at the next boot either.
packages_disable_services() {
    local package unit
    [[ -d /run/systemd/system ]] || return 0
    for package in "${missing[@]}"; do
        case $package in
        mariadb-server) unit=mariadb ;;
        redis-server | haproxy | prometheus) unit=$package ;;
        *) continue ;;
        esac
        packages_as_root systemctl disable --now "$unit" >/dev/null 2>&1 || warn "could not switch off the system service $unit"
    done
}

packages_apt() {
    local log=$1
    shift
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1
}

# In a subshell, so that its trap is its own.
packages_install() (
    local log="$WEIR_VAR/log/apt.log"
    local -a missing=()
    mapfile -t missing < <(packages_missing)
    ((${#missing[@]} > 0)) || return 0
    command -v apt-get >/dev/null || die "this needs Debian 12 (apt-get); these packages are missing: ${missing[*]}"
    say "installing ${#missing[@]} packages: ${missing[*]}"
    packages_forbid_services
    packages_apt "$log" -o APT::Update::Error-Mode=any update || warn "apt-get update failed; going on with the lists that are there ($log)"
    packages_apt "$log" install -y --no-install-recommends --no-upgrade "${missing[@]}" || {
        grep -m 5 '^E:' "$log" >&2 || true
        die "apt-get install failed; its log is $log"
    }
    packages_disable_services
)
