import logging

from bench.ahead_of_time.program import KeyParts


def test_what_jax_logs_of_a_key_is_taken_part_by_part_and_not_what_it_sums_up() -> None:
    parts, logger = KeyParts(), logging.Logger("like jax._src.cache_key")
    logger.addHandler(parts)
    for name, digest in (
        ("backend version", "fa1ee1c8d643053005"),
        ("XLA flags", "e3b0c44298fc1c"),
    ):
        logger.debug("get_cache_key hash of serialized %s: %s", name, digest)
        logger.debug("get_cache_key hash after serializing %s: %s", name, "00")
    assert parts.hashes == {"backend version": "fa1ee1c8d643", "XLA flags": "e3b0c44298fc"}
