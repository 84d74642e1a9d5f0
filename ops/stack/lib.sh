# shellcheck shell=bash
# What every part of the local stack shares: messages, waiting, and processes that are known by pid and start time.
# Why a start time: a pid file may outlive its process, and the number may belong to somebody else by then. Nothing
# here ever ends a process by its name. Does not know which parts exist (parts.sh does).

stack_begin_ms=$(date +%s%3N)
stack_locks=() # descriptors, see env_lock

say() {
    local ms=$(($(date +%s%3N) - stack_begin_ms))
    printf '[%3d.%d s] %s\n' $((ms / 1000)) $((ms % 1000 / 100)) "$*" >&2
}

warn() { say "warning: $*"; }

die() {
    say "error: $*"
    exit 1
}

# is_between TEXT FIRST LAST: a whole number in this range.
is_between() { [[ $1 =~ ^[0-9]{1,9}$ ]] && ((10#$1 >= $2 && 10#$1 <= $3)); }

now_ms() { date +%s%3N; }

random_hex() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# wait_for DEADLINE_S COMMAND…: runs COMMAND ten times a second until it succeeds; 1 when the deadline passes first.
wait_for() {
    local end=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        (($(now_ms) < end)) || return 1
        sleep 0.1
    done
}

# render TEMPLATE KEY=VALUE…: the template with each @KEY@ replaced, on stdout.
render() {
    local text pair
    text=$(<"$1") || die "cannot read the template $1"
    shift
    for pair in "$@"; do
        text=${text//"@${pair%%=*}@"/"${pair#*=}"}
    done
    printf '%s\n' "$text"
}

# write_private FILE: stdin into FILE, mode 0600, whole or not at all.
write_private() {
    local temporary="$1.new.$$"
    (umask 077 && cat >"$temporary") || die "cannot write $1: look at the free space and the rights of $(dirname "$1")"
    mv -f "$temporary" "$1"
}

# --- ports -----------------------------------------------------------------------------------------------------

# port_inode PORT: the socket inode of whoever listens on it (IPv4 or IPv6), empty if nobody does.
port_inode() {
    local hex
    printf -v hex ':%04X' "$1"
    awk -v end="$hex" '$4 == "0A" && substr($2, length($2) - 4) == end { print $10; exit }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

port_is_listening() { [[ -n $(port_inode "$1") ]]; }

# port_owner PORT: "pid 123 (name)" as far as this user may see it.
port_owner() {
    local inode link pid
    inode=$(port_inode "$1")
    link=$(find /proc/[0-9]*/fd -maxdepth 1 -lname "socket:\[$inode\]" -print -quit 2>/dev/null) || true
    pid=${link#/proc/}
    pid=${pid%%/*}
    if [[ -n $pid ]]; then
        echo "pid $pid ($(tr -d '\0' 2>/dev/null <"/proc/$pid/comm" || echo gone))"
    else
        echo "a process of another user"
    fi
}

port_is_free() { ! port_is_listening "$1"; }

# Waits a little: a killed process of many threads can hold its port for a moment after it counts as gone.
port_require_free() {
    local other=$((WEIR_PORT_BASE < 64000 ? WEIR_PORT_BASE + 1000 : 8080))
    ! wait_for 3 port_is_free "$1" || return 0
    die "port $1 (for $2) is taken by $(port_owner "$1"). Stop it, or choose other ports: WEIR_PORT_BASE=$other"
}

# --- processes -------------------------------------------------------------------------------------------------

# The start time of a pid in ticks since boot, and the boot, which together name one process for ever.
process_identity() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) } # the name may hold spaces and brackets
    # shellcheck disable=SC2086
    set -- $stat
    [[ $1 != Z ]] || return 1
    echo "${20} $(</proc/sys/kernel/random/boot_id)"
}

# process_pid NAME: the pid, if the process that was started under this name still runs; else 1.
process_pid() {
    local pid file="$WEIR_VAR/run/$1"
    [[ -r $file.pid && -s $file.start ]] || return 1
    pid=$(<"$file.pid")
    [[ $(process_identity "$pid") == "$(<"$file.start")" ]] || return 1
    echo "$pid"
}

process_is_running() { process_pid "$1" >/dev/null; }

# All its threads: one that runs for a moment longer may still take a request, or carry it out.
process_is_stopped() {
    local pid states
    pid=$(process_pid "$1") || return 1
    states=$(grep -h '^State:' "/proc/$pid"/task/*/status 2>/dev/null || true)
    [[ -n $states ]] && ! grep -qv 'T (stopped)' <<<"$states"
}

# A server that inherits a lock would hold it for as long as it runs.
locks_leave() {
    local lock
    for lock in "${stack_locks[@]}"; do exec {lock}>&-; done
    [[ -z ${part_lock:-} ]] || exec {part_lock}>&-
}

# process_spawn NAME COMMAND…: in a session of its own, output to log/NAME.log, without our settings in its environment; only
# what a fault test chose goes through: a crash or fail point, a planted bug, the clock's file and the shim that reads it.
process_spawn() {
    local name=$1 file="$WEIR_VAR/run/$1" variable pid
    shift
    local -a clean=()
    for variable in "${!WEIR_@}"; do
        case $variable in
        WEIR_CRASH_AT | WEIR_STOP_AT | WEIR_FAIL_AT | WEIR_PLANTED | WEIR_CLOCK_FILE) ;;
        *) clean+=(-u "$variable") ;;
        esac
    done
    [[ -z ${WEIR_CLOCK_SHIM:-} ]] || clean+=("LD_PRELOAD=$WEIR_CLOCK_SHIM")
    printf -- '--- %s started %s\n' "$name" "$(date -u +%FT%TZ)" >>"$WEIR_VAR/log/$name.log"
    (
        locks_leave
        umask 077
        exec env "${clean[@]}" setsid "$@" </dev/null >>"$WEIR_VAR/log/$name.log" 2>&1
    ) &
    pid=$!
    disown "$pid" # else bash announces its end
    process_identity "$pid" >"$file.start" || true
    echo "$pid" >"$file.pid"
}

# process_signal NAME SIGNAL: 1 if it does not run.
process_signal() {
    local pid
    pid=$(process_pid "$1") || return 1
    kill "-$2" "$pid" 2>/dev/null
}

process_forget() { rm -f "$WEIR_VAR/run/$1.pid" "$WEIR_VAR/run/$1.start"; }

process_is_gone() { ! process_is_running "$1"; }

# process_stop NAME DEADLINE_S: TERM; KILL with a warning when it does not go in time, and then 1. Fine when it does not run.
process_stop() {
    local name=$1 status=0
    if process_signal "$name" TERM; then
        process_signal "$name" CONT || true # a stopped process would never see the TERM
        if ! wait_for "$2" process_is_gone "$name"; then
            warn "$name did not end within $2 s of SIGTERM and is killed; see $WEIR_VAR/log/$name.log"
            status=1
            process_signal "$name" KILL || true
            wait_for 5 process_is_gone "$name" || die "$name cannot be killed (pid $(process_pid "$name" || true))"
        fi
    fi
    process_forget "$name"
    return $status
}

# log_tail NAME: the last lines of its log, indented, for an error message.
log_tail() { tail -n 12 "$WEIR_VAR/log/$1.log" 2>/dev/null | cut -c1-300 | sed 's/^/    | /' >&2; }
