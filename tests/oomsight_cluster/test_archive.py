"""An image's archive is what `docker save` would have written of it."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from oomsight_cluster.image.archive import write_archive, write_layer


def read(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as file:
        member = file.extractfile(name)
        assert member is not None
        return member.read()


def test_the_manifest_leads_to_the_configuration_and_it_to_every_layer_by_digest(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    first = write_layer(tmp_path / "first.tar", tmp_path / "tree")
    second = write_layer(tmp_path / "second.tar", None, {"bin/tool": (b"#!/bin/sh\n", 0o755)})
    image = tmp_path / "image.tar"
    write_archive(image, "localhost/thing:1", (first, second), {"User": "10754:10754", "Cmd": ["tool"]})

    (entry,) = json.loads(read(image, "manifest.json"))
    assert entry["RepoTags"] == ["localhost/thing:1"]
    configuration = read(image, entry["Config"])
    assert entry["Config"] == f"{hashlib.sha256(configuration).hexdigest()}.json"
    document = json.loads(configuration)
    assert document["config"] == {"User": "10754:10754", "Cmd": ["tool"]}
    digests = [hashlib.sha256(read(image, name)).hexdigest() for name in entry["Layers"]]
    assert document["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in digests]
    assert len(document["history"]) == len(digests), "buildah wants an entry for each layer of an image that it builds on"


def test_files_of_a_layer_belong_to_root_and_keep_their_time_and_mode(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "module.py").write_text("pass")
    layer = write_layer(tmp_path / "layer.tar", tree, {"bin/tool": (b"x", 0o755)})
    with tarfile.open(fileobj=io.BytesIO(layer.path.read_bytes())) as archive:
        module, tool = archive.getmember("./module.py"), archive.getmember("bin/tool")
    assert (module.uid, module.gid, module.uname) == (0, 0, "")
    assert int(module.mtime) == int((tree / "module.py").stat().st_mtime)
    assert tool.mode == 0o755
