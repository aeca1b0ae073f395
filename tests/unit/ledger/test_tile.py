import pytest

from hub.ledger.errors import LedgerError, NoteError, ProofError
from hub.ledger.merkle import consistency_proof, inclusion_proof, nodes_of, root, root_at
from hub.ledger.tile import (
    Tile,
    build_bundle,
    build_tile,
    bundles_between,
    is_served,
    nodes_in,
    parse_bundle,
    parse_path,
    parse_tile,
    tile_of,
    tiles_between,
    tiles_for_consistency,
    tiles_for_inclusion,
    tiles_for_root,
)


def _tile_bytes(tile, node):
    first = tile.index * 256
    return build_tile([node(tile.level * 8, first + i) for i in range(tile.width)])


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(1, 1234067), "tile/1/x001/x234/067"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(None, 999), "tile/entries/999"),
        (Tile(None, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_path_is_printed_and_read_the_same(tile, path):
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/tile/0/000",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/entry/000",
        "tile/7/999",
    ],
)
def test_a_path_with_a_second_spelling_or_out_of_range_is_refused(path):
    with pytest.raises(NoteError):
        parse_path(path)


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts():
    tiles = list(tiles_between(0, 70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [tile.path for tile in tiles if tile.width < 256] == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert len(list(bundles_between(0, 70_000))) == 274


def test_growth_writes_only_what_changed():
    assert [t.path for t in tiles_between(255, 257)] == [
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
    ]
    assert list(tiles_between(300, 300)) == []
    assert [t.path for t in bundles_between(256, 300)] == ["tile/entries/001.p/44"]


def test_proofs_from_tiles_equal_proofs_from_the_tree(leaves):
    size = 1301
    node = nodes_of(leaves(size))
    for index in (0, 255, 256, 700, 1279, 1280, 1300):
        tiles = {tile: _tile_bytes(tile, node) for tile in tiles_for_inclusion(index, size)}
        found = inclusion_proof(nodes_in(tiles, size), index, size)
        assert found == inclusion_proof(node, index, size)
        assert len(tiles) <= 3
    for size1 in (1, 255, 256, 257, 1024, 1300, 1301):
        tiles = {tile: _tile_bytes(tile, node) for tile in tiles_for_consistency(size1, size)}
        found = consistency_proof(nodes_in(tiles, size), size1, size)
        assert found == consistency_proof(node, size1, size)


def test_a_root_is_computed_from_its_tiles_or_from_the_fuller_ones_that_came_later(leaves):
    node = nodes_of(leaves(1301))
    tiles = {tile.full: _tile_bytes(tile, node) for tile in tiles_between(0, 1301)}
    for size in (1, 255, 256, 257, 512, 1300):
        assert all(is_served(tile, size) for tile in tiles_for_root(size))
        assert root_at(nodes_in(tiles, size), size) == root(leaves(size))


def test_a_missing_tile_is_named():
    with pytest.raises(NoteError, match="tile/0/000"):
        nodes_in({}, 256)(0, 3)


def test_a_subtree_outside_the_tree_has_no_tile():
    for level, index in ((0, 10), (0, -1), (1, 5), (8, 0)):
        with pytest.raises(ProofError):
            tile_of(level, index, 10)


def test_bundles_keep_empty_and_largest_entries():
    entries = [b"", b"a", bytes(65_535)]
    assert parse_bundle(build_bundle(entries), 3) == entries


@pytest.mark.parametrize(
    ("data", "width"),
    [(b"", 1), (b"\x00", 1), (b"\x00\x02a", 1), (b"\x00\x01ab", 1), (b"\x00\x01a", 2)],
)
def test_a_bundle_that_is_cut_or_too_long_is_refused(data, width):
    with pytest.raises(NoteError):
        parse_bundle(data, width)


def test_tiles_have_their_exact_length(leaves):
    assert parse_tile(build_tile(leaves(3)), 3) == leaves(3)
    for wrong in ([], leaves(257), [b"short"]):
        with pytest.raises(LedgerError):
            build_tile(wrong)
    with pytest.raises(NoteError):
        parse_tile(bytes(95), 3)
    with pytest.raises(NoteError):
        build_bundle([bytes(65_536)])
