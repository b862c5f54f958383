"""The commands that talk to a server, as whoever logged in. They import nothing of the server's own."""
