# shellcheck shell=bash
# Which stack this is: its folder, its ports and its secrets, and the file var/stack.env that tells them to others.
# A stack remembers its ports and secrets in that file, so that a second start finds the same ones.

# env_select DEFAULT_FOLDER DEFAULT_BASE [KIND [BROKERS [LINKS]]]: sets WEIR_VAR, WEIR_PORT_BASE, the kind, the secrets and the parts; makes nothing.
# KIND, BROKERS (the number of Kafka's brokers) and LINKS (not empty: it has links; one under test always has) are those of a stack which is still to be made.
env_select() {
    local wanted_base=${WEIR_PORT_BASE:-} stored_base='' stored_brokers=''
    WEIR_VAR=${WEIR_VAR:-$1}
    [[ $WEIR_VAR == /* ]] || WEIR_VAR=$PWD/$WEIR_VAR
    WEIR_VAR=$(realpath -m "$WEIR_VAR")
    db_password='' admin_token='' stack_kind=${3:-dev} stack_links=${5:-}
    if [[ -r $WEIR_VAR/stack.env ]]; then
        stored_base=$(env_stored WEIR_PORT_BASE)
        db_password=$(env_stored WEIR_DB_PASSWORD)
        admin_token=$(env_stored WEIR_ADMIN_TOKEN)
        stack_kind=$(env_stored WEIR_STACK_KIND)
        stored_brokers=$(env_stored WEIR_KAFKA_BROKERS)
        stack_links=$(env_stored WEIR_PROXY)
        [[ -z ${5:-} || -n $stack_links ]] || die "the stack in $WEIR_VAR was made without links. Set WEIR_VAR to another folder, or remove it with ops/down --wipe"
    fi
    [[ $stack_kind != test ]] || stack_links=yes
    kafka_brokers=${stored_brokers:-${4:-1}}
    WEIR_PORT_BASE=${wanted_base:-${stored_base:-$2}}
    parts_select
    [[ $kafka_brokers == "${4:-$kafka_brokers}" ]] ||
        die "the stack in $WEIR_VAR was made for $kafka_brokers of Kafka's brokers; the number does not change. Set WEIR_VAR to another folder, or remove it with ops/down --wipe"
    is_between "$WEIR_PORT_BASE" 1024 65000 || {
        say "error: WEIR_PORT_BASE must be 1024 to 65000, not '$WEIR_PORT_BASE'"
        exit 2
    }
    if [[ -n $stored_base && $stored_base != "$WEIR_PORT_BASE" ]] && parts_any_running; then
        die "the stack in $WEIR_VAR runs on port base $stored_base; stop it first (ops/down) to move it to $WEIR_PORT_BASE"
    fi
    [[ $WEIR_VAR$root_dir =~ ^[A-Za-z0-9/._+@-]+$ ]] ||
        die "the paths of the stack ($WEIR_VAR) and of the checkout ($root_dir) may hold only letters, digits and / . _ + @ -"
    export WEIR_VAR WEIR_PORT_BASE
}

# One variable of stack.env, without running the file.
env_stored() { sed -n "s/^$1=//p" "$WEIR_VAR/stack.env" | head -n 1; }

# env_make KIND BIN_FOLDER: the stack's folders and stack.env, after env_select for this kind. A stack of kind `test` is emptied at each test run, so a
# folder keeps the kind that it was made with.
env_make() {
    local stored=''
    WEIR_BIN=$2
    [[ ! -r $WEIR_VAR/stack.env ]] || stored=$(env_stored WEIR_STACK_KIND)
    [[ -z $stored || $stored == "$1" ]] ||
        die "the stack in $WEIR_VAR is of kind '$stored', not '$1'; set WEIR_VAR to another folder, or remove it with ops/down --wipe"
    (umask 077 && mkdir -p "$WEIR_VAR"/{etc,run,log,data}) || die "cannot make the stack's folder $WEIR_VAR"
    [[ -w $WEIR_VAR/data ]] || die "$WEIR_VAR is not writable for $(id -un); it was made by another user. Set WEIR_VAR to another folder"
    db_password=${db_password:-$(random_hex 16)}
    admin_token=${admin_token:-$(random_hex 24)}
    env_text "$1" | write_private "$WEIR_VAR/stack.env"
}

# mysql_url SERVER [CLIENT]: as CLIENT finds it; directly when there is none.
mysql_url() {
    local port
    [[ -n ${2:-} ]] && port=$(port_for "$2" "$1") || port=$(port_of "$1")
    echo "mysql://weir:$db_password@127.0.0.1:$port/$(mariadb_database "$1")"
}

env_text() {
    local number
    cat <<-TEXT
	# The addresses of one local stack, in shell syntax. Holds secrets: keep it to yourself.
	WEIR_STACK_KIND=$1
	WEIR_VAR=$WEIR_VAR
	WEIR_BIN=$WEIR_BIN
	WEIR_PORT_BASE=$WEIR_PORT_BASE
	WEIR_FRONT=http://127.0.0.1:$(port_of haproxy)
	WEIR_INGEST=http://127.0.0.1:$(port_of ingest)
	WEIR_QUERY=http://127.0.0.1:$(port_of query)
	WEIR_KEEPER=http://127.0.0.1:$(port_of keeper)
	WEIR_WORKER_HASH=http://127.0.0.1:$(port_of worker-hash)
	WEIR_WORKER_DAILY=http://127.0.0.1:$(port_of worker-daily)
	WEIR_FRONT_STATS=http://127.0.0.1:$(port_of haproxy-stats)
	WEIR_KAFKA=$(kafka_addresses)
	WEIR_KAFKA_BROKERS=$kafka_brokers
	WEIR_REDIS_STOCK=redis://127.0.0.1:$(port_of redis-stock)/0
	WEIR_REDIS_CACHE=redis://127.0.0.1:$(port_of redis-cache)/0
	WEIR_MYSQL_CATALOG=$(mysql_url catalog)
	TEXT
    links_are_wanted && echo "WEIR_PROXY=127.0.0.1:$(port_of proxy)"
    for ((number = 0; number < shard_count; number++)); do
        echo "WEIR_MYSQL_SHARD_$number=$(mysql_url "shard$number")"
    done
    echo "WEIR_DB_PASSWORD=$db_password"
    echo "WEIR_ADMIN_TOKEN=$admin_token"
}

# Only one ops/up, ops/down or ops/test on a stack at a time; the lock ends with this process.
env_lock() {
    (umask 077 && mkdir -p "$WEIR_VAR/run") || die "cannot make the stack's folder $WEIR_VAR"
    local lock
    exec {lock}>"$WEIR_VAR/run/stack.lock"
    stack_locks+=("$lock")
    flock -n "$lock" || die "another ops/up, ops/down or ops/test is at work on $WEIR_VAR; wait for it"
}
