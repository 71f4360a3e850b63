"""What is written down is complete and belongs to nobody's machine."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.house.source import ROOT, lines_matching, text_files

ASKED = re.compile(r"""\benv(?:_bool|_list)?\(\s*["']([A-Z][A-Z0-9_]*)["']""")
# A folder of somebody's machine; an address ending in /work/ is none.
SOMEBODYS = re.compile(r"(?<![\w.:/-])/(?:root|home|Users|work)/[\w.-]+|\.\./shared\b")


def test_the_readme_names_every_environment_variable() -> None:
    settings = (ROOT / "kitting" / "settings.py").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    asked = set(ASKED.findall(settings))
    assert asked
    assert sorted(name for name in asked if f"`{name}`" not in readme) == []


def test_the_book_of_operations_names_what_deploy_start_reads() -> None:
    script = (ROOT / "deploy" / "start").read_text(encoding="utf-8")
    book = (ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    read = set(re.findall(r"\$\{([A-Z_]+):-", script)) - {"TMPDIR"}
    assert len(read) > 5
    assert sorted(name for name in read if f"`{name}`" not in book + readme) == []


def test_no_file_knows_somebodys_machine() -> None:
    files = tuple(path for path in text_files() if path.name != "test_files.py")
    assert lines_matching(files, SOMEBODYS) == []


def test_every_bench_still_finds_what_it_measures() -> None:
    alone = {
        "floor",
        "peers_site",
    }  # served by processes of their own, with settings of their own
    benches = (
        {path.stem for path in (ROOT / "tests" / "bench").glob("*.py")} - alone - {"__init__"}
    )
    assert len(benches) > 10
    # In a process of its own: a bench chooses its settings when it is imported.
    wanted = "; ".join(f"import tests.bench.{name}" for name in sorted(benches))
    subprocess.run([sys.executable, "-c", wanted], cwd=ROOT, check=True)
