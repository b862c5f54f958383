"""Kills servers and cuts the power while clients write, and looks for what they were promised."""
