"""Wrong settings and command lines of every program: the right exit code, and one sentence that names the thing.

Starts no server; uses the stack's for the cases that need one.
"""
import contextlib
import os
import pathlib
import re
import socket
import subprocess

import pytest

from support import mariadb, stack

SERVICES = ("weir-ingest", "weir-keeper", "weir-worker", "weir-query")
PROGRAMS = (*SERVICES, "weir")
FILES = {"weir-ingest": "ingest", "weir-keeper": "keeper", "weir-worker": "worker-hash", "weir-query": "query", "weir": "weir"}
DONE, FAILED, USAGE, AWAY = 0, 1, 2, 3


def run(program, *arguments, env=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    return subprocess.run([f"{stack.ENV['WEIR_BIN']}/{program}", *map(str, arguments)], env={**clean, **(env or {})}, capture_output=True, text=True,
                          timeout=30, check=False)


def settings_file(program):
    return pathlib.Path(stack.ENV["WEIR_VAR"]) / "etc" / f"{FILES[program]}.yaml"


def refused(done, *words, code=USAGE):
    """One line on stderr that holds all the words; nothing on stdout."""
    assert done.returncode == code, done
    assert done.stdout == "", done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, f"not one sentence: {done.stderr}"
    for word in words:
        assert str(word) in lines[0], f"{word!r} is not named: {lines[0]}"


def changed(tmp_path, program, pattern, text):
    """The stack's settings of `program` with what matches replaced; answers (file, line of the change)."""
    before = settings_file(program).read_text()
    after, count = re.subn(pattern, text, before, count=1, flags=re.MULTILINE)
    assert count == 1, f"{pattern} is not in {settings_file(program)}"
    path = tmp_path / "x.yaml"
    path.write_text(after)
    at = next(number for number, (a, b) in enumerate(zip(before.splitlines() + [""], after.splitlines() + [""]), 1) if a != b)
    return path, at


every = pytest.mark.parametrize("program", PROGRAMS)
service = pytest.mark.parametrize("program", SERVICES)


# ---- what is asked and answered ----

@every
def test_right_settings(program):
    done = run(program, "--config", settings_file(program), "--check-config")
    assert done.returncode == DONE and done.stderr == "", done


@every
def test_help(program):
    done = run(program, "--help")
    assert done.returncode == DONE and "--config" in done.stdout and "--print-settings" in done.stdout and done.stderr == "", done


@every
def test_version(program):
    done = run(program, "--version")
    assert done.returncode == DONE and re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", done.stdout), done


@every
def test_secrets_are_not_printed(program):
    done = run(program, "--config", settings_file(program), "--print-config")
    assert done.returncode == DONE, done
    for secret in (stack.ENV["WEIR_DB_PASSWORD"], stack.ENV["WEIR_ADMIN_TOKEN"]):
        assert secret not in done.stdout + done.stderr
    assert "mysql://weir:***@" in done.stdout, done.stdout


def test_the_admin_token_is_not_printed():
    done = run("weir-ingest", "--config", settings_file("weir-ingest"), "--print-config")
    assert re.search(r'^  token: "\*\*\*"$', done.stdout, re.MULTILINE), done.stdout


@every
def test_what_is_printed_can_be_read_again(program, tmp_path):
    path = tmp_path / "printed.yaml"
    path.write_text(run(program, "--config", settings_file(program), "--print-config").stdout)
    done = run(program, "--config", path, "--check-config")
    assert done.returncode == DONE, done


@every
def test_flags_go_over_environment_and_file(program):
    def level(*arguments, env=None):
        return re.search(r'^  level: "(\w+)"', run(program, "--config", settings_file(program), "--print-config", *arguments, env=env).stdout,
                         re.MULTILINE).group(1)

    assert level(env={"WEIR_LOG_LEVEL": "error"}) == "error"
    assert level("--log.level=debug", env={"WEIR_LOG_LEVEL": "error"}) == "debug"


# ---- the file ----

@every
def test_unknown_key(program, tmp_path):
    path, _ = changed(tmp_path, program, r"\A", "log:\n  levle: info\n") if program == "weir" else changed(tmp_path, program, r"^  level: ", "  levle: ")
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "levle" in text)
    refused(run(program, "--config", path), f"{path}:{line}", "log.levle", "log.level")


