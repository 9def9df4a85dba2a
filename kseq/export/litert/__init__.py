"""LiteRT (`.tflite`) models of builtin operations only, which the plain interpreter runs.

`kseq.export.litert.convert.convert` takes any Keras model, `kseq.export.litert.task.save` a pipeline's.
"""
