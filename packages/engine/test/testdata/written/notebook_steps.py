# /// script
# [tool.sealflow]
# notebook = "report.ipynb"
# ///
from kfp import dsl


def report(name: str, factor: int, path: str) -> str:
    dsl.run_notebook(name=name, factor=factor, path=path)
    with open(path) as file:
        return file.read()
