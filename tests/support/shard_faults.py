"""Outages of one shard, each as a context: done on entry, healed on exit; inside it yields what each worker must say of it, {worker: words of its log}.

Chosen so that the server still runs: it refuses, waits, or is not the one it was.
"""
import contextlib
import threading
import time

import pymysql

from support import mariadb, records, stack

NUMBER = 1
NAME = mariadb.shard_name(NUMBER)
WORKERS = {"worker-hash": "hash", "worker-daily": "daily"}
DEADLOCK = "Deadlock found"  # the server's words of 1213, whose number a long line of a log may cut off
DEADLOCK_ROWS = 20_000  # more than a batch may have: the lighter transaction is the one that a server gives up


def both(words):
    return {worker: words for worker in WORKERS}


def partitions():
    return list(stack.progress_on(NUMBER, "hash"))


def taken(connection, cursor, text, values):
    """A worker that has some of the rows, and waits for one of ours, is a deadlock; whoever is its victim begins again."""
    try:
        return cursor.execute(text, values) > 0
    except pymysql.err.OperationalError as error:
        if error.args[0] != 1213:
            raise
        connection.begin()
        return False


@contextlib.contextmanager
def held(text, *values):
    """A transaction of ours that holds the rows of `text`, until the end."""
    with contextlib.closing(stack.connect_sql(stack.ENV[f"WEIR_MYSQL_SHARD_{NUMBER}"])) as connection:
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 30")
            stack.wait_for(lambda: taken(connection, cursor, text, values), 30, "the rows are ours")
            yield cursor
        connection.rollback()


@contextlib.contextmanager
def progress_is_locked(_):
    with held("SELECT next_offset FROM progress FOR UPDATE"):
        yield both("error 1205")


@contextlib.contextmanager
def totals_are_locked(sale):
    stack.wait_for(lambda: stack.shard(NUMBER, "SELECT 1 FROM grab_totals WHERE coupon_id = %s", sale.coupon), 30, "the shard has totals of the sale")
    with held("SELECT ok_rows FROM grab_totals FOR UPDATE"):
        yield both("error 1205")


def waits_for(table):
    return mariadb.ask(NAME, "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT' AND trx_query LIKE %s",
                       f"%`{table}`%")


@contextlib.contextmanager
def deadlock(_):
    """We hold the totals and want progress; a worker holds progress and wants the totals. We have changed more rows, so it is the one to lose. It tries again,
    and waits as the other one does, for we hold both now."""
    since = {worker: stack.log_size(worker) for worker in WORKERS}
    stack.shard(NUMBER, "CREATE OR REPLACE TABLE test_weight (n INT PRIMARY KEY)")
    try:
        with held("SELECT COUNT(*) FROM grab_totals FOR UPDATE") as cursor:
            cursor.execute(f"INSERT INTO test_weight SELECT seq FROM seq_1_to_{DEADLOCK_ROWS}")
            stack.wait_for(lambda: waits_for("grab_totals"), 30, "a worker holds progress and waits for the totals", every=0.02)
            cursor.execute("SELECT next_offset FROM progress FOR UPDATE")  # closes the circle; fails here if we were chosen
            assert cursor.fetchall()
            stack.wait_for(lambda: any(DEADLOCK in stack.log_since(worker, since[worker]) for worker in WORKERS), 30, "a worker has lost a deadlock")
            yield both("Lock wait timeout exceeded")
    finally:
        stack.shard(NUMBER, "DROP TABLE test_weight")


@contextlib.contextmanager
def read_only(_):
    mariadb.ask(NAME, "SET GLOBAL read_only = ON")
    try:
        yield both("error 1290")
    finally:
        mariadb.ask(NAME, "SET GLOBAL read_only = OFF")


def take_every_connection(cursor, held_ones):
    """True once the server refuses another one and each that it has is ours."""
    try:
        held_ones.append(stack.connect_sql(stack.ENV[f"WEIR_MYSQL_SHARD_{NUMBER}"]))
        return False
    except pymysql.err.OperationalError as error:
        assert error.args[0] == 1040, error
    return mariadb.cut_clients(cursor, but={connection.thread_id() for connection in held_ones}) == 0


