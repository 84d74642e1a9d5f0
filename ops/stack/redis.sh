# shellcheck shell=bash
# The two Redis servers. The stock's keeps nothing on disk on purpose: what it holds is a fold of the log, and a
# restart is answered by a rebuild. repl-backlog-ttl 0: the end of the backlog's life would move master_replid.

redis_deadline_s() { echo 10; }

redis_policy() {
    if [[ $1 == redis-stock ]]; then
        printf 'maxmemory-policy noeviction\nrepl-backlog-ttl 0\n'
    else
        printf 'maxmemory 64mb\nmaxmemory-policy allkeys-lru\n'
    fi
}

redis_prepare() {
    mkdir -p "$WEIR_VAR/data/$1"
    write_private "$WEIR_VAR/etc/$1.conf" <<-TEXT
	bind 127.0.0.1
	port $(port_of "$1")
	protected-mode yes
	daemonize no
	dir "$WEIR_VAR/data/$1"
	save ""
	appendonly no
	tcp-backlog 511
	maxclients 2000
	loglevel notice
	$(redis_policy "$1")
	TEXT
}

redis_command() { part_command=(redis-server "$WEIR_VAR/etc/$1.conf"); }

redis_ready() { [[ $(redis-cli -h 127.0.0.1 -p "$(port_of "$1")" ping) == PONG ]]; }
