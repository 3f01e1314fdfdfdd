"""What the manifests and the compose file name in each other is there; run by check-packaging.sh."""

import pathlib
import sys

import yaml

root = pathlib.Path(__file__).resolve().parent.parent / "packaging"
problems = []


def expect(well, what):
    if not well:
        problems.append(what)


objects = {}
for file in sorted((root / "kubernetes").glob("*.yaml")):
    for found in yaml.safe_load_all(file.read_text()):
        objects[found["kind"]] = found
labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
pod = objects["Deployment"]["spec"]["template"]["spec"]
container = pod["containers"][0]

for kind, selector in [
    ("Deployment", objects["Deployment"]["spec"]["selector"]["matchLabels"]),
    ("Service", objects["Service"]["spec"]["selector"]),
    ("PodDisruptionBudget", objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]),
]:
    expect(selector.items() <= labels.items(), f"{kind}: its selector finds no pod")

volumes = {volume["name"]: volume for volume in pod["volumes"]}
for one in pod["containers"] + pod["initContainers"]:
    for mount in one["volumeMounts"]:
        expect(mount["name"] in volumes, f"{one['name']}: no volume {mount['name']}")
expect(volumes["config"]["configMap"]["name"] == objects["ConfigMap"]["metadata"]["name"], "no such ConfigMap")
secret = objects["Secret"]
expect(volumes["secret"]["secret"]["secretName"] == secret["metadata"]["name"], "no such Secret")
names = {env["name"]: env for env in container["env"]}
expect(
    names["DBT_INSTANCE_NAME"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name",
    "instances are not named by the downward API",
)
for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
    expect(container[probe]["httpGet"]["port"] in [port["name"] for port in container["ports"]], f"{probe}: no such port")
expect(objects["Deployment"]["spec"]["replicas"] > 1, "one replica only")

settings = yaml.safe_load(objects["ConfigMap"]["data"]["config.yaml"])
patience = int(settings["server"]["shutdown_timeout"].rstrip("s"))
expect(pod["terminationGracePeriodSeconds"] > 2 * patience, "terminationGracePeriodSeconds is too short")
for section in settings.values():
    for value in section.values():
        if isinstance(value, str) and value.startswith("${file:"):
            name = pathlib.PurePath(value[7:-1]).name
            expect(name in secret["stringData"], f"the Secret has no {name}")

# The fields of a ServiceMonitor that are used here, as the operator's API names them.
monitor = objects["ServiceMonitor"]
expect(monitor["apiVersion"] == "monitoring.coreos.com/v1", "ServiceMonitor: apiVersion")
expect(set(monitor["spec"]) <= {"selector", "endpoints", "namespaceSelector", "jobLabel"}, "ServiceMonitor: unknown fields")
expect(
    monitor["spec"]["selector"]["matchLabels"].items() <= objects["Service"]["metadata"]["labels"].items(),
    "ServiceMonitor: its selector finds no Service",
)
for endpoint in monitor["spec"]["endpoints"]:
    expect(set(endpoint) <= {"port", "path", "interval", "scheme", "authorization"}, "ServiceMonitor: unknown endpoint fields")
    expect(endpoint["port"] in [port["name"] for port in objects["Service"]["spec"]["ports"]], "ServiceMonitor: no such port")
    key = endpoint["authorization"]["credentials"]
    expect(key["name"] == secret["metadata"]["name"] and key["key"] in secret["stringData"], "ServiceMonitor: no such key")

compose = yaml.safe_load((root / "docker" / "compose.yaml").read_text())
for name, service in compose["services"].items():
    for other in service.get("depends_on", {}):
        expect(other in compose["services"], f"compose: {name} depends on {other}")
    for one in service.get("secrets", []):
        expect(one in compose["secrets"], f"compose: no secret {one}")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        there = (root / "docker" / source).exists() if source.startswith(".") else source in compose["volumes"]
        expect(there, f"compose: {name}: no {source}")
mapping = yaml.safe_load((root / "docker" / "mapping.yaml").read_text())
for connection in mapping["connections"]:
    expect(connection["host"] in compose["services"], f"mapping: no host {connection['host']}")

print("\n".join(problems) or "all of it")
sys.exit(bool(problems))
