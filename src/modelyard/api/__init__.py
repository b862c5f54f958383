"""The front doors: one folder per dialect, and `http`, the edge kit they all stand on."""
