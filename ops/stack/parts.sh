# shellcheck shell=bash
# The parts of a stack: their names, kinds, ports and folders, and how any of them is started, awaited and stopped.
# A kind (proxy, kafka, redis, mariadb, haproxy, services) is one file that offers four functions:
#     KIND_prepare NAME    writes its settings and makes its data; may be repeated
#     KIND_command NAME    sets the array part_command
#     KIND_ready NAME      succeeds once the part answers
#     KIND_deadline_s      how long a start may take
# Does not decide what runs (ops/up, ops/test and ctl do).

stack_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034  # read by those who source this file
root_dir=$(cd "$stack_dir/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin # mariadbd and haproxy live there, and ordinary users do not look there
cache_dir=${XDG_CACHE_HOME:-$HOME/.cache}/weir

server_names=(kafka redis-stock redis-cache catalog shard0 shard1 shard2 shard3)
service_names=(keeper ingest query worker-hash worker-daily)
part_names=() # those of this stack, as env_select finds it
shard_count=4

# The offset of each port from WEIR_PORT_BASE. From 20 to 24, from 29 to 38 and from 50 on: see proxy.sh. 40 to 49 are for what a test starts itself.
declare -A port_offsets=(
    [haproxy]=0 [ingest]=1 [keeper]=2 [query]=3 [worker-hash]=4 [worker-daily]=5 [haproxy-stats]=6
    [kafka]=10 [kafka-controller]=11 [redis-stock]=12 [redis-cache]=13
    [catalog]=14 [shard0]=15 [shard1]=16 [shard2]=17 [shard3]=18
    [proxy]=19 [kafka2]=25 [kafka2-controller]=26 [kafka3]=27 [kafka3-controller]=28
)

for stack_room in lib env proxy kafka redis mariadb haproxy services stack; do
    # shellcheck source=/dev/null
    source "$stack_dir/$stack_room.sh"
done

port_of() { echo $((WEIR_PORT_BASE + port_offsets[$1])); }

# parts_select: what this stack has, once its kind and the number of its brokers are known.
parts_select() {
    local number
    for ((number = 2; number <= kafka_brokers; number++)); do server_names+=("kafka$number"); done
    part_names=("${server_names[@]}" "${service_names[@]}" haproxy)
    links_select
    ! links_are_wanted || part_names=(proxy "${part_names[@]}")
}

part_is_known() { [[ " ${part_names[*]} " == *" $1 "* ]]; }

part_kind() {
    case $1 in
    proxy | haproxy) echo "$1" ;;
    kafka*) echo kafka ;;
    redis-*) echo redis ;;
    catalog | shard[0-9]) echo mariadb ;;
    *) echo services ;;
    esac
}

# Only one of us starts or stops a part at a time; the lock ends with this process.
part_lock_take() {
    exec {part_lock}>"$WEIR_VAR/run/$1.lock"
    flock -w 120 "$part_lock" || die "another command has been busy with $1 for 120 s"
}

part_lock_drop() {
    exec {part_lock}>&-
    unset part_lock
}

# part_launch NAME: starts it if it does not run; does not wait until it answers.
part_launch() {
    local name=$1 kind
    kind=$(part_kind "$name")
    process_is_running "$name" && return 0
    part_lock_take "$name"
    if ! process_is_running "$name"; then
        port_require_free "$(port_of "$name")" "$name"
        "${kind}_prepare" "$name"
        "${kind}_command" "$name"
        process_spawn "$name" "${part_command[@]}"
    fi
    part_lock_drop
}

# Succeeds when it answers, and also when it is dead: part_await tells the two apart.
part_is_ready_or_dead() { process_is_gone "$1" || "$(part_kind "$1")_ready" "$1"; }

# part_await NAME: waits until it answers; explains itself and ends this process when it dies or takes too long.
part_await() {
    local name=$1 deadline_s log="$WEIR_VAR/log/$1.log"
    deadline_s=$("$(part_kind "$name")_deadline_s")
    if ! wait_for "$deadline_s" part_is_ready_or_dead "$name"; then
        log_tail "$name"
        die "$name runs but did not answer within $deadline_s s on port $(port_of "$name"); its log is $log"
    elif process_is_gone "$name"; then
        log_tail "$name"
        process_forget "$name"
        die "$name ended while it started; its log is $log"
    fi
}

# Longer than a part takes on a busy machine or under valgrind: a service ends itself 10 s after SIGTERM, a server writes what it holds.
part_stop_deadline_s() { [[ $(part_kind "$1") == services ]] && echo 30 || echo 60; }

# Of several brokers the last one to stop waits some minutes for a controller that is gone. Killed it loses nothing that it acknowledged.
part_may_be_killed() { [[ $(part_kind "$1") == kafka ]] && ((kafka_brokers > 1)); }

# part_stop NAME: 1 if it had to be killed and that is not in its nature.
part_stop() {
    local status=0
    part_lock_take "$1"
    process_stop "$1" "$(part_stop_deadline_s "$1")" || part_may_be_killed "$1" || status=1
    part_lock_drop
    return $status
}

# parts_start NAME…: all at once, then waits for each; says what it had to start.
parts_start() {
    local name
    local -a started=()
    for name in "$@"; do
        process_is_running "$name" && continue
        part_launch "$name"
        started+=("$name")
    done
    for name in "$@"; do part_await "$name"; done
    ((${#started[@]} == 0)) || say "ready: ${started[*]}"
}

# parts_stop NAME…: in parallel, for a broker and five databases take some seconds each. All are stopped; 1 if one had to be killed.
parts_stop() {
    local name pid status=0
    local -a pids=() stopped=()
    for name in "$@"; do
        process_is_running "$name" || continue
        stopped+=("$name")
        (part_stop "$name") &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
    ((${#stopped[@]} == 0)) || say "stopped: ${stopped[*]}"
    return $status
}

# Before long work: every port that is still to be opened must be free.
parts_check_ports() {
    local name
    for name in "$@"; do
        process_is_running "$name" || port_require_free "$(port_of "$name")" "$name"
    done
    for name in $(kafka_names); do
        process_is_running "$name" || port_require_free "$(port_of "$name-controller")" "the controller of $name"
    done
    links_check_ports
    process_is_running haproxy || port_require_free "$(port_of haproxy-stats)" "haproxy's statistics"
}

parts_any_running() {
    local name
    for name in "${part_names[@]}"; do process_is_running "$name" && return 0; done
    return 1
}
