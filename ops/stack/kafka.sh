# shellcheck shell=bash
# Apache Kafka in KRaft mode: one broker that is its own controller, or three that elect one among them and keep three
# copies of each record, two of which must be there before it is acknowledged. The jars come from Maven Central by kafka/pom.xml into the cache, once for
# each state of that file. The topic itself is made by `weir init`.

kafka_deadline_s() { echo 60; }

kafka_names() {
    local number
    echo kafka
    for ((number = 2; number <= kafka_brokers; number++)); do echo "kafka$number"; done
}

# kafka_node NAME: its number, from 1.
kafka_node() { [[ $1 == kafka ]] && echo 1 || echo "${1#kafka}"; }

kafka_min_insync() { echo $((kafka_brokers / 2 + kafka_brokers % 2)); }

# kafka_addresses [CLIENT]: all brokers, as CLIENT finds them; directly when there is none.
kafka_addresses() {
    local name text=''
    for name in $(kafka_names); do
        if [[ -n ${1:-} ]] && links_are_wanted; then
            text+=,127.0.0.1:$(port_of "link-$1-$name")
        else
            text+=,127.0.0.1:$(port_of "$name")
        fi
    done
    echo "${text#,}"
}

kafka_voters() {
    local name text=''
    for name in $(kafka_names); do text+=,$(kafka_node "$name")@127.0.0.1:$(port_of "$name-controller"); done
    echo "${text#,}"
}

kafka_libs() { echo "$cache_dir/kafka-$(sha256sum "$stack_dir/kafka/pom.xml" | cut -c1-16)"; }

# Downloads into a folder that gets its name only when everything is there.
kafka_fetch() {
    local libs work log="$WEIR_VAR/log/maven.log"
    libs=$(kafka_libs)
    [[ -d $libs ]] && return 0
    mkdir -p "$cache_dir"
    work=$(mktemp -d "$cache_dir/kafka.XXXXXX")
    say "fetching Apache Kafka from Maven Central (about 50 MB, once)"
    mvn --batch-mode --no-transfer-progress --strict-checksums --file "$stack_dir/kafka/pom.xml" \
        -Dmaven.repo.local="$cache_dir/maven" dependency:copy-dependencies \
        -DoutputDirectory="$work/libs" >"$log" 2>&1 || {
        rm -rf "$work"
        grep -m 3 '^\[ERROR\]' "$log" >&2 || true
        die "Maven could not fetch Kafka; is Maven Central reachable? Its log is $log"
    }
    mv -T "$work/libs" "$libs" 2>/dev/null || true # somebody else was faster
    rm -rf "$work" "$cache_dir/maven"
}

# Sorted and explicit, so that the class path is the same each time.
kafka_class_path() { printf '%s\n' "$(kafka_libs)"/*.jar | LC_ALL=C sort | paste -sd:; }

kafka_java=(java -Xms128m -Xmx512m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError
    -Djava.awt.headless=true -Dlog4j.configuration="file:$stack_dir/templates/kafka-log4j.properties")

# The same for all brokers: 16 random bytes in URL-safe base64, as Kafka writes its ids; it may not begin with a dash.
kafka_cluster_id() {
    local file="$WEIR_VAR/etc/kafka.cluster"
    [[ -s $file ]] || echo "w$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-22)" | write_private "$file"
    cat "$file"
}

# kafka_listeners NAME: the broker's listeners, as three settings of kafka.properties: for tools, for the controller, and in a stack with links one for
# each service, which is told to come back through its link.
kafka_listeners() {
    local client own='' told='' kinds=''
    if links_are_wanted; then
        for client in "${kafka_clients[@]}"; do
            own+=,${client^^}://127.0.0.1:$(port_of "$1-$client")
            told+=,${client^^}://127.0.0.1:$(port_of "link-$client-$1")
            kinds+=,${client^^}:PLAINTEXT
        done
    fi
    cat <<-TEXT
	listeners=PLAINTEXT://127.0.0.1:$(port_of "$1"),CONTROLLER://127.0.0.1:$(port_of "$1-controller")$own
	advertised.listeners=PLAINTEXT://127.0.0.1:$(port_of "$1")$told
	listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT$kinds
	TEXT
}

kafka_prepare() {
    local data="$WEIR_VAR/data/$1" settings="$WEIR_VAR/etc/$1.properties"
    kafka_fetch
    mkdir -p "$data"
    render "$stack_dir/templates/kafka.properties" "NODE=$(kafka_node "$1")" "LISTENERS=$(kafka_listeners "$1")" "DATA=$data" \
        "VOTERS=$(kafka_voters)" "COPIES=$kafka_brokers" "MIN_INSYNC=$(kafka_min_insync)" | write_private "$settings"
    [[ -e $data/meta.properties ]] && return 0
    "${kafka_java[@]}" -XX:TieredStopAtLevel=1 -cp "$(kafka_class_path)" kafka.tools.StorageTool format \
        --cluster-id "$(kafka_cluster_id)" --config "$settings" >>"$WEIR_VAR/log/$1.log" 2>&1 || {
        log_tail "$1"
        die "Kafka's storage in $data could not be formatted; its log is $WEIR_VAR/log/$1.log"
    }
}

kafka_command() { part_command=("${kafka_java[@]}" -cp "$(kafka_class_path)" kafka.Kafka "$WEIR_VAR/etc/$1.properties"); }

# It counts itself among the brokers that may be used.
kafka_ready() {
    port_is_listening "$(port_of "$1")" &&
        kcat -b "127.0.0.1:$(port_of "$1")" -L -m 2 -X log_level=0 2>/dev/null | grep -q "broker $(kafka_node "$1") at"
}
