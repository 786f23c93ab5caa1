# /// script
# [tool.sealflow]
# embed = "assets"
# ///
from kfp.dsl import Dataset, EmbeddedInput


def words(config: EmbeddedInput[Dataset], again: int) -> str:
    from pathlib import Path

    files = sorted(path for path in Path(config.path).rglob("*") if path.is_file())
    return " ".join(path.read_text() for path in files) * again
