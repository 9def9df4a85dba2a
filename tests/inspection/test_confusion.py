import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from kseq.errors import UserError
from kseq.inspection.confusion import RIGHT, WRONG, confusion_counts, confusion_matrix


def pixels_of(path, colour):
    return int((np.abs(imread(path)[..., :3] - to_rgb(colour)).max(-1) < 0.02).sum())


def test_counts_worked_out_on_paper():
    true = ["B-PER I-PER O B-LOC", "B-LOC O B-ORG I-ORG", "B-PER"]
    predicted = ["B-PER I-PER O B-ORG", "O B-PER B-ORG O", "B-PER"]
    labels, counts = confusion_counts(*([row.split() for row in rows] for rows in (true, predicted)))
    assert labels == ["LOC", "ORG", "PER", "none"]
    assert counts.tolist() == [[0, 1, 0, 1], [0, 0, 0, 1], [0, 0, 2, 0], [0, 1, 1, 0]]


def test_a_type_that_was_predicted_only():
    labels, counts = confusion_counts([["O"]], [["B-A"]])
    assert labels == ["A", "none"] and counts.tolist() == [[0, 0], [1, 0]]


def test_sequences_that_do_not_align():
    with pytest.raises(UserError, match="`predicted` has 0 sentences"):
        confusion_counts([["O"]], [])


def test_right_is_blue_and_wrong_is_red(tmp_path):
    before = matplotlib.get_backend(auto_select=False)
    good = confusion_matrix(["A", "none"], np.array([[9, 0], [0, 0]]), tmp_path / "a.png", title="t")
    assert pixels_of(good, RIGHT) > 5000 and pixels_of(good, WRONG) == 0
    bad = confusion_matrix(["A", "none"], np.array([[0, 9], [0, 0]]), str(tmp_path / "b.png"))
    assert pixels_of(bad, WRONG) > 5000 and pixels_of(bad, RIGHT) == 0
    assert matplotlib.get_backend(auto_select=False) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_few_entities_too_many_are_pale(tmp_path):
    path = confusion_matrix(["A", "none"], np.array([[99, 0], [1, 0]]), tmp_path / "a.png")
    assert pixels_of(path, RIGHT) > 5000 and pixels_of(path, WRONG) == 0


@pytest.mark.parametrize("size", [3, 31])
def test_every_cell_has_its_number(tmp_path, monkeypatch, size):
    from matplotlib.axes import Axes

    drawn = {}
    monkeypatch.setattr(Axes, "text", lambda self, x, y, text, **kw: drawn.update({(y, x): text}))
    counts = np.arange(size * size).reshape(size, size)
    path = confusion_matrix([f"type-{i}" for i in range(size)], counts, tmp_path / "a.png")
    assert drawn == {(r, c): str(counts[r, c]) for r in range(size) for c in range(size) if counts[r, c]}
    height, width = imread(path).shape[:2]
    assert 350 < height < 2700 and 350 < width < 2700


def test_nothing_to_draw(tmp_path):
    with pytest.raises(UserError, match="no confusion to draw"):
        confusion_matrix(["none"], np.zeros((1, 1), int), tmp_path / "a.png")
    with pytest.raises(UserError, match=r"shape \(2, 2\) of 2 labels, got \(1, 1\)"):
        confusion_matrix(["A", "none"], np.ones((1, 1), int), tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
