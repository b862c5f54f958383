"""The resources of this API, bound to the services that answer for them."""

from typing import NamedTuple

from modelyard.api.kubeflow import vocabulary as words
from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.artifacts import ModelArtifactHandlers, artifact_names, artifact_show, point_names, point_show
from modelyard.api.kubeflow.resource import Parent, Resource
from modelyard.api.kubeflow.translate import filter_names, shower
from modelyard.api.kubeflow.versions import Version
from modelyard.artifacts.entities import ArtifactType
from modelyard.artifacts.service import ArtifactService
from modelyard.deployments import entities as d
from modelyard.deployments.service import DeploymentService
from modelyard.experiments import entities as e
from modelyard.experiments.service import ExperimentService
from modelyard.models import entities as m
from modelyard.models.service import ModelService
from modelyard.records.kinds import Kind


class Services(NamedTuple):
    """The domain services that this dialect speaks to."""

    models: ModelService
    experiments: ExperimentService
    artifacts: ArtifactService
    deployments: DeploymentService


class Resources(NamedTuple):
    models: Resource
    versions: Resource
    experiments: Resource
    runs: Resource
    environments: Resource
    services: Resource
    serves: Resource
    artifacts: Resource
    model_artifacts: Resource
    points: Resource


MODEL = Parent("model_id", words.MODEL.label)
EXPERIMENT = Parent("experiment_id", words.EXPERIMENT.label, "experiment not found", Kind.EXPERIMENT)
ENVIRONMENT = Parent("environment_id", words.ENVIRONMENT.label)
SERVICE = Parent("service_id", words.SERVICE.label)
ARTIFACT_PARENT = Parent("parent_id", words.PARENT_LABEL)
RUN = Parent("run_id", words.RUN.label, "experiment run not found", Kind.RUN)


def resources(services: Services, version: Version, most: int) -> Resources:
    """`most` is how many items a page may have, 0 for any number."""
    models, experiments, artifacts, deployments = services
    show_artifact = artifact_show(version)
    model_artifacts = ModelArtifactHandlers(artifacts, show_artifact)
    metric = version.shown[ArtifactType.METRIC]
    return Resources(
        models=Resource(
            words=words.MODEL,
            show=shower(m.Model, wire.RegisteredModel),
            names=filter_names(wire.RegisteredModel),
            get=models.get_model,
            list=models.list_models,
            find=models.find_models,
            most=most,
            create=models.create_model,
            new=m.NewModel,
            update=models.update_model,
            patch=m.ModelPatch,
            update_body=wire.RegisteredModelUpdate,
        ),
        versions=Resource(
            words=words.VERSION,
            show=shower(m.ModelVersion, wire.ModelVersion),
            names=filter_names(wire.ModelVersion),
            get=models.get_version,
            list=models.list_versions,
            find=models.find_versions,
            most=most,
            parent=MODEL,
            get_parent=models.get_model,
            create=models.create_version,
            new=m.NewVersion,
            update=models.update_version,
            patch=m.VersionPatch,
            update_body=wire.ModelVersionUpdate,
        ),
        experiments=Resource(
            words=words.EXPERIMENT,
            show=shower(e.Experiment, wire.Experiment),
            names=filter_names(wire.Experiment),
            get=experiments.get_experiment,
            list=experiments.list_experiments,
            find=experiments.find_experiments,
            most=most,
            create=experiments.create_experiment,
            new=e.NewExperiment,
            update=experiments.update_experiment,
            patch=e.ExperimentPatch,
            update_body=wire.ExperimentUpdate,
        ),
        runs=Resource(
            words=words.RUN,
            show=shower(e.Run, wire.ExperimentRun),
            names=filter_names(wire.ExperimentRun),
            get=experiments.get_run,
            list=experiments.list_runs,
            find=experiments.find_runs,
            most=most,
            parent=EXPERIMENT,
            get_parent=experiments.get_experiment,
            create=experiments.create_run,
            new=e.NewRun,
            update=experiments.update_run,
            patch=e.RunPatch,
            update_body=wire.ExperimentRunUpdate,
        ),
        environments=Resource(
            words=words.ENVIRONMENT,
            show=shower(d.Environment, wire.ServingEnvironment),
            names=filter_names(wire.ServingEnvironment),
            get=deployments.get_environment,
            list=deployments.list_environments,
            find=deployments.find_environments,
            most=most,
            create=deployments.create_environment,
            new=d.NewEnvironment,
            update=deployments.update_environment,
            patch=d.EnvironmentPatch,
            update_body=wire.ServingEnvironmentUpdate,
        ),
        services=Resource(
            words=words.SERVICE,
            show=shower(d.InferenceService, wire.InferenceService),
            names=filter_names(wire.InferenceService),
            get=deployments.get_service,
            list=deployments.list_services,
            find=deployments.find_services,
            most=most,
            parent=ENVIRONMENT,
            get_parent=deployments.get_environment,
            create=deployments.create_service,
            new=d.NewInferenceService,
            update=deployments.update_service,
            patch=d.InferenceServicePatch,
            update_body=wire.InferenceServiceUpdate,
        ),
        serves=Resource(
            words=words.SERVE,
            show=shower(d.ServeRecord, wire.ServeModel),
            names=filter_names(wire.ServeModel, inferenceServiceId="service_id"),
            get=deployments.get_serve,
            list=deployments.list_serves,
            most=most,
            parent=SERVICE,
            get_parent=deployments.get_service,
            create=deployments.create_serve,
            new=d.NewServeRecord,
        ),
        artifacts=Resource(
            words=words.ARTIFACT,
            show=show_artifact,
            names=artifact_names(version),
            get=artifacts.get_artifact,
            list=artifacts.list_artifacts,
            most=most,
            parent=ARTIFACT_PARENT,
        ),
        model_artifacts=Resource(
            words=words.MODEL_ARTIFACT,
            show=show_artifact,
            names=artifact_names(version, ArtifactType.MODEL),
            get=model_artifacts.get,
            list=artifacts.list_artifacts,
            most=most,
            parent=ARTIFACT_PARENT,
        ),
        points=Resource(
            words=words.ARTIFACT,
            show=point_show(metric) if version.experiments else show_artifact,
            names=point_names(metric) if version.experiments else {},
            get=artifacts.get_artifact,
            list=experiments.list_points,
            most=most,
            parent=RUN,
        ),
    )
