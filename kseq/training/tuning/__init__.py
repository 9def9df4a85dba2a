"""Search for hyperparameters: the space, the search, workers on one or many machines, what came out."""
