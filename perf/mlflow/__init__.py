"""MLflow's server under the same load, for the calls that both have."""