@every
def test_unknown_section(program, tmp_path):
    path, line = changed(tmp_path, program, r"^mysql:", "mysqll:")
    refused(run(program, "--config", path, "--check-config"), f"{path}:", "mysqll")


@service
def test_port_out_of_range(program, tmp_path):
    path, line = changed(tmp_path, program, r"^  port: \d+", "  port: 70000")
    refused(run(program, "--config", path), f"{path}:{line}", "http.port", "65535")


@service
@pytest.mark.parametrize("value", ["eighty", "80.5", "0x50", "8e3", "-5", "'80 '", "[80]", "{a: 80}", "99999999999999999999", ""])
def test_port_of_another_type(program, value, tmp_path):
    path, line = changed(tmp_path, program, r"^  port: \d+", f"  port: {value}".rstrip())
    refused(run(program, "--config", path), f"{path}:{line}", "http.port")


@service
def test_choice_that_is_none(program, tmp_path):
    path, line = changed(tmp_path, program, r"^  level: \w+", "  level: loud")
    refused(run(program, "--config", path), f"{path}:{line}", "log.level", "debug", "error")


@every
@pytest.mark.parametrize("url", ["127.0.0.1:3306", "mysql//weir@x", "mysql://", "mysql://weir@127.0.0.1:70000/weir_catalog", "redis://127.0.0.1:6379/0"])
def test_bad_catalog_url(program, url, tmp_path):
    path, line = changed(tmp_path, program, r'^  catalog: .*', f'  catalog: "{url}"')
    if program == "weir":  # its commands need different servers, so a place is judged when it is used
        refused(run(program, "--config", path, "init"), "catalog")
    else:
        refused(run(program, "--config", path, "--check-config"), "mysql.catalog")


@every
@pytest.mark.parametrize("text,words", [("log:\n  level: info\nlog:\n  format: kv\n", ("log",)), ("log:\n  level: info\n  level: info\n", ("log.level",)),
                                        ("log\n", ()), ("- log\n", ()),
                                        ("log: {level: info\n", ()), ("log:\n\tlevel: info\n", ()), ("log:\n  level:\n    deep: 1\n", ("log.level",)),
                                        ("log: info\n", ("log",)),
                                        ("log:\n  level: info\n---\nlog:\n  level: info\n", ()), ("log:\n  level: \"\\0\"\n", ("log.level",))])
