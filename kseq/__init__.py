"""kseq trains recurrent sequence models in Keras 3 and deploys them anywhere."""
