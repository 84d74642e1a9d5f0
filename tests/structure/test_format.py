"""Every C file is as clang-format would write it, by the .clang-format of the tree."""
import subprocess

from support.tree import ROOT, files


def differing(paths, root):
    """Names of those that are not formatted."""
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", "--style=file", *map(str, paths)], cwd=root, capture_output=True, text=True, check=False)
    names = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "clang-format-violations" in line})
    assert bool(names) == (done.returncode != 0), done.stderr[-2000:]
    return names


def test_all_files_are_formatted():
    paths = files(ROOT, ".c", ".h")
    assert paths
    wrong = differing(paths, ROOT)
    assert not wrong, f"{len(wrong)} of {len(paths)} files; to format them: clang-format -i {' '.join(wrong)}"


def test_a_difference_is_found(tmp_path):
    (tmp_path / ".clang-format").write_text((ROOT / ".clang-format").read_text())
    (tmp_path / "good.c").write_text("int one(void)\n{\n    return 1;\n}\n")
    (tmp_path / "bad.c").write_text("int  one(void) { return 1; }\n")
    assert differing(["good.c", "bad.c"], tmp_path) == ["bad.c"]
