"""What a request costs, measured: `python -m perf --help`. Never a test: docs/reference/performance.md holds the figures."""
