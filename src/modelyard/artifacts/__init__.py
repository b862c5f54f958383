"""Artifacts: what models, versions and runs are made of and produce."""
