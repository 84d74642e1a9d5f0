# shellcheck shell=bash
# The five MariaDB servers: the catalog and four shards, each a process of its own with one database and one user.
# The system's own server, its settings and its data are never touched (--no-defaults, own folders, own ports).
# A fresh data folder is a copy of one template, made once and kept in the cache: it holds no user of ours.

mariadb_deadline_s() { echo 30; }

mariadb_database() { [[ $1 == catalog ]] && echo weir_catalog || echo "weir_shard_${1#shard}"; }

mariadb_version() { mariadbd --no-defaults --version | sed 's/.*Ver \([^ ]*\).*/\1/'; }

# The settings a data folder is made with must be those it is run with (the redo log's size among them).
mariadb_common=(--no-defaults --skip-log-bin --innodb-log-file-size=96M)

# Another size of the redo log is another template.
mariadb_template() { echo "$cache_dir/mariadb-$(mariadb_version)-96M"; }

# --force: without it the script wants the machine's name or `localhost` to resolve, which a bare machine may not do.
mariadb_template_make() {
    local template log="$WEIR_VAR/log/mariadb-install.log" work
    template=$(mariadb_template)
    [[ -d $template ]] && return 0
    mkdir -p "$cache_dir"
    work=$(mktemp -d "$cache_dir/mariadb.XXXXXX")
    mariadb-install-db "${mariadb_common[@]}" --force --user="$(id -un)" --datadir="$work" --skip-test-db \
        --auth-root-authentication-method=socket >"$log" 2>&1 || {
        rm -rf "$work"
        log_tail mariadb-install
        die "mariadb-install-db failed; its log is $log"
    }
    mv -T "$work" "$template" 2>/dev/null || rm -rf "$work" # somebody else was faster
}

# Run at each start as the server's own administrator; may be repeated.
mariadb_init_sql() {
    local database
    database=$(mariadb_database "$1")
    cat <<-SQL
	CREATE DATABASE IF NOT EXISTS $database CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
	CREATE OR REPLACE USER weir@'127.0.0.1' IDENTIFIED BY '$db_password';
	GRANT ALL ON $database.* TO weir@'127.0.0.1';
	SQL
}

mariadb_prepare() {
    local data="$WEIR_VAR/data/$1"
    if [[ ! -d $data ]]; then
        mariadb_template_make
        rm -rf "$data.new"
        cp -r --reflink=auto "$(mariadb_template)" "$data.new" || die "cannot copy a fresh database to $data: is the disk full?"
        chmod 0700 "$data.new"
        mv -T "$data.new" "$data"
    fi
    mariadb_init_sql "$1" | write_private "$WEIR_VAR/etc/$1.sql"
}

# Durable commits, small memory. The socket's name is relative to the data folder: a long path would not fit in one.
mariadb_command() {
    part_command=(mariadbd "${mariadb_common[@]}" --user="$(id -un)"
        --datadir="$WEIR_VAR/data/$1" --socket=server.sock --pid-file=server.pid
        --bind-address=127.0.0.1 --port="$(port_of "$1")" --skip-name-resolve
        --init-file="$WEIR_VAR/etc/$1.sql"
        --max-connections=100 --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=1
        --innodb-flush-method=O_DIRECT --key-buffer-size=8M --aria-pagecache-buffer-size=8M
        --performance-schema=OFF --character-set-server=utf8mb4 --collation-server=utf8mb4_bin
        --default-time-zone=+00:00 --max-allowed-packet=16M "--sql-mode=STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION")
}

# mariadb_query NAME SQL: rows as tab separated lines, as the services' own user.
mariadb_query() {
    MYSQL_PWD=$db_password mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port="$(port_of "$1")" --user=weir \
        --connect-timeout=2 --batch --skip-column-names --database="$(mariadb_database "$1")" --execute="$2"
}

mariadb_ready() { [[ $(mariadb_query "$1" 'SELECT 1') == 1 ]]; }
