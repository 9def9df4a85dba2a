import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from kseq.errors import UserError
from kseq.inspection.curves import BASELINE, TRAIN, VALIDATION, learning_curve

HISTORY = {"epoch": [0, 1, 2], "nats": [3.0, 2.0, 1.5], "val_nats": [2.5, 1.8, 1.9]}


def colours(path):
    """How many pixels are of each of the three colours."""
    pixels = imread(path)[..., :3]
    assert pixels.shape[0] > 300 and pixels.shape[1] > 500
    near = [np.abs(pixels - to_rgb(c)).max(-1) < 0.02 for c in (TRAIN, VALIDATION, BASELINE)]
    return [int(mask.sum()) for mask in near]


def test_everything_is_drawn(tmp_path):
    before = matplotlib.get_backend(auto_select=False)
    path = learning_curve(HISTORY, tmp_path / "a.png", metric="nats", baseline=1.7, title="t")
    assert min(colours(path)) > 500
    assert matplotlib.get_backend(auto_select=False) == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_csv_file_without_validation_and_baseline(tmp_path):
    csv = tmp_path / "history.csv"
    csv.write_text("epoch,loss,val_loss\n0,2.0,NA\n1,1.0,NA\n")
    train, validation, _ = colours(learning_curve(csv, str(tmp_path / "a.png")))
    assert train > 500 and validation == 0


@pytest.mark.parametrize("mode, place", [("min", 2), ("max", 0)])
def test_the_best_epoch(tmp_path, monkeypatch, mode, place):
    from matplotlib.axes import Axes

    marked = []
    monkeypatch.setattr(Axes, "scatter", lambda self, x, y, **kw: marked.append((x, y, kw["label"])))
    history = {"loss": [1, 1, 1, 1], "val_loss": [3.0, float("nan"), 1.0, 2.0]}
    learning_curve(history, tmp_path / "a.png", mode=mode)
    value = history["val_loss"][place]
    assert marked == [([place + 1], [value], f"best: {value:.4g} in epoch {place + 1}")]


@pytest.mark.parametrize("length", [1, 200])
def test_short_and_long(tmp_path, length):
    values = list(np.linspace(2, 1, length))
    path = learning_curve({"loss": values, "val_loss": values}, tmp_path / "a.png")
    assert colours(path)[1] > 100


def test_nothing_to_draw(tmp_path):
    with pytest.raises(UserError, match="did you mean `nats`"):
        learning_curve(HISTORY, tmp_path / "a.png", metric="nat")
    with pytest.raises(UserError, match="no epoch has ended"):
        learning_curve({}, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