def test_file_of_another_form(program, text, words, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    refused(run(program, "--config", path, "--check-config"), path, *words)


@every
def test_missing_file(program, tmp_path):
    refused(run(program, "--config", tmp_path / "none.yaml"), tmp_path / "none.yaml", "No such file")


@every
def test_unreadable_file(program, tmp_path):
    path = tmp_path / "closed.yaml"
    if os.geteuid() == 0:  # root reads everything; a folder in place of a file can not be read by anyone
        path.mkdir()
    else:
        path.touch(mode=0)
    refused(run(program, "--config", path), path, "cannot be read")


@every
def test_binary_file(program):
    done = run(program, "--config", f"{stack.ENV['WEIR_BIN']}/{program}")
    assert done.returncode == USAGE and len(done.stderr.splitlines()) == 1, done


@pytest.mark.parametrize("program,name", [("weir-ingest", "mysql.catalog"), ("weir-keeper", "mysql.shards"), ("weir-worker", "mysql.shards"),
                                          ("weir-query", "mysql.catalog")])
def test_missing_setting(program, name, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("log:\n  level: info\n")
    done = run(program, "--config", path)
    refused(done, "mysql.", "must be given")
    given = {"WEIR_MYSQL_CATALOG": stack.ENV["WEIR_MYSQL_CATALOG"], "WEIR_MYSQL_SHARDS": stack.ENV["WEIR_MYSQL_SHARD_0"]}
    given.pop("WEIR_" + name.upper().replace(".", "_"))
    refused(run(program, "--config", path, "--check-config", env=given), name, "must be given")


# ---- flags and environment ----

@every
@pytest.mark.parametrize("flags,words", [(["--log.levle=info"], ("--log.levle", "--log.level")), (["--verbose"], ("--verbose",)), (["-x"], ("-x",)),
                                         (["--log.level"], ("--log.level", "value")),
                                         (["--log.level="], ("--log.level",)), (["--log.level=loud"], ("--log.level", "debug")), (["--help=yes"], ("--help",)),
                                         (["--config"], ("--config",)),
                                         (["--=x"], ("--",)), (["--LOG.LEVEL=info"], ("--LOG.LEVEL",))])
def test_bad_flag(program, flags, words):
    refused(run(program, *flags), *words)


@service
def test_left_over_argument(program):
    refused(run(program, "--config", settings_file(program), "start"), "start")


@service
def test_bad_environment(program):
    refused(run(program, "--config", settings_file(program), env={"WEIR_HTTP_PORT": "x"}), "WEIR_HTTP_PORT")
    refused(run(program, "--config", settings_file(program), env={"WEIR_LOG_FORMAT": "xml"}), "WEIR_LOG_FORMAT", "json")


@every
def test_bad_secret_file(program, tmp_path):
    refused(run(program, "--config", settings_file(program), "--check-config", env={"WEIR_MYSQL_CATALOG_FILE": str(tmp_path / "none")}),
            "WEIR_MYSQL_CATALOG_FILE", "none")
    path = tmp_path / "url"
    path.write_text("nonsense with secret42\n")
    done = run(program, "--config", settings_file(program), "--check-config", env={"WEIR_MYSQL_CATALOG_FILE": str(path)})
    refused(done, "WEIR_MYSQL_CATALOG_FILE")
    assert "secret42" not in done.stderr
    both = {"WEIR_MYSQL_CATALOG_FILE": str(path), "WEIR_MYSQL_CATALOG": stack.ENV["WEIR_MYSQL_CATALOG"]}
    refused(run(program, "--config", settings_file(program), "--check-config", env=both), "WEIR_MYSQL_CATALOG", "both")


def test_shards_that_are_none():
    refused(run("weir-worker", "--config", settings_file("weir-worker"), "--mysql.shards=", "--check-config"), "mysql.shards")
    refused(run("weir-worker", "--config", settings_file("weir-worker"), "--mysql.shards=mysql://weir@127.0.0.1/a,nonsense", "--check-config"), "mysql.shards",
            "item 2")


def test_timeouts_that_do_not_go_together():
    """A member of the group that may hang for less than it may be silent: the client library takes no such settings, and the worker would try for ever."""
    flags = ("--worker.session_timeout_ms=60001", "--worker.poll_interval_ms_max=60000")
    for more in ((), ("--check-config",)):
        refused(run("weir-worker", "--config", settings_file("weir-worker"), *flags, *more), "worker.session_timeout_ms", "worker.poll_interval_ms_max", 60000)


def test_unknown_stream_and_layout():
    refused(run("weir-worker", "--config", settings_file("weir-worker"), "--worker.stream=gifts"), "worker.stream", "grabs", "readings")
    refused(run("weir-worker", "--config", settings_file("weir-worker"), "--worker.layout=weekly"), "worker.layout", "hash", "daily")


@service
def test_port_taken(program):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    done = run(program, "--config", settings_file(program), f"--http.port={port}")
    listener.close()
    assert done.returncode in (FAILED, USAGE), done
    assert str(port) in done.stderr and "http.port" in done.stderr, done.stderr


# ---- the command line tool ----

COMMANDS = (
    ((), ("weir --help",)), (("sell",), ("sell", "init")), (("init", "--stream", "gifts"), ("gifts",)), (("init", "--stream"), ("--stream",)),
    (("init", "--strem", "grabs"), ("--strem",)),
    (("init", "extra"), ("extra",)), (("seed", "--users", "0"), ("--users",)), (("seed", "--users", "x"), ("--users",)),
    (("seed", "--rooms", "-1"), ("--rooms",)),
    (("status", "--jsn"), ("--jsn",)), (("status", "extra"), ("extra",)), (("coupon",), ("coupon",)), (("coupon", "sell", "1"), ("sell",)),
    (("coupon", "show"), ("show",)),
    (("coupon", "show", "x"), ("show", "id")), (("coupon", "restock", "1"), ("restock",)), (("coupon", "restock", "1", "--add", "0"), ("add",)),
    (("tables",), ("tables",)),
    (("tables", "burn"), ("burn",)), (("tables", "drop"), ("--before",)), (("tables", "drop", "--before", "yesterday"), ("--before",)),
    (("tables", "drop", "--before", "2026-02-30"), ("--before",)),
    (("tables", "drop", "--before", "2026-13-01"), ("--before",)), (("tables", "drop", "--before", "20260101"), ("--before",)),
)


@pytest.mark.parametrize("arguments,words", COMMANDS, ids=lambda value: " ".join(value) or "nothing")
def test_wrong_command(arguments, words):
    done = run("weir", "--config", settings_file("weir"), *arguments)
    assert done.returncode == USAGE, done
    assert done.stdout == "" and done.stderr.strip(), done
    for word in words:
        assert word in done.stderr, done.stderr


PRINTED = [*((program, flag) for program in PROGRAMS for flag in ("--help", "--print-config")),
           *(("weir", *words) for words in (("status", "--json"), ("audit", "--json"), ("tables", "list"), ("coupon", "show", "1"), ("init", "--help")))]


@pytest.mark.parametrize("command", PRINTED, ids=" ".join)
def test_output_that_cannot_be_written_is_not_done(command):
    """On a full disk: whoever reads the file later must have been told."""
    stack.ready_again()
    program, *words = command
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([f"{stack.ENV['WEIR_BIN']}/{program}", "--config", str(settings_file(program)), *words], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
    assert done.returncode == FAILED and "written" in done.stderr and done.stderr.count("\n") == 1, done


def test_days_that_are_not_past_are_not_dropped():
    done = run("weir", "--config", settings_file("weir"), "tables", "drop", "--before", "2099-01-01", "--yes")
    assert done.returncode in (FAILED, USAGE) and "--before" in done.stderr, done
    assert stack.tables_of(0, "daily"), "the tables are gone"


@pytest.mark.parametrize("told,code,words", [((), USAGE, "--keeper-layout"), (("--keeper-layout", "wide"), USAGE, "wide"),
                                             (("--keeper-layout", "daily"), FAILED, "the keeper"), (("--keeper-layout", "hash"), 0, "")])
def test_days_that_the_keeper_reads_are_not_dropped(told, code, words):
    """A rebuild would miss their rows; whoever drops says what the keeper reads. (Of days before there was any: nothing goes.)"""
    stack.wait_lag_zero()
    done = run("weir", "--config", settings_file("weir"), "tables", "drop", "--before", "2024-01-02", "--yes", *told)
    assert done.returncode == code and words in done.stderr.lower(), done
    assert stack.tables_of(0, "daily"), "the tables are gone"


@contextlib.contextmanager
def another_clusters_shard(number):
    """Its URL, as if it were the next of ours; `number` is the server of ours that it lives on."""
    part, ours = mariadb.shard_name(number), stack.ENV[f"WEIR_MYSQL_SHARD_{number}"]
    before, database = ours.rsplit("/", 1)
    mariadb.ask(part, "CREATE DATABASE elsewhere")
    try:
        mariadb.ask(part, "GRANT ALL ON elsewhere.* TO weir@'127.0.0.1'")
        for table in ("shard_identity", "progress"):
            mariadb.ask(part, f"CREATE TABLE elsewhere.{table} LIKE {database}.{table}")
        mariadb.ask(part, f"INSERT INTO elsewhere.shard_identity SELECT * FROM {database}.shard_identity")
        mariadb.ask(part, "UPDATE elsewhere.shard_identity SET cluster = %s, shard = %s", "f" * 32, stack.SHARDS)
        yield f"{before}/elsewhere"
    finally:
        mariadb.ask(part, "DROP DATABASE elsewhere")
        mariadb.ask(part, "REVOKE ALL ON elsewhere.* FROM weir@'127.0.0.1'")


@pytest.mark.parametrize("really", [("--yes",), ()], ids=("yes", "dry run"))
def test_days_of_another_cluster_are_not_dropped(really):
    """Of a shard that is listed, and that no route names: its lag is not asked for. What is ours stays, too."""
    old, urls = "grabs_2024_01_01", [stack.ENV[f"WEIR_MYSQL_SHARD_{number}"] for number in range(stack.SHARDS)]
    day = stack.tables_of(0, "daily")[0]
    stack.wait_lag_zero()
    stack.shard(0, f"CREATE TABLE {old} LIKE `{day}`")
    try:
        with another_clusters_shard(1) as foreign:
            stack.sql(foreign, f"CREATE TABLE {old} (grab_id BIGINT UNSIGNED PRIMARY KEY)")
            done = run("weir", "--config", settings_file("weir"), f"--mysql.shards={','.join([*urls, foreign])}", "tables", "drop", "--before", "2024-01-02",
                       "--keeper-layout", "hash", *really)
            refused(done, "nothing is dropped", "elsewhere", f"belongs to the cluster {'f' * 32}", code=FAILED)
            assert stack.sql(foreign, f"SHOW TABLES LIKE '{old}'") and old in stack.tables_of(0, "daily"), "a table is gone"
    finally:
        stack.shard(0, f"DROP TABLE IF EXISTS {old}")


AWAY_PLACES = (
    "--mysql.catalog=mysql://weir:pass4711@127.0.0.1:1/weir_catalog", "--kafka.brokers=127.0.0.1:1",
    "--mysql.shards=" + ",".join(f"mysql://weir:pass4711@127.0.0.1:1/weir_shard_{number}" for number in range(stack.SHARDS)))


@pytest.mark.parametrize("flag", AWAY_PLACES)
def test_a_part_that_is_away(flag):
    done = run("weir", "--config", settings_file("weir"), flag, "init")
    assert done.returncode == AWAY, done
    assert "127.0.0.1:1" in done.stderr and "pass4711" not in done.stdout + done.stderr, done


def test_a_wrong_database_password_is_not_shown():
    url = stack.ENV["WEIR_MYSQL_CATALOG"].replace(stack.ENV["WEIR_DB_PASSWORD"], "pass4711")
    done = run("weir", "--config", settings_file("weir"), f"--mysql.catalog={url}", "init")
    assert done.returncode in (FAILED, USAGE, AWAY) and "Access denied" in done.stderr and "pass4711" not in done.stderr, done


def test_shards_in_another_order_are_refused():
    """Each database knows which shard it is; nothing is made in the wrong one."""
    urls = [stack.ENV[f"WEIR_MYSQL_SHARD_{number}"] for number in (1, 0, 2, 3)]
    done = run("weir", "--config", settings_file("weir"), f"--mysql.shards={','.join(urls)}", "init")
    assert done.returncode in (FAILED, USAGE) and "shard" in done.stderr, done
