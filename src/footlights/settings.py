"""The tree of all settings, each with its bounds and its default; `footlights.config` says where values come from."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from footlights.errors import ConfigError

Share = Annotated[float, Field(ge=0, le=1)]
FieldOrderChoice = Literal["auto", "top-first", "bottom-first", "progressive"]


class Section(BaseModel):
    """A group of settings; unknown names are refused, values cannot change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class IngestSettings(Section):
    """How the tape is read. Everything `auto` is found by looking and reported."""

    field_order: FieldOrderChoice = "auto"
    """Overrides tag and measurement."""
    sample_aspect: str = "auto"
    """Sample aspect ratio `num:den`, e.g. `10:11`."""
    matrix: Literal["auto", "bt601", "bt709"] = "auto"


CONTAINERS = {
    "mkv": frozenset({"av1", "h264", "hevc", "ffv1", "prores"}),
    "mov": frozenset({"h264", "hevc", "prores"}),
    "mp4": frozenset({"av1", "h264", "hevc"}),
}
"""Codecs a master of each container can hold."""


class GeometrySettings(Section):
    """Size and shape of the master."""

    height: Annotated[int, Field(ge=240, le=4320, multiple_of=2)] = 2160
    """Lines of the master."""
    active_width: Literal["auto", "full", "704", "702"] = "auto"
    """Samples of a 720-sample line that make up the 4:3 or 16:9 picture; `auto` is 704 for SD."""
    canvas: Literal["native", "16:9"] = "native"
    """`native` keeps the picture's own shape; `16:9` adds black pillars up to that shape, 3840×2160."""


class FaceSettings(Section):
    """Search for faces."""

    enabled: bool = True
    every: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Seconds between searched frames."""
    detector: Literal["stageface", "blazeface", "hog"] = "stageface"
    """`hog` needs the extra `faces` (dlib)."""


class AnalysisSettings(Section):
    """What is measured."""

    faces: FaceSettings = FaceSettings()
    part: Annotated[int, Field(ge=50, le=20000)] = 750
    """Frames measured as one task; at most this many are lost by a power cut."""


class GapSettings(Section):
    """Lost, repeated and damaged frames."""

    rebuild: bool = True
    longest: Annotated[int, Field(ge=1, le=30)] = 6
    """Frames in a row that are rebuilt from their neighbours; longer gaps hold a picture."""


class DropoutSettings(Section):
    """Streaks where the head lost the tape."""

    strength: Share = 1.0
    """0 leaves dropouts as they are."""


class SwitchingSettings(Section):
    """Torn lines below the head switch, at the bottom of each field."""

    fill: bool = True
    """Fill them from the lines above; they are never cropped."""


class TimeBaseSettings(Section):
    """Lines and fields that lie beside their place."""

    align: bool = True
    """Move them back where the tape shows it."""


class FlickerSettings(Section):
    """Light that trembles or pumps in the whole picture, all through a shot."""

    strength: Share = 1.0
    """Share of it that is levelled where the shot proves that it is no light of the stage; 0 leaves it."""


class BlockingSettings(Section):
    """The grid of a block transform."""

    strength: Annotated[float, Field(ge=0, le=2)] = 1.0
    """Factor on the size of the steps that are smoothed; 0 leaves them."""


class HaloSettings(Section):
    """Outlines beside edges, left by sharpening in camera or deck."""

    strength: Share = 1.0
    """Share of the measured sharpening along the line that is taken back; 0 leaves the era's outlines."""


class ConversionSettings(Section):
    """Fields that a converter between PAL and NTSC mixed."""

    unmix: Share = 0.0
    """Share of the mixture that is undone on tapes made NTSC from PAL, as if the converter had weighed two fields by
    their distance in time. Others come out worse, so look at the result; the net is left out of such shots."""


