"""Helm's own checks, and those of Kubernetes' schemas, over every combination of values."""

import copy

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.chart import document, readme, rendering, schema

OLDEST, NEWEST = "1.29", "1.34"  # of Kubernetes: what Chart.yaml admits, what clusters here run
OURS = {"v1", "apps/v1", "batch/v1", "policy/v1", "networking.k8s.io/v1", "autoscaling/v2"}
OPERATORS = {
    "kafka.strimzi.io/v1",
    "postgresql.cnpg.io/v1",
    "keda.sh/v1alpha1",
    "monitoring.coreos.com/v1",
    "monitoring.coreos.com/v1alpha1",
    "gateway.networking.k8s.io/v1",
}


@pytest.mark.parametrize("major", [3, 4])
@pytest.mark.parametrize("name", rendering.CASES)
def test_helm_lint_is_strict_and_content(name: str, major: int) -> None:
    """`helm lint --strict` passes, with Helm 3 and with Helm 4."""
    said = rendering.command(
        major, "lint", str(schema.CHART), "--strict", "--values", str(rendering.CASES[name])
    )
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize("name", rendering.CASES)
def test_both_helms_render_the_same(name: str) -> None:
    """The same resources, but for passwords, which are new each time."""

    def told(major: int) -> list[str]:
        resources = copy.deepcopy(rendering.case(name, major))
        for secret in rendering.of_kind(resources, "Secret"):
            secret["data"] = sorted(secret["data"])
        return sorted(yaml.safe_dump(one) for one in resources)

    assert told(3) == told(4)


@pytest.mark.parametrize(
    ("name", "version"),
    [*((name, NEWEST) for name in rendering.CASES), ("default", OLDEST), ("settings", OLDEST)],
)
def test_kubernetes_knows_every_field(name: str, version: str) -> None:
    """Each resource of Kubernetes itself fits its schema, no field beside it."""
    for one in rendering.case(name):
        if one["apiVersion"] in OURS:
            kubernetes_validate.validate(one, version, strict=True)
        else:
            assert one["apiVersion"] in OPERATORS


def test_a_wrong_field_is_noticed() -> None:
    """The validation above can fail."""
    service = rendering.find(rendering.case("default"), "Service", "-dashboard")
    wrong = service | {"spec": service["spec"] | {"sesionAffinity": "None"}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_the_schema_is_what_values_and_settings_say() -> None:
    """values.schema.json is generated: `make docs` writes it, nobody else."""
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run `make docs`"


def test_the_readme_is_what_values_say() -> None:
    """The chart's README is generated too."""
    assert readme.FILE.read_text(encoding="utf-8") == readme.text(), "run `make docs`"


def test_every_value_is_explained() -> None:
    """Each key of values.yaml has a comment above it, is below one, or only groups such keys."""
    told = {path: comment for path, comment in readme.rows(_values()) if path}
    groups = {path.rpartition(".")[0] for path in told}
    unexplained = {
        path
        for path, comment in told.items()
        if not comment and path not in groups and not told[path.rpartition(".")[0]]
    }
    assert not unexplained


def test_the_schema_is_of_draft_7_and_stands_alone() -> None:
    """Helm 3 knows that draft best, and no schema is fetched from anywhere."""
    text = schema.text()
    assert "$ref" not in text
    jsonschema.Draft7Validator.check_schema(schema.schema())


def test_writing_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The generator is stable."""
    assert document.main() == 0
    assert not capsys.readouterr().out


def _values() -> str:
    return (schema.CHART / "values.yaml").read_text(encoding="utf-8")
