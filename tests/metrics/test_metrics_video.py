"""VMAF and its companions: aligned whatever the container, honest about counts."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from footlights.errors import ToolError
from footlights.media import ffmpeg
from footlights.metrics.comparison import compare, v1_model
from footlights.metrics.video import Need, Scores, cambi, judge, vmaf

NTSC = Fraction(60000, 1001)


def _clip(path: Path, *, quality: str = "4", frames: int = 24, size: str = "192x144") -> Path:
    """A moving test picture in MJPEG: coarse enough to lose, intra only."""
    source = ["-f", "lavfi", "-i", f"testsrc2=s=192x144:r=60000/1001,scale=size={size}", "-frames:v", str(frames)]
    ffmpeg.run(
        [*source, "-c:v", "mjpeg", "-q:v", quality, "-pix_fmt", "yuvj420p", ffmpeg.file_url(path)], doing="making"
    )
    return path


def test_the_fifth_percentile_of_few_frames_lies_between_the_two_lowest() -> None:
    """Of twenty values five hundredths lie below the middle of the lowest two (Hazen); 0.95 after the usual rule."""
    assert Scores(np.arange(20.0), np.empty(0)).low == pytest.approx(0.5)
    assert Scores(np.array([7.0]), np.empty(0)).low == 7.0


def test_the_worst_second_is_the_lowest_mean_of_frames_on_end() -> None:
    """Frames 3 to 5 are the only three on end with all of a dip; in a chunk that is shorter all are the second."""
    dip = np.array([90.0, 80, 90, 60, 70, 62, 90, 90])
    assert Scores(dip, np.empty(0), lasting=3).second == pytest.approx(64)
    assert Scores(dip, np.empty(0), lasting=1).second == pytest.approx(60)
    for lasting in (0, 8, 25):
        assert Scores(dip, np.empty(0), lasting=lasting).second == pytest.approx(dip.mean())


def test_one_bad_second_of_four_is_told_where_every_seventh_frame_is_measured(tmp_path: Path) -> None:
    """Frames 60 to 83 of 96 blurred, at 24 a second: the second is those, and the mean and the worst frame are not."""
    good, bad = _clip(tmp_path / "good.mkv", quality="2", frames=96), tmp_path / "bad.mkv"
    blurred = ["-vf", "gblur=1.2:enable='between(n,60,83)'", "-c:v", "mjpeg", "-q:v", "2"]
    ffmpeg.run([*ffmpeg.input_arguments(good, Fraction(24)), *blurred, ffmpeg.file_url(bad)], doing="making")
    all_of_it, some = (vmaf(bad, good, Fraction(24), height=144, frames=96, every=step) for step in (1, 7))
    assert all_of_it.second == pytest.approx(all_of_it.vmaf[60:84].mean(), abs=0.3)
    assert some.second == pytest.approx(all_of_it.second, abs=1.0)
    assert all_of_it.second < all_of_it.mean - 5


def test_a_video_is_like_itself_in_matroska_too(tmp_path: Path) -> None:
    """Matroska's 1 ms clock must not pair neighbouring frames: that reads 80 instead of 94 and more."""
    first, second = _clip(tmp_path / "a.mkv"), _clip(tmp_path / "b.avi")
    assert vmaf(first, second, NTSC, height=144, frames=24).worst > 96


