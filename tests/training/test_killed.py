"""The trainings of all pipelines, killed and taken up again, end as the one that nothing killed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kseq.training.callbacks import standard_callbacks
from kseq.training.fitting import fit
from tests.training.distributed import COMMON, configs
from tests.training.toys import On, model, new_run, standard
from tests.training.toys import fit as fit_toy

ROOT = Path(__file__).parents[2]
EPOCHS, STEPS = 3, 5


class Killed(BaseException):
    pass


def train(task, options, run, at=None):
    """Returns the weights; or is killed at a batch."""
    keras.utils.set_random_seed(1)
    config = task.Config(**{**COMMON, "dropout": 0.3, **options})
    data = task.read(config)
    config = task.resolve(config, data)
    net = task.build(config, data).model

    def kill(epoch, batch):
        if (epoch, batch) == at:
            raise Killed

    callbacks = standard_callbacks(run, monitor="val_loss", tensorboard=False, backup_steps=2, patience=9)
    data = data.batches("train", config), data.batches("validation", config)
    with run.training():
        extra = [On("on_train_batch_end", kill)]
        fit(net, data[0], [*callbacks, *extra], epochs=EPOCHS, validation_data=data[1], verbose=0)
    return net.get_weights()


@pytest.mark.slow
def test_ten_random_kills(tmp_path):
    moments = random.Random(7)
    for number, (task, options) in enumerate(configs(tmp_path)):
        options["data"] = str(tmp_path / options["data"])
        expected = train(task, options, new_run(tmp_path, f"whole{number}"))
        run = new_run(tmp_path, f"killed{number}")
        for first, last in ((0, 1), (1, 2)):
            moment = moments.randint(first, last), moments.randint(0, 1)
            with pytest.raises(Killed):
                train(task, options, run, moment if first else (0, moments.randint(2, STEPS - 1)))
        found = train(task, options, run)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=task.name)


def toy(folder, *callbacks):
    run = new_run(folder) if not (folder / "toy").exists() else new_run_again(folder)
    net = model(dropout=0.3)
    with run.training():
        fit_toy(net, [*standard(run, backup_steps=1, tensorboard=False), *callbacks], shuffled=True)
    return net


def new_run_again(folder):
    from kseq.training.run import RunDirectory

    return RunDirectory.create(folder, "toy", "run", {"units": 1}, resume=True)


@pytest.mark.slow
def test_sigkill(tmp_path):
    expected = toy(tmp_path / "whole").get_weights()
    command = [sys.executable, "-m", "tests.training.test_killed", str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert process.returncode == -signal.SIGKILL, process.stderr
    for one, other in zip(toy(tmp_path / "killed").get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


if __name__ == "__main__":
    toy(
        Path(sys.argv[1]),
        On("on_train_batch_end", lambda e, b: (e, b) == (1, 2) and os.kill(os.getpid(), signal.SIGKILL)),
    )
