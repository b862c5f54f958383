"""Puts the parts together: the only file that knows every one of them."""

import asyncio
import functools
import os
import sqlite3
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from modelyard import logs
from modelyard.access import expiry
from modelyard.access.directory import Directory
from modelyard.access.first_admin import admit
from modelyard.access.journal import Journal
from modelyard.access.passwords import ArgonPasswords, Passwords
from modelyard.access.repository import SqlRegister
from modelyard.access.service import Access, Minted, TokenService, access_services
from modelyard.api.http.cors import Cors
from modelyard.api.http.docs import docs_routes
from modelyard.api.http.edge import Edge
from modelyard.api.http.front import Front
from modelyard.api.http.hosts import Hosts
from modelyard.api.http.kept_answers import KeptAnswers
from modelyard.api.http.limits import Limits
from modelyard.api.http.operation import Operation
from modelyard.api.jfrog import app as jfrog
from modelyard.api.jfrog.handlers import Services as JfrogServices
from modelyard.api.kubeflow.app import dialects
from modelyard.api.kubeflow.resources import Services
from modelyard.api.native import app as native
from modelyard.api.native import events, grants, me, trash, users
from modelyard.api.ops.figures import gather
from modelyard.api.ops.health import health_routes
from modelyard.api.ops.landing import landing_routes
from modelyard.api.ops.metrics import metrics_route
from modelyard.api.ops.traffic import Traffic
from modelyard.api.ops.workers import OwnFigures, WorkerFigures
from modelyard.artifacts.repository import ArtifactParents, artifacts
from modelyard.artifacts.service import ArtifactService
from modelyard.artifacts.tables import ARTIFACT_PARENT
from modelyard.audit import sealing
from modelyard.audit.following import Following
from modelyard.audit.horizon import Horizon, sql_horizon
from modelyard.audit.ledger import Ledger
from modelyard.audit.log import SqlEventLog
from modelyard.audit.repository import SqlEvents
from modelyard.audit.sealing import Sealing
from modelyard.audit.seals import SqlSeals
from modelyard.context import Caller, system_clock
from modelyard.deployments.managed import ManagedDeployments
from modelyard.deployments.repository import environments, serve_records, services
from modelyard.deployments.service import DeploymentRecords, DeploymentService
from modelyard.errors import Forbidden, Unavailable
from modelyard.experiments.metrics import MetricService
from modelyard.experiments.repository import SqlSeries, experiments, metric_points, runs
from modelyard.experiments.service import ExperimentRecords, ExperimentService
from modelyard.experiments.tracking import TrackingRecords, TrackingService
from modelyard.jobs import Job, Jobs
from modelyard.models.repository import models, versions
from modelyard.models.service import ModelRecords, ModelService
from modelyard.overview.deployments import DeploymentOverview
from modelyard.overview.health import List, StoreHealth
from modelyard.overview.registry import RegistryOverview
from modelyard.overview.runs import RunOverview
from modelyard.records.kinds import Kind
from modelyard.records.sql_trash import SqlTrash
from modelyard.settings import Settings, flag, install
from modelyard.store.database import Database
from modelyard.store.idempotency import Answers
from modelyard.store.meter import Meter
from modelyard.store.schema import HEAD, schema_version
from modelyard.store.sqlite import SqliteDatabase
from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl
from modelyard.store.wipe import wipe as wipe_store
from modelyard.trash import retention
from modelyard.trash.service import TrashService

if TYPE_CHECKING:
    from modelyard.access.oidc import Oidc
    from modelyard.audit.verification import Attestation
    from modelyard.overview.integrity.check import Repaired, Verdict, Watch
    from modelyard.telemetry.setup import Telemetry

T = TypeVar("T")

_BODIES_AT_ONCE = 16
"""So many of the largest may be on their way at a time, or correspondingly more smaller ones."""

_UNGUARDED = (
    "it has no accounts, so nobody would be asked who they are, and others can reach {host}: make the first account by `modelyard admin "
    f"init`, or, where everyone who can reach it may do everything, allow it with {flag('insecure_no_auth')}"
)


