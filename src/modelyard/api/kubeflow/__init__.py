"""Kubeflow's Model Registry REST API."""
