"""Every operation of the contract, through a client made of it. Arguments: the base URL of the API, a text that makes names unique."""

import sys
from datetime import datetime
from http import HTTPStatus

from jfrog_ml import Client
from jfrog_ml.api.deployments import create_deployment, delete_deployment, get_deployment, list_deployments
from jfrog_ml.api.experiments import create_experiment, delete_experiment, get_experiment, list_experiments
from jfrog_ml.api.model_versions import create_model_version, delete_model_version, get_model_version, list_model_versions
from jfrog_ml.api.models import create_model, delete_model, get_model, list_models, update_model
from jfrog_ml.models import (
    DeploymentRequest,
    DeploymentRequestResources,
    DeploymentStatus,
    ExperimentRequest,
    ExperimentRequestParameters,
    ExperimentStatus,
    ModelRequest,
    ModelVersionRequest,
    ModelVersionRequestMetrics,
    ModelVersionRequestParameters,
    ModelVersionRequestStatus,
    ModelVersionStatus,
)
from jfrog_ml.types import UNSET

url, stem = sys.argv[1:]
client = Client(base_url=url, raise_on_unexpected_status=True)
forgiving = Client(base_url=url)

# ----------------------------------------------------------------------------------------------------------------- models
request = ModelRequest(name=f"fraud {stem}", description="d", framework="sklearn", task_type="classification", tags=["a", "b"])
model = create_model.sync(client=client, body=request)
assert (model.name, model.framework, model.task_type, model.tags) == (request.name, "sklearn", "classification", ["a", "b"])
assert model.latest_version is UNSET
assert model.versions_count == 0
assert isinstance(model.created_at, datetime)
assert model.created_at.tzinfo is not None
assert model.additional_properties == {}
assert get_model.sync(model.id, client=client) == model

updated = update_model.sync_detailed(model.id, client=client, body=ModelRequest(name=f"scam {stem}", tags=["c"]))
assert updated.status_code == HTTPStatus.OK
model = get_model.sync(model.id, client=client)
assert (model.name, model.description, model.tags) == (f"scam {stem}", UNSET, ["c"])
page = list_models.sync(client=client, limit=1000, offset=0)
assert model in page.models
assert page.total_count >= len(page.models)
assert len(list_models.sync(client=client).models) <= 25

# --------------------------------------------------------------------------------------------------------------- versions
metrics, parameters = ModelVersionRequestMetrics.from_dict({"accuracy": 0.97}), ModelVersionRequestParameters.from_dict({"lr": "0.1"})
version = create_model_version.sync(
    model.id,
    client=client,
    body=ModelVersionRequest(
        version="1", status=ModelVersionRequestStatus.STAGING, artifact_path="s3://x", metrics=metrics, parameters=parameters
    ),
)
assert (version.model_id, version.version, version.status) == (model.id, "1", ModelVersionStatus.STAGING)
assert (version.artifact_path, version.metrics.to_dict(), version.parameters.to_dict()) == ("s3://x", {"accuracy": 0.97}, {"lr": "0.1"})
assert get_model_version.sync(model.id, version.id, client=client) == version
assert list_model_versions.sync(model.id, client=client).versions == [version]
assert get_model.sync(model.id, client=client).latest_version == "1"

# ------------------------------------------------------------------------------------------------------------ experiments
experiment = create_experiment.sync(
    client=client,
    body=ExperimentRequest(name="e", model_id=model.id, parameters=ExperimentRequestParameters.from_dict({"depth": "3"})),
)
assert (experiment.status, experiment.model_id, experiment.parameters.to_dict()) == (ExperimentStatus.RUNNING, model.id, {"depth": "3"})
assert experiment.completed_at is UNSET
assert get_experiment.sync(experiment.id, client=client) == experiment
assert list_experiments.sync(client=client, model_id=model.id).experiments == [experiment]

# ------------------------------------------------------------------------------------------------------------ deployments
deployment = create_deployment.sync(
    client=client,
    body=DeploymentRequest(
        name=f"live {stem}",
        model_id=model.id,
        model_version_id=version.id,
        replicas=2,
        resources=DeploymentRequestResources(cpu="500m", memory="1Gi", gpu=0),
    ),
)
assert (deployment.status, deployment.replicas) == (DeploymentStatus.DEPLOYING, 2)
assert get_deployment.sync(deployment.id, client=client).status == DeploymentStatus.FAILED
assert deployment.id in [one.id for one in list_deployments.sync(client=client).deployments]

# --------------------------------------------------------------------------------------------------------- and gone again
assert delete_deployment.sync_detailed(deployment.id, client=client).status_code == HTTPStatus.NO_CONTENT
assert delete_experiment.sync_detailed(experiment.id, client=client).status_code == HTTPStatus.NO_CONTENT
assert delete_model_version.sync_detailed(model.id, version.id, client=client).status_code == HTTPStatus.NO_CONTENT
assert list_model_versions.sync(model.id, client=client).versions == []
assert delete_model.sync_detailed(model.id, client=client).status_code == HTTPStatus.NO_CONTENT
assert get_model.sync_detailed(model.id, client=forgiving).status_code == HTTPStatus.NOT_FOUND