def create(settings: Settings, shared: Path | None = None) -> Edge:
    """The application. Its start-up opens the database and brings its schema up to date.

    `shared` is the folder in which the workers of a server that has several keep their figures.
    """
    url = DatabaseUrl.parse(settings.database)
    traffic, meter = Traffic(), Meter(url.flavour, slow_seconds=settings.slow_statement_ms / 1000)
    counted = functools.partial(gather, traffic, meter)
    figures = OwnFigures(counted) if shared is None else WorkerFigures(shared, counted)
    database = open_database(settings, url, meter)
    telemetry = _telemetry(settings)
    if telemetry is not None:
        database = telemetry.traced(database)
    passwords = ArgonPasswords()
    directory = Directory(database, SqlRegister(), passwords, _identity_provider(settings))
    domain = build_services(database)
    metrics = build_metrics(database, domain.artifacts)
    access = build_access(database, domain, passwords)
    trash_service = TrashService(database, _sql_trash(), domain.artifacts.ledger)
    horizon = sql_horizon(database)
    following = Following(database, SqlEventLog(), horizon)
    doors = (
        *dialects(domain, settings.max_page_size),
        jfrog.dialect(jfrog_services(database, domain, metrics, horizon)),
        native.dialect(
            metrics,
            *_access_operations(access, directory.forget),
            *trash.operations(trash.TrashHandlers(trash_service, system_clock)),
            *events.operations(events.EventHandlers(database, SqlEventLog(), following)),
        ),
    )
    sealing_ = Sealing(database, SqlEventLog(), SqlSeals(database), horizon, system_clock)
    jobs = Jobs(_jobs(settings, sealing_, trash_service, access.tokens))
    health = StoreHealth(database, _lists(domain))
    cold = (*docs_routes(doors), *landing_routes(doors), *health_routes(health, system_clock), metrics_route(figures.all))

    async def startup() -> None:
        await database.open()
        try:
            await bring_up_to_date(database, url)
            await directory.refresh()
            _check_guarded(directory, settings)
            await figures.open()
        except BaseException:
            await database.close()
            raise
        jobs.start()

    async def shutdown() -> None:
        await jobs.stop()
        await directory.close()
        await database.close()
        await figures.close()
        if telemetry is not None:
            await telemetry.close()

    return Edge(
        doors,
        cold,
        limits=Limits(
            body=settings.max_body_bytes,
            bodies=_BODIES_AT_ONCE * settings.max_body_bytes,
            head=settings.max_header_bytes,
            json_depth=settings.max_json_depth,
            requests=settings.max_concurrent_requests,
        ),
        cors=Cors(settings.cors_origins),
        hosts=Hosts(settings.accepted_hosts),
        logger=logs.logger(),
        access=logs.access_log(),
        directory=directory,
        idempotency=KeptAnswers(Answers(database, system_clock)),
        observe=traffic.observe,
        front=Front(settings.path_prefix, settings.trusted_proxies) if settings.path_prefix or settings.trusted_proxies else None,
        tracer=None if telemetry is None else telemetry.request_tracer(doors, cold),
        startup=startup,
        shutdown=shutdown,
        stop=following.stop,
    )


def _check_guarded(directory: Directory, settings: Settings) -> None:
    if directory.open and settings.beyond_loopback and not settings.insecure_no_auth:
        raise Forbidden(_UNGUARDED.format(host=settings.host))


def _jobs(settings: Settings, sealing_: Sealing, trash_service: TrashService, tokens: TokenService) -> list[Job]:
    jobs = [
        Job("seal audit events", sealing.EVERY, sealing_.seal),
        Job("remove ended tokens", expiry.EVERY, functools.partial(expiry.remove_old, tokens, system_clock)),
    ]
    if settings.trash_retention_days:
        purge = functools.partial(retention.purge_old, trash_service, system_clock, settings.trash_retention_days)
        jobs.append(Job("purge the trash", retention.EVERY, purge))
    return jobs


def open_database(settings: Settings, url: DatabaseUrl, meter: Meter | None = None) -> Database:
    """The database of this URL, not opened yet. A driver is imported only when it is needed."""
    if url.path is not None:
        return SqliteDatabase(url.path, statement_seconds=settings.statement_timeout_seconds, meter=meter)
    options: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "wait_seconds": settings.pool_wait_seconds,
        "connect_seconds": settings.connect_timeout_seconds,
        "statement_seconds": settings.statement_timeout_seconds,
        "meter": meter,
    }
    try:
        if url.flavour is Flavour.POSTGRESQL:
            from modelyard.store.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is an extra, which may not be installed

            return PostgresDatabase(url, **options)
        from modelyard.store.mysql import MySqlDatabase  # noqa: PLC0415 - its driver is an extra, which may not be installed

        return MySqlDatabase(url, **options)
    except ModuleNotFoundError as error:
        extra = "postgres" if url.flavour is Flavour.POSTGRESQL else "mysql"
        raise Unavailable(f"the driver for {url.redacted()} is not installed: {install(extra)}") from error


