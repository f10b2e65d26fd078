"""The dictionary of defects in words: `docs/defects.md` shows the same with pictures, and a test keeps them equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from footlights.core.defects import Defect


@dataclass(frozen=True, slots=True)
class Entry:
    """One defect for people who are no engineers."""

    title: str
    looks: str
    """What one sees or hears."""
    cause: str
    measured: str
    """How, and by which analyser."""
    treated: str
    stages: tuple[str, ...] = ()
    """Stages that treat it."""
    beyond: str = ""
    """What cannot be mended."""


DICTIONARY: Mapping[Defect, Entry] = {
    Defect.NOISE: Entry(
        "Luma noise",
        "A fine crawling grain over the whole picture, strongest in dark and evenly lit places.",
        "The camera's amplified sensor in stage light, and the tape's own noise, added anew with every copy.",
        "`noise`: standard deviation between field lines and fields where nothing else changes, by brightness.",
        "FieldLift or the temporal filter take off what was measured; grain gives a share of it back.",
        ("fieldlift.restore", "denoise.steady", "denoise.motion"),
        "Detail weaker than the noise is gone; nothing invents it.",
    ),
    Defect.CHROMA_NOISE: Entry(
        "Chroma noise",
        "Coloured blotches and horizontal streaks that swim over even surfaces.",
        "Colour-under recording keeps colour in a narrow band of the tape that noise fills easily.",
        "`noise`: standard deviation of Cb and Cr, as for luma.",
        "FieldLift or the temporal filter clean chroma together with luma.",
        ("fieldlift.restore", "denoise.steady", "denoise.motion"),
        "Colour edges finer than the tape's chroma band (about 0.5 MHz on VHS) were never recorded.",
    ),
    Defect.DROPOUT: Entry(
        "Dropouts",
        "Short white or dark streaks along one line, or a piece of a line that repeats the one above.",
        "The head lost contact: missing oxide, dust, a crease. Many decks hide it by repeating the line above.",
        "`dropouts`: streaks that stand out from the lines and, along the motion, the fields around them, and that "
        "the other field of the frame does not show; pieces of line that repeat the line above where no field around "
        "does, or with all its noise.",
        "The streak alone is filled from the neighbouring fields along the motion, and recorded.",
        ("dropouts.conceal",),
        "Where the same place is hit on several fields in a row, the filling is a guess.",
    ),
    Defect.LOST_FRAME: Entry(
        "Lost frames",
        "The motion jumps; the sound may run ahead.",
        "The capture skipped, or the tape was torn and nothing was recorded for this instant.",
        "Holes in the timestamps, found when the tape is taken in.",
        "Pictures between are rebuilt along the motion, up to `restoration.gaps.longest`, and recorded.",
        ("gaps.rebuild", "fieldlift.restore"),
        "What happened in a longer hole is not on the tape; the last picture is held and marked.",
    ),
    Defect.LOST_FIELD: Entry(
        "Lost fields",
        "Motion stutters for a sixtieth of a second, and edges look stair-stepped once.",
        "A dropout of synchronisation: the deck or the capture repeated the other field.",
        "`repeats`: a field that changes less than those around it wherever something moves, before a leap, or whose "
        "noise was held with it; what film "
        "would repeat as well is unsure.",
        "The field is rebuilt from those before and after, and recorded.",
        ("gaps.rebuild", "fieldlift.restore"),
        "In still pictures a repeated field cannot be told from a true one; nothing is lost there either.",
    ),
    Defect.DUPLICATE_FRAME: Entry(
        "Repeated frames",
        "The picture freezes for a moment.",
        "The capture or a frame synchroniser repeated a frame in the place of one it missed.",
        "`repeats`: a frame that changes less than those around it wherever something moves, before a leap, or whose "
        "noise was held with it.",
        "The picture is rebuilt from those before and after, and recorded.",
        ("gaps.rebuild", "fieldlift.restore"),
        "A long freeze stays a freeze; it is marked.",
    ),
    Defect.DAMAGED_FRAME: Entry(
        "Damaged frames",
        "Blocks, smears, or half a picture from another moment.",
        "The file is damaged, or the tape was torn where it was digitised.",
        "Complaints of the decoder when the tape is taken in.",
        "The damaged blocks are replaced from neighbouring pictures, and recorded.",
        ("gaps.rebuild",),
        "What no neighbour shows is lost.",
    ),
    Defect.HEAD_SWITCHING: Entry(
        "Head switching",
        "The lowest lines are torn sideways and noisy.",
        "Helical decks change from one head to the other there; televisions hid it behind the mask of the tube.",
        "`borders`: field lines at the bottom that are shifted against those above, per shot.",
        "The torn lines are filled from those above, never cropped, and recorded.",
        ("switching.fill",),
        "The lines' own picture; at most the lowest two per cent.",
    ),
    Defect.LINE_JITTER: Entry(
        "Line jitter",
        "Upright edges are ragged and flutter; lines stray sideways from field to field.",
        "The drum and the tape never run quite evenly, and no time-base corrector took it out.",
        "`timebase`: standard deviation of the lines' offsets: what both halves of a line do alike between frames.",
        "Every line is moved to the middle of its neighbours in time; slants that stay are not straightened.",
        ("timebase.align",),
        "Offsets that several fields share, and lines in the dark that show nothing.",
    ),
    Defect.SKEW: Entry(
        "Bend at the top (flagging)",
        "The top of the picture leans to one side, like a flag.",
        "After the head switch the player needs some lines to settle; the tape was stretched or shrank.",
        "`timebase`: by how much more the edges at the top slant than further down, in all parts of the picture.",
        "The measured curve is taken out, the same for the whole tape.",
        ("timebase.align",),
        "What a recorder bent before copying, where only some shots show it.",
    ),
    Defect.VERTICAL_JUMP: Entry(
        "Vertical jumps",
        "The whole picture hops up or down for a moment.",
        "Vertical synchronisation was lost: a bad splice, a worn tape, a capture that counted lines wrongly.",
        "`timebase`: fields that leave the course of their neighbours and come back within three fields.",
        "The field is moved back by whole lines, and recorded; nothing is resampled.",
        ("timebase.align",),
        "Lines that left the raster are held from its edge.",
    ),
    Defect.BLANK_BORDERS: Entry(
        "Blank borders",
        "Black bars or ragged black edges.",
        "Blanking of the video signal, letterboxing, or the mask of an effect.",
        "`borders`: columns and lines that show nothing on any frame of the shot.",
        "Nothing to mend: the active area is used as it is, and geometry crops standard blanking.",
        (),
        "There was never a picture there.",
    ),
    Defect.SOFTNESS: Entry(
        "Softness",
        "Faces and lettering look out of focus.",
        "The tape's bandwidth (240 lines on VHS, 400 on S-VHS), copying, the lens, or real defocus.",
        "`sharpness`: the highest frequency that carries picture above the noise, in television lines.",
        "The net's fine detail and limited sharpening, as far as the tape holds detail.",
        ("upscale.fine", "detail.limited"),
        "Frequencies beyond the tape's band and true defocus do not come back.",
    ),
    Defect.CHROMA_DELAY: Entry(
        "Colour beside its place",
        "Red lips and lettering lie to the right of, or below, what they belong to.",
        "Filters of every recording delay colour against luma; comb filters shift it down, copy after copy.",
        "`chroma_delay`: where edges of colour match edges of luma best, per shot.",
        "Colour is moved back over its place.",
        ("chroma.align",),
        "Colour smeared by a narrow band stays smeared.",
    ),
    Defect.DOT_CRAWL: Entry(
        "Dot crawl",
        "Fine dots march along the edges of strong colours.",
        "A composite cable: colour's carrier was not taken out of luma again.",
        "`composite`: subcarrier left in luma that alternates as the carrier does, in codes.",
        "Dots that a field's own colour explains are taken out; the net takes out the rest, without the net a comb "
        "over fields of opposite carrier, where nothing moves.",
        ("composite.dots", "fieldlift.restore", "composite.comb"),
        "Luma detail that was filtered away together with the carrier.",
    ),
    Defect.CROSS_COLOUR: Entry(
        "Cross-colour",
        "Rainbows shimmer over fine patterns: lettering, grilles, striped clothes.",
        "A composite cable: fine luma was mistaken for colour.",
        "`composite`: false colour that alternates as the carrier does, in codes.",
        "The net takes it out; without the net a comb over fields of opposite carrier, where nothing moves.",
        ("fieldlift.restore", "composite.comb"),
        "Over moving patterns it cannot be told from colour.",
    ),
    Defect.BLOCKING: Entry(
        "Blocking",
        "Small squares in smooth places: sky, walls, haze, faces out of the light.",
        "Hard compression: every block of eight by eight samples was rounded by itself.",
        "`blocking`: steps every eight samples beyond those elsewhere, in codes, where the picture is smooth.",
        "Steps up to the measured size are spread over the samples beside them; the net takes out more.",
        ("blocking.smooth", "fieldlift.restore"),
        "Detail that the coder rounded to nothing.",
    ),
    Defect.QUANTISATION: Entry(
        "Coarse compression",
        "Fine texture is gone or replaced by small patterns; it swims where the camera moves.",
        "An MPEG, DV or Motion JPEG coder rounded the picture, this file's own or one before it. A lossless file may "
        "hold pictures that were compressed before.",
        "`quantiser`: the step on whose multiples the coefficients of an 8×8 DCT lie, its matrix and grid, from the "
        "pictures alone. Pictures that were predicted (most of MPEG), filtered, resized, or H.264 show none.",
        "Steps between blocks are smoothed and the net takes out the patterns; no stage is set by the quantiser.",
        ("blocking.smooth", "fieldlift.restore"),
        "What was rounded to nothing, in this or an earlier generation.",
    ),
    Defect.HALOS: Entry(
        "Halos",
        "Light and dark outlines beside edges: the hard look of video, hair like wire, a rim around the singer.",
        "The camera's detail circuit, a deck's peaking, a sharpness control at the copy.",
        "`halos`: share of the step by which steep, free-standing edges up and down alike exceed it on either side; "
        "above and below, where lines lie far apart, by the strongest tenth of them.",
        "Where the edges of the whole tape agree, a filter along the line takes the sharpening back, before the net.",
        ("halos.equalise",),
        "Outlines that were clipped at white or black. Outlines above and below edges are only reported: sharpening "
        "across the lines makes up for what a camera's read-out blurs, and taking it back leads away from the scene.",
    ),
    Defect.CLIPPING: Entry(
        "Clipped whites",
        "Faces in the spot are white patches; lamps have no shape.",
        "The camera was exposed for the dark stage, or the capture's level was too high.",
        "`exposure`: share of samples at or above studio white.",
        "Left as it is.",
        (),
        "Detail above white was cut off by the camera.",
    ),
    Defect.CRUSHED: Entry(
        "Crushed blacks",
        "Dark places are one flat black without noise; hair and suits run into the background.",
        "Black was set too low at a copy or at the capture, and everything darker was cut off.",
        "`levels`: share of samples heaped on the lowest code, where noise would spread them.",
        "Left as it is.",
        (),
        "What lay below the cut is gone.",
    ),
    Defect.SETUP: Entry(
        "Setup (7.5 IRE)",
        "All blacks are grey, alike in every shot.",
        "American NTSC lifts black by 7.5 IRE; the capture did not take it down again.",
        "`levels`: the darkest codes of all shots lie close to 32 instead of 16.",
        "Said in the report; black moves only where the colour rule finds every shot agreeing.",
        ("colour.convert",),
        "Haze in all shots looks alike; a person should judge.",
    ),
    Defect.WRONG_RANGE: Entry(
        "Wrong range",
        "Blacks and whites are cut off, or everything is grey and flat.",
        "A file says it uses the codes 16 to 235 but uses 0 to 255, or the other way round.",
        "`levels`: the codes that the shots really use, against the range the file states.",
        "Said in the report, never changed unasked: give the right tag and begin anew.",
        (),
        "Nothing is lost as long as the lossless copy is kept.",
    ),
    Defect.CAST: Entry(
        "Colour cast",
        "Blacks or clipped whites are tinted over the whole tape.",
        "Ageing, wrong white balance, or a badly set processing amplifier.",
        "`balance`: chroma of the darkest places and of clipped white; a cast only where all shots agree.",
        "Balanced per channel where the shots agree, drift and cameras allowed for; coloured light is never touched.",
        ("colour.balance",),
        "A cast that changes from shot to shot, or under one coloured light, cannot be told from the show's light.",
    ),
    Defect.WRONG_FIELD_ORDER: Entry(
        "Wrong field order",
        "Motion shakes back and forth in every frame.",
        "The file was tagged or edited with the other field first.",
        "`cadence`: which order of the fields gives the smoother motion, per shot.",
        "The measured order is used.",
        (),
        "Nothing is lost.",
    ),
    Defect.COMBING: Entry(
        "Combing",
        "Moving edges have teeth when a frame is looked at still. Not a fault: it is how interlaced video keeps time.",
        "The two fields of a frame show two instants.",
        "`cadence`: difference between the two fields of a frame, in codes.",
        "Deinterlaced to one picture per field; nothing is thrown away.",
        ("fieldlift.restore", "deinterlace.bwdif", "deinterlace.match"),
        "Lines between those of a field were not recorded while something moved.",
    ),
    Defect.BLENDED_FIELDS: Entry(
        "Blended fields",
        "What moves is doubled, now faintly, now half and half, and looks soft in step; motion stutters slightly.",
        "The tape was converted from PAL to NTSC or back by a converter that mixes fields: each shows two instants.",
        "`conversion`: how well each field is the mean of its neighbours in time swings with the beat of 50 and 59.94 "
        "fields, every 6.03 or 5.03 fields; told with the phase of that beat, per shot, where enough moves.",
        "Left as they are; where `restoration.conversion.unmix` asks for it, NTSC that was PAL is taken apart.",
        ("fields.unmix",),
        "Mixtures stay as they are unasked: from 59.94 to 50 fields a sixth of the instants is gone, and from 50 to "
        "59.94 the weights of an unknown converter would have to be guessed. A tape of before the conversion is worth "
        "looking for.",
    ),
    Defect.FLICKER: Entry(
        "Flicker and pumping",
        "Brightness jumps from picture to picture, or swells and sinks, though the light did not change.",
        "Film in a projector, shutter against lamps, nervous exposure. Strobes look alike and are part of the show.",
        "`flicker`: gain of the picture around its course, and whether all parts follow; `exposure.flicker` in codes.",
        "Levelled where all parts of the picture, dark ones too, follow all through the shot; else left as it is.",
        ("flicker.level",),
        "What reaches only some parts, or swings by more than a tenth, is taken for light of the show.",
    ),
    Defect.SOUND_CLIPPING: Entry(
        "Clipped sound",
        "Loud passages crackle and sound harsh.",
        "The recording level was too high for the tape or the converter.",
        "`sound`: runs of samples cut flat at their peak.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "What was cut off is gone.",
    ),
    Defect.SOUND_DROPOUT: Entry(
        "Sound dropouts",
        "The sound falls away for a moment.",
        "The same lost contact as in the picture, on the sound's own track or in the capture.",
        "`sound`: sudden falls of more than 25 dB for 10 to 300 ms.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "What was lost is not on the tape.",
    ),
    Defect.SOUND_MISSING: Entry(
        "Missing sound",
        "Silence where there must have been sound.",
        "The capture skipped, or the file is damaged.",
        "`sound`: holes between the timestamps of the packets.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "What was lost is not on the tape; it stays silent, so that picture and sound stay together.",
    ),
    Defect.SOUND_DRIFT: Entry(
        "Sound that runs off",
        "Lips and voice part more and more.",
        "Sound and picture were captured by two clocks.",
        "`sound`: the timestamps against the count of samples, and the end of the sound against that of the picture.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "Nothing is lost: the timestamps say where the sound belongs.",
    ),
    Defect.SOUND_HUM: Entry(
        "Hum",
        "A steady low tone under everything.",
        "Mains voltage in a cable or an amplifier, 50 or 60 Hz and its multiples.",
        "`sound`: steady lines 10 dB above their surroundings; continuous bass may hide them.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "A filter would take the music's own notes there as well.",
    ),
    Defect.SOUND_BALANCE: Entry(
        "One-sided sound",
        "One side is much weaker than the other, or dead.",
        "A dirty head, a wrong cable, or a mono recording on one track.",
        "`sound`: RMS of left over right.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "A dead track holds nothing to bring back.",
    ),
    Defect.SOUND_PHASE: Entry(
        "Sound out of phase",
        "A hollow sound without a middle; in mono the singer vanishes.",
        "A cable with crossed wires on one side.",
        "`sound`: correlation of left and right.",
        "Left as it is: the sound is copied as it was recorded.",
        (),
        "Nothing is lost: turning one side over would mend it.",
    ),
}
"""In the order of `Defect`."""
