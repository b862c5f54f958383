"""Models, versions, experiments, runs, environments, services, serve records: each as made, as changed, as shown, and in lists.

Create structs carry the defaults that the original applies to a key that is absent (and not to one that is null).
`Nested...` structs are the bodies of POSTs below a parent, where the original takes the full schema.
"""

from modelyard.api.kubeflow.wire import enums as e
from modelyard.api.kubeflow.wire import fields as f
from modelyard.api.kubeflow.wire.base import BaseModel, BaseResourceUpdate, ListOf, Wire


class RegisteredModelUpdate(BaseModel, forbid_unknown_fields=True):
    """Changes to a model. What is left out stays."""

    external_id: f.ExternalId = None
    owner: f.Owner = None
    state: e.RegisteredModelState | None = None


class RegisteredModelCreate(RegisteredModelUpdate, kw_only=True, forbid_unknown_fields=True):
    """A model to be registered."""

    name: f.RequiredName
    state: e.RegisteredModelState | None = e.RegisteredModelState.LIVE


class RegisteredModel(Wire, kw_only=True):
    """A model: the parent of its versions."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None
    id: f.Id = None
    language: f.Language = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    library_name: f.LibraryName = None
    license: f.License = None
    license_link: f.LicenseLink = None
    logo: f.Logo = None
    maturity: f.Maturity = None
    name: f.RequiredName
    owner: f.Owner = None
    provider: f.Provider = None
    readme: f.Readme = None
    state: e.RegisteredModelState | None = None
    tasks: f.Tasks = None


class RegisteredModelList(ListOf[RegisteredModel]):
    """A page of models."""


class ModelVersionUpdate(BaseResourceUpdate, forbid_unknown_fields=True):
    """Changes to a version. What is left out stays."""

    author: f.Author = None
    state: e.ModelVersionState | None = None


class ModelVersionCreate(ModelVersionUpdate, kw_only=True, forbid_unknown_fields=True):
    """A version to be registered."""

    name: f.RequiredName
    registered_model_id: f.RegisteredModelId
    state: e.ModelVersionState | None = e.ModelVersionState.LIVE


class NestedModelVersion(ModelVersionCreate, forbid_unknown_fields=True):
    """A version to be registered under the model in the path. Times must be readable and are ignored."""

    create_time_since_epoch: f.CreateTime = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None


class ModelVersion(Wire, kw_only=True):
    """A version of a model."""

    author: f.Author = None
    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.RequiredName
    registered_model_id: f.RegisteredModelId
    state: e.ModelVersionState | None = None


class ModelVersionList(ListOf[ModelVersion]):
    """A page of versions."""


class ExperimentUpdate(BaseResourceUpdate, forbid_unknown_fields=True):
    """Changes to an experiment. What is left out stays."""

    owner: f.Owner = None
    state: e.ExperimentState | None = None


class ExperimentCreate(ExperimentUpdate, kw_only=True, forbid_unknown_fields=True):
    """An experiment to be registered."""

    name: f.RequiredName
    state: e.ExperimentState | None = e.ExperimentState.LIVE


class Experiment(Wire, kw_only=True):
    """An experiment: the parent of its runs."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.RequiredName
    owner: f.Owner = None
    state: e.ExperimentState | None = None


class ExperimentList(ListOf[Experiment]):
    """A page of experiments."""


class ExperimentRunUpdate(BaseResourceUpdate, forbid_unknown_fields=True):
    """Changes to a run. What is left out stays."""

    end_time_since_epoch: f.EndTime = None
    owner: f.Owner = None
    state: e.ExperimentRunState | None = None
    status: e.ExperimentRunStatus | None = None


class ExperimentRunCreate(ExperimentRunUpdate, kw_only=True, forbid_unknown_fields=True):
    """A run to be registered."""

    experiment_id: f.ExperimentId
    name: f.Name = None
    start_time_since_epoch: f.StartTime = None
    state: e.ExperimentRunState | None = e.ExperimentRunState.LIVE
    status: e.ExperimentRunStatus | None = e.ExperimentRunStatus.RUNNING


class NestedExperimentRun(ExperimentRunCreate, forbid_unknown_fields=True):
    """A run to be registered under the experiment in the path. Times of creation and change must be readable and are ignored."""

    create_time_since_epoch: f.CreateTime = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None


class ExperimentRun(Wire, kw_only=True):
    """A run of an experiment."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    end_time_since_epoch: f.EndTime = None
    experiment_id: f.ExperimentId
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None
    owner: f.Owner = None
    start_time_since_epoch: f.StartTime = None
    state: e.ExperimentRunState | None = None
    status: e.ExperimentRunStatus | None = None


class ExperimentRunList(ListOf[ExperimentRun]):
    """A page of runs."""


class ServingEnvironmentUpdate(BaseResourceUpdate, forbid_unknown_fields=True):
    """Changes to an environment. What is left out stays."""


class ServingEnvironmentCreate(ServingEnvironmentUpdate, kw_only=True, forbid_unknown_fields=True):
    """An environment to be registered."""

    name: f.RequiredName


class ServingEnvironment(Wire, kw_only=True):
    """A place where models are served: the parent of its inference services."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.RequiredName


class ServingEnvironmentList(ListOf[ServingEnvironment]):
    """A page of environments."""


class InferenceServiceUpdate(BaseResourceUpdate, forbid_unknown_fields=True):
    """Changes to an inference service. What is left out stays."""

    desired_state: e.InferenceServiceState | None = None
    model_version_id: f.ModelVersionId = None
    runtime: f.Runtime = None


class InferenceServiceCreate(InferenceServiceUpdate, kw_only=True, forbid_unknown_fields=True):
    """An inference service to be registered."""

    desired_state: e.InferenceServiceState | None = e.InferenceServiceState.DEPLOYED
    name: f.Name = None
    registered_model_id: f.RegisteredModelId
    serving_environment_id: f.ServingEnvironmentId


class InferenceService(Wire, kw_only=True):
    """A model, or one version of it, served in an environment."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    desired_state: e.InferenceServiceState | None = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    model_version_id: f.ModelVersionId = None
    name: f.NonEmptyName = None
    registered_model_id: f.RegisteredModelId
    runtime: f.Runtime = None
    serving_environment_id: f.ServingEnvironmentId


class InferenceServiceList(ListOf[InferenceService]):
    """A page of inference services."""


class ServeModelUpdate(BaseResourceUpdate, forbid_unknown_fields=True):
    """Changes to a serve record. No operation takes them."""

    last_known_state: e.ExecutionState | None = None


class ServeModelCreate(ServeModelUpdate, kw_only=True, forbid_unknown_fields=True):
    """A serve record to be appended to an inference service's log."""

    last_known_state: e.ExecutionState | None = e.ExecutionState.UNKNOWN
    model_version_id: f.ServedModelVersionId
    name: f.Name = None


class ServeModel(Wire, kw_only=True):
    """A serve record: one attempt to serve a version."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_known_state: e.ExecutionState | None = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    model_version_id: f.ServedModelVersionId
    name: f.NonEmptyName = None


class ServeModelList(ListOf[ServeModel]):
    """A page of serve records."""
