# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What the manifest needs so that a sweep sees the whole node, field by field: "pass" or "fail" and a
sentence, a line each. Names of fields are checked against those that the API has for them, since a
misspelt one is silently nothing where validation is off.
"""
import os
import re
import subprocess
import sys

import yaml

# Of core/v1 and apps/v1, for the objects that the manifest has.
FIELDS = {
    "DaemonSet": "apiVersion kind metadata spec",
    "DaemonSetSpec": "selector updateStrategy template minReadySeconds revisionHistoryLimit",
    "PodTemplateSpec": "metadata spec",
    "PodSpec": "hostPID hostIPC hostNetwork automountServiceAccountToken enableServiceLinks "
               "terminationGracePeriodSeconds tolerations containers initContainers volumes "
               "nodeSelector affinity priorityClassName serviceAccountName securityContext "
               "restartPolicy imagePullSecrets",
    "Container": "name image imagePullPolicy command args env envFrom resources securityContext "
                 "volumeMounts livenessProbe readinessProbe workingDir ports",
    "SecurityContext": "runAsUser runAsGroup runAsNonRoot readOnlyRootFilesystem seccompProfile "
                       "capabilities privileged allowPrivilegeEscalation appArmorProfile "
                       "seLinuxOptions procMount",
    "VolumeMount": "name mountPath readOnly mountPropagation subPath",
    "Volume": "name configMap hostPath emptyDir secret",
    "HostPath": "path type",
    "Resources": "limits requests",
    "ConfigMap": "apiVersion kind metadata data",
    "Namespace": "apiVersion kind metadata",
}
HOST_PATHS = {"/etc/machine-id": "File", "/sys/fs/cgroup": "Directory",
              "/sys/kernel/tracing": "Directory", "/var/lib/seep": "DirectoryOrCreate"}
CAPABILITIES = {"BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_ADMIN"}
QUANTITY = re.compile(r"^[0-9]+(m|Ki|Mi|Gi)?$")

wrong = 0


def say(right, text):
    global wrong
    wrong += not right
    print("pass" if right else "fail", "manifest:", text)


def known(kind, *things):
    stray = {field for thing in things for field in thing} - set(FIELDS[kind].split())
    say(not stray, f"{kind} has no field {', '.join(sorted(stray))}" if stray
        else f"{kind} has only fields of the API")


def check_container(container, volumes):
    known("Container", container)
    security = container["securityContext"]
    known("SecurityContext", security)
    known("Resources", container["resources"])
    say(security["runAsUser"] == 0 and security.get("readOnlyRootFilesystem") is True and
        not security.get("privileged"), "root, read only, not privileged")
    say(security["capabilities"]["drop"] == ["ALL"] and
        set(security["capabilities"]["add"]) == CAPABILITIES, "the capabilities that are needed")
    say(security["seccompProfile"]["type"] == "Unconfined", "bpf() is let through")
    quantities = [v for of in container["resources"].values() for v in of.values()]
    say(quantities and all(QUANTITY.match(str(q)) for q in quantities), "bounds are quantities")
    mounts = container["volumeMounts"]
    known("VolumeMount", *mounts)
    say({m["name"] for m in mounts} == {v["name"] for v in volumes}, "each volume is mounted")
    say(len({m["mountPath"] for m in mounts}) == len(mounts), "nothing is mounted twice")
    return {m["mountPath"]: m for m in mounts}


def check_paths(volumes, mounts):
    paths = {v["name"]: v["hostPath"] for v in volumes if "hostPath" in v}
    known("HostPath", *paths.values())
    say({p["path"]: p.get("type") for p in paths.values()} == HOST_PATHS,
        "the host's folders, and no more")
    by_name = {m["name"]: m for m in mounts.values()}
    say(all(by_name[n]["mountPath"] == p["path"] for n, p in paths.items()),
        "where the host has them")
    writable = {p for p, m in mounts.items() if not m.get("readOnly")}
    say(writable == {"/var/lib/seep", "/var/cache/seep", "/tmp"}, "only its own can be written")


def check_settings(settings, top):
    """As `seep sweep` reads them; a second of looking at nobody."""
    folder = os.environ.get("TMPDIR", "/tmp")
    path = os.path.join(folder, f"seep-manifest-{os.getpid()}.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(re.sub(r"^(suppressions|store|every|jitter|store-size) = .*\n", "", settings,
                          flags=re.M))
    seep = os.path.join(os.environ.get("B", os.path.join(top, "build")), "seep")
    try:
        done = subprocess.run([seep, "sweep", f"--config={path}", "--no-store", "--top=0",
                               "--triage=1s", "--only=comm:nobody-has-this-name"],
                              capture_output=True, text=True, check=False, timeout=60)
    finally:
        os.unlink(path)
    say(done.returncode == 0 and done.stdout.startswith("{"),
        f"its settings are understood {done.stderr.strip()[:120]}")


def check(documents, top):
    kinds = {d["kind"]: d for d in documents}
    for kind in ("Namespace", "ConfigMap", "DaemonSet"):
        known(kind, kinds[kind])
    daemons = kinds["DaemonSet"]
    say(daemons["apiVersion"] == "apps/v1", "of apps/v1")
    known("DaemonSetSpec", daemons["spec"])
    template = daemons["spec"]["template"]
    known("PodTemplateSpec", template)
    labels = daemons["spec"]["selector"]["matchLabels"]
    say(labels.items() <= template["metadata"]["labels"].items(), "it selects its own pods")
    pod = template["spec"]
    known("PodSpec", pod)
    say(pod.get("hostPID") is True, "it sees the node's processes")
    say(not pod.get("hostNetwork") and pod.get("automountServiceAccountToken") is False,
        "neither network nor token of the node")
    say({"operator": "Exists"} in pod["tolerations"], "it runs on every node")
    known("Volume", *pod["volumes"])
    check_paths(pod["volumes"], check_container(pod["containers"][0], pod["volumes"]))
    maps = {v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v}
    say(maps == {kinds["ConfigMap"]["metadata"]["name"]}, "its settings are those beside it")
    say(len({d["metadata"].get("namespace", d["metadata"]["name"]) for d in documents}) == 1,
        "all in one namespace")
    enforce = kinds["Namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    say(enforce == "privileged", "the namespace lets it")
    check_settings(kinds["ConfigMap"]["data"]["seep.conf"], top)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        documents = list(yaml.safe_load_all(file))
    try:
        check(documents, sys.argv[2])
    except (KeyError, TypeError, AttributeError) as error:
        say(False, f"{type(error).__name__} {error}")
    return 1 if wrong else 0


sys.exit(main())
