"""For those who run the server: health, readiness, metrics, version, and the page that greets a browser."""
