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


def test_the_book_of_operations_and_the_example_name_every_setting() -> None:
    book = (ROOT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    example = (ROOT / "deploy" / "example.env").read_text(encoding="utf-8")
    named = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    asked = asked_for()
    assert len(asked) > 70
    assert sorted(name for name in asked if f"`{name}`" not in book) == []
    assert sorted(named) == sorted({*asked, "POSTGRES_PASSWORD", "KITTO_HOST", "KITTO_REACH"})


def test_the_example_shows_the_values_that_hold_without_it() -> None:
    example = (ROOT / "deploy" / "example.env").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))
    held = {name: value for name, value in asked_for().items() if value and name in shown}
    assert len(held) > 30
    assert {name: shown[name] for name in held} == held


def asked_for() -> dict[str, str]:
    """Return each setting that settings.py or deploy/start read, with its value unless it is set (as far as it is written there)."""
    settings = (ROOT / "kitting" / "settings.py").read_text(encoding="utf-8")
    script = (ROOT / "deploy" / "start").read_text(encoding="utf-8")
    by_start = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", script))
    switches = {
        name: str(int(value == "True"))
        for name, value in re.findall(
            r'env_bool\("([A-Z_]+)"(?:, default=(True|False))?\)', settings
        )
    }
    words = dict(re.findall(r'env(?:_list)?\("([A-Z_]+)", "([^"]*)"\)', settings))
    known = dict.fromkeys(ASKED.findall(settings), "") | by_start | switches | words
    known.pop("TMPDIR")
    return known


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


def test_the_crowd_of_the_bench_keeps_its_lines_as_long_as_the_proxy_does() -> None:
    """Web processes share the work only because no line is kept for ever; a bench that did otherwise measured another site."""
    shipped = (ROOT / "deploy" / "nginx" / "kitto.conf.template").read_text(encoding="utf-8")
    crowd = (ROOT / "tests" / "bench" / "crowd.py").read_text(encoding="utf-8")
    kept = re.findall(r"^ *keepalive_requests (\d+);", shipped, re.MULTILINE)
    assert kept == re.findall(r"^REQUESTS_A_LINE = (\d+)$", crowd, re.MULTILINE) != []
