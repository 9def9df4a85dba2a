"""PyTorch's recurrent modules with weights laid out as Keras lays them out copied in."""

import numpy as np


def simple_rnn(torch, weights):
    """Returns a batch-first float64 `torch.nn.RNN`."""
    return _filled(torch, torch.nn.RNN, weights, weights["bias"], 0.0 * weights["bias"])


def lstm(torch, weights):
    """Returns a batch-first float64 `torch.nn.LSTM`: the order of gates, i f g o, is the same."""
    return _filled(torch, torch.nn.LSTM, weights, weights["bias"], 0.0 * weights["bias"])


def gru(torch, weights):
    """Returns a batch-first float64 `torch.nn.GRU`: its gates are r z n where Keras has z r h."""
    units = weights["recurrent_kernel"].shape[0]
    columns = np.arange(3 * units).reshape(3, units)[[1, 0, 2]].ravel()
    swapped = {name: value[..., columns] for name, value in weights.items()}
    return _filled(torch, torch.nn.GRU, swapped, *swapped["bias"])


def _filled(torch, module_class, weights, input_bias, recurrent_bias):
    features, units = weights["kernel"].shape[0], weights["recurrent_kernel"].shape[0]
    module = module_class(features, units, batch_first=True, dtype=torch.float64)
    values = {
        "weight_ih_l0": weights["kernel"].T,
        "weight_hh_l0": weights["recurrent_kernel"].T,
        "bias_ih_l0": input_bias,
        "bias_hh_l0": recurrent_bias,
    }
    module.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    return module