@contextlib.contextmanager
def no_connection_left(_):
    taken = []
    with mariadb.connect(NAME) as administrator, administrator.cursor() as cursor:  # opened before, for there will be no other
        cursor.execute("SET GLOBAL max_connections = 10")
        try:
            mariadb.cut_clients(cursor)
            stack.wait_for(lambda: take_every_connection(cursor, taken), 60, "every connection of the shard is ours", every=0)
            yield both("error 1040")
        finally:
            cursor.execute("SET GLOBAL max_connections = 100")
            for connection in taken:
                connection.close()


@contextlib.contextmanager
def connections_cut():
    """Again and again, at any moment of a transaction, on this shard only."""
    stop = threading.Event()

    def cut():
        with mariadb.connect(NAME) as administrator, administrator.cursor() as cursor:
            while not stop.is_set():
                mariadb.cut_clients(cursor)
                time.sleep(0.05)  # the pace of the nemesis

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def changed(table, change, back, words):
    stack.shard(NUMBER, f"ALTER TABLE `{table}` {change}")
    try:
        yield words
    finally:
        stack.shard(NUMBER, f"ALTER TABLE `{table}` {back}")


def table_of(worker):
    """One that the sale fills, of this worker's layout."""
    return stack.tables_of(NUMBER, WORKERS[worker])[0] if worker == "worker-hash" else max(
        stack.tables_of(NUMBER, "daily"), key=lambda table: stack.shard(NUMBER, f"SELECT COUNT(*) FROM `{table}`")[0][0])


def column_renamed(worker):
    table = table_of(worker)
    return changed(table, "RENAME COLUMN room_id TO room", "RENAME COLUMN room TO room_id", {worker: "error 1054"})


def check_added(worker):
    """No grab of two seconds from now on fits any more, for two minutes: the table is at fault, not the grabs. Rows that are there fit, also those that a clock
    which a test moved has dated an hour ahead."""
    table, now_ms = table_of(worker), int(time.time() * 1000)
    begin, end = records.new_id(now_ms + 2000), records.new_id(now_ms + 122_000)
    return changed(table, f"ADD CONSTRAINT test_check CHECK (grab_id NOT BETWEEN {begin} AND {end})", "DROP CONSTRAINT test_check",
                   {worker: "has been changed: it has the constraint CHECK test_check"})


def column_narrowed(worker):
    """No grab of the sale fits any more: the table is at fault, not the grabs."""
    with_rows = table_of(worker)
    definition = "MODIFY coupon_id %s NOT NULL"
    stack.shard(NUMBER, f"CREATE OR REPLACE TABLE test_kept LIKE `{with_rows}`")
    return narrowed(with_rows, definition, worker)


@contextlib.contextmanager
def narrowed(table, definition, worker):
    """Its rows are put aside meanwhile, for they would not fit either."""
    stack.shard(NUMBER, f"ALTER TABLE test_kept {definition % 'TINYINT UNSIGNED'}")
    stack.shard(NUMBER, f"RENAME TABLE `{table}` TO test_aside, test_kept TO `{table}`")
    try:
        yield {worker: "has been changed: its column coupon_id is tinyint"}
        assert stack.shard(NUMBER, f"SELECT COUNT(*) FROM `{table}`") == ((0,),)
    finally:
        stack.shard(NUMBER, f"RENAME TABLE `{table}` TO test_kept, test_aside TO `{table}`")
        stack.shard(NUMBER, "DROP TABLE test_kept")


@contextlib.contextmanager
def table_away(worker):
    table = table_of(worker)
    words = f"table {table} on 127.0.0.1" if worker == "worker-daily" else "error 1146"
    with stack.table_away(NUMBER, table):
        yield {worker: words}
        assert table not in [row[0] for row in stack.shard(NUMBER, "SHOW TABLES")], "an empty table was made in place of the lost one"
