"""For those who run the server: health, readiness, version, and the page that greets a browser."""
