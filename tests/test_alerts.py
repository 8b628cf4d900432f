"""The alerts fire when they should, the dashboard shows what there is, and each alert's remedy is on its page."""

import json
import re
import subprocess
from pathlib import Path

import yaml
from prometheus_client.metrics import MetricWrapperBase

from server.metrics import Metrics
from tests.demos import ROOT
from tests.programs import program

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "taskline.json"
# What Grafana puts in place of its variables.
VALUES = {"$__rate_interval": "1m", "$instance": ".*"}


def promtool(*arguments: str) -> str:
    """Run Prometheus's own tool."""
    done = subprocess.run([program("promtool", "prometheus"), *arguments], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def rules() -> dict[str, dict[str, object]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def shown() -> list[str]:
    """Return what the dashboard asks Prometheus, with values for its variables."""
    texts = [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]
    for name, value in VALUES.items():
        texts = [text.replace(name, value) for text in texts]
    return texts


def samples() -> set[str]:
    """Return the names by which the metrics are told."""
    made = [one for one in vars(Metrics()).values() if isinstance(one, MetricWrapperBase)]
    endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_count", "_sum", "_bucket"]}
    return {f"{one.name}{ending}" for each in made for one in each.collect() for ending in endings[one.type]}


def test_each_alert_fires_when_it_should_and_none_at_rest() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))
    assert "SUCCESS" in promtool("test", "rules", str(RULES.with_name("alerts.test.yml")))


def test_each_alert_is_tried_both_ways() -> None:
    tests = yaml.safe_load(RULES.with_name("alerts.test.yml").read_text())["tests"]

    for test in tests:
        assert [*rules()] == [one["alertname"] for one in test["alert_rule_test"]]
    assert [False, True] == [all(one["exp_alerts"] for one in test["alert_rule_test"]) for test in tests]


def test_the_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    asked = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(shown())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": asked}]}))

    assert f"{len(asked)} rules found" in promtool("check", "rules", str(file))


def test_alerts_and_dashboard_ask_for_metrics_that_there_are() -> None:
    asked = [str(rule["expr"]) for rule in rules().values()] + shown()

    named = {name for text in asked for name in re.findall(r"taskline_\w+", text)}

    assert named <= samples()


def test_each_alert_has_a_row_that_says_what_to_do() -> None:
    rows = re.findall(
        r"^\| `(Taskline\w+)` \| (\w+) \| .{40,} \|$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE
    )

    assert [(name, rule["labels"]["severity"]) for name, rule in rules().items()] == rows  # type: ignore[index]
