import numpy as np
import pytest

from kseq.errors import UserError
from kseq.inspection.classification import (
    calibration_error,
    calibration_plot,
    classification_report,
    classification_table,
    reliability,
)

TRUE = [0, 0, 1, 1, 1]
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.55, 0.45], [0.1, 0.9]])


def test_by_hand():
    report = classification_report(TRUE, PROBABILITIES, ["no", "yes"])
    assert report["accuracy"] == pytest.approx(3 / 5) and report["examples"] == 5
    assert report["labels"]["no"] == pytest.approx({"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2})
    yes = {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3}
    assert report["labels"]["yes"] == pytest.approx(yes)
    assert report["macro_f1"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    # of the six pairs of a no and a yes, five are ranked right
    pairs = [PROBABILITIES[a, 1] < PROBABILITIES[b, 1] for a in (0, 1) for b in (2, 3, 4)]
    assert report["roc_auc"] == pytest.approx(np.mean(pairs)) and sum(pairs) == 5


def test_calibration_by_hand():
    mean, share, count = reliability(TRUE, PROBABILITIES, bins=10)
    np.testing.assert_allclose(mean, [0.55, 0.6, 0.7, 0.9])
    np.testing.assert_allclose(share, [0, 0, 1, 1])
    assert count.tolist() == [1, 1, 1, 2]
    assert calibration_error(TRUE, PROBABILITIES) == pytest.approx((0.55 + 0.6 + 0.3 + 2 * 0.1) / 5)
    assert calibration_error([1, 0], [[0, 1], [1, 0]]) == 0


def test_a_label_that_does_not_occur():
    report = classification_report([0, 1], [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]], ["a", "b", "c"])
    assert report["roc_auc"] is None and report["labels"]["c"]["f1"] == 0 and report["accuracy"] == 1
    assert "ROC-AUC" not in classification_table(report)


def test_table():
    lines = classification_table(classification_report(TRUE, PROBABILITIES, ["no", "yes"])).splitlines()
    assert lines[1].split() == ["no", "50.00", "50.00", "50.00", "2"]
    assert lines[-1].startswith("accuracy 60.00, macro F1 58.33, ROC-AUC 83.33, calibration error 33.00")


def test_plot(tmp_path):
    path = calibration_plot(TRUE, PROBABILITIES, tmp_path / "calibration.png", title="five examples")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_bad_input():
    with pytest.raises(UserError, match="no example"):
        classification_report([], np.zeros((0, 2)), ["no", "yes"])
    with pytest.raises(UserError, match=r"`probabilities` must be \(5, 3\), got \(5, 2\)"):
        classification_report(TRUE, PROBABILITIES, ["a", "b", "c"])
    with pytest.raises(UserError, match="`bins` must be positive"):
        reliability(TRUE, PROBABILITIES, bins=0)
