import matplotlib.image
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.inspection.attention import attention_maps
from kseq.inspection.exposure import exposure_curve


def test_maps_grow_with_their_tokens(tmp_path, recwarn):
    small = attention_maps([("ab", "c", np.eye(2))], tmp_path / "small.png")
    weights = np.random.default_rng(0).dirichlet(np.ones(30), 22)  # padding behind both
    both = [("ab", "c", np.eye(2)), ("一九九八年三月", "1998-03", weights)]
    large = attention_maps(both, tmp_path / "large.png")
    heights = [matplotlib.image.imread(path).shape[0] for path in (small, large)]
    assert heights[1] > 2 * heights[0]
    assert not recwarn.list  # no glyph is missing


def test_where_the_weight_is_dark(tmp_path):
    pictures = []
    for where in (0, 3):
        weights = np.zeros((2, 4))
        weights[:, where] = 1
        path = attention_maps([("abcd", "x", weights)], tmp_path / f"{where}.png")
        picture = matplotlib.image.imread(path)[..., 0]
        half = picture.shape[1] // 2
        pictures.append(picture[:, :half].mean() - picture[:, half:].mean())
    assert pictures[0] < 0 < pictures[1] or pictures[0] < pictures[1]


def test_nothing_to_draw(tmp_path):
    with pytest.raises(UserError, match="no attention to draw"):
        attention_maps([], tmp_path / "x.png")


def test_the_gap_between_training_and_use(tmp_path):
    path = exposure_curve([2.0, 1.0, 0.5], [2.5, 1.8, 1.5], tmp_path / "gap.png")
    picture = matplotlib.image.imread(path)[..., :3]
    grey = np.all(np.abs(picture - 0xDD / 255) < 0.02, axis=-1)
    assert grey.sum() > 1000  # the gap is shaded
