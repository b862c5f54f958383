"""Append-only memory of every change, written in the transaction of the change itself."""
