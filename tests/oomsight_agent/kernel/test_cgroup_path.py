import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomsight_agent.kernel.cgroup_path import CgroupIdentity, container_id_of_process, parse_cgroup_path

UID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
UID_ = UID.replace("-", "_")
HASH = "8f9c1a2b3c4d5e6f708192a3b4c5d6e7"
ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4

CGROUPFS = f"/kubepods/burstable/pod{UID}"
SYSTEMD = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice"


@pytest.mark.parametrize(
    "path",
    [
        f"{CGROUPFS}/{ID}",
        f"/kubepods/pod{UID}/{ID}",
        f"/kubepods/besteffort/pod{UID}/{ID}",
        f"{SYSTEMD}/cri-containerd-{ID}.scope",
        f"{SYSTEMD}/crio-{ID}.scope",
        f"{SYSTEMD}/docker-{ID}.scope",
        f"/kubepods.slice/kubepods-pod{UID_}.slice/cri-containerd-{ID}.scope",
        f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{UID_}.slice/cri-containerd-{ID}.scope",
        f"/lxc.payload.node-1{CGROUPFS}/{ID}",
        f"/docker/{OTHER}/kubelet{CGROUPFS}/{ID}",
        f"/docker/{OTHER}{SYSTEMD}/cri-containerd-{ID}.scope",
        f"/system.slice/docker-{OTHER}.scope{SYSTEMD}/cri-containerd-{ID}.scope",
        f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{ID}",
        f"/../../..{CGROUPFS}/{ID}",
    ],
)
def test_a_container_is_recognised_under_every_driver_runtime_and_prefix(path: str) -> None:
    assert parse_cgroup_path(path) == CgroupIdentity(UID, ID)


@pytest.mark.parametrize("path", [CGROUPFS, SYSTEMD, f"/kubelet.slice/kubelet-kubepods-pod{UID_}.slice", f"{CGROUPFS}/"])
def test_a_pods_own_cgroup(path: str) -> None:
    assert parse_cgroup_path(path) == CgroupIdentity(UID)


@pytest.mark.parametrize(
    ("below", "nested"),
    [("init.scope", "init.scope"), (f"docker/{OTHER}", f"docker/{OTHER}"), (f"kubepods/pod{OTHER[:32]}/{OTHER}", None)],
)
def test_what_a_container_makes_below_itself_belongs_to_it(below: str, nested: str | None) -> None:
    assert parse_cgroup_path(f"{SYSTEMD}/cri-containerd-{ID}.scope/{below}") == CgroupIdentity(UID, ID, nested or below)


def test_a_static_pod_carries_its_config_hash() -> None:
    assert parse_cgroup_path(f"/kubepods/burstable/pod{HASH}/{ID}") == CgroupIdentity(HASH, ID)
    assert parse_cgroup_path(f"/kubepods.slice/kubepods-burstable-pod{HASH}.slice/crio-{ID}.scope") == CgroupIdentity(HASH, ID)


def test_the_monitor_of_cri_o_is_no_container() -> None:
    identity = parse_cgroup_path(f"{SYSTEMD}/crio-conmon-{ID}.scope")
    assert identity == CgroupIdentity(UID, None, f"crio-conmon-{ID}.scope")


@pytest.mark.parametrize(
    "path",
    ["", "/", "/system.slice/ssh.service", f"/docker/{ID}", "/user.slice/podman-1.scope", f"/pod{UID[:-1]}",
     f"/pod{UID.upper()}/{ID}", f"/podium{UID}", f"/pod{UID}x", "/pod0f1e2d3c-4b5a_6978-8796-a5b4c3d2e1f0"],
)  # fmt: skip
def test_other_cgroups_belong_to_no_pod(path: str) -> None:
    assert parse_cgroup_path(path) is None


@pytest.mark.parametrize("name", [ID[:-1], ID + "0", ID.upper(), f"x{ID[:-1]}", f"{ID}.service"])
def test_what_does_not_end_in_64_hex_digits_is_no_container(name: str) -> None:
    assert parse_cgroup_path(f"{CGROUPFS}/{name}") == CgroupIdentity(UID, None, name)


@pytest.mark.parametrize(
    "path", [f"{CGROUPFS}/{ID}", f"/../{ID}", f"/../cri-containerd-{ID}.scope", f"/../../pod{UID}/{ID}/init.scope"]
)
def test_a_process_is_placed_also_when_seen_from_another_cgroup_namespace(path: str) -> None:
    assert container_id_of_process(path) == ID


@pytest.mark.parametrize(
    "path", ["/", "", f"/docker/{ID}", f"/{ID}", CGROUPFS, f"/../crio-conmon-{ID}.scope", f"{CGROUPFS}/crio-conmon-{ID}"]
)
def test_a_process_outside_pods_is_in_no_container(path: str) -> None:
    assert container_id_of_process(path) is None


_names = st.text(alphabet=st.sampled_from("abz09-._:/ \n\\é\udcff"), max_size=20)


@given(prefix=_names, uid=st.uuids().map(str), container=st.integers(0, 2**256 - 1).map("{:064x}".format), nested=_names)
def test_the_first_pod_in_a_path_decides_whatever_stands_around_it(prefix: str, uid: str, container: str, nested: str) -> None:
    identity = parse_cgroup_path(f"/{prefix}/pod{uid}/{container}/{nested}")
    assert identity is not None
    assert (identity.pod_uid, identity.container_id) == (uid, container)
    assert identity.nested == "/".join(part for part in nested.split("/") if part)


@given(st.text(max_size=300))
def test_any_path_gives_a_valid_identity_or_none(path: str) -> None:
    identity = parse_cgroup_path(path)
    assert identity is None or len(identity.pod_uid) in {32, 36}
    assert (container_id_of_process(path) or "0" * 64).isalnum()
