"""A process that is killed while it saves leaves half a file; the run must resume nevertheless."""

import keras
import numpy as np
import pytest

from kseq.training.checkpoints import Backup


def model():
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.compile("sgd", "mse")
    return net


def saved(directory, epochs):
    """Saves the state of each epoch; the weights are the number of epochs."""
    net, backup = model(), Backup(directory)
    backup.set_model(net)
    backup.on_train_begin()
    for epoch in range(epochs):
        net.set_weights([np.full_like(w, epoch + 1) for w in net.get_weights()])
        backup.on_epoch_end(epoch)


def empty(path):
    path.write_bytes(b"")


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("training_metadata.json", empty),
        ("latest.weights.h5", empty),
        ("latest.weights.h5", halve),
    ],
    ids=["metadata", "weights empty", "weights halved"],
)
def test_the_state_before_is_taken_up(tmp_path, name, damage, epochs):
    directory = tmp_path / "backup"
    saved(directory, epochs)
    damage(directory / name)
    net, backup = model(), Backup(directory)
    start = net.get_weights()[0]
    backup.set_model(net)
    backup.on_train_begin()
    whole = epochs - 1  # epochs whose state is whole
    assert (getattr(net, "_initial_epoch", None) or 0) == whole
    expected = np.full((2, 1), whole) if whole else start
    np.testing.assert_array_equal(net.get_weights()[0], expected)
    backup.on_epoch_end(whole)  # and saving goes on
