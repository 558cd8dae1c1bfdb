"""What `import albumsort` gives: cheap names, and a classifier that keeps its promises."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import albumsort
from albumsort.album.formats import NEEDED_RAWPY
from albumsort.emotions import EMOTIONS
from albumsort.errors import AlbumsortError
from albumsort.vision.classifier import EmotionClassifier
from albumsort.vision.crop import crop_face
from albumsort.vision.models import read_card, shipped_model

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def crops(composer) -> np.ndarray:
    """300 different crops of the two portraits, more than go through the network at once; uint8 ``(300, 48, 48)``."""
    tiles = []
    rng = np.random.default_rng(0)
    for name, (x, y, w, h) in composer.FACES.items():
        pixels = np.asarray(composer.portrait(name))
        for _ in range(150):
            shift = rng.uniform(-0.3, 0.3, 2)
            tiles.append(crop_face(pixels, (x + shift[0] * w, y + shift[1] * h, w, h))[0])
    return np.stack(tiles)


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier()


def test_every_public_name_is_there_and_help_shows_what_it_is():
    for name in albumsort.__all__:
        value = getattr(albumsort, name)
        if name == "EMOTIONS":
            continue
        assert value.__name__ == name
        assert value.__doc__ and not value.__doc__.startswith(f"{name}("), "a docstring, not the fields of a dataclass"
    assert set(albumsort.__all__) <= set(dir(albumsort))


def test_the_page_of_the_python_api_documents_every_public_name_and_shows_it_at_work():
    page = (EXAMPLES / "python-api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"(?m)^\| `(\w+)` \|", page)) == sorted(albumsort.__all__)
    code = "\n".join(python_blocks(EXAMPLES / "python-api.md"))
    assert [name for name in albumsort.__all__ if not re.search(rf"\balbumsort\.{name}\b", code)] == []


@pytest.mark.parametrize("path", ["best_of_year.py", "burst_cull.py", "timeline.py", "python-api.md", "../README.md"])
def test_examples_use_public_names_alone(path):
    file = EXAMPLES / path
    sources = python_blocks(file) if path.endswith(".md") else [file.read_text(encoding="utf-8")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("albumsort")]
    assert [module for module in modules if module.startswith("albumsort.")] == []
    assert {node.module for node in froms} <= {"albumsort"}
    assert {alias.name for node in froms for alias in node.names} <= set(albumsort.__all__)
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    assert {node.attr for node in attributes if node.value.id == "albumsort"} <= set(albumsort.__all__)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["python-api.md", "../README.md"])
def test_the_python_of_a_page_runs(page, album, tmp_path, monkeypatch):
    shutil.copytree(album, tmp_path / "examples" / "album")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for block in python_blocks(EXAMPLES / page):
        exec(block.replace("/home/me/Photos", "examples/album"), names)
    assert (tmp_path / "photos.db").exists()


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"(?ms)^```python\n(.*?)^```$", page.read_text(encoding="utf-8"))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = albumsort.nonsense


@pytest.mark.parametrize("statement", ["import albumsort", "from albumsort import Index"])
def test_importing_is_cheap(statement):
    code = f"import sys; {statement}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "albumsort" in loaded
    assert not loaded & {"tensorflow", "keras", "cv2", "numpy"}


def test_the_card_of_the_shipped_model_is_its_own():
    card = read_card(shipped_model())
    assert card.name == "emotion"
    assert set(card.temperatures) == {"perceived", "fer2013"}


def test_a_model_without_a_card_is_refused(tmp_path):
    (tmp_path / "mine.keras").write_bytes(shipped_model().read_bytes())
    with pytest.raises(AlbumsortError, match=r"mine\.json"):
        read_card(tmp_path / "mine.keras")


@pytest.mark.slow
@pytest.mark.parametrize("labels", ["perceived", "fer2013"])
def test_crops_become_seven_probabilities(crops, labels):
    probabilities = EmotionClassifier(labels=labels).probabilities(crops)
    assert (probabilities.shape, probabilities.dtype) == ((len(crops), len(EMOTIONS)), np.float32)
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    assert probabilities.min() >= 0


@pytest.mark.slow
def test_the_two_senses_of_the_labels_differ(classifier, crops):
    assert not np.allclose(
        classifier.probabilities(crops), EmotionClassifier(labels="fer2013").probabilities(crops), atol=1e-3
    )


@pytest.mark.slow
def test_no_crops_become_no_probabilities(classifier):
    probabilities = classifier.probabilities(np.zeros((0, 48, 48), np.uint8))
    assert (probabilities.shape, probabilities.dtype) == ((0, 7), np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 255])
def test_a_flat_crop_has_finite_probabilities(classifier, value):
    assert classifier.probabilities(np.full((1, 48, 48), value, np.uint8)).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((48, 48), np.uint8),
        np.zeros((1, 48, 48, 1), np.uint8),
        np.zeros((1, 47, 48), np.uint8),
        np.zeros((1, 48, 48), np.float32),
        np.zeros((0,), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_crops_of_another_shape_or_type_are_refused(classifier, wrong):
    with pytest.raises(ValueError, match="48"):
        classifier.probabilities(wrong)


def test_unknown_labels_are_refused_and_the_known_named():
    with pytest.raises(ValueError, match=r"affectnet.*perceived, fer2013"):
        EmotionClassifier(labels="affectnet")


@pytest.mark.slow
def test_a_face_reads_the_same_alone_and_in_any_company(classifier, crops):
    together = classifier.probabilities(crops)
    order = np.random.default_rng(1).permutation(len(crops))
    assert classifier.probabilities(crops[order]) == pytest.approx(together[order], abs=1e-4)
    for number in (0, 150, 256, 299):
        assert classifier.probabilities(crops[number : number + 1]) == pytest.approx(together[number][None], abs=1e-4)


@pytest.mark.slow
def test_light_and_contrast_of_a_crop_hardly_matter(classifier, crops):
    dim = (crops[:20].astype(float) * 0.6 + 20).round().astype(np.uint8)
    assert classifier.probabilities(dim) == pytest.approx(classifier.probabilities(crops[:20]), abs=0.1)


def test_an_extra_is_named_so_that_it_can_be_installed_as_the_project_is():
    """From a clone: the project is on no package index."""
    named = set()
    for path in (EXAMPLES.parent / "albumsort").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert "albumsort[" not in node.value or node.value == NEEDED_RAWPY, path
                named |= set(re.findall(r"pip install '\.\[(\w+)\]'", node.value))
    assert named == {"export", "gpu", "raw", "watch"}
    project = (EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"(?m)^(\w+) = \[", project.partition("[project.optional-dependencies]")[2]))
