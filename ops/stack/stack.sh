# shellcheck shell=bash
# What ops/up, ops/down and ops/test do with a whole stack.

# The slow first-time work of the servers, side by side: Kafka's jars and storage, the databases' template.
stack_prepare() {
    local brokers databases
    (for name in $(kafka_names); do process_is_running "$name" || kafka_prepare "$name"; done) &
    brokers=$!
    (mariadb_template_make) &
    databases=$!
    wait "$brokers" || exit 1
    wait "$databases" || exit 1
}

# Topic, tables, progress rows and the seeded users, rooms and coupons. Both may be repeated.
stack_fill() {
    local log="$WEIR_VAR/log/init.log" step
    for step in init seed; do
        weir_tool "$step" >"$log" 2>&1 || {
            tail -n 5 "$log" >&2
            die "weir $step failed; its log is $log"
        }
        say "weir $step: $(tail -n 1 "$log")"
    done
}

# All of it; 1, and says so, if a part had to be killed.
stack_stop() {
    local status=0
    parts_stop haproxy ingest query || status=1
    parts_stop keeper worker-hash worker-daily || status=1
    parts_stop "${server_names[@]}" || status=1
    parts_stop proxy || status=1
    ((status == 0)) || say "error: all is stopped, but not every part of $WEIR_VAR ended by itself (above)"
    return $status
}

# Only what a stack is known to have made, never a folder with something else in it.
stack_wipe() {
    rm -rf "${WEIR_VAR:?}"/{data,etc,run,log,stack.env,sale.json}
    rmdir "$WEIR_VAR" 2>/dev/null || warn "$WEIR_VAR holds files of others and stays"
    say "wiped $WEIR_VAR"
}
