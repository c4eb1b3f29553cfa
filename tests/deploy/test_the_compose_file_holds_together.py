"""docker-compose.yml, parsed: nothing here needs Docker."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import typer
import yaml

from cli.main import app
from config.declaring import PREFIX
from config.settings import Settings
from simulators.exchange.settings import PREFIX as EXCHANGE_PREFIX
from simulators.exchange.settings import Settings as ExchangeSettings
from tests.deploy.compose import DEPLOY, ROOT, Compose, read_compose, surefill_commands, variables_of
from worker import building

_PINNED = re.compile(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?")
_COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group has them
_OUR_NAMES = (
    {PREFIX + name.upper() for name in Settings.model_fields}
    | {EXCHANGE_PREFIX + name.upper() for name in ExchangeSettings.model_fields}
    | {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
)
# What the other images document: their configuration templates, and the options of their tools.
_THEIR_NAMES = {
    "postgres": {"POSTGRES_PASSWORD_FILE"},
    "temporalio/server": {
        *("DB", "POSTGRES_SEEDS", "DB_PORT", "POSTGRES_USER", "DBNAME", "VISIBILITY_DBNAME", "NUM_HISTORY_SHARDS"),
        *("BIND_ON_IP", "TEMPORAL_ALLOW_NO_AUTH", "DYNAMIC_CONFIG_FILE_PATH", "LOG_LEVEL"),
    },
    "temporalio/admin-tools": {
        *("SQL_PLUGIN", "SQL_HOST", "SQL_PORT", "SQL_USER", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"),
    },
    "temporalio/ui": {
        *("TEMPORAL_ADDRESS", "TEMPORAL_DEFAULT_NAMESPACE", "TEMPORAL_NOTIFY_ON_NEW_VERSION"),
        "TEMPORAL_CSRF_COOKIE_INSECURE",
    },
}
# wget is part of the busybox of Alpine, which the images of Temporal are made of.
_PROGRAMS = {
    "postgres": {"postgres", "pg_isready"},
    "temporalio/server": {"wget"},
    "temporalio/admin-tools": set[str](),
    "temporalio/ui": {"wget"},
    "surefill": {"surefill", "python"},
}


def _documentation() -> str:
    return (ROOT / ".env.example").read_text() + (DEPLOY / "README.md").read_text()


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)s", text)
    assert found, f"{text} is not written in seconds"
    return int(found[1])


def test_every_image_is_pinned_to_a_version(compose: Compose) -> None:
    for service in compose.services.values():
        assert _PINNED.fullmatch(service.image), service.image


def test_our_image_has_the_version_of_this_project_and_is_built_by_one_service(compose: Compose) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {service.image for service in compose.ours} == {f"surefill:{project['version']}"}
    assert [service.name for service in compose.ours if "build" in service.told] == ["init"]
    assert {service.told["pull_policy"] for service in compose.ours} == {"never"}


def test_temporals_server_and_its_tools_have_one_version(compose: Compose) -> None:
    images = {service.image for service in compose.services.values()}
    versions = {image.partition(":")[2] for image in images if image.startswith(("temporalio/server", "temporalio/ad"))}
    assert len(versions) == 1


def test_every_variable_is_one_that_its_image_reads(compose: Compose) -> None:
    for service in compose.services.values():
        known = _OUR_NAMES if service.is_ours else _THEIR_NAMES[service.program]
        assert service.environment.keys() <= known, service.name


def test_every_variable_of_ours_is_documented(compose: Compose) -> None:
    names = {name for service in compose.ours for name in service.environment} | variables_of(compose.text)
    documentation = _documentation()
    assert {name for name in names if not re.search(rf"\b{name}\b", documentation)} == set()
    assert variables_of(compose.text) <= _OUR_NAMES


def test_every_dollar_is_a_variable_that_was_filled_in(compose: Compose) -> None:
    uncommented = re.sub(r"^\s*#.*$", "", compose.text, flags=re.MULTILINE)
    assert uncommented.count("$") == len(re.findall(r"\$\{\w+:-[^}]+\}", uncommented))


def test_every_role_is_a_subcommand_of_the_image(compose: Compose) -> None:
    roles = {service.name: service.told["command"] for service in compose.ours if service.name != "init"}
    assert roles == {f"surefill-{role}": [role] for role in ("migrate", "api", "worker", "exchange")}
    assert {command[0] for command in roles.values()} <= _COMMANDS


def test_every_other_command_is_a_program_of_its_image_or_a_script_of_ours(compose: Compose) -> None:
    for service in compose.services.values():
        if entrypoint := service.told.get("entrypoint"):
            shell, script = entrypoint
            assert shell == "/bin/sh"
            assert service.mounted_files[script].is_file()
            assert service.told["command"] == []
        elif not service.is_ours and "command" in service.told:
            assert service.told["command"][0] in _PROGRAMS[service.program]


def test_every_mounted_file_exists_and_cannot_be_written_to(compose: Compose) -> None:
    for service in compose.services.values():
        assert all(path.is_file() for path in service.mounted_files.values()), service.name
        assert not [source for source, _, writable in service.volumes if source.startswith(".") and writable]


def test_published_ports_are_reached_from_this_machine_only(compose: Compose) -> None:
    ports = {service.name: service.ports for service in compose.services.values() if service.ports}
    assert ports == {"surefill-api": ["127.0.0.1:3002:3002"], "temporal-ui": ["127.0.0.1:8233:8080"]}


def test_the_published_ports_can_be_moved() -> None:
    moved = read_compose({"SUREFILL_WEBHOOK_PORT": "4000", "SUREFILL_TEMPORAL_UI_PORT": "4001"})
    assert moved.services["surefill-api"].ports == ["127.0.0.1:4000:4000"]
    assert str(moved.services["surefill-api"].environment["SUREFILL_WEBHOOK_PORT"]) == "4000"
    assert moved.services["temporal-ui"].ports == ["127.0.0.1:4001:8080"]


def test_everything_that_keeps_running_has_a_health_check_and_starts_again(compose: Compose) -> None:
    for service in compose.services.values():
        if service.name in compose.once:
            assert service.told["restart"] == "no", service.name
            continue
        assert service.told["restart"] == "unless-stopped", service.name
        assert service.health_command[0] in _PROGRAMS[service.program], service.name
        check = service.told["healthcheck"]
        assert _seconds(check["timeout"]) <= _seconds(check["interval"]), service.name
        assert check["retries"] > 1, service.name
        assert service.told["deploy"]["resources"]["limits"]["memory"], service.name


def test_no_log_grows_for_ever(compose: Compose) -> None:
    for service in compose.services.values():
        assert service.told["logging"]["options"].keys() == {"max-size", "max-file"}, service.name


def test_everything_that_is_waited_for_exists_and_can_come_true(compose: Compose) -> None:
    for service in compose.services.values():
        for name, how in service.depends_on.items():
            wanted = "service_completed_successfully" if name in compose.once else "service_healthy"
            assert how == {"condition": wanted}, f"{service.name} waits for {name}"
            assert name in compose.services


def test_the_api_does_not_wait_for_temporal(compose: Compose) -> None:
    waiting, seen = ["surefill-api"], set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting += compose.services[name].depends_on
    assert seen == {"surefill-api", "surefill-migrate", "postgres", "init"}


def test_every_volume_is_declared_and_used(compose: Compose) -> None:
    used = {volume for service in compose.services.values() for volume in service.named_volumes}
    assert used == compose.volumes


def test_workers_can_be_many_and_are_given_time_to_finish(compose: Compose) -> None:
    worker = compose.services["surefill-worker"]
    assert not worker.ports
    assert not [service.name for service in compose.services.values() if "container_name" in service.told]
    assert _seconds(worker.told["stop_grace_period"]) >= building._GRACE.total_seconds() * 2


def test_our_roles_have_no_rights_and_nothing_to_write_to_but_volumes(compose: Compose) -> None:
    for service in compose.ours:
        if service.name == "init":
            assert service.told["network_mode"] == "none"
            continue
        assert service.told["cap_drop"] == ["ALL"]
        assert service.told["read_only"] is True
        assert "user" not in service.told
        assert service.told["init"] is True


def test_only_who_needs_a_secret_can_read_it(compose: Compose) -> None:
    def readers(volume: str) -> set[str]:
        return {service.name for service in compose.services.values() if volume in service.named_volumes}

    assert readers("database-passwords") == {"init", "postgres", "temporal-schema", "temporal"}
    assert readers("surefill-home") == {"init", "surefill-migrate", "surefill-api", "surefill-worker"}
    told = {service.name for service in compose.services.values() if "env_file" in service.told}
    assert told == {"surefill-migrate", "surefill-api", "surefill-worker"}


def test_the_file_of_settings_may_be_missing(compose: Compose) -> None:
    assert {str(service.told.get("env_file")) for service in compose.ours if service.name == "surefill-api"} == {
        str([{"path": ".env", "required": False}])
    }


def test_no_secret_stands_in_the_file(compose: Compose) -> None:
    secretive = re.compile("PASS|PWD|SECRET|TOKEN|KEY")
    harmless = ("_FILE",)
    for service in compose.services.values():
        shown = [name for name in service.environment if secretive.search(name) and not name.endswith(harmless)]
        assert shown == [], service.name


@contextmanager
def _answering(status: int, path: str) -> Iterator[int]:
    """A server that answers `status` at `path`, and 404 elsewhere; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == path else 404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