def test_tags_of_one_file_alone_change_nothing(tmp_path: Path) -> None:
    """The ffmpeg program would convert the colours of the untagged file to the tags of the other."""
    tags = ["-vf", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"]
    made = []
    for name, more in (("tagged", tags), ("untagged", [])):
        path = tmp_path / f"{name}.nut"
        codec = ["-c:v", "ffv1"] if more else ["-c:v", "rawvideo"]
        source = ["-f", "lavfi", "-i", "testsrc2=s=192x144:r=25,format=yuv420p10le", "-frames:v", "4"]
        ffmpeg.run([*source, *more, "-pix_fmt", "yuv420p10le", *codec, ffmpeg.file_url(path)], doing="making")
        made.append(path)
    same = vmaf(made[0], made[0], Fraction(25), height=144, frames=4)
    for test, reference in (made, made[::-1]):
        assert vmaf(test, reference, Fraction(25), height=144, frames=4).mean == pytest.approx(same.mean)


def test_worse_pictures_score_less_and_percentiles_are_ordered(tmp_path: Path) -> None:
    good, bad = _clip(tmp_path / "good.mkv", quality="2"), _clip(tmp_path / "bad.mkv", quality="31")
    scores, every = (vmaf(bad, good, NTSC, height=144, frames=24, every=step) for step in (2, 1))
    assert scores.vmaf[::2].tolist() == every.vmaf[::2].tolist()
    assert scores.vmaf == pytest.approx(every.vmaf, abs=1.5)
    assert scores.mean == pytest.approx(every.mean, abs=0.1)
    assert scores.worst <= scores.low <= scores.mean < 95


def test_shots_whose_frames_do_not_tell_each_other_are_measured_closer_and_their_lowest(tmp_path: Path) -> None:
    """In turn blurred, which VMAF minds, and lightened, which makes as large an error and which it does not mind: often
    and strongly, or seldom and less."""
    calm, frames = _clip(tmp_path / "calm.mkv", quality="2", frames=66), 66
    torn = "gblur=1:enable='lt(mod(n,11),3)',lutyuv=y=val+12:enable='between(mod(n,11),5,8)'"
    slow = "gblur=0.42:enable='lt(mod(n,22),9)',lutyuv=y=val+3:enable='between(mod(n,22),11,20)'"
    for name, filters, every, also in (("even", "gblur=0.4", 7, 0), ("slow", slow, 3, 0), ("torn", torn, 3, 11)):
        test = tmp_path / f"{name}.mkv"
        source = [*ffmpeg.input_arguments(calm, NTSC), "-vf", filters, "-c:v", "mjpeg", "-q:v", "2"]
        ffmpeg.run([*source, ffmpeg.file_url(test)], doing="making")
        found = judge(test, calm, NTSC, height=144, width=192, frames=frames, need=Need(7))
        assert (found.every, len(found.also)) == (every, also)
        assert len(found.vmaf) == frames
        whole = vmaf(test, calm, NTSC, height=144, frames=frames)
        # What was measured is what measuring all of it gives, however few frames were shown to libvmaf.
        assert found.vmaf[::every].tolist() == whole.vmaf[::every].tolist()
        assert found.vmaf[list(found.also)].tolist() == whole.vmaf[list(found.also)].tolist()
        # The low end counts of what is torn, in which errors tell nothing of the mean.
        assert (found.low if also else found.mean) == pytest.approx(whole.low if also else whole.mean, abs=0.1)
        seen = judge(test, calm, NTSC, height=144, width=192, frames=frames, need=Need(7, lambda scores: True))
        assert (seen.every, seen.also) == (7, ())


def test_a_missing_frame_is_an_error_not_a_score(tmp_path: Path) -> None:
    whole, short = _clip(tmp_path / "whole.mkv"), _clip(tmp_path / "short.mkv", frames=20)
    with pytest.raises(ToolError, match="20 frames instead of 24"):
        vmaf(short, whole, NTSC, height=144, frames=24)


def test_the_comparison_table_has_every_metric_for_every_frame(tmp_path: Path) -> None:
    good, bad = _clip(tmp_path / "good.mkv", quality="2"), _clip(tmp_path / "bad.mkv", quality="20", size="96x72")
    table = compare(bad, good, NTSC, width=192, height=144)
    rows = {name: (mean, low, worst) for name, mean, low, worst in table.rows}
    assert table.frames == 24
    assert set(rows) == {"VMAF-NEG", "PSNR Y (dB)", "PSNR Cb (dB)", "PSNR Cr (dB)", "SSIM", "XPSNR Y (dB)"}
    assert table.notes == ("VMAF v1 was not measured: it needs 216×160 samples or more",)
    assert all(worst <= low <= mean for mean, low, worst in rows.values())
    assert 10 < rows["PSNR Y (dB)"][0] < 40
    assert 10 < rows["XPSNR Y (dB)"][0] < 40


@pytest.mark.parametrize(
    ("width", "height", "rate", "model"),
    [
        (216, 160, Fraction(25), "vmaf_v1.0.16_3d0h"),
        (160, 216, NTSC, "vmaf_v1.0.16_hfr_3d0h"),
        (2560, 1440, Fraction(24), "vmaf_v1.0.16_1d5h_2160"),
        (2560, 1440, Fraction(50), "vmaf_v1.0.16_hfr_1d5h_2160"),
    ],
)
def test_vmaf_v1_is_measured_by_the_model_for_size_and_rate(
    tmp_path: Path, width: int, height: int, rate: Fraction, model: str
) -> None:
    """Down to the smallest size that the model takes; one step below it the program itself fails, and we do not ask."""
    assert v1_model(width, height, rate) == model
    if height > 1000:
        return
    good, bad = (_clip(tmp_path / f"{q}.mkv", quality=q, frames=6, size=f"{width}x{height}") for q in ("2", "31"))
    (found,) = (row for row in compare(bad, good, rate, width=width, height=height).rows if row[0] == "VMAF v1")
    (same,) = (row for row in compare(good, good, rate, width=width, height=height).rows if row[0] == "VMAF v1")
    assert found[1] < same[1] - 3
    for smaller in ((width - 2, height), (width, height - 2)):
        assert v1_model(*smaller, rate) is None
        assert v1_model(*smaller[::-1], rate) is None


def test_tags_of_one_file_alone_change_nothing_in_a_comparison(tmp_path: Path) -> None:
    """As above, in every row."""
    tags = ["-vf", "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"]
    made = []
    for name, more in (("tagged", tags), ("untagged", [])):
        made.append(tmp_path / f"{name}.mkv")
        source = ["-f", "lavfi", "-i", "testsrc2=s=256x192:r=25,format=yuv420p10le", "-frames:v", "4"]
        ffmpeg.run([*source, *more, "-c:v", "ffv1", ffmpeg.file_url(made[-1])], doing="making")
    alike = compare(made[0], made[0], Fraction(25), width=256, height=192).rows
    assert compare(made[0], made[1], Fraction(25), width=256, height=192).rows == alike
    assert compare(made[1], made[0], Fraction(25), width=256, height=192).rows == alike


def _posterised(path: Path, step: int, frames: int) -> Path:
    """A smooth dark light, one code brighter from frame to frame, rounded to multiples of `step`."""
    shape = f"(90+N+150*exp(-((X-120)^2+(Y-60)^2)/9800))/{step}"
    graph = f"nullsrc=s=256x144:r=25,format=yuv420p10le,geq=lum='floor({shape}+0.5)*{step}':cb=512:cr=512"
    tail = ["-frames:v", str(frames), "-pix_fmt", "yuv420p10le", "-c:v", "rawvideo", ffmpeg.file_url(path)]
    ffmpeg.run(["-f", "lavfi", "-i", graph, *tail], doing="making")
    return path


def test_bands_looked_at_beside_vmaf_are_those_of_the_same_frames(tmp_path: Path) -> None:
    """The few frames in the middle of four parts, each with the value that measuring all gives it; VMAF as without."""
    frames, rate = 24, Fraction(25)
    smooth, coarse = (_posterised(tmp_path / f"{step}.nut", step, frames) for step in (1, 4))
    every = cambi(coarse, smooth, rate, width=256, height=144, frames=frames)
    beside = vmaf(coarse, smooth, rate, height=144, width=256, frames=frames, every=5)
    assert len(every) == frames
    assert every.min() > 1
    assert beside.bands.tolist() == every[3::7].tolist()
    assert beside.vmaf.tolist() == vmaf(coarse, smooth, rate, height=144, frames=frames, every=5).vmaf.tolist()
    assert not len(cambi(coarse, smooth, rate, width=200, height=144, frames=frames))
