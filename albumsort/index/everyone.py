"""Photos of several people by the one who shows an emotion least: worked out when a photo is written, not asked for."""

from __future__ import annotations

import sqlite3

from albumsort.culling.subjects import subject_mask
from albumsort.emotions import EMOTIONS
from albumsort.index.rows import faces_of, photo_of


def rows(where: str = "") -> str:
    """The rows of the table ``everyone`` as a query on ``faces``, of all photos or of those that ``where`` names.

    An emotion that the model does not know counts as 0: only a correction can have put it beside such faces.
    """
    of_each = (
        f"SELECT photo_id, '{emotion}' AS emotion, min(ifnull({emotion}, 0)) FILTER (WHERE front) AS score,"
        f" avg(ifnull({emotion}, 0)) FILTER (WHERE front) AS mean,"
        f" max(confidence) FILTER (WHERE emotion = '{emotion}') AS confidence"
        f" FROM faces {where} GROUP BY photo_id HAVING sum(emotion = '{emotion}')"
        for emotion in EMOTIONS
    )
    return " UNION ALL ".join(of_each)


def work_out(connection: sqlite3.Connection, photo_id: int) -> None:
    """Bring the table, and who is in front, up to date with the faces of a photo."""
    ids = connection.execute("SELECT id FROM faces WHERE photo_id = ? ORDER BY id", (photo_id,)).fetchall()
    front = subject_mask(photo_of(connection, photo_id), faces_of(connection, photo_id))
    connection.executemany("UPDATE faces SET front = ? WHERE id = ?", zip(front, (i for (i,) in ids), strict=True))
    connection.execute("DELETE FROM everyone WHERE photo_id = ?", (photo_id,))
    connection.execute(f"INSERT INTO everyone {rows('WHERE photo_id = :photo')}", {"photo": photo_id})
