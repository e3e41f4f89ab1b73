"""Who may talk to whom: nothing but what is said here."""

from typing import Any

import pytest

from tests.chart import rendering

DNS = {("UDP", 53), ("TCP", 53)}
# Component: the ports it may reach beside DNS, at a broker and a database made by operators.
EGRESS = {
    "producer": {9093},
    "consumer": {9093, 5432},
    "dashboard": {5432},
    "migrate": {5432},
    "maintain": {5432},
    "replay": {9093, 5432},
    "test": {5432, 8501},
}


def policies(resources: list[rendering.Resource]) -> dict[str, Any]:
    """Component and its policy; the default deny has the empty name."""
    found = {}
    for one in rendering.of_kind(resources, "NetworkPolicy"):
        labels = one["spec"]["podSelector"]["matchLabels"]
        if "app.kubernetes.io/instance" in labels:
            found[labels.get("app.kubernetes.io/component", "")] = one["spec"]
    return found


def test_all_is_denied_to_all_of_ours_and_to_nobody_else() -> None:
    """The default deny chooses by our labels, never every pod of the namespace."""
    resources = rendering.case("default")
    deny = policies(resources)[""]
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & {*deny}
    for one in rendering.of_kind(resources, "NetworkPolicy"):
        assert one["spec"]["podSelector"]["matchLabels"]


@pytest.mark.parametrize("component", EGRESS)
def test_a_component_reaches_its_own_and_dns(component: str) -> None:
    """Each rule names its peers; the ports are the broker's, the database's, or the page's."""
    policy = policies(rendering.case("default"))[component]
    reached = set()
    for rule in policy["egress"]:
        assert rule["to"], "a rule without peers lets everybody be reached"
        reached |= {(each["protocol"], each["port"]) for each in rule["ports"]}
    assert reached == DNS | {("TCP", port) for port in EGRESS[component]}


def test_every_workload_has_a_policy() -> None:
    """Nothing runs under the default deny alone, and no policy is for nobody."""
    resources = rendering.case("default")
    assert {*policies(resources)} - {""} == {name for name, _ in rendering.pods(resources)}
    assert {*policies(resources)} - {""} == {*EGRESS}


@pytest.mark.parametrize("component", EGRESS)
def test_a_component_lets_in_prometheus_and_the_page_its_viewers(component: str) -> None:
    """Nobody reaches a Job; a rule without peers would let everybody in."""
    rules = policies(rendering.case("default"))[component]["ingress"]
    ports = {each["port"] for rule in rules for each in rule["ports"]}
    wanted = {"producer": {8080}, "consumer": {8080}, "dashboard": {8080, 8501}}
    assert ports == wanted.get(component, set())
    assert all(rule["from"] for rule in rules)


def test_without_peers_nobody_gets_in() -> None:
    """Empty lists close, they do not open."""
    values = {"networkPolicy.monitoring": [], "networkPolicy.ingress": [], "tests.enabled": False}
    found = policies(rendering.render(values))
    assert found["dashboard"]["ingress"] == []
    assert found["consumer"]["ingress"] == []


def test_external_servers_are_reached_on_their_ports_only() -> None:
    """The ports come from the bootstrap servers and the database's port, the peers from values."""
    found = policies(rendering.case("external"))["consumer"]["egress"]
    assert found[1] == {
        "ports": [{"protocol": "TCP", "port": 9094}],
        "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
    }
    assert found[2] == {"ports": [{"protocol": "TCP", "port": 6432}]}


def test_the_page_reaches_the_identity_provider_that_is_named() -> None:
    """`networkPolicy.dashboardEgress` adds rules to the dashboard's own, to nobody else's."""
    found = policies(rendering.case("httproute"))
    added = {
        "to": [{"ipBlock": {"cidr": "198.51.100.10/32"}}],
        "ports": [{"protocol": "TCP", "port": 443}],
    }
    assert found["dashboard"]["egress"][-1] == added
    assert not any(
        added in policy.get("egress", []) for name, policy in found.items() if name != "dashboard"
    )


def test_the_collector_is_reached_by_who_sends_spans() -> None:
    """Producer and consumer, at its peers and on its port; nobody where there is none."""
    found = policies(rendering.case("monitoring"))
    to = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tracing"}}}]
    rule = {"ports": [{"protocol": "TCP", "port": 4318}], "to": to}
    assert {name for name, each in found.items() if rule in each.get("egress", [])} == {
        "producer",
        "consumer",
    }


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector", 80),
        ("https://collector/otlp", 443),
        ("https://collector:8443/otlp", 8443),
        ("http://[fd00::1]:4318", 4318),
    ],
)
def test_the_collectors_port_is_its_urls(endpoint: str, port: int) -> None:
    """Where it says none, its scheme's; where no peers are named, anywhere."""
    found = policies(rendering.render({"tracing.endpoint": endpoint}))
    assert {"ports": [{"protocol": "TCP", "port": port}]} in found["consumer"]["egress"]


def test_the_database_lets_in_ours_its_siblings_its_operator_and_prometheus() -> None:
    """The producer is not among ours; nothing is said of what the servers may reach."""
    postgres = rendering.find(rendering.case("default"), "NetworkPolicy", "-postgres")["spec"]
    assert postgres["policyTypes"] == ["Ingress"]
    rules = {tuple(each["port"] for each in rule["ports"]): rule for rule in postgres["ingress"]}
    assert set(rules) == {(5432,), (5432, 8000), (9187,)}
    (ours,) = rules[5432,]["from"]
    (expression,) = ours["podSelector"]["matchExpressions"]
    assert expression["values"] == [
        "consumer",
        "dashboard",
        "migrate",
        "maintain",
        "replay",
        "test",
    ]


def test_the_broker_lets_in_who_has_a_user() -> None:
    """Strimzi's listener admits everybody where it is given no peers."""
    kafka = rendering.find(rendering.case("default"), "Kafka", "-kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    (ours,) = listener["networkPolicyPeers"]
    (expression,) = ours["podSelector"]["matchExpressions"]
    assert expression["values"] == ["producer", "consumer", "replay"]
    keda = rendering.find(rendering.case("autoscaling-keda"), "Kafka", "-kafka")
    assert len(keda["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"]) == 2


def test_the_test_that_writes_reaches_what_replay_reaches() -> None:
    """Broker and database let it in while it is turned on, and it lets nobody in."""
    resources = rendering.case("tests-write")
    policy = policies(resources)["test-write"]
    ports = {each["port"] for rule in policy["egress"] for each in rule["ports"]}
    assert (ports, policy["ingress"]) == ({53, *EGRESS["replay"]}, [])
    kafka = rendering.find(resources, "Kafka", "-kafka")["spec"]["kafka"]
    postgres = rendering.find(resources, "NetworkPolicy", "-postgres")["spec"]
    for peers in (kafka["listeners"][0]["networkPolicyPeers"], postgres["ingress"][0]["from"]):
        assert "test-write" in peers[0]["podSelector"]["matchExpressions"][0]["values"]


def test_policies_can_be_left_to_others() -> None:
    """networkPolicy.enabled=false makes none."""
    assert not rendering.of_kind(rendering.case("settings"), "NetworkPolicy")
