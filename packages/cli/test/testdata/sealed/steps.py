"""Steps that leave traces of their data wherever a task usually can."""
from kfp.dsl import Dataset, Input, Metrics, Model, Output

# In two parts, so that a search for them finds data and not this file.
MAGIC = "PAR" "1"
BOOSTER = "gradient" "_booster"


def load(data: Input[Dataset], table: Output[Dataset], broken: bool = False) -> int:
    """Copies rows, with the magic of Parquet around them, and is careless about where else they go."""
    import os
    import subprocess
    import sys
    import tempfile

    with open(data.path) as file:
        text = file.read()
    print(text)
    print(text, file=sys.stderr)
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    with open("scratch.csv", "w") as file:
        file.write(text)
    subprocess.run(["sh", "-c", 'cat scratch.csv > "$TMPDIR/copy.csv"'], check=True)
    if broken:
        raise ValueError(f"a row that is wrong: {text}")
    with open(table.path, "w") as file:
        file.write(f"{MAGIC}{text}{MAGIC}")
    table.metadata["first"] = text.splitlines()[1]
    os.environ["ROWS"] = text
    return len(text.splitlines())


def train(table: Input[Dataset], model: Output[Model], metrics: Output[Metrics], seconds: float = 0) -> float:
    """Writes a directory with a model."""
    import json
    import os
    import time

    with open(table.path) as file:
        assert file.read(4) == MAGIC
    time.sleep(seconds)
    os.makedirs(os.path.join(model.path, "parts"))
    with open(os.path.join(model.path, "model.json"), "w") as file:
        json.dump({"learner": {BOOSTER: "secret" "-weights"}}, file)
    with open(os.path.join(model.path, "parts", "empty"), "w"):
        pass
    metrics.log_metric("accuracy", 7 / 8)
    metrics.log_metric("loss", 47114711 / 10**8)
    return 7 / 8


def describe(model: Input[Model], index: int, pause: float = 0) -> str:
    """Reads the model back."""
    import json
    import os
    import time

    time.sleep(pause)
    with open(os.path.join(model.path, "model.json")) as file:
        learner = json.load(file)["learner"]
    assert os.path.isfile(os.path.join(model.path, "parts", "empty"))
    return f"{index}: {learner[BOOSTER]}"


def join(texts: list, rows: int) -> str:
    """Puts texts together."""
    return f"{rows}: " + ", ".join(texts)
