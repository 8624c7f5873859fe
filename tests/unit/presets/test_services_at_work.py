"""Registry, browser, dbt, frontend, Airflow: what their literals say, before any of them runs."""

import re

import pytest
import yaml
from cryptography.fernet import Fernet

from catalog.airflow import service as airflow
from catalog.browserless.service import SERVICE as BROWSERLESS
from catalog.dbt.service import SERVICE as DBT
from catalog.docker_registry.service import SERVICE as REGISTRY
from catalog.dtc_app.service import SERVICE as DTC
from homeport.model import template
from tests.support.checkout import ROOT

EVERY = (REGISTRY, BROWSERLESS, DBT, DTC, airflow.SERVICE, airflow.DATABASE)


def filled(service, target, value):
    """A secret file of a service with the same value for each of its secrets."""
    file = next(file for file in service.secret_files if file.target == target)
    return template.fill(file.template, dict.fromkeys(file.secrets, value), file.syntax, lambda word: f"hash of {word}")


@pytest.mark.req("S1-28", "S1-29")
@pytest.mark.parametrize("service", EVERY, ids=lambda service: service.name)
def test_each_comes_back_has_no_rights_that_are_not_reasoned_and_says_how_it_is(service):
    assert "unless-stopped" == service.restart, "it comes back after a reboot"
    assert service.uid and {} == dict(service.waivers) and service.health, "no root, nothing weakened, and it is asked"
    assert set(service.capabilities) <= {"CAP_NET_BIND_SERVICE"} and all(service.capabilities.values()), "with a reason"
    assert {"here"} >= {port.at for port in service.ports}, "from outside it is reached by the proxy alone"
    assert not [name for name in service.env if re.search(r"TOKEN|PASSWORD|SECRET", name) and "_CMD" not in name], (
        "docker inspect shows the environment to whoever may ask Docker"
    )


@pytest.mark.req("S1-23", "S1-24")
def test_the_browser_and_dbt_have_no_port_of_the_host():
    assert () == BROWSERLESS.ports == DBT.ports, "they are reached on their networks"


@pytest.mark.req("S1-25", "S1-26", "S1-27")
def test_registry_frontend_and_airflow_are_at_their_ports_of_the_loopback_address():
    ports = {service.name: service.ports[0].outside for service in (REGISTRY, DTC, airflow.SERVICE)}

    assert {"docker-registry": 5000, "dtc-app": 3001, "airflow": 8081} == ports, "8080 is another service's"


@pytest.mark.req("S1-25")
def test_the_registrys_configuration_is_read_as_it_is_meant():
    config = yaml.safe_load(filled(REGISTRY, "config.yml", "5e" * 32))

    assert config["storage"]["delete"] == {"enabled": True}, "without it nothing could be collected"
    assert config["http"]["relativeurls"] and "host" not in config["http"], (
        "a client stays at the name that it came by: the public one or the loopback address"
    )
    assert {"htpasswd"} == set(config["auth"]) and "registry:hash of x\n" == filled(REGISTRY, "htpasswd", "x"), (
        "the password is there as its hash alone"
    )
    assert REGISTRY.files_at == config["auth"]["htpasswd"]["path"].rpartition("/")[0], "and is where it is looked for"


@pytest.mark.req("S1-24")
@pytest.mark.parametrize("password", ["plain", "a: b # c", "quote\" and ' and \\", "{{ 1 }} {% if %}", "%s $x"])
def test_dbts_password_is_a_text_whatever_is_in_it(password):
    profile = yaml.safe_load(filled(DBT, "profiles.yml", password))["platform"]["outputs"]["main"]

    assert f"{{% raw %}}{password}{{% endraw %}}" == profile["password"], "YAML reads it so, and Jinja leaves it alone"
    assert "dbt" == profile["user"], "a role of its own"


@pytest.mark.req("S1-27")
def test_a_generated_key_is_one_that_airflow_encrypts_with():
    kinds = {secret.name: secret.kind for secret in airflow.SERVICE.secrets}
    key = Fernet(b"+/" * 21 + b"8=")

    assert "base64" == kinds["airflow-fernet-key"], "32 bytes"
    assert b"x" == key.decrypt(key.encrypt(b"x")), "in Base64's own alphabet, not only in that of URLs"


@pytest.mark.req("S1-27")
def test_airflows_tasks_report_to_their_own_node_and_not_by_the_public_name():
    env = airflow.SERVICE.env

    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].startswith("http://127.0.0.1:8080/"), (
        "by default it is made of the base address, and no task would run while the proxy does not"
    )
    assert "{origin:airflow}" == env["AIRFLOW__API__BASE_URL"], "people have the public one"
    assert {"airflow-db"} == set(airflow.SERVICE.needs), "and a database that is nobody else's"


@pytest.mark.req("FP-05")
def test_the_placeholders_are_small_and_complete():
    dbt = ROOT / "apps" / "dbt_project"
    models = {path.stem for path in (dbt / "models").glob("*.sql")}
    tested = {model["name"] for model in yaml.safe_load((dbt / "models" / "schema.yml").read_text())["models"]}

    assert models == tested and [*(dbt / "tests").glob("*.sql")], "every model has a test, and there is one of all"
    assert (ROOT / "apps" / "dtc_app" / "site" / "index.html").is_file(), "a page"
    assert ["platform_check.py"] == [path.name for path in (ROOT / "apps" / "airflow_dags" / "dags").glob("**/*.py")], (
        "one DAG"
    )
