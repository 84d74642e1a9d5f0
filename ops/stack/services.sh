# shellcheck shell=bash
# Weir's own services: their settings files, and how each is started. A part's program is not always its name: the two
# workers are one program with two settings files.

services_deadline_s() { echo 30; }

services_program() { [[ $1 == worker-* ]] && echo weir-worker || echo "weir-$1"; }

# services_shards [CLIENT]
services_shards() {
    local number
    for ((number = 0; number < shard_count; number++)); do echo "    - \"$(mysql_url "shard$number" "$@")\""; done
}

# A line of the section http; of the services that have such a setting.
services_threads() { [[ $1 != ingest && $1 != query ]] || echo "  threads: ${WEIR_THREADS:-1}"; }

# services_yaml NAME: only the settings that this program knows, for an unknown one is an error.
services_yaml() {
    cat <<-TEXT
	log:
	  level: ${WEIR_LOG:-info}
	http:
	  host: 127.0.0.1
	  port: $(port_of "$1")
	$(services_threads "$1")
	kafka:
	  brokers: "$(kafka_addresses "$1")"
	mysql:
	  catalog: "$(mysql_url catalog "$1")"
	TEXT
    [[ $1 == ingest ]] || printf '  shards:\n%s\n' "$(services_shards "$1")"
    case $1 in
    ingest | keeper) printf 'redis:\n  stock: "redis://127.0.0.1:%d/0"\n' "$(port_for "$1" redis)" ;;
    query)
        printf 'redis:\n  stock: "redis://127.0.0.1:%d/0"\n' "$(port_for query redis)"
        printf '  cache: "redis://127.0.0.1:%d/0"\n' "$(port_for query redis-cache)"
        ;;
    worker-*)
        printf 'worker:\n  stream: grabs\n  layout: %s\n' "${1#worker-}"
        # A broker that was restarted gives the partitions of the workers before it out again only when these sessions have ended.
        [[ $stack_kind != test ]] || printf '  session_timeout_ms: 4000\n'
        ;;
    esac
    [[ $1 != ingest ]] || printf 'admin:\n  token: "%s"\n' "$admin_token"
    # Tests count every grab, and a busy machine is no reason to refuse one; overload has tests of its own.
    [[ $1 != ingest || $stack_kind != test ]] || printf 'ingest:\n  grabs_min: 512\n'
}

# A rebuild waits by the largest hold, which a test would only sit through.
services_hold_ms() { [[ $stack_kind == test ]] && echo 4000 || echo 10000; }

# The settings of the command line tool `weir`: everything that init, seed and status may ask for.
services_tool_yaml() {
    cat <<-TEXT
	kafka:
	  brokers: "$(kafka_addresses)"
	init:
	  replication: $kafka_brokers
	  min_insync: $(kafka_min_insync)
	  hold_ms: $(services_hold_ms)
	redis:
	  stock: "redis://127.0.0.1:$(port_of redis-stock)/0"
	mysql:
	  catalog: "$(mysql_url catalog)"
	  shards:
	$(services_shards)
	admin:
	  token: "$admin_token"
	front:
	  url: "http://127.0.0.1:$(port_of haproxy)"
	status:
	  services: "$(services_urls)"
	TEXT
}

services_urls() {
    local name text=''
    for name in "${service_names[@]}"; do text+=,$name=http://127.0.0.1:$(port_of "$name"); done
    echo "${text#,}"
}

services_prepare() {
    local program
    program=$WEIR_BIN/$(services_program "$1")
    [[ -x $program ]] || die "$program is not built yet; ops/up builds it"
    services_yaml "$1" | write_private "$WEIR_VAR/etc/$1.yaml"
}

services_extra=() # more arguments for this start only (ctl start NAME -- ARGUMENT…)

services_command() {
    local -a under=()
    [[ -z ${WEIR_UNDER:-} ]] || read -rd '' -a under <<<"$WEIR_UNDER" || true # valgrind and its options; see watched.sh
    part_command=("${under[@]}" "$WEIR_BIN/$(services_program "$1")" --config "$WEIR_VAR/etc/$1.yaml" "${services_extra[@]}")
}

# /readyz is 200 once every part that the service needs is there.
services_ready() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$(port_of "$1")/readyz"; }

# A running service is left alone, also when its program has been built anew meanwhile; then say so.
services_warn_outdated() {
    local name pid
    for name in "${service_names[@]}"; do
        pid=$(process_pid "$name") || continue
        [[ $(readlink "/proc/$pid/exe") != *' (deleted)' ]] ||
            warn "$name still runs the program from before this build; to change it: ops/stack/ctl restart $name"
    done
}

# weir_tool COMMAND…: the command line tool on this stack, without our environment over its settings.
weir_tool() {
    local variable
    local -a clean=()
    for variable in "${!WEIR_@}"; do clean+=(-u "$variable"); done
    services_tool_yaml | write_private "$WEIR_VAR/etc/weir.yaml"
    env "${clean[@]}" "$WEIR_BIN/weir" --config "$WEIR_VAR/etc/weir.yaml" "$@"
}