def _telemetry(settings: Settings) -> "Telemetry | None":
    """None unless there is somewhere to send it. That the extra is missing is said, and stops nothing: the variable may be for others."""
    if not settings.otlp_endpoint:
        return None
    try:
        from modelyard.telemetry.setup import Telemetry  # noqa: PLC0415 - an extra

        return Telemetry(settings.otlp_endpoint)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("opentelemetry"):
            raise
        logs.logger().warning(f"nothing is traced: otlp_endpoint is set, and OpenTelemetry is not installed: {install('otel')}")
        return None


def _identity_provider(settings: Settings) -> "Oidc | None":
    if not settings.oidc_issuer:
        return None
    try:
        import cryptography  # noqa: F401, PLC0415 - an extra. PyJWT does without it, and then knows no signature by a public key

        from modelyard.access.oidc import Oidc, Provider  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise Unavailable(f"oidc_issuer is set, and what it needs is not installed: {install('oidc')}") from error
    return Oidc(Provider(settings.oidc_issuer, settings.oidc_audience, settings.oidc_groups_claim, settings.oidc_roles))


def build_services(database: Database) -> Services:
    """The domains over a database."""
    model, version, experiment, run, point = models(), versions(), experiments(), runs(), metric_points()
    artifact, environment, service, serve = artifacts(), environments(), services(), serve_records()
    ledger = Ledger(SqlEvents(), system_clock, _sql_trash())
    artifact_service = ArtifactService(database, artifact, ArtifactParents(), ledger)
    model_service = ModelService(database, ModelRecords(model, version), artifact_service, ledger)
    run_records = ExperimentRecords(experiment, run, point, SqlSeries())
    deployment_records = DeploymentRecords(environment, service, serve)
    return Services(
        models=model_service,
        experiments=ExperimentService(database, run_records, artifact_service, ledger),
        artifacts=artifact_service,
        deployments=DeploymentService(database, deployment_records, model_service, ledger),
    )


def _sql_trash() -> SqlTrash:
    nouns = (models(), versions(), experiments(), runs(), metric_points(), artifacts(), environments(), services(), serve_records())
    return SqlTrash(nouns, ARTIFACT_PARENT)


def build_metrics(database: Database, artifact_service: ArtifactService) -> MetricService:
    return MetricService(database, runs(), SqlSeries(), artifact_service, artifact_service.ledger)


def build_access(database: Database, domain: Services, passwords: Passwords) -> Access:
    """Accounts, tokens, grants and projects over a database."""

    async def find(caller: Caller, kind: Kind, record_id: int) -> object:
        get = domain.models.get_model if kind is Kind.MODEL else domain.experiments.get_experiment
        return await get(caller, record_id)

    return access_services(database, _journal(), passwords, find)


def _access_operations(access: Access, forget: Callable[[], None]) -> tuple[Operation, ...]:
    """Those that change something have this process forget who may do what, so that its next request knows."""
    operations = (*me.operations(access), *users.operations(access), *grants.operations(access))
    return tuple(one if one.method == "GET" else msgspec.structs.replace(one, done=forget) for one in operations)


def _journal() -> Journal:
    return Journal(SqlRegister(), SqlEvents(), system_clock)


def jfrog_services(database: Database, domain: Services, metrics: MetricService, horizon: Horizon) -> JfrogServices:
    ledger = domain.artifacts.ledger
    deployed = DeploymentRecords(environments(), services(), serve_records())
    return JfrogServices(
        models=domain.models,
        tracking=TrackingService(database, TrackingRecords(experiments(), runs()), domain.models, domain.artifacts, metrics),
        deployments=ManagedDeployments(database, deployed, domain.models, ledger),
        registry=RegistryOverview(database, horizon),
        runs=RunOverview(database, horizon),
        deployed=DeploymentOverview(database),
    )


