"""FER2013 and FER+ as they are published, and as people pass them on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from albumsort.emotions import PERCEIVED
from albumsort.training.datasets import DataError, load, load_folder, majority_code, perceived_distribution
from albumsort.training.splits import SPLITS

BLACK, WHITE = ("0 " * 2304).strip(), ("255 " * 2304).strip()
#: Votes in the order of ``PERCEIVED``, then unknown and not-a-face; what follows was worked out by hand.
HAND_COMPUTED = {
    "clear, with one slip": ([0, 0, 0, 7, 0, 1, 2, 0, 0, 0], [0, 0, 0, 7 / 9, 0, 0, 2 / 9, 0], 3),
    "a tie": ([5, 0, 0, 0, 0, 0, 5, 0, 0, 0], [0.5, 0, 0, 0, 0, 0, 0.5, 0], -1),
    "a plurality": ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], [0.4, 0.3, 0.3, 0, 0, 0, 0, 0], -1),
    "contempt": ([0, 0, 0, 0, 0, 0, 2, 8, 0, 0], [0, 0, 0, 0, 0, 0, 0.2, 0.8], -1),
    "no face": ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], [0] * 8, -1),
    "mostly unknown": ([0, 0, 0, 4, 0, 0, 0, 0, 6, 0], [0] * 8, -1),
    "unknown beside more": ([0, 0, 0, 0, 6, 0, 0, 0, 4, 0], [0, 0, 0, 0, 1, 0, 0, 0], 4),
    "slips only": ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [0] * 8, -1),
}


def test_rows_as_published_become_arrays(fer2013):
    faces = load(fer2013([f"3,{WHITE},Training", f"0,{BLACK},PublicTest", f"6,{BLACK},PrivateTest"]))
    assert (faces.pixels.shape, faces.pixels.dtype) == ((3, 48, 48), np.uint8)
    assert faces.labels.tolist() == [3, 0, 6]
    assert faces.usage.tolist() == ["Training", "PublicTest", "PrivateTest"]
    assert (faces.pixels[0] == 255).all() and (faces.pixels[1] == 0).all()
    assert not faces.broken


def test_pixels_are_read_row_by_row(fer2013):
    faces = load(fer2013([f"3,{' '.join(str(k % 256) for k in range(2304))},Training"]))
    assert faces.pixels[0, 0, 47] == 47
    assert faces.pixels[0, 1, 0] == 48


def test_without_votes_nothing_is_perceived(fer2013):
    faces = load(fer2013([f"3,{WHITE},Training"]))
    assert faces.perceived.shape == (1, 8)
    assert not faces.perceived.any()
    assert faces.majority.tolist() == [-1]


def test_the_columns_of_icml_face_data_are_known_by_their_names(fer2013):
    faces = load(fer2013([f"3,Training,{WHITE}"], "emotion, Usage, pixels"))
    assert (faces.labels.tolist(), faces.usage.tolist(), faces.pixels.min()) == ([3], ["Training"], 255)


def test_lines_before_the_header_are_passed_over(fer2013):
    stray = "This file was downloaded from somewhere\n@article{goodfellow, 2013}\n\nemotion,pixels,Usage"
    assert len(load(fer2013([f"3,{WHITE},Training"], stray))) == 1


def test_broken_rows_are_left_out_and_counted_by_reason(fer2013):
    faces = load(
        fer2013(
            [
                f"3,{WHITE},Training",
                f"7,{WHITE},Training",
                f"-1,{WHITE},Training",
                f"happy,{WHITE},Training",
                f"4,{WHITE[:-4]},Training",
                f"4,{WHITE[:-3]}256,Training",
                f"4,{WHITE[:-3]}x,Training",
                "4,,Training",
                f"6,{BLACK},Training",
            ]
        )
    )
    assert faces.labels.tolist() == [3, 6]
    assert faces.broken == {"emotion is not a code 0-6": 3, "pixels are not 2304 values 0-255": 4}


def test_votes_stay_with_their_faces_when_a_row_is_broken(fer2013, ferplus):
    happy, neutral = [0, 10, *[0] * 8], [10, *[0] * 9]
    data = fer2013([f"3,{WHITE},Training", f"9,{WHITE},Training", f"6,{BLACK},Training"])
    faces = load(data, ferplus([happy, happy, neutral]))
    assert faces.majority.tolist() == faces.labels.tolist() == [3, 6]


@pytest.mark.parametrize("header", ["emotion,Usage", "emotion,pixel,Usage", "3,1 2 3,Training"])
def test_missing_columns_are_an_error_that_names_file_and_columns(fer2013, header):
    with pytest.raises(DataError, match=r"fer2013\.csv.*emotion, pixels, Usage"):
        load(fer2013([f"3,{WHITE},Training"], header))


def test_faces_and_votes_in_each_others_place_are_told(fer2013, ferplus):
    faces, votes = fer2013([f"3,{WHITE},Training"]), ferplus([[10] + [0] * 9])
    with pytest.raises(DataError, match=r"these are the votes of FER\+, which --ferplus takes"):
        load(votes)
    with pytest.raises(DataError, match="these are faces, not the votes"):
        load(faces, faces)


def test_missing_files_are_named(fer2013, tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file; fer2013\.csv comes from Kaggle's competition"):
        load(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match=r"votes\.csv: no such file; fer2013new\.csv comes from the repository"):
        load(fer2013([f"3,{WHITE},Training"]), tmp_path / "votes.csv")


def test_citations_among_the_rows_do_not_shift_the_votes(fer2013, ferplus):
    happy, neutral = [0, 10, *[0] * 8], [10, *[0] * 9]
    citation = ["", "@misc{goodfellow,", "  author = {Goodfellow, Ian and Erhan, Dumitru},", "emotion,pixels,Usage"]
    data = fer2013([f"3,{WHITE},Training", *citation, f"6,{BLACK},Training", "4"])
    faces = load(data, ferplus([happy, neutral, happy]))
    assert faces.majority.tolist() == faces.labels.tolist() == [3, 6]
    assert faces.broken == {"stray line, not a face": 2, "pixels are not 2304 values 0-255": 1}


def test_a_face_without_its_votes_keeps_its_label(fer2013, ferplus):
    faces = load(fer2013([f"3,{WHITE},Training"] * 2), ferplus([[0, 10, *[0] * 8], [0, 10]]))
    assert (faces.labels.tolist(), faces.majority.tolist()) == ([3, 3], [3, -1])
    assert faces.broken == {"votes are missing; only the label is used": 1}


@pytest.mark.parametrize("vote", ["n/a", "9.5", "-9", "99999999999999999999", "²", "9" * 5000])
def test_a_vote_that_is_no_number_costs_the_votes_of_its_face(fer2013, ferplus, vote):
    happy = [0, 10, *[0] * 8]
    faces = load(fer2013([f"3,{WHITE},Training"] * 3), ferplus([happy, [0, vote, *[0] * 8], happy]))
    assert (faces.labels.tolist(), faces.majority.tolist()) == ([3, 3, 3], [3, -1, 3])
    assert not faces.perceived[1].any()
    assert faces.broken == {"a vote is not a number; only the label is used": 1}


def test_votes_are_read_as_pandas_writes_a_column_with_a_gap(fer2013, ferplus):
    faces = load(fer2013([f"3,{WHITE},Training"]), ferplus([["0.0", "9.0", *["0.0"] * 8]]))
    assert (faces.majority.tolist(), faces.broken) == ([3], {})


@pytest.mark.parametrize(
    "lost", [",,", "x,abc,Training", "²,abc,Training", '"x,abc,Training', "3,,", f"3,{'9' * 200_000},"]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_row_that_is_lost_takes_its_votes_with_it(fer2013, ferplus, lost, place):
    rows, votes = [f"3,{WHITE},Training", f"6,{BLACK},Training"], [[0, 10, *[0] * 8], [10, *[0] * 9]]
    rows.insert(place, lost)
    votes.insert(place, [0, 0, 0, 0, 0, 0, 10, 0, 0, 0])
    faces = load(fer2013(rows), ferplus(votes))
    assert faces.majority.tolist() == faces.labels.tolist() == [3, 6]
    assert sum(faces.broken.values()) == 1


def test_votes_that_are_lost_stay_with_their_face(fer2013, ferplus):
    votes = ferplus([[0, 10, *[0] * 8], [5, 5, *[0] * 8], [10, *[0] * 9]])
    lines = votes.read_text().splitlines()
    votes.write_text("\n".join([*lines[:2], "," * 11, lines[3]]) + "\n")
    faces = load(fer2013([f"3,{WHITE},Training"] * 2 + [f"6,{BLACK},Training"]), votes)
    assert faces.majority.tolist() == [3, -1, 6]
    assert faces.broken == {"votes are missing; only the label is used": 1}


def test_rows_that_a_spreadsheet_added_at_the_end_have_no_votes(fer2013, ferplus):
    faces = load(fer2013([f"3,{WHITE},Training", ",,", ",,"]), ferplus([[0, 10, *[0] * 8]]))
    assert faces.majority.tolist() == [3]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"²,{WHITE},Training", "emotion is not a code 0-6"),
        (f"{'3' * 5000},{WHITE},Training", "emotion is not a code 0-6"),
        (f"3,² {WHITE[4:]},Training", "pixels are not 2304 values 0-255"),
        (f"3,99999999999999999999 {WHITE[4:]},Training", "pixels are not 2304 values 0-255"),
    ],
    ids=["raised", "long", "raised pixel", "large pixel"],
)
def test_digits_that_are_no_number_of_ours_are_broken(fer2013, row, reason):
    assert load(fer2013([row, f"3,{WHITE},Training"])).broken == {reason: 1}


def test_a_quote_that_nothing_closes_holds_no_other_line(fer2013, ferplus):
    rows = [f'3,"{WHITE}",Training', '"Goodfellow, Ian and Erhan, Dumitru', *[f"6,{BLACK},Training"] * 40]
    faces = load(fer2013(rows, '"@misc{goodfellow\nemotion,"pixels",Usage'), ferplus([[0, 10, *[0] * 8]] * 41))
    assert faces.labels.tolist() == [3] + [6] * 40
    assert faces.broken == {"stray line, not a face": 1}


def test_a_comma_within_quotes_is_no_new_column(fer2013):
    faces = load(fer2013([f'"the first, of many",3,{WHITE},Training'], "name,emotion,pixels,Usage"))
    assert (faces.labels.tolist(), faces.broken) == ([3], {})


def test_votes_in_another_order_are_refused(fer2013, ferplus, face_rows):
    rows = face_rows(8) + face_rows(1, "PublicTest") + face_rows(1, "PrivateTest")
    votes = ferplus([[10, *[0] * 9]] * 10)
    header, *lines = votes.read_text().splitlines()
    lines[8:] = [line.replace("Training", split) for line, split in zip(lines[8:], SPLITS[1:], strict=True)]
    votes.write_text("\n".join([header, *lines]) + "\n")
    assert len(load(fer2013(rows), votes)) == 10
    votes.write_text("\n".join([header, *reversed(lines)]) + "\n")
    with pytest.raises(DataError, match=r"fer2013new\.csv.*fer2013\.csv.*must belong to the same edition"):
        load(fer2013(rows), votes)


@pytest.fixture
def classes(tmp_path):
    """A folder of class folders, each with a picture of one grey: ``classes({"happy/1.png": 200})``."""

    def make(greys):
        for name, grey in greys.items():
            path = tmp_path / "faces" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (64, 80), grey).save(path, "PNG")
        return tmp_path / "faces"

    return make


def test_class_folders_become_faces_that_are_perceived_as_labelled(classes):
    faces = load_folder(classes({"happy/b.png": 200, "happy/a.png": 100, "Anger/c.png": 50, "neutral/d.jpg": 9}))
    assert faces.pixels.shape == (4, 48, 48)
    assert faces.pixels[:, 0, 0].tolist() == [50, 100, 200, 9]
    assert faces.labels.tolist() == faces.majority.tolist() == [0, 3, 3, 6]
    assert faces.perceived.argmax(1).tolist() == [PERCEIVED.index(e) for e in ("angry", "happy", "happy", "neutral")]
    assert len(faces.split("Training")) == len(faces.split("PublicTest")) == 4


def test_folders_of_splits_become_splits(classes):
    faces = load_folder(classes({"train/sad/1.png": 1, "test/sad/2.png": 2, "validation/fear/3.png": 3}))
    assert dict(zip(faces.usage.tolist(), faces.pixels[:, 0, 0].tolist(), strict=True)) == {
        "Training": 1, "PrivateTest": 2, "PublicTest": 3,
    }  # fmt: skip


def test_class_folders_beside_those_of_splits_are_of_none(classes):
    faces = load_folder(classes({"train/sad/1.png": 1, "test/sad/2.png": 2, "happy/3.png": 3}))
    assert len(faces) == 2
    assert faces.broken == {"in a folder 'happy' beside the folders of splits": 1}


def test_a_misspelt_split_is_an_error_without_splits_too(classes):
    with pytest.raises(DataError, match=r"'Typo'.*train, validation, test"):
        load_folder(classes({"happy/1.png": 1})).split("Typo")


def test_a_row_of_no_split_is_broken(fer2013):
    faces = load(fer2013([f"3,{WHITE},Training", f"3,{WHITE}", f"3,{WHITE},Test"]))
    assert len(faces) == 1
    assert faces.broken == {"usage is none of Training, PublicTest, PrivateTest": 2}


def test_a_byte_order_mark_is_no_part_of_the_header(fer2013):
    path = fer2013([f"3,{WHITE},Training"])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load(path)) == 1


def test_what_is_no_face_or_no_emotion_is_counted(classes):
    folder = classes({"happy/1.png": 1, "bored/2.png": 2, "bored/3.png": 3})
    (folder / "happy" / "notes.txt").write_text("not a picture")
    faces = load_folder(folder)
    assert len(faces) == 1
    assert faces.broken == {"not a picture that can be read": 1, "in a folder 'bored', which is not an emotion": 2}


@pytest.mark.parametrize("names", [{}, {"bored/1.png": 1}])
def test_a_folder_without_classes_is_an_error_that_names_them(classes, names, tmp_path):
    (tmp_path / "faces").mkdir(exist_ok=True)
    with pytest.raises(DataError, match="angry, disgust"):
        load_folder(classes(names))


def test_a_file_without_faces_is_an_error(fer2013):
    with pytest.raises(DataError, match="no faces"):
        load(fer2013([]))


def test_votes_of_another_edition_are_refused(fer2013, ferplus):
    with pytest.raises(DataError, match=r"1 rows.*has 2"):
        load(fer2013([f"3,{WHITE},Training"] * 2), ferplus([[10, *[0] * 9]]))


def test_votes_that_are_no_numbers_are_an_error_that_names_the_file(fer2013, ferplus):
    with pytest.raises(DataError, match=r"fer2013new\.csv"):
        load(fer2013([f"3,{WHITE},Training"]), ferplus([["many", *[0] * 9]]))


def test_votes_are_read_by_the_names_of_their_columns(fer2013, ferplus):
    columns = {0: 6, 1: 3, 2: 5, 3: 4, 4: 0, 5: 1, 6: 2, 7: -1, 8: -1, 9: -1}  # neutral is first in the file
    votes = [[9 if place == k else 0 for place in range(10)] for k in columns]
    faces = load(fer2013([f"3,{WHITE},Training"] * 10), ferplus(votes))
    assert faces.majority.tolist() == list(columns.values())
    assert faces.perceived[7].tolist() == [0] * 7 + [1]  # contempt is learnt, though never answered


@pytest.mark.parametrize(("votes", "distribution", "majority"), HAND_COMPUTED.values(), ids=HAND_COMPUTED)
def test_votes_become_a_distribution_and_a_majority(votes, distribution, majority):
    perceived = perceived_distribution(np.array([votes]))
    assert perceived.dtype == np.float32
    assert perceived[0] == pytest.approx(distribution)
    assert majority_code(np.array([votes])).tolist() == [majority]


def test_a_split_holds_its_faces_only(fer2013, face_rows):
    faces = load(fer2013(face_rows(4) + face_rows(3, "PublicTest")))
    assert len(faces.split("Training")) == 4
    assert set(faces.split("PublicTest").usage.tolist()) == {"PublicTest"}


def test_a_digest_knows_other_faces_and_other_labels(fer2013, face_rows):
    some, same = load(fer2013(face_rows(4))), load(fer2013(face_rows(4)))
    others = [load(fer2013(face_rows(5))), replace(some, labels=some.labels[::-1])]
    assert some.digest(True) == same.digest(True)
    assert len({some.digest(True), *(other.digest(True) for other in others)}) == 3
    voted = replace(some, perceived=np.ones_like(some.perceived))
    assert voted.digest(False) == some.digest(False) != some.digest(True) != voted.digest(True)


def test_an_unknown_split_is_an_error_that_names_those_there_are(fer2013, face_rows):
    with pytest.raises(DataError, match=r"'Test'.*Training, PublicTest"):
        load(fer2013(face_rows(2) + face_rows(2, "PublicTest"))).split("Test")


def test_held_out_faces_are_a_share_are_not_learnt_and_depend_on_the_seed_alone(fer2013, face_rows):
    faces = load(fer2013(face_rows(40)))

    def names(seed: int) -> tuple[list[int], list[int]]:
        kept, held = faces.hold_out(0.25, seed)
        return kept.pixels[:, 0, 0].tolist(), held.pixels[:, 0, 0].tolist()

    kept, held = names(1)
    assert (len(kept), len(held)) == (30, 10)
    assert sorted(kept + held) == list(range(40))
    assert names(1) == (kept, held)
    assert names(2) != (kept, held)
