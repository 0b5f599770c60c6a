from pathlib import Path

import pytest
import yaml

from upgrader.sandbox.serving.kubeconfig import write_kubeconfig


def test_the_file_leads_to_the_server_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, "http://127.0.0.1:1", context="shop")
    config = yaml.safe_load(path.read_text("utf-8"))
    assert config["current-context"] == config["contexts"][0]["name"] == "shop"
    assert config["clusters"][0]["cluster"]["server"] == "http://127.0.0.1:1"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_token_names_the_user(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    write_kubeconfig(path, "http://127.0.0.1:1", token="secret")
    assert yaml.safe_load(path.read_text("utf-8"))["users"][0]["user"] == {"token": "secret"}


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_kubeconfig(tmp_path / "taken", "http://127.0.0.1:1")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
