"""What faces say, in the words of a label scheme: as SQL on rows of ``faces``, and of one face in Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from albumsort.emotions import EMOTIONS, SCHEMES, labels_of
from albumsort.records import Face


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to a question for one emotion or several, which then count together.

    In the scheme ``six`` the probability of *angry* is that of angry and disgust; in ``four`` those of the four are
    divided by their sum. A face reads as the emotion of the scheme that is most probable.

    Attributes:
        emotions: at least one, of the scheme's; one that is named twice counts once.
        scheme: one of ``SCHEMES``.

    Raises:
        ValueError: the scheme has no such emotion.
    """

    emotions: tuple[str, ...]
    scheme: str = "seven"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"{self.scheme!r} is not one of {', '.join(SCHEMES)}")
        for emotion in self.emotions:
            if emotion not in self.labels:
                raise ValueError(f"{emotion!r} is not one of {', '.join(self.labels)}")
        object.__setattr__(self, "emotions", tuple(dict.fromkeys(self.emotions)))

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions that the scheme tells apart."""
        return labels_of(self.scheme)

    @property
    def is_plain(self) -> bool:
        """Whether it is what the index has worked out beforehand: one of the seven."""
        return self.scheme == "seven" and len(self.emotions) == 1

    @property
    def sure(self) -> float:
        """A score above which no face that reads as anything else can be.

        It would have at least a share of the score that is left to its own emotion, which is no smaller than any of
        those that make up the score.
        """
        return len(self.emotions) / (len(self.emotions) + 1)

    def score(self, face: str) -> str:
        """Of a row of ``faces``, by its alias: how far it shows the emotions, 0..1."""
        if self.is_plain:
            return f"{face}.{self.emotions[0]}"
        return " + ".join(self._probability(face, emotion) for emotion in self.emotions)

    def score_of(self, face: Face) -> float:
        """The same of a face."""
        read = in_scheme(face, self.scheme)
        return sum(read.probability(emotion) for emotion in self.emotions)

    def reads(self, face: str, emotions: Sequence[str] | None = None) -> str:
        """A condition that a row reads as one of the emotions, or of others."""
        wanted = self.emotions if emotions is None else tuple(emotions)
        if self.scheme == "seven":
            # A single one in just these words, for which each emotion has an index.
            return f"{face}.emotion = '{wanted[0]}'" if len(wanted) == 1 else f"{face}.emotion IN ({_quoted(wanted)})"
        return f"{self.label(face)} IN ({_quoted(wanted)})"

    def label(self, face: str) -> str:
        """Of a row: the emotion that it reads as; of equals the first, as in ``Face.emotion``."""
        if self.scheme == "seven":
            return f"{face}.emotion"
        parts = [self._part(face, emotion) for emotion in self.labels]
        cases = (f"WHEN {part} THEN '{emotion}'" for part, emotion in zip(parts, self.labels, strict=True))
        largest = f"CASE max({', '.join(parts)}) {' '.join(cases)} END"
        # Most rows are told by their best emotion alone, and need not be fetched beside an index that has it.
        told = " ".join(f"WHEN '{emotion}' THEN '{label}'" for emotion, label in self._kept.items())
        return f"CASE WHEN {self._is_told(face)} THEN CASE {face}.emotion {told} END ELSE {largest} END"

    def certain(self, face: str) -> str:
        """A condition that the best answer of a row reaches ``:certain``."""
        reaches = f"{self.confidence(face)} >= :certain"
        if self.scheme == "seven":
            return reaches
        # A scheme makes no probability smaller than it was, but for a rounding.
        return f"(({face}.emotion IN ({_quoted(self._kept)}) AND {face}.confidence >= :certain + 0.001) OR {reaches})"

    def confidence(self, face: str) -> str:
        """Of a row: the probability of its best answer, 0..1; NULL where nothing is left of the four."""
        if self.scheme == "seven":
            return f"{face}.confidence"
        return f"max({', '.join(self._probability(face, emotion) for emotion in self.labels)})"

    def without(self, emotions: Sequence[str], counting: str) -> str:
        """A condition on ``p``, the photos, that no certain face of it reads as one of some emotions.

        Args:
            emotions: of the scheme's.
            counting: a condition on ``n``, those faces.
        """
        if not emotions:
            return ""
        faces = f"SELECT 1 FROM faces n WHERE n.photo_id = p.id AND {self.reads('n', emotions)} AND {self.certain('n')}"
        return f"AND NOT EXISTS ({faces} {counting})"

    @property
    def _kept(self) -> dict[str, str]:
        """What the scheme calls each of the seven emotions that it has not left out."""
        return {emotion: label for emotion, label in zip(EMOTIONS, SCHEMES[self.scheme], strict=True) if label}

    def _is_told(self, face: str) -> str:
        """A condition that the best emotion of a row decides how it reads in the scheme."""
        is_kept = f"{face}.emotion IN ({_quoted(self._kept)})"
        # Two that are merged may together be more probable than it, but not than more than a half.
        merges = len(set(self._kept.values())) < len(self._kept)
        return f"{is_kept} AND {face}.confidence > 0.51" if merges else is_kept

    def _probability(self, face: str, emotion: str) -> str:
        part = self._part(face, emotion)
        if self.scheme != "four":
            return part
        return f"{part} / ({' + '.join(self._part(face, label) for label in self.labels)})"

    def _part(self, face: str, emotion: str) -> str:
        """The probability before it is divided by that of all labels; a model may not know an emotion."""
        merged = [name for name, label in zip(EMOTIONS, SCHEMES[self.scheme], strict=True) if label == emotion]
        return "(" + " + ".join(f"ifnull({face}.{name}, 0)" for name in merged) + ")"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def in_scheme(face: Face, scheme: str) -> Face:
    """A face with its probabilities in a scheme; None for emotions that it does not have."""
    if scheme == "seven":
        return face
    sums = dict.fromkeys(labels_of(scheme), 0.0)
    for label, probability in zip(SCHEMES[scheme], face.probabilities, strict=True):
        if label is not None:
            sums[label] += probability or 0.0
    # Of the four nothing may be left, where the model is certain of another emotion.
    total = (sum(sums.values()) or 1.0) if scheme == "four" else 1.0
    return replace(face, probabilities=tuple(sums[name] / total if name in sums else None for name in EMOTIONS))
