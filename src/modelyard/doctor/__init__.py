"""What is configured, reachable and out of date here, and what to do: one module for each concern, each a function to findings.

It changes nothing: no folder, file or table is made. What a database says of itself is asked in `store.facts`, and judged here.
"""
