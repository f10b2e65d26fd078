"""Settings: layers, origins, and errors that name the next word to type."""

from pathlib import Path

import pytest

from footlights.config import explicit, listing, resolve
from footlights.errors import ConfigError

NOWHERE = Path("/dev/null")


def test_defaults_hold_without_any_layer() -> None:
    resolved = resolve((), NOWHERE)
    assert resolved.settings.enhancement.grain.share == 0.7
    assert explicit(resolved) == {}


def test_later_layers_win_and_origins_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[enhancement.grain]\nshare = 0.2\n[master]\ncodec = 'ffv1'\n[geometry]\nheight = 1080\n")
    monkeypatch.setenv("FOOTLIGHTS_MASTER__CODEC", "hevc")
    resolved = resolve(["geometry.height=720"], file)
    values = {name: (value, origin) for name, value, origin in listing(resolved)}
    assert values["enhancement.grain.share"] == (0.2, str(file))
    assert values["master.codec"] == ("hevc", "$FOOTLIGHTS_MASTER__CODEC")
    assert values["geometry.height"] == (720, "--set")
    assert values["encoding.target"][1] == "default"


def test_what_a_job_was_begun_with_is_overridden_by_every_layer() -> None:
    resolved = resolve(["encoding.target=90"], NOWHERE, {"encoding.target": 80, "master.seed": 7})
    assert resolved.settings.encoding.target == 90
    assert resolved.settings.master.seed == 7
    assert resolved.origins == {"encoding.target": "--set", "master.seed": "the job"}


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("enhancement.grain.shar=0", "did you mean 'enhancement.grain.share'"),
        ("grain.share=1", "did you mean 'enhancement.grain.share'"),
        ("enhancement.grain=1", "settings in it: enhancement.grain.share"),
        ("analysis=1", "settings in it"),
        ("enhancement.grain.share=3", "less than or equal to 1"),
        ("enhancement.grain.share=nan", "finite"),
        ("master.codec=divx", "'av1'"),
        ("geometry.height", "there is no '='"),
    ],
)
def test_unusable_settings_say_what_to_type(assignment: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve([assignment], NOWHERE)
    assert words.lower() in str(caught.value).lower()
    assert caught.value.exit_code == 2


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "footlights.toml"
    file.write_text("this is not toml")
    with pytest.raises(ConfigError, match=r"footlights\.toml cannot be read"):
        resolve((), file)


@pytest.mark.parametrize(("codec", "container"), [("av1", "mov"), ("ffv1", "mp4"), ("prores", "mp4"), ("ffv1", "mov")])
def test_a_container_that_cannot_hold_the_codec_is_refused_at_once(codec: str, container: str) -> None:
    with pytest.raises(ConfigError, match=f"{container} cannot hold {codec}") as caught:
        resolve([f"master.codec={codec}", f"master.container={container}"], Path("/dev/null"))
    assert "mkv" in str(caught.value)
