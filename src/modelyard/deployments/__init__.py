"""Where versions are served: environments, inference services, and the log of serving actions."""
