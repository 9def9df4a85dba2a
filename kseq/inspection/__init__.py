"""Looking into training and models: curves and plots."""
