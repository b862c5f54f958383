"""What talks to a server over HTTP. It imports nothing of the server's own."""
