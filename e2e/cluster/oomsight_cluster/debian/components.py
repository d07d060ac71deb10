"""The node's parts: command lines and configuration of etcd, the control plane, containerd and the kubelet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oomsight_cluster.debian.certificates import Authority, make_authority, make_service_account_key
from oomsight_cluster.debian.kubernetes import Kubernetes
from oomsight_cluster.debian.packages import Programs
from oomsight_cluster.programs import SYSTEM_PATH

NODE_NAME = "oomsight-e2e"
NODE_ADDRESS = "10.89.0.1"
SERVICE_ADDRESS = "10.96.0.1"
"""The service `kubernetes`. Without kube-proxy: the address is the node's own, and the API server listens on the service's port."""
SERVICE_RANGE, POD_RANGE = "10.96.0.0/24", "10.88.0.0/16"
API_PORT = 443
API_SERVER = f"https://127.0.0.1:{API_PORT}"
SERVER_NAMES = (
    *("DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc"),
    *("DNS:kubernetes.default.svc.cluster.local", "IP:127.0.0.1", f"IP:{NODE_ADDRESS}", f"IP:{SERVICE_ADDRESS}"),
)
CLIENTS = {
    "admin": "/O=system:masters/CN=oomsight-e2e-admin",
    "controller-manager": "/CN=system:kube-controller-manager",
    "scheduler": "/CN=system:kube-scheduler",
    "kubelet": f"/O=system:nodes/CN=system:node:{NODE_NAME}",
    "apiserver-kubelet": "/O=system:masters/CN=kube-apiserver-kubelet-client",
}


@dataclass(frozen=True, slots=True)
class Component:
    """A program of the node that is kept running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the node is made of, and where its files are."""

    directory: Path
    kubernetes: Kubernetes
    programs: Programs
    sandbox_image: str
    may_lower_oom_score_adj: bool
    """Without CAP_SYS_RESOURCE nobody may, and containers that should have a negative one get containerd's own."""

    @property
    def containerd_socket(self) -> Path:
        """In the node /run/containerd/containerd.sock, where the kubelet's cAdvisor looks for the names of containers."""
        return self.directory / "run/containerd/containerd.sock"

    def components(self) -> tuple[Component, ...]:
        """In the order in which they are started."""
        authority = make_authority(self.directory / "pki", SERVER_NAMES)
        authority.issue("apiserver", "server", "/CN=kube-apiserver")
        for name, subject in CLIENTS.items():
            authority.issue(name, "client", subject)
            authority.kubeconfig(name, API_SERVER)
        key = make_service_account_key(authority.directory)
        return (
            self._etcd(),
            self._api_server(authority, key),
            self._controller_manager(authority, key),
            self._scheduler(authority),
            self._containerd(),
            self._kubelet(authority),
        )

    def _etcd(self) -> Component:
        # Nothing of it outlives the run, so it need not be on the disk.
        words = ("--data-dir", f"{self.directory}/etcd", "--unsafe-no-fsync", "--log-level", "warn")
        return Component("etcd", (f"{self.programs.tree}/usr/bin/etcd", *words))

    def _program(self, name: str, **flags: object) -> Component:
        words = tuple(f"--{flag.replace('_', '-')}={value}" for flag, value in flags.items())
        return Component(name, (str(self.kubernetes.program(name)), *words))

    def _api_server(self, authority: Authority, key: Path) -> Component:
        return self._program(
            "kube-apiserver",
            advertise_address=NODE_ADDRESS,
            bind_address="0.0.0.0",
            secure_port=API_PORT,
            etcd_servers="http://127.0.0.1:2379",
            service_cluster_ip_range=SERVICE_RANGE,
            authorization_mode="Node,RBAC",
            allow_privileged="true",
            client_ca_file=authority.certificate("ca"),
            tls_cert_file=authority.certificate("apiserver"),
            tls_private_key_file=authority.key("apiserver"),
            kubelet_client_certificate=authority.certificate("apiserver-kubelet"),
            kubelet_client_key=authority.key("apiserver-kubelet"),
            kubelet_preferred_address_types="InternalIP",
            service_account_key_file=key,
            service_account_signing_key_file=key,
            service_account_issuer="https://kubernetes.default.svc",
            cert_dir=f"{self.directory}/apiserver",
        )

    def _controller_manager(self, authority: Authority, key: Path) -> Component:
        return self._program(
            "kube-controller-manager",
            kubeconfig=authority.directory / "controller-manager.kubeconfig",
            service_account_private_key_file=key,
            root_ca_file=authority.certificate("ca"),
            use_service_account_credentials="true",
            leader_elect="false",
            bind_address="127.0.0.1",
            port=0,
            cert_dir=f"{self.directory}/controller-manager",
        )

    def _scheduler(self, authority: Authority) -> Component:
        return self._program(
            "kube-scheduler",
            kubeconfig=authority.directory / "scheduler.kubeconfig",
            leader_elect="false",
            bind_address="127.0.0.1",
            port=0,
            cert_dir=f"{self.directory}/scheduler",
        )

    def _containerd(self) -> Component:
        configuration = self.directory / "containerd.toml"
        configuration.write_text(self._containerd_toml())
        network = self.directory / "network"
        network.mkdir()
        (network / "10-bridge.conflist").write_text(json.dumps(bridge(self.directory / "addresses")))
        command = (f"{self.programs.tree}/usr/bin/containerd", "--config", str(configuration))
        return Component("containerd", command, {"PATH": f"{self.programs.path}:{SYSTEM_PATH}"})

    def _containerd_toml(self) -> str:
        cri = '"io.containerd.grpc.v1.cri"'
        return f"""
version = 2
root = "{self.directory}/containerd"
state = "{self.directory}/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "{self.containerd_socket}"
[plugins.{cri}]
sandbox_image = "{self.sandbox_image}"
restrict_oom_score_adj = {str(not self.may_lower_oom_score_adj).lower()}
[plugins.{cri}.cni]
bin_dir = "{self.programs.network_plugins}"
conf_dir = "{self.directory}/network"
[plugins.{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""

    def _kubelet(self, authority: Authority) -> Component:
        configuration = self.directory / "kubelet.json"
        configuration.write_text(json.dumps(kubelet_configuration(authority)))
        component = self._program(
            "kubelet",
            config=configuration,
            kubeconfig=authority.directory / "kubelet.kubeconfig",
            root_dir=f"{self.directory}/kubelet",
            cert_dir=f"{self.directory}/kubelet-pki",
            hostname_override=NODE_NAME,
            node_ip=NODE_ADDRESS,
            container_runtime="remote",
            container_runtime_endpoint=f"unix://{self.containerd_socket}",
        )
        return Component(component.name, component.command, {"PATH": f"{self.programs.path}:{SYSTEM_PATH}"})


def kubelet_configuration(authority: Authority) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": str(authority.certificate("ca"))}, "anonymous": {"enabled": False}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        # The machine's disk is not the node's: neither its fill level nor its images decide over a pod here.
        "evictionHard": {"memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
        "volumePluginDir": str(authority.directory.parent / "volume-plugins"),
        "maxPods": 60,
        "nodeStatusUpdateFrequency": "4s",
    }


def bridge(addresses: Path) -> dict[str, object]:
    """CNI: pods on one bridge, whose address is their gateway. No masquerading, so no iptables."""
    ranges = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(addresses),
    }
    plugin = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True, "ipam": ranges}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]}
