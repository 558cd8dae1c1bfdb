"""Photos of several people by the one who shows an emotion least: worked out when a photo is written, not asked for."""

from __future__ import annotations

import sqlite3

from albumsort.emotions import EMOTIONS
from albumsort.front import BACKGROUND_HEIGHT, in_front
from albumsort.index.answers import Answers
from albumsort.index.filters import Filters
from albumsort.index.rows import faces_of, photo_of

#: For each photo and each emotion that one of its faces reads as: the smallest and the mean probability of that emotion
#: among the faces in front, and the largest confidence of a face that reads as it.
TABLE = """
CREATE TABLE everyone (
    photo_id INTEGER NOT NULL REFERENCES photos(id) ON DELETE CASCADE,
    emotion TEXT NOT NULL,
    score REAL NOT NULL,
    mean REAL NOT NULL,
    confidence REAL NOT NULL,
    PRIMARY KEY (photo_id, emotion)
) WITHOUT ROWID;
CREATE INDEX everyone_best ON everyone(emotion, score DESC, mean DESC, photo_id, confidence);
"""


#: Who is in front in an index before version 5, which did not keep it.
FRONT_BEFORE = f"h >= max(h) OVER (PARTITION BY photo_id) * {BACKGROUND_HEIGHT!r}"


def rows(where: str = "", front: str = "front") -> str:
    """The table's rows as a query on ``faces``, of all photos or of those that ``where`` names.

    An emotion that the model does not know counts as 0: only a correction can have put it beside such faces.
    """
    of_each = (
        f"SELECT photo_id, '{emotion}' AS emotion, min(ifnull({emotion}, 0)) FILTER (WHERE in_front) AS score,"
        f" avg(ifnull({emotion}, 0)) FILTER (WHERE in_front) AS mean,"
        f" max(confidence) FILTER (WHERE emotion = '{emotion}') AS confidence"
        f" FROM placed GROUP BY photo_id HAVING sum(emotion = '{emotion}')"
        for emotion in EMOTIONS
    )
    placed = f"SELECT *, {front} AS in_front FROM faces {where}"
    return f"WITH placed AS ({placed}) {' UNION ALL '.join(of_each)}"


def work_out(connection: sqlite3.Connection, photo_id: int) -> None:
    """Bring the table, and who is in front, up to date with the faces of a photo."""
    ids = connection.execute("SELECT id FROM faces WHERE photo_id = ? ORDER BY id", (photo_id,)).fetchall()
    front = in_front(photo_of(connection, photo_id), faces_of(connection, photo_id))
    connection.executemany("UPDATE faces SET front = ? WHERE id = ?", zip(front, (i for (i,) in ids), strict=True))
    connection.execute("DELETE FROM everyone WHERE photo_id = ?", (photo_id,))
    connection.execute(f"INSERT INTO everyone {rows('WHERE photo_id = ?')}", (photo_id,))


def rows_of(answers: Answers, filters: Filters, front: str) -> str:
    """A query like the table's rows, for any answers; ``is_settled`` is false where filters may change who is in front.

    Nobody else comes in front as long as they leave the clearest face and the tallest one in front. Else ``score`` is
    not that of the photo but as much as it can be.
    """
    score, counted, detail = answers.score("f"), f"(TRUE {filters.counting('f')})", "f.sharpness * f.h * f.h"
    settled, photos = "TRUE", ""
    if not filters.all_faces:
        photos = "JOIN photos p ON p.id = f.photo_id"
        settled = (
            f"max({detail}) FILTER (WHERE {counted}) = max({detail})"
            f" AND max(f.h) FILTER (WHERE f.in_front AND {counted}) = max(f.h) FILTER (WHERE f.in_front)"
        )
    return (
        f"SELECT f.photo_id, {settled} AS is_settled,"
        f" CASE WHEN {settled} THEN min({score}) FILTER (WHERE f.in_front AND {counted})"
        f" ELSE max({score}) FILTER (WHERE {counted}) END AS score,"
        f" avg({score}) FILTER (WHERE f.in_front AND {counted}) AS mean"
        f" FROM (SELECT *, {front} AS in_front FROM faces) f {photos} GROUP BY f.photo_id"
        f" HAVING max({counted} AND {answers.reads('f')} AND {answers.certain('f')})"
    )


def settle(connection: sqlite3.Connection, photo_id: int, answers: Answers, filters: Filters) -> tuple[float, float]:
    """Score and mean of a photo that has faces left out: who is in front is decided among the others."""
    photo = photo_of(connection, photo_id)
    faces = [face for face in faces_of(connection, photo_id) if filters.counts(face, photo)]
    scores = [answers.score_of(face) for face, is_front in zip(faces, in_front(photo, faces), strict=True) if is_front]
    return min(scores), sum(scores) / len(scores)
