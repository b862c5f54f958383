"""The main job on real input, from training to a model that is found, checked and loaded again: `make demo`."""