class ChromaSettings(Section):
    """Colour that lies beside its luma."""

    align: bool = True
    """Move it back where the tape shows a delay."""
    dots: Share = 1.0
    """Share of the dots on edges of colour that is taken out of fields where a composite connection left traces."""
    comb: Share = 1.0
    """Share of dot crawl and cross-colour that is combed out before the filters of the classical chain; FieldLift takes
    them out by itself."""


class DenoiseSettings(Section):
    """Noise reduction; strength follows the measured noise."""

    strength: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Factor on the strength that the measured noise asks for; 0 switches it off."""
    radius: Annotated[int, Field(ge=1, le=3)] = 2
    """Pictures looked at on each side."""


class FieldLiftSettings(Section):
    """Our own net."""

    net: Literal["S"] = "S"
    """Size of the net."""
    strength: Annotated[float, Field(ge=0, le=2)] = 1.0
    """Factor on the measured noise that the net is told to expect: more takes away more."""
    detail: Annotated[float, Field(ge=0, le=1.5)] = 1.0
    """Share of the fine detail found beyond the tape's raster; 0 leaves it out."""
    hold: Share = 0.0
    """Share of the tape's own lines that the net's pictures are drawn towards, noise included; the guard of strengths
    raises it, up to 0.35, in shots that differ from the tape by more than its noise."""
    on_failure: Literal["stop", "classical"] = "stop"
    """Where the net breaks down: `stop` leaves the piece unfinished; `classical` restores the rest of it with the
    filters, which the report marks in red."""


class FacePathSettings(Section):
    """Faces, followed through every shot."""

    enabled: bool = True
    """Follow faces; false turns the whole face path off."""
    restore: bool = True
    """Restore them by our own net, chain `fieldlift` only."""
    strength: Share = 1.0
    """Share of the restored detail that is shown at most."""
    identity: Share = 0.5
    """Likeness of a restored face to its source below which its whole track is put back to what the tape shows."""
    most: Annotated[int, Field(ge=1, le=32)] = 6
    """Faces followed at once, the largest first; in a crowd the others are only counted."""


class RestorationSettings(Section):
    """Repair and super-resolution."""

    chain: Literal["fieldlift", "classical"] = "fieldlift"
    """`fieldlift`: our own net, from fields to clean pictures and fine detail, for interlaced and progressive SD;
    `classical`: filters without learning, which also serve what the net is not made for."""
    fieldlift: FieldLiftSettings = FieldLiftSettings()
    sr_model: str = ""
    """File with a super-resolution net of your own (safetensors, or weights of PyTorch), which makes the 4K picture out
    of the clean one; needs `footlights setup user-models`. Its licence is yours to keep."""
    faces: FacePathSettings = FacePathSettings()
    gaps: GapSettings = GapSettings()
    dropouts: DropoutSettings = DropoutSettings()
    switching: SwitchingSettings = SwitchingSettings()
    timebase: TimeBaseSettings = TimeBaseSettings()
    flicker: FlickerSettings = FlickerSettings()
    blocking: BlockingSettings = BlockingSettings()
    halos: HaloSettings = HaloSettings()
    conversion: ConversionSettings = ConversionSettings()
    chroma: ChromaSettings = ChromaSettings()
    denoise: DenoiseSettings = DenoiseSettings()
    part: Annotated[float, Field(ge=2, le=6)] = 4.0
    """Seconds a piece of the master and a media segment aim at, 2..6 as the cuts allow; at most one piece is lost by a
    power cut."""


class ColourSettings(Section):
    """Levels and casts are corrected on evidence only."""

    levels: Literal["evidence", "off"] = "evidence"
    cast: Literal["evidence", "off"] = "evidence"


class LightSettings(Section):
    """Brightness of dark shots."""

    lift: Share = 0.0
    """Greatest lift of the middle of dark, murky shots; black and white stay, and so do shots with bright light."""


class LookSettings(Section):
    """A look of the user's own."""

    table: str = ""
    """File with a look table (.cube), laid over the finished colours."""
    strength: Share = 1.0
    """Share of the way from the plain picture to the table's."""


