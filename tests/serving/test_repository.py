"""Versions that come, go and fail, with a stand-in for what loads them."""

from types import SimpleNamespace

import pytest

from kseq.errors import UserError
from kseq.serving.problem import Problem
from kseq.serving.repository import Repository
from kseq.serving.version import Version


def load(path):
    text = (path / "saved_model.pb").read_text()
    if text != "good":
        raise OSError(f"{text} is\nno graph")
    return SimpleNamespace(name=path.parent.name, number=int(path.name))


def put(root, name, number, text="good"):
    (root / name / str(number)).mkdir(parents=True, exist_ok=True)
    (root / name / str(number) / "saved_model.pb").write_text(text)


def numbers(repository):
    return {name: list(versions) for name, versions in repository.models.items()}


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path, load=load)


def test_the_newest_answer(repository):
    for number in (1, 2, 10):
        put(repository.root, "a", number)
    put(repository.root, "b", 3)
    for other in (".hidden/1", "a/.writing-x", "a/notes", "a/11", "a/012", "c"):  # no versions
        (repository.root / other).mkdir(parents=True)
    (repository.root / "a" / "012" / "saved_model.pb").write_text("good")
    repository.scan()
    assert numbers(repository) == {"a": [10, 2], "b": [3]}
    assert repository.find("a").number == 10 and repository.find("a", 2).number == 2
    for name, number, wanted in (("a", 1, "Specific(a, 1)"), ("c", None, "Latest(c)"), ("..", 3, "Specific")):
        with pytest.raises(Problem, match="Servable not found for request: ") as error:
            repository.find(name, number)
        assert error.value.status == 404 and wanted in error.value.message


def test_versions_come_and_go_and_what_stays_is_not_loaded_again(repository):
    put(repository.root, "a", 1)
    repository.scan()
    first = repository.find("a")
    put(repository.root, "a", 2)
    repository.scan()
    assert numbers(repository) == {"a": [2, 1]} and repository.find("a", 1) is first
    (repository.root / "a" / "2" / "saved_model.pb").unlink()
    repository.scan()
    assert numbers(repository) == {"a": [1]} and repository.find("a") is first
    (repository.root / "a" / "1" / "saved_model.pb").unlink()
    repository.scan()
    assert numbers(repository) == {}


def test_what_cannot_be_loaded_is_said_and_the_one_before_answers(repository, caplog):
    put(repository.root, "a", 1)
    put(repository.root, "a", 2)
    put(repository.root, "a", 3, "half")
    repository.scan()
    assert numbers(repository) == {"a": [2, 1]} and repository.failures("a") == {3: "half is no graph"}
    repository.scan()
    assert caplog.text.count("cannot load") == 1  # not tried again until its files change
    put(repository.root, "a", 3)
    repository.scan()
    assert numbers(repository) == {"a": [3, 2]} and repository.failures("a") == {}


def test_a_failure_is_forgotten_with_its_files(repository):
    put(repository.root, "a", 1, "half")
    repository.scan()
    assert repository.failures("a") and numbers(repository) == {}
    (repository.root / "a" / "1" / "saved_model.pb").unlink()
    (repository.root / "a" / "1").rmdir()
    repository.scan()
    assert not repository.failures("a")


def test_the_root_may_be_away_for_a_moment(tmp_path):
    root = tmp_path / "saved"
    put(root, "a", 1)
    repository = Repository(root, load=load)
    repository.scan()
    root.rename(tmp_path / "away")
    repository.scan()
    assert numbers(repository) == {"a": [1]}
    (tmp_path / "away").rename(root)
    repository.scan()
    assert numbers(repository) == {"a": [1]}


def test_wrong_directories(tmp_path):
    with pytest.raises(UserError, match="no directory `.*nowhere`; exports are looked for there"):
        Repository(tmp_path / "nowhere")
    put(tmp_path, "a", 1)
    with pytest.raises(UserError, match="holds versions of one model; give the directory above"):
        Repository(tmp_path / "a")
    with pytest.raises(UserError, match="`keep` must be positive"):
        Repository(tmp_path, keep=0)


def test_files_that_are_no_savedmodel(tmp_path):
    for number, content in enumerate((b"", b"\x00garbage", b"{}"), 1):
        (tmp_path / "bad" / str(number)).mkdir(parents=True)
        (tmp_path / "bad" / str(number) / "saved_model.pb").write_bytes(content)
    repository = Repository(tmp_path, load=Version)
    repository.scan()
    assert numbers(repository) == {} and set(repository.failures("bad")) == {1, 2, 3}
