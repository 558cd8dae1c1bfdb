"""The perceptual hash has the bits of imagehash, and tells pictures apart as a hash of this kind should."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from albumsort.album.perceptual_hash import perceptual_hash

#: ``imagehash.phash`` (4.3.2 with SciPy 1.17) of ``picture(0)`` to ``picture(199)``.
HASHES = """
    0000000000000000 b58876a4c8758767 82679f2412379fc9 d152bc57db424c95 a06259f3361467fc 8a888aa2a2a88880
    94207bd67a64bad2 aa00000000000000 a73976f606275690 aca797c5c9598199 8280a028aa028002 8417246d3b663b6d
    8493fd44ce51bd0b 8000000000000000 b800000000000000 8a2a20222aaa8a0a ac362de0c8ad3f46 c1a5eedd4c711469
    86756db78bb22434 ca8b5b183b6c1b93 a80aa8a0a2a0a2a8 9e00000000000000 bf007fd0007f807f b4794b498d81faa5
    f5e2f5000ab23f5a aaa020280a008800 8000000000000000 dddeb87d84994608 e400000000000000 9672c456b4557b92
    82802202820208a8 d50ed45ccd4e32a3 bd6659b4237dd300 af403b3f006fcc93 b5a47f4015ccdf14 8a00000000000000
    e943c34cac8956fc c4bf1359054ff131 cb326fc0dda9854c 8000000000000000 8808820208a02800 d9e0dba303c4c4d7
    a900000000000000 d19097769e41c8be be0f411c791f7807 8a082a2aa88a0002 85e7317677f68500 e60e3a5ee0147ada
    e2507e4a2904fde7 cc00000000000000 82aa800aa00a0000 951a366dea552d54 8000000000000000 ab49d35abd9dc900
    a8539fe8c1b726a2 aa7fff7ff8000080 cd00000000000000 f8b6ab27728d4072 c5a081bf4e8696e7 a92dc146eda3cde0
    a880808aa28208a8 87cea35f01eb3708 dbcdd3cb04cb4889 dc00000000000000 bf4ec595b8b10474 8000000000000000
    bf007f807f807fc0 ab91a1fc6c338276 af3d46fc05419a9c d1c02d2cbd4fbab0 8800000000000000 d50d53814dccedc9
    ad238b3f242831fe ca4f7075e2ca1d51 89f91940e3fe4875 808000a2a8828020 e03af84326765d1d c31827345bdb9c27
    8000000000000000 9952ca3b62748bec 8a0aa8828082aa20 bd947b20a7262f16 c722da04747f3333 f48706c2477c6a5b
    fb00000000000000 a88aa28822a28aa8 e8c80b8a577da875 e715bced24650e92 ca336c335ad225ad d4525add0886ae6f
    aaa228a8200a8a88 8000000000000000 b1c9e1ecb92a9495 f6712772563c901b c1b212687aed4df2 8a080222280aa80a
    c3956162ccb57693 fa1a535c3868a7c9 bc00000000000000 bf001c007f007fff a22a22222822208a ef3031dd9b129689
    cb9730ca30c779c5 e8e1caa27e54dc52 8000000000000000 8a00000000000000 fc2d878712e90d27 e58903ccf49a923f
    91cbc853aace4f8c e18f01e7927405ef bd4f244b3f360370 f70dec50208c577e eb00000000000000 8c82faa3fa7c055c
    9d5ec31268f69325 8a00208820aa02aa 82d5c98b9bb8d4a3 8000000000000000 ed47ba101dc27336 8700000000000000
    8222808a882a2888 aa7fff7ffc000000 b286c1af8d64c6bc 993952c9baa29a5d fba0240c167d4a7f a22808a2280a80a8
    8900000000000000 9e979e567275408a c3db58f34c95401f c8d517e6a652f868 8000000000000000 8431d66d002eff3e
    a63b1966e6991966 8200000000000000 b94afd4a89203f3a a000200aa08a0a02 fe0799ada0717360 edcbc3356746e500
    d2af4c36c565a0ba 86f6ee15c3083cea aa00000000000000 b2e7b2c9d201cd63 e07ceb32faa38642 8000000000000000
    8c8cce56b99eac86 80882282a0a82208 dd6501837d0d715e e600000000000000 c9ecdcf9417c1b01 da69ba2498cd147b
    a0a00822a2282a28 f80b48e9593b6336 cf362c346a4952b7 99bb8c3412ad0fab bf007f007f807f83 a82aaaa8a08880a8
    8000000000000000 e165b3bb635c4451 9a6b5cd3131f81b2 8470272eea8e369f a80a2aa0a282a88a 8f00000000000000
    e6779bafd260001d cd400ea6e35f66b1 d9cb09b2e7c383d0 8100000000800080 f6a26244cc864bdf e6bcb6e07c560a38
    a600000000000000 8000000000000000 80020a088020888a af4d8cac34699e13 dce639d0b44923e9 ed2087d269fd1334
    8f96a32e13d1ccd1 8200000000000000 8100000000000080 f4a75b372a05c31c 841b59d57e2da529 b6d607f12b24c33a
    aa022882a00a20a2 e6c92bd9538a2ec2 8000000000000000 ba6d02d828bef6a8 a7e9698909c363d6 82888022a8a8a082
    fb31850869f5a13b 9829330f0f173b7c d43538a73350d61f c700000000000000 8a8a2808a20a2a02 b265852ad7b6c951
    a0358328fd785fb1 c2c5c7cff6011ea2 d391a5fb0d333129 8000000000000000 b200000000000000 b272633ca33c16a7
    9b24245bdb246cdb d81f48ee60ceb962
"""


def picture(number: int) -> NDArray[np.uint8]:
    """One of many pictures that are the same on every machine: uint8 RGB ``(height, width, 3)``.

    They are coloured tiles of several sizes; every fifth is mirrored within itself, every seventh has columns only,
    every eleventh is a ramp, and every thirteenth has one colour.
    """
    dice = random.Random(number)
    rows, columns, tile = dice.randint(5, 24), dice.randint(5, 24), dice.randint(1, 12)
    colours = np.frombuffer(dice.randbytes(rows * columns * 3), np.uint8).reshape(rows, columns, 3)
    if number % 5 == 0:
        colours = np.concatenate([colours, colours[:, ::-1]], axis=1)
    if number % 7 == 0:
        colours = np.repeat(colours[:1], rows, axis=0)
    if number % 11 == 0:
        colours = np.arange(rows * columns * 3, dtype=np.uint32).reshape(rows, columns, 3).astype(np.uint8)
    if number % 13 == 0:
        colours = np.full((rows, columns, 3), number, np.uint8)
    return colours.repeat(tile, axis=0).repeat(tile, axis=1)


def test_the_bits_are_those_of_imagehash() -> None:
    assert [perceptual_hash(picture(number)) for number in range(200)] == HASHES.split()


def different_bits(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    return bin(int(perceptual_hash(first), 16) ^ int(perceptual_hash(second), 16)).count("1")


def test_a_smaller_and_a_darker_copy_have_nearly_the_same_hash_and_another_picture_has_not(composer: object) -> None:
    photo = composer.portrait(composer.HAPPY)  # type: ignore[attr-defined]
    original = np.asarray(photo)
    smaller = np.asarray(photo.resize((photo.width // 3, photo.height // 3), Image.Resampling.BOX))
    darker = (original * 0.8).astype(np.uint8)
    another = np.asarray(composer.portrait(composer.NEUTRAL))  # type: ignore[attr-defined]
    assert different_bits(original, smaller) <= 2
    assert different_bits(original, darker) <= 2
    assert different_bits(original, another) >= 16