@pytest.mark.parametrize(
    ("name", "port_variable", "path"),
    [
        ("surefill-api", "SUREFILL_WEBHOOK_PORT", "/readyz"),
        ("surefill-exchange", "EXCHANGE_CONTROL_PORT", "/healthz"),
    ],
)
def test_a_role_is_healthy_when_it_says_so(
    compose: Compose, name: str, port_variable: str, path: str, status: int, code: int
) -> None:
    service = compose.services[name]
    assert port_variable in service.environment
    program, option, code_text = service.health_command
    assert (program, option) == ("python", "-c")
    ast.parse(code_text)
    with _answering(status, path) as port:
        done = subprocess.run([sys.executable, "-c", code_text], env={port_variable: str(port)}, check=False)
    assert done.returncode == code


def test_a_worker_is_healthy_when_temporal_sees_it(compose: Compose) -> None:
    assert compose.services["surefill-worker"].health_command == ["surefill", "polling"]
    assert "polling" in _COMMANDS


def test_every_command_that_is_shown_exists(compose: Compose) -> None:
    shown = [*surefill_commands(compose.text), *surefill_commands((DEPLOY / "README.md").read_text())]
    assert len(shown) > 5
    assert {words[0] for words in shown} <= _COMMANDS


class _Overriding(yaml.SafeLoader):
    """Reads Compose's !override."""


def _override(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    return loader.construct_mapping(node, deep=True)


_Overriding.add_constructor("!override", _override)


def test_without_our_temporal_nobody_waits_for_it(compose: Compose) -> None:
    override = yaml.load((DEPLOY / "temporal-cloud.yml").read_text(), Loader=_Overriding)["services"]
    left_out = {name for name, told in override.items() if "profiles" in told}
    assert left_out == {name for name in compose.services if name.startswith("temporal")}
    changed = {name: told for name, told in override.items() if name not in left_out}
    for service in compose.services.values():
        if service.name not in left_out:
            waits_for = changed.get(service.name, {}).get("depends_on", service.depends_on)
            assert not waits_for.keys() & left_out, service.name
            assert waits_for == {name: how for name, how in service.depends_on.items() if name not in left_out}
