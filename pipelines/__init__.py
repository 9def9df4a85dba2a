"""The programs: each module that defines `PIPELINE` runs as `python -m pipelines.<module>`.

No module here imports TensorFlow or Keras at its top: `--help` and a mistyped flag answer at once.
"""
