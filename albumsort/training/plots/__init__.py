"""Plots of training: data, curves, figures, comparisons, and a look inside the network."""