async def bring_up_to_date(database: Database, url: DatabaseUrl) -> None:
    """Migrate, unless the schema is the needed one already. Raises `Unavailable` when it is a newer program's, or may not be written."""
    if url.path is not None and not os.access(url.path, os.W_OK):
        raise Unavailable(f"this user may not write to {url.path}; give it the right, or choose another store")
    if await schema_version(database) == HEAD:
        return
    from modelyard.store import migrate  # noqa: PLC0415 - Alembic is slow to import and rarely needed

    await asyncio.to_thread(migrate.upgrade, url)


def admit_admin(settings: Settings, name: str, *, again: bool) -> Minted:
    """Make the first admin of the store that the settings name, and the store itself if need be (see `access.first_admin`)."""
    caller = Caller(name="modelyard admin init", dialect="cli", request_id=uuid.uuid4().hex)

    async def work(database: Database, url: DatabaseUrl) -> Minted:
        await bring_up_to_date(database, url)
        return await database.write(lambda unit: admit(unit, caller, _journal(), name, again=again))

    return asyncio.run(_on_store(settings, work))


def wipe(settings: Settings) -> None:
    """Empty the store that the settings name, however long it takes. Raises `Unavailable` when there is none or it cannot be reached."""

    async def work(database: Database, url: DatabaseUrl) -> None:
        await bring_up_to_date(database, url)
        await wipe_store(database)

    asyncio.run(_on_existing_store(settings, "empty", work))


def check(settings: Settings, watch: "Watch", *, repair: bool = False) -> "tuple[Verdict, Repaired | None]":
    """Whether the store that the settings name is whole, with its property index and metric blocks mended before if wanted.

    Changes nothing else, and may take long. Raises `Unavailable` as `wipe` does, and for a schema of another version.
    """
    from modelyard.overview.integrity import check as integrity  # noqa: PLC0415 - a server has no use for all its statements

    async def work(database: Database, _: DatabaseUrl) -> "tuple[Verdict, Repaired | None]":
        repaired = await integrity.mend(database, watch) if repair else None
        return await integrity.check(database, watch), repaired

    return asyncio.run(_on_existing_store(settings, "check", work))


def verify_audit(settings: Settings, watch: "Watch", expect: str | None = None) -> "Attestation":
    """Whether the audit events of the store that the settings name are what was sealed (see `audit.verification.verify`).

    Changes nothing. Raises `Unavailable` as `check` does.
    """
    from modelyard.audit.verification import verify  # noqa: PLC0415 - as in `check`
    from modelyard.overview.integrity.check import refuse_other_schemas  # noqa: PLC0415 - likewise

    async def work(database: Database, _: DatabaseUrl) -> "Attestation":
        await refuse_other_schemas(database)
        async with database.snapshot() as reader:
            return await verify(reader, SqlEventLog(), SqlSeals(database), watch, expect)

    return asyncio.run(_on_existing_store(settings, "verify", work))


async def _on_existing_store(settings: Settings, verb: str, work: Callable[[Database, DatabaseUrl], Awaitable[T]]) -> T:
    """Run `work` on the store that the settings name, with no limit on how long a statement takes."""
    url = DatabaseUrl.parse(settings.database)
    if url.path is not None and not os.access(url.path, os.R_OK):
        raise Unavailable(f"there is no store to {verb} at {url.path} that this user may read: check the path")
    return await _on_store(settings, work)


async def _on_store(settings: Settings, work: Callable[[Database, DatabaseUrl], Awaitable[T]]) -> T:
    url = DatabaseUrl.parse(settings.database)
    database = open_database(msgspec.structs.replace(settings, statement_timeout_seconds=0), url)
    try:
        await database.open()
    except (OSError, sqlite3.Error) as error:
        remedy = "make sure that it is a SQLite database, and that this user may write there"
        raise Unavailable(f"{settings.store} cannot be opened: {error}; {remedy}") from error
    try:
        return await work(database, url)
    finally:
        await database.close()


def _lists(domain: Services) -> Mapping[str, List]:
    return {
        "registered_models": domain.models.list_models,
        "artifacts": domain.artifacts.list_artifacts,
        "model_versions": domain.models.list_versions,
        "serving_environments": domain.deployments.list_environments,
        "inference_services": domain.deployments.list_services,
        "experiments": domain.experiments.list_experiments,
        "experiment_runs": domain.experiments.list_runs,
    }
