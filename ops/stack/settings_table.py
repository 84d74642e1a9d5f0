"""Writes the settings table of README.md from what the programs say of themselves.

    settings_table.py BIN_FOLDER README.md           writes it
    settings_table.py BIN_FOLDER README.md --check   only compares; exit code 1 when the table is not what it should be
"""
import pathlib
import re
import subprocess
import sys

PROGRAMS = ("weir-ingest", "weir-keeper", "weir-worker", "weir-query", "weir")
BEGIN, END = "<!-- settings:begin -->", "<!-- settings:end -->"
ROW = re.compile(r"^\| (`[a-z0-9_.]+`) \| (.*) \| (.*) \| (.*) \|$")


def rows(bin_folder):
    """(name, type, default) -> (programs, help), in the programs' order."""
    found = {}
    for program in PROGRAMS:
        text = subprocess.run([bin_folder / program, "--print-settings"], capture_output=True, text=True, check=True, timeout=10).stdout
        for line in text.splitlines():
            match = ROW.match(line)
            if match:
                name, kind, default, what = match.groups()
                found.setdefault((name, kind, default), ([], what))[0].append(program.removeprefix("weir-"))
    return found


def table(bin_folder):
    found = rows(bin_folder)
    names = list(dict.fromkeys(name for name, _, _ in found))
    lines = ["| setting | of | type | default | what it is |", "|---|---|---|---|---|"]
    for name in names:
        for (row_name, kind, default), (programs, what) in found.items():
            if row_name == name:
                lines.append(f"| {name} | {'all' if len(programs) == len(PROGRAMS) else ', '.join(programs)} | {kind} | {default} | {what} |")
    return "\n".join(lines)


def main():
    bin_folder, readme = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    old = readme.read_text(encoding="utf-8")
    begin, end = old.index(BEGIN) + len(BEGIN), old.index(END)
    new = f"{old[:begin]}\n{table(bin_folder)}\n{old[end:]}"
    if "--check" in sys.argv[3:]:
        if new != old:
            sys.exit(f"{readme}: the settings table is not what the programs say; run ops/stack/settings_table.py {bin_folder} {readme}")
    else:
        readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