class DetailSettings(Section):
    """Edges."""

    strength: Annotated[float, Field(ge=0, le=2)] = 0.6
    """0 switches it off; overshoot is limited whatever the strength."""


class GrainSettings(Section):
    """What is given back of the noise that was taken out."""

    share: Share = 0.7
    """Share of the measured noise given back as fine grain at display scale. 0: clean, 1: as strong as on the tape."""
    tape: Share = 0.0
    """Of the tape's own noise in that, where it is told from the camera's. 0: camera's alone, 1: both alike."""


RATES = {
    "23.976": Fraction(24000, 1001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": Fraction(60000, 1001),
    "60": Fraction(60),
}
"""Frame rates a master can be converted to (SMPTE ST 2036-1 and ST 274 without the high ones)."""


class RateSettings(Section):
    """Frame rate of the master; by default every instant of the tape keeps its picture."""

    output: Annotated[
        Literal["tape", "23.976", "24", "25", "29.97", "30", "50", "59.94", "60"], BeforeValidator(str)
    ] = "tape"
    """Frames per second: `tape` shows every field's instant, as 59.94 or 50 pictures a second; others are made by
    motion-compensated interpolation."""
    speed: Annotated[float, Field(ge=0.1, le=1)] = 1.0
    """Below 1: slow motion."""
    sound: Literal["stretch", "drop"] = "stretch"
    """Of slow motion: `stretch` makes the sound as long as the pictures, at its pitch; `drop` leaves it out."""


class EnhancementSettings(Section):
    """More to see, nothing invented silently."""

    colour: ColourSettings = ColourSettings()
    light: LightSettings = LightSettings()
    look: LookSettings = LookSettings()
    detail: DetailSettings = DetailSettings()
    grain: GrainSettings = GrainSettings()
    rate: RateSettings = RateSettings()
    guard: bool = True
    """Lower detail and grain in shots whose master, pushed back to the tape, differs from it by more than noise."""


class SoundSettings(Section):
    """Care for the sound; with everything off its packets are copied as they are."""

    declick: bool = False
    """Repair clicks."""
    dehum: bool = False
    """Notch mains hum where it was heard."""
    loudness: Literal["keep", "r128"] = "keep"
    """`r128`: one gain for the whole track, to the target of EBU R 128, bounded by the true peak."""
    target: Annotated[float, Field(ge=-36, le=-9)] = -23.0
    """LUFS."""
    peak: Annotated[float, Field(ge=-9, le=0)] = -1.0
    """dBTP that the gain may not pass."""


class MasterSettings(Section):
    """The 4K master file."""

    codec: Literal["av1", "h264", "hevc", "ffv1", "prores"] = "av1"
    quality: Annotated[float, Field(ge=0, le=63)] | None = None
    """Constant-quality value of the codec; unset is visually lossless."""
    container: Literal["mkv", "mov", "mp4"] = "mkv"
    """mkv holds every codec; mov h264, hevc and prores; mp4 av1, h264 and hevc."""
    hdr: Literal["off", "pq", "hlg"] = "off"
    """An HDR rendition beside the master, `hdr.mkv`, HEVC of BT.2020 with PQ or HLG; the master stays as it is."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 2000
    """Seed of everything random (grain, dither)."""

    @field_validator("container")
    @classmethod
    def _holds_the_codec(cls, container: str, info: ValidationInfo) -> str:
        codec = info.data.get("codec", "")
        if codec not in CONTAINERS[container]:
            fitting = [name for name, codecs in CONTAINERS.items() if codec in codecs]
            raise ValueError(f"{container} cannot hold {codec} as players know it; choose {' or '.join(fitting)}")
        return container


class EncodingSettings(Section):
    """The stream ladder."""

    enabled: bool = True
    heights: tuple[Annotated[int, Field(ge=144, le=4320, multiple_of=2)], ...] = (2160, 1080, 720, 480)
    """Lines of the AV1 renditions; the master's height stands in for those above it."""
    h264_height: Annotated[int, Field(ge=0, le=2160)] = 720
    """Lines of the H.264 rendition for old players; 0 leaves it out."""
    target: Annotated[float, Field(ge=40, le=99)] = 93.0
    """VMAF of every rendition against the master at its own size."""
    mode: Literal["floor", "mean"] = "floor"
    """`floor`: every part reaches the target; `mean`: a rendition reaches it on average, with the fewest bytes, no part
    further below it than `slack`."""
    slack: Annotated[float, Field(ge=1, le=20)] = 6.0
    """VMAF by which a part may fall below the target in the mode `mean`."""
    preset: Annotated[int, Field(ge=4, le=13)] = 9
    """SVT-AV1 speed, 4 slow and small .. 13 fast."""
    distinct: Annotated[float, Field(ge=0, le=20)] = 6.0
    """VMAF, seen at the size of the largest, by which an AV1 rendition between the smallest and the largest must beat
    the next smaller one to be made at all; 0 makes all."""
    probes: Annotated[int, Field(ge=1, le=8)] = 5
    """Trial encodes per part and rendition in search of the target; the rate limit may take more."""
    dark: Annotated[float, Field(ge=0, le=6)] = 2.0
    """VMAF by which dark parts (median luma below code 40) are aimed higher: VMAF sees too little of what goes wrong in
    shadows (with their light put back four dark shots scored 2.3 to 4.9 less)."""
    banding: Annotated[float, Field(ge=0.1, le=24)] = 1.0
    """CAMBI that a rendition may add to the master's before a part is given more bits; 24 allows all, unmeasured."""
    grain: Literal["auto", "keep"] = "auto"
    """`auto`: grain is taken out before encoding and given back, drawn by AV1 decoders, in part baked into H.264;
    `keep`: it is encoded as part of the pictures."""
    audio_rate: Annotated[int, Field(ge=32, le=512)] = 128
    """kbit/s of the stereo AAC rendition."""


class EngineSettings(Section):
    """What the work may take of the machine."""

    workers: Annotated[int, Field(ge=0, le=64)] = 0
    """Processes working side by side; 0 takes one for every processor, as far as memory goes round (3 GiB each)."""
    reserve: Annotated[float, Field(ge=0)] = 2.0
    """GiB of disk never used."""
    patience: Annotated[float, Field(ge=0.01, le=1000)] = 10.0
    """Seconds that a trial encode may take per million samples, and thirty times as many in any case, before it counts
    as hung. A hundred times what a free machine takes."""
    executor: Literal["local"] = "local"


class Settings(Section):
    """Everything that can be set."""

    ingest: IngestSettings = IngestSettings()
    geometry: GeometrySettings = GeometrySettings()
    analysis: AnalysisSettings = AnalysisSettings()
    restoration: RestorationSettings = RestorationSettings()
    enhancement: EnhancementSettings = EnhancementSettings()
    sound: SoundSettings = SoundSettings()
    master: MasterSettings = MasterSettings()
    encoding: EncodingSettings = EncodingSettings()
    engine: EngineSettings = EngineSettings()


def frame_rate(text: str) -> Fraction | None:
    """`29.97` → 30000/1001; `tape` → None."""
    return RATES.get(text)


def aspect(text: str) -> Fraction | None:
    """`10:11` → 10/11; `auto` → None."""
    if text == "auto":
        return None
    try:
        numerator, _, denominator = text.replace("/", ":").partition(":")
        value = Fraction(int(numerator), int(denominator or 1))
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            f"ingest.sample_aspect = {text!r} cannot be used", "it is no ratio", "write it as num:den, e.g. 10:11"
        ) from error
    if not Fraction(1, 4) <= value <= 4:
        raise ConfigError(f"ingest.sample_aspect = {text!r} cannot be used", "it is absurd", "use 1:4 to 4:1")
    return value
