"""Side-by-side measurements against Keras, PyTorch and KerasHub."""
