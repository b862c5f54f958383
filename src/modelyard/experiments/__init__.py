"""Experiments, their runs, and the history of what runs measured."""
