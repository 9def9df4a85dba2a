import pytest

from kseq.errors import UserError
from kseq.inspection.search import _Axis, objective_over_time, parallel_coordinates

ABOUT = {"objective": "val_f1", "mode": "max", "title": "three"}


def test_pictures_are_drawn(tmp_path):
    trials = [{"cell": "lstm", "rate": 0.1, "on": True, "vectors": None}]
    trials += [{"cell": "gru", "rate": 0.001, "on": False, "vectors": "a.txt"}]
    for count in (1, 2):
        path = parallel_coordinates(
            trials[:count], [0.5, 0.7][:count], tmp_path / "p.png", log=["rate"], **ABOUT
        )
        assert path.read_bytes().startswith(b"\x89PNG")
    path = objective_over_time([0.1, 3.0], [0.5, 0.7], tmp_path / "o.png", **ABOUT)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [parallel_coordinates, objective_over_time])
def test_nothing_to_draw(tmp_path, draw):
    with pytest.raises(UserError, match="no trial has a score"):
        draw([], [], tmp_path / "p.png", **ABOUT)


def test_heights_and_ticks():
    log = _Axis([0.001, 0.1, 0.01], log=True)
    assert log.heights == pytest.approx([0, 1, 0.5])
    assert [label for _, label in log.ticks] == ["0.001", "0.01", "0.1"]
    assert _Axis([8, 32, 16], log=False).heights == [0, 1, 0.5]
    words = _Axis(["b", None, "a"], log=False)
    assert dict((label, height) for height, label in words.ticks) == {"None": 0, "a": 0.5, "b": 1}
    many = _Axis([float(n) for n in range(9)], log=False)
    assert [label for _, label in many.ticks] == ["0", "2", "4", "6", "8"]
