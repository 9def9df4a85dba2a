"""The pages: snippets run, ideas have equations and pictures, the reference has every public name."""

import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
QUICK = ("recurrence.md", "notation.md")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def ideas():
    """The pages of the reader's way, in its order."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    return next(part["Ideas"] for part in nav if isinstance(part, dict) and "Ideas" in part)


def with_snippets():
    pages = [page for page in PAGES if blocks(page, "python")]
    return [page if page in QUICK else pytest.param(page, marks=pytest.mark.slow) for page in pages]


@pytest.mark.parametrize("page", with_snippets())
def test_the_snippets_of_a_page_run_in_their_order(page, tmp_path, monkeypatch):
    if page == "weights.md":
        pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "snippet"}
    for number, code in enumerate(blocks(page, "python"), 1):
        exec(compile(code, f"{page}, snippet {number}", "exec"), names)


@pytest.mark.parametrize("page", ideas())
def test_an_idea_has_equations_a_snippet_and_a_picture(page):
    text = (DOCS / page).read_text()
    assert blocks(page, "") and blocks(page, "python"), page
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", text)
    assert pictures and all((DOCS / picture).is_file() for picture in pictures), pictures


def test_the_manifest_for_a_cluster_is_two_resources_that_start_each_worker():
    service, job = yaml.safe_load_all("".join(blocks("guides/scale.md", "yaml")))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    name, count = job["metadata"]["name"], job["spec"]["completions"]
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["subdomain"] == name
    hosts = " ".join(f"{name}-{index}.{name}:2222" for index in range(count))
    assert (
        f"launch --hosts {hosts} --index $JOB_COMPLETION_INDEX -- python -m pipelines" in container["args"][0]
    )


def test_every_page_is_in_the_navigation_and_pictures_are_small():
    nav = (ROOT / "mkdocs.yml").read_text()
    for path in DOCS.rglob("*.md"):
        assert str(path.relative_to(DOCS)) in nav
    for picture in (DOCS / "images").iterdir():
        assert picture.stat().st_size < 150_000, picture


def public_names():
    """Class and function to the module that defines it, of everything that `kseq` gives away."""
    import importlib
    import pkgutil

    found = set()
    packages = [importlib.import_module(f"kseq.{m.name}") for m in pkgutil.iter_modules([ROOT / "kseq"])]
    for package in packages:
        for name in getattr(package, "__all__", ()):
            thing = getattr(package, name)
            if callable(thing) and getattr(thing, "__module__", "").startswith("kseq"):
                found.add(f"{thing.__module__}.{thing.__qualname__}")
    return found


@pytest.mark.slow
def test_the_site_builds_without_warnings_and_has_every_public_name(tmp_path):
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert "WARNING" not in result.stderr
    inventory = (tmp_path / "objects.inv").read_bytes().split(b"\n", 4)[4]
    known = {line.split()[0] for line in zlib.decompress(inventory).decode().splitlines()}
    assert public_names() and not public_names() - known
