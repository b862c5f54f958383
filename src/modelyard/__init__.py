"""Modelyard: one model registry that every client can talk to."""

from importlib.metadata import version

__version__ = version("modelyard")
