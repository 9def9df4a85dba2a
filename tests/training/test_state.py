"""What is saved is whole, and a training that is killed anywhere goes on as if nothing had been."""

import errno

import keras
import numpy as np
import pytest

from kseq.errors import UserError
from kseq.files import read_history
from kseq.training.backup import Backup, Position
from kseq.training.state import States
from tests.training.toys import STEPS, On, fit, model, new_run, standard

EPOCHS = 3
OPTIONS = {"tensorboard": False, "backup_steps": 1, "cosine": (0.05, EPOCHS * STEPS, 2)}


class Killed(BaseException):
    pass


def train(run, *extra, rate=0.05):
    net = model(rate, dropout=0.3)
    with run.training():
        fit(net, [*extra, *standard(run, **OPTIONS)], EPOCHS, shuffled=True)
    return net


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Weights, optimizer and history of a training that nothing interrupted."""
    run = new_run(tmp_path_factory.mktemp("whole"))
    net = train(run)
    return state(net), read_history(run.history)


def state(net):
    return [variable.numpy() for variable in (*net.variables, *net.optimizer.variables)]


QUICK = [("on_train_batch_end", 0, 3), ("on_train_batch_end", 1, 5)]
MORE = [
    ("on_train_batch_end", 0, 1),
    ("on_train_batch_begin", 1, 0),
    ("on_train_batch_end", 1, 4),
    ("on_test_begin", 1, None),
    ("on_epoch_end", 2, None),
]


@pytest.mark.parametrize(
    ("hook", "epoch", "batch"), [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in MORE)]
)
def test_killed_anywhere_it_ends_bit_equal(tmp_path, whole, hook, epoch, batch):
    """Dropout, shuffling, momentum, schedule, metrics: all of it goes on where it was."""
    run = new_run(tmp_path)

    def kill(e, b):
        if (e, b) == (epoch, batch):
            raise Killed

    with pytest.raises(Killed):
        train(run, On(hook, kill))
    net = train(run)
    for found, expected in zip(state(net), whole[0], strict=True):
        np.testing.assert_array_equal(found, expected)
    history = read_history(run.history)
    for name in ("loss", "val_loss"):
        assert history[name] == whole[1][name], name


@pytest.mark.slow
def test_killed_again_and_again(tmp_path, whole):
    run, alive, kills = new_run(tmp_path), None, 0
    while alive is None:
        count = iter(range(99))

        def kill(epoch, batch, count=count):
            if next(count) == 4:
                raise Killed

        try:
            alive = train(run, On("on_train_batch_begin", kill))
        except Killed:
            kills += 1
    assert kills >= 4
    for found, expected in zip(state(alive), whole[0], strict=True):
        np.testing.assert_array_equal(found, expected)


def saved(directory, steps):
    """States of a model whose weights are the number of the step."""
    net, states = model(), States(directory)
    net.optimizer.build(net.trainable_variables)
    for step in steps:
        net.set_weights([np.full_like(weight, step) for weight in net.get_weights()])
        states.save(net, step, {"step": step})
    return net, states


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero_a_page(path):
    content = bytearray(path.read_bytes())
    content[2048:4096] = bytes(2048)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [halve, zero_a_page, lambda path: path.write_bytes(b"")])
def test_a_torn_state_is_passed_over(tmp_path, damage):
    _, states = saved(tmp_path, [1, 2, 30])
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 and states.last()[1] == {"step": 30}  # two are kept
    damage(files[1])
    file, about = states.last()
    net = model()
    states.load(net, file)
    assert about == {"step": 2} and (net.get_weights()[0] == 2).all()
    damage(files[0])
    assert states.last() is None and Backup(tmp_path).position() == Position(0, 0)


def test_states_after_a_step_are_forgotten(tmp_path):
    net, states = model(), States(tmp_path)
    for step in (3, 6):
        states.save(net, step, {})
    states.rewind(5)
    assert states.steps() == [3]
    states.rewind(0)
    assert states.last() is None


def test_half_a_file_of_a_killed_process_is_none(tmp_path):
    _, states = saved(tmp_path, [1])
    (tmp_path / ".saving.weights.h5").write_bytes(b"half")
    assert states.last()[1] == {"step": 1}
    saved(tmp_path, [2])
    assert {path.name[:16] for path in tmp_path.iterdir()} == {"state-0000000001", "state-0000000002"}


def test_a_full_disk_is_reported_and_the_state_before_survives(tmp_path, monkeypatch):
    net, states = saved(tmp_path, [1])
    real = keras.Model.save_weights

    def full(self, path, **options):
        real(self, path, **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(UserError, match=r"No space left on device; the state of step 1 is still there$"):
        states.save(net, 2, {})
    assert len(list(tmp_path.iterdir())) == 1 and states.last()[1] == {"step": 1}
    with pytest.raises(UserError, match=r"; there is none yet$"):
        States(tmp_path / "new").save(net, 2, {})


@pytest.mark.slow
def test_a_full_disk_ends_the_training_which_then_goes_on(tmp_path, whole, monkeypatch):
    run = new_run(tmp_path)
    real = States.save

    def full(self, net, step, about):
        if step > 8:
            raise UserError("cannot save: No space left on device")
        real(self, net, step, about)

    with monkeypatch.context() as patch, pytest.raises(UserError, match="No space left"):
        patch.setattr(States, "save", full)
        train(run)
    assert run.status == "failed"
    for found, expected in zip(state(train(run)), whole[0], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_nothing_is_left_of_a_finished_training(tmp_path):
    run = new_run(tmp_path)
    train(run)
    assert not run.backup.exists()
