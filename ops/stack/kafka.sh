# shellcheck shell=bash
# One Apache Kafka broker in KRaft mode. Its jars come from Maven Central by kafka/pom.xml into the cache, once for
# each state of that file. The topic itself is made by `weir init`.

kafka_deadline_s() { echo 60; }

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

# 16 random bytes in URL-safe base64, as Kafka writes its ids; it may not begin with a dash.
kafka_cluster_id() { echo "w$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c2-22)"; }

# The broker's listeners, as three settings of kafka.properties: for tools, for the controller, and in a stack under test one for
# each service, which is told to come back through its link.
kafka_listeners() {
    local client own='' told='' kinds=''
    if links_are_wanted; then
        for client in "${kafka_clients[@]}"; do
            own+=,${client^^}://127.0.0.1:$(port_of "kafka-$client")
            told+=,${client^^}://127.0.0.1:$(port_of "link-$client-kafka")
            kinds+=,${client^^}:PLAINTEXT
        done
    fi
    cat <<-TEXT
	listeners=PLAINTEXT://127.0.0.1:$(port_of kafka),CONTROLLER://127.0.0.1:$(port_of kafka-controller)$own
	advertised.listeners=PLAINTEXT://127.0.0.1:$(port_of kafka)$told
	listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT$kinds
	TEXT
}

kafka_prepare() {
    local data="$WEIR_VAR/data/kafka" settings="$WEIR_VAR/etc/kafka.properties"
    kafka_fetch
    mkdir -p "$data"
    render "$stack_dir/templates/kafka.properties" "LISTENERS=$(kafka_listeners)" "DATA=$data" \
        "CONTROLLER_PORT=$(port_of kafka-controller)" | write_private "$settings"
    [[ -e $data/meta.properties ]] && return 0
    "${kafka_java[@]}" -XX:TieredStopAtLevel=1 -cp "$(kafka_class_path)" kafka.tools.StorageTool format \
        --cluster-id "$(kafka_cluster_id)" --config "$settings" >>"$WEIR_VAR/log/kafka.log" 2>&1 || {
        log_tail kafka
        die "Kafka's storage in $data could not be formatted; its log is $WEIR_VAR/log/kafka.log"
    }
}

kafka_command() { part_command=("${kafka_java[@]}" -cp "$(kafka_class_path)" kafka.Kafka "$WEIR_VAR/etc/kafka.properties"); }

kafka_ready() {
    port_is_listening "$(port_of kafka)" &&
        kcat -b "127.0.0.1:$(port_of kafka)" -L -m 2 -X log_level=0 2>/dev/null | grep -q '1 brokers'
}
