import re

import sealflow


def test_version_is_semantic():
    assert re.fullmatch(r"\d+\.\d+\.\d+", sealflow.__version__)
