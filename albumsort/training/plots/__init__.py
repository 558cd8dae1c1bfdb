"""Plots of training: data sets, histories, figures, comparisons, and explained predictions."""
