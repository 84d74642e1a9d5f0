# shellcheck shell=bash
# The links of a stack under test, or of one that ops/up made with --links: between every two parts that talk to each other
# stands weir-fault-proxy, which can delay, cut or forget what they say (tests/support/links.py asks it to). Without links
# every part is asked directly, as are the engines by the tests' own questions. Brokers talk to one another directly, too.
#
# A link is called CLIENT-SERVER: ingest-redis, worker-hash-shard2, haproxy-query. A broker has a listener for each of
# its clients, because a client goes where the broker's metadata sends it, and that must be its link again.

kafka_clients=(ingest keeper query worker-hash worker-daily)

# link_names: in the order of their ports; those to a second and a third broker are the last, and only where there are such brokers.
link_names=(haproxy-ingest haproxy-query ingest-redis keeper-redis query-redis query-redis-cache)
for link_client in "${kafka_clients[@]}"; do link_names+=("$link_client-kafka" "$link_client-catalog"); done
for link_client in keeper query worker-hash worker-daily; do
    for ((link_shard = 0; link_shard < shard_count; link_shard++)); do link_names+=("$link_client-shard$link_shard"); done
done
kafka_link_names=()
for link_broker in kafka2 kafka3; do
    for link_client in "${kafka_clients[@]}"; do kafka_link_names+=("$link_client-$link_broker"); done
done
link_offset=50
for link_name in "${link_names[@]}" "${kafka_link_names[@]}"; do port_offsets[link-$link_name]=$((link_offset++)); done
for link_number in "${!kafka_clients[@]}"; do
    port_offsets[kafka-${kafka_clients[link_number]}]=$((20 + link_number))
    port_offsets[kafka2-${kafka_clients[link_number]}]=$((29 + link_number))
    port_offsets[kafka3-${kafka_clients[link_number]}]=$((34 + link_number))
done

links_are_wanted() { [[ -n $stack_links ]]; }

# links_select: those of this stack, once the number of its brokers is known.
links_select() { ((kafka_brokers == 1)) || link_names+=("${kafka_link_names[@]}"); }

# link_server NAME: the part (of a broker: the listener) that a link leads to.
link_server() {
    case $1 in
    *-redis) echo redis-stock ;;
    *-redis-cache) echo redis-cache ;;
    *-kafka | *-kafka[23]) echo "${1##*-}-${1%-kafka*}" ;;
    *) echo "${1##*-}" ;;
    esac
}

# port_for CLIENT SERVER: where CLIENT finds SERVER (as links are called), with or without a link between them.
port_for() {
    if links_are_wanted; then
        port_of "link-$1-$2"
    elif [[ $2 == redis ]]; then
        port_of redis-stock
    else
        port_of "$2"
    fi
}

# Before long work: as parts_check_ports.
links_check_ports() {
    local name broker
    links_are_wanted || return 0
    for broker in $(kafka_names); do
        ! process_is_running "$broker" || continue
        for name in "${kafka_clients[@]}"; do port_require_free "$(port_of "$broker-$name")" "the listener of $broker for $name"; done
    done
    for name in "${link_names[@]}"; do process_is_running proxy || port_require_free "$(port_of "link-$name")" "the link $name"; done
}

proxy_deadline_s() { echo 10; }

proxy_require() {
    [[ -x $WEIR_BIN/weir-fault-proxy ]] || die "$WEIR_BIN/weir-fault-proxy is not there; a test build has it: ops/test makes one in build/test/bin (ops/up --links --bin build/test/bin)"
}

proxy_prepare() {
    local name
    proxy_require
    for name in "${link_names[@]}"; do
        echo "$name $(port_of "link-$name") 127.0.0.1:$(port_of "$(link_server "$name")")"
    done | write_private "$WEIR_VAR/etc/links"
}

proxy_command() { part_command=("$WEIR_BIN/weir-fault-proxy" --control "$(port_of proxy)" --links "$WEIR_VAR/etc/links"); }

proxy_ready() { port_is_listening "$(port_of proxy)"; }
