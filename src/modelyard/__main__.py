"""The `modelyard` command. Whatever costs time to import is imported by the command that needs it."""

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from modelyard import __version__, settings, settings_sources
from modelyard.cli import grants, login, projects, tokens, users
from modelyard.settings import LogFormat, LogLevel, SettingsError

app = typer.Typer(
    name="modelyard",
    help="One model registry that every client can talk to.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # a traceback belongs in the log as it is; locals hold passwords
    context_settings={"help_option_names": ["-h", "--help"]},
)
admin = typer.Typer(name="admin", help="Look after a store from the machine it is on.", no_args_is_help=True)
app.add_typer(admin)
audit = typer.Typer(name="audit", help="Look after the audit log.", no_args_is_help=True)
app.add_typer(audit)
for command in (login.login, login.logout, login.whoami):
    app.command()(command)
for group in (tokens.app, users.app, grants.app, projects.app):
    app.add_typer(group)

Config = Annotated[
    str | None,
    typer.Option(
        "--config", metavar="FILE", help=escape(f"A TOML file with settings. [env: {settings.CONFIG_VARIABLE}]"), show_default=False
    ),
]


def _option(name: str, metavar: str | None = None) -> Any:
    """An option that sets the setting of that name; the loader, not typer, reads its variable and checks it."""
    origin = f"[default: {_default(name)}; env: {settings.variable(name)}]"
    help_ = f"{settings.description(name)} {escape(origin)}"
    return typer.Option(settings.flag(name), help=help_.replace("`", ""), metavar=metavar, show_default=False)


def _default(name: str) -> str:
    value = settings.FIELDS[name].default
    return {"": "none", False: "no"}.get(value, str(value)) if isinstance(value, (str, bool)) else str(value)


Host = Annotated[str | None, _option("host", metavar="ADDRESS")]
Port = Annotated[str | None, _option("port", metavar="NUMBER")]
Workers = Annotated[str | None, _option("workers", metavar="NUMBER")]
DataDir = Annotated[str | None, _option("data_dir", metavar="FOLDER")]
DatabaseUrl = Annotated[str | None, _option("database_url", metavar="URL")]


@app.callback(invoke_without_command=True)
def main_options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)] = False,  # noqa: FBT002 - typer makes a command's flags of such parameters
) -> None:
    if version:
        show_version()
        raise typer.Exit


@app.command("version")
def show_version() -> None:
    """Show the version."""
    typer.echo(f"modelyard {__version__} (Python {platform.python_version()})")


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    workers: Workers = None,
    config: Config = None,
    log_level: Annotated[LogLevel | None, _option("log_level")] = None,
    log_format: Annotated[LogFormat | None, _option("log_format")] = None,
    insecure_no_auth: Annotated[bool | None, _option("insecure_no_auth", metavar="")] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", metavar="FILE", help="Write {url, pid} as JSON here once requests are answered.", show_default=False),
    ] = None,
) -> None:
    """Serve the registry. Every other setting has a MODELYARD_ variable or a key in the --config file."""
    flags = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "database_url": database_url,
        "workers": workers,
        "log_level": log_level,
        "log_format": log_format,
        "insecure_no_auth": insecure_no_auth,
    }
    loaded = _load(flags, config)

    from modelyard import server, welcome  # noqa: PLC0415 - imported when needed, to start fast (see the module's docstring)

    try:
        server.serve(loaded.settings, lambda url, open_: welcome.show(url, loaded, open_=open_), ready_file)
    except server.CannotStartError as error:
        _fail(str(error), code=1)


