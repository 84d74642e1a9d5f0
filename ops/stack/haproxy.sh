# shellcheck shell=bash
# The front door: one origin for clients that know of only one. Writes go to ingest, everything else to query.

haproxy_deadline_s() { echo 10; }

haproxy_prepare() {
    local settings="$WEIR_VAR/etc/haproxy.cfg" answer
    render "$stack_dir/templates/haproxy.cfg" "PORT=$(port_of haproxy)" "STATS_PORT=$(port_of haproxy-stats)" \
        "INGEST_PORT=$(port_for haproxy ingest)" "QUERY_PORT=$(port_for haproxy query)" | write_private "$settings"
    answer=$(haproxy -c -f "$settings" 2>&1) || die "haproxy refuses $settings: $answer"
}

haproxy_command() { part_command=(haproxy -db -f "$WEIR_VAR/etc/haproxy.cfg"); }

haproxy_ready() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$(port_of haproxy-stats)/livez"; }
