"""Real database servers and the program itself, started for tests on loopback and stopped by process id."""