@app.command()
def doctor(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    workers: Workers = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """Examine what `serve` with the same options would find: settings, folder, database, port. Changes nothing. Says what to do."""
    flags = {"host": host, "port": port, "data_dir": data_dir, "database_url": database_url, "workers": workers}

    from modelyard.doctor import examination, report  # noqa: PLC0415 - see the module's docstring
    from modelyard.doctor.findings import State, worst  # noqa: PLC0415 - likewise

    findings = examination.examine(flags, os.environ, config)
    if json:
        typer.echo(report.as_json(findings))
    else:
        report.show(findings)
    if worst(findings) is State.BROKEN:
        raise typer.Exit(1)


@app.command()
def check(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: Config = None,
    repair_index: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option(
            "--repair-index", help="Before checking, make the property index agree with the records, and metric blocks with the points."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell everything as JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Check that a store is whole: whatever it keeps twice agrees. Exit code 1 if it is not. Servers may go on running on it."""
    loaded = _load({"data_dir": data_dir, "database_url": database_url}, config)

    from modelyard import errors, verdict  # noqa: PLC0415 - see the module's docstring
    from modelyard.app import check as check_store  # noqa: PLC0415 - likewise

    try:
        with verdict.watching() as watch:
            found, repaired = check_store(loaded.settings, watch, repair=repair_index)
    except errors.ModelyardError as error:
        _fail(error.message, code=1)
    typer.echo(verdict.document(found, repaired) if as_json else verdict.sentences(loaded.settings.store, found, repaired))
    if not found.whole:
        raise typer.Exit(1)


@audit.command()
def verify(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: Config = None,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect", metavar="HASH", help="A hash that was the chain's head once, and must be in it still.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell everything as JSON.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Verify that audit events are what was sealed. Exit code 1 if they are not. Servers may go on running on the store."""
    if expect is not None and not re.fullmatch("[0-9a-f]{64}", expect):
        _fail(f"{expect!r} is no hash: give the 64 hexadecimal digits that this command printed.", code=2)
    loaded = _load({"data_dir": data_dir, "database_url": database_url}, config)

    from modelyard import errors, verdict  # noqa: PLC0415 - see the module's docstring
    from modelyard.app import verify_audit  # noqa: PLC0415 - likewise

    try:
        with verdict.watching() as watch:
            found = verify_audit(loaded.settings, watch, expect)
    except errors.ModelyardError as error:
        _fail(error.message, code=1)
    typer.echo(verdict.attestation(found) if as_json else verdict.attested(loaded.settings.store, found))
    if not found.intact:
        raise typer.Exit(1)


@admin.command()
def init(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the admin is called.")] = "admin",
    again: Annotated[bool, typer.Option("--again", help="Make a new token for an admin who is there, and lets that one in.")] = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: Config = None,
) -> None:
    """Make the first admin of a store, and show a token for it: once. Servers on the store ask everyone who they are from then on."""
    loaded = _load({"data_dir": data_dir, "database_url": database_url}, config)

    from modelyard import errors, server, welcome  # noqa: PLC0415 - see the module's docstring
    from modelyard.app import admit_admin  # noqa: PLC0415 - likewise

    try:
        server.make_data_folder(loaded.settings.data_dir)
        minted = admit_admin(loaded.settings, name, again=again)
    except server.CannotStartError as error:
        _fail(str(error), code=1)
    except errors.ModelyardError as error:
        _fail(error.message, code=1)
    welcome.show_token(minted.token.account, minted.text, loaded.settings.store)


@admin.command()
def wipe(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really do it.")] = False,  # noqa: FBT002 - typer makes a command's flags of such parameters
) -> None:
    """Empty a store: every record, its history and its audit trail. For test beds; there is no way back."""
    loaded = _load({"data_dir": data_dir, "database_url": database_url}, config)
    where = loaded.settings.store
    if not yes:
        _fail(f"This removes everything in {where}, for ever. If you mean it, say so with --yes. Nothing was removed.", code=2)

    from modelyard import errors  # noqa: PLC0415 - imported when needed, to start fast (see the module's docstring)
    from modelyard.app import wipe as wipe_store  # noqa: PLC0415 - likewise

    try:
        wipe_store(loaded.settings)
    except errors.ModelyardError as error:
        _fail(error.message, code=1)
    typer.echo(f"Emptied {where}.")


def main() -> None:
    app(prog_name="modelyard")


def _load(flags: Mapping[str, object], config: str | None) -> settings_sources.Loaded:
    try:
        loaded = settings_sources.load(flags, os.environ, config)
    except SettingsError as error:
        _fail(str(error), code=2)
    if loaded.settings.database_url:
        from modelyard.errors import Invalid  # noqa: PLC0415 - see the module's docstring
        from modelyard.store.urls import DatabaseUrl  # noqa: PLC0415 - likewise

        try:
            DatabaseUrl.parse(loaded.settings.database)
        except Invalid as error:
            _fail(f"{error.message}. It is database_url, set by {loaded.sources.get('database_url', 'default')}.", code=2)
    return loaded


def _fail(message: str, code: int) -> NoReturn:
    typer.secho(message, err=True, fg=typer.colors.RED)
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
