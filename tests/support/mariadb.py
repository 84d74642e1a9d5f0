"""The stack's MariaDB servers as their administrator, who may do what the services' user may not: by the socket in the data folder, as ops/stack made it."""
import getpass
import pathlib
import urllib.parse

import pymysql

from support import stack

WEIR = "weir"


def shard_name(number):
    return f"shard{number}"


def data_folder(name):
    return pathlib.Path(stack.ENV["WEIR_VAR"]) / "data" / name


def port(name):
    number = name.removeprefix("shard")
    return urllib.parse.urlparse(stack.ENV["WEIR_MYSQL_CATALOG" if name == "catalog" else f"WEIR_MYSQL_SHARD_{number}"]).port


def connect(name, **options):
    """As administrator; autocommit unless told otherwise. `name` is the part: catalog, shard0 …"""
    socket = str(data_folder(name) / "server.sock")
    return pymysql.connect(unix_socket=socket, user=getpass.getuser(), autocommit=True, connect_timeout=5, read_timeout=60, **options)


def ask(name, text, *values):
    with connect(name) as connection, connection.cursor() as cursor:
        cursor.execute(text, values or None)
        return cursor.fetchall()


def cut_clients(cursor, but=()):
    """Ends the connections of the services' user, the idle ones too; answers how many. The cursor is an administrator's."""
    cursor.execute("SHOW PROCESSLIST")  # a SELECT of it wants a file, which may be what there is none of
    others = [row[0] for row in cursor.fetchall() if row[1] == WEIR and row[0] not in but]
    for thread in others:
        try:
            cursor.execute(f"KILL {thread}")
        except pymysql.err.OperationalError as error:
            if error.args[0] != 1094:  # it went by itself
                raise
    return len(others)


def transactions(name):
    """Transaction ids with changes that are not committed."""
    return {row[0] for row in ask(name, "SELECT trx_id FROM information_schema.innodb_trx WHERE trx_rows_modified > 0")}


def runs(name, statement):
    """Whether a connection of the services' user is inside this statement."""
    return any(row[1] == WEIR and row[7] == statement for row in ask(name, "SHOW PROCESSLIST"))
