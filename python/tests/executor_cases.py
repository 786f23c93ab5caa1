"""Components of all kinds with executor inputs, for a comparison of executors.

Each case: source body (after kfp's own preamble), parameters, input artifacts, output artifacts
(name → schema title), output parameters. `differs` says why our outcome differs from that of the
kfp package, where it does.
"""

from dataclasses import dataclass, field


@dataclass
class Case:
    name: str
    body: str
    parameters: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)
    output_parameters: tuple = ()
    fails: bool = False
    differs: str = ""


D, M = "system.Dataset", "system.Model"

CASES = [
    Case("int", "def f(a: int, b: int) -> int:\n    return a + b", {"a": 1, "b": 2}),
    Case("str", "def f(a: str) -> str:\n    return a + 'é\\n\"'", {"a": "x"}),
    Case("float", "def f(a: float) -> float:\n    return a / 3", {"a": 1.0}),
    Case("float returning int", "def f() -> float:\n    return 3"),
    Case("bool", "def f(a: bool) -> bool:\n    return not a", {"a": True}),
    Case("int returning bool", "def f() -> int:\n    return True"),
    Case("list", "def f(a: list) -> list:\n    return a + [1, 2.5, None, 'x']", {"a": [{"k": 1}]}),
    Case("typed list", "def f(a: List[int]) -> List[int]:\n    return a[::-1]", {"a": [1, 2]}),
    Case(
        "builtin typed list", "def f(a: list[int]) -> list[str]:\n    return [str(x) for x in a]", {"a": [1]}
    ),
    Case("dict", "def f(a: dict) -> dict:\n    return {**a, 'n': {'k': [1]}, 1: 2}", {"a": {"x": 1}}),
    Case(
        "typed dict", "def f(a: Dict[str, float]) -> Dict[str, int]:\n    return {'k': 1}", {"a": {"x": 1.5}}
    ),
    Case("optional given", "def f(a: Optional[int] = None) -> str:\n    return repr(a)", {"a": 3}),
    Case("optional absent", "def f(a: Optional[int] = None) -> str:\n    return repr(a)"),
    Case("optional null", "def f(a: Optional[int] = 5) -> str:\n    return repr(a)", {"a": None}),
    Case("union with none", "def f(a: int | None = 7) -> str:\n    return repr(a)", {"a": 1}),
    Case("default", "def f(a: str = 'd', *, b: int = 2) -> str:\n    return a * b"),
    Case("no result", "def f(a: int):\n    print(a)", {"a": 1}),
    Case("returns none", "def f() -> int:\n    return None"),
    Case("string annotation", "def f(a: 'int') -> str:\n    return repr(a)", {"a": 1}),
    Case(
        "named tuple",
        "class R(NamedTuple):\n    a: int\n    b: str\ndef f() -> R:\n    return R(1, 'x')",
    ),
    Case(
        "tuple for named tuple", "def f() -> NamedTuple('O', [('a', int), ('b', list)]):\n    return (1, [2])"
    ),
    Case(
        "other named tuple",
        "def f() -> NamedTuple('O', a=int, b=dict):\n"
        "    from collections import namedtuple\n    return namedtuple('X', 'b a')(a=1, b={})",
    ),
    Case(
        "named tuple of wrong length",
        "def f() -> NamedTuple('O', [('a', int), ('b', int)]):\n    return (1,)",
        fails=True,
    ),
    Case("wrong result type", "def f() -> int:\n    return 'a'", fails=True),
    Case("int as str", "def f() -> str:\n    return 1", fails=True),
    Case("float for int", "def f() -> int:\n    return 1.0", fails=True),
    Case("unknown return annotation", "def f() -> Optional[int]:\n    return 1", fails=True),
    Case("undeclared result", "def f():\n    return 1", fails=True),
    Case("missing parameter", "def f(a: int) -> int:\n    return a", fails=True),
    Case("exception", "def f():\n    raise ValueError('x')", fails=True),
    Case("not json", "def f() -> dict:\n    return {'a': object()}", fails=True),
    Case(
        "not a number",
        "def f() -> float:\n    return float('nan')",
        fails=True,
        differs="kfp writes NaN, which is not JSON: Kubeflow's launcher then fails to read the document",
    ),
    Case("output artifact", "def f(o: Output[Dataset]):\n    open(o.path, 'w').write('1')", outputs={"o": D}),
    Case(
        "output metadata",
        "def f(o: Output[Model]):\n    o.framework = 'xgb'\n    o.metadata['depth'] = 3\n    o.name = 'mine'",
        outputs={"o": M},
    ),
    Case(
        "input artifact",
        "def f(i: Input[Dataset]) -> str:\n    return open(i.path).read()",
        inputs={"i": [D]},
    ),
    Case(
        "input artifact's fields",
        "def f(i: Input[Model]) -> str:\n"
        "    return f'{type(i).__name__} {i.name} {i.metadata} {i.framework}'",
        inputs={"i": [M]},
    ),
    Case(
        "missing optional artifact", "def f(i: Optional[Input[Dataset]] = None) -> str:\n    return repr(i)"
    ),
    Case(
        "list of artifacts",
        "def f(i: Input[List[Dataset]]) -> list:\n    return [open(each.path).read() for each in i]",
        inputs={"i": [D, D, D]},
    ),
    Case(
        "plain list of artifacts",
        "def f(i: List[Artifact]) -> list:\n    return [type(each).__name__ for each in i]",
        inputs={"i": [D, M]},
    ),
    Case("plain artifact", "def f(i: Dataset) -> str:\n    return type(i).__name__", inputs={"i": [D]}),
    Case(
        "schema decides the class",
        "def f(i: Input[Artifact]) -> str:\n    return type(i).__name__",
        inputs={"i": [M]},
    ),
    Case(
        "own artifact class",
        "class Mine(Artifact):\n    schema_title = 'my.Mine'\n    schema_version = '0.0.1'\n"
        "def f(i: Input[Mine], o: Output[Mine]) -> str:\n    return type(i).__name__",
        inputs={"i": ["my.Mine"]},
        outputs={"o": "my.Mine"},
    ),
    Case(
        "input path", "def f(i: InputPath('Dataset')) -> str:\n    return open(i).read()", inputs={"i": [D]}
    ),
    Case(
        "input path of class",
        "def f(i: InputPath(Model)) -> str:\n    return open(i).read()",
        inputs={"i": [M]},
    ),
    Case("untyped input path", "def f(i: InputPath()) -> str:\n    return open(i).read()", inputs={"i": [D]}),
    Case("missing input path", "def f(i: InputPath('Dataset')) -> str:\n    return i", fails=True),
    Case("output path", "def f(o: OutputPath('Dataset')):\n    open(o, 'w').write('1')", outputs={"o": D}),
    Case(
        "output path of parameter",
        "def f(o: OutputPath(int)) -> str:\n    open(o, 'w').write('1')\n    return 'ok'",
        output_parameters=("o",),
    ),
    Case(
        "metrics",
        "def f(m: Output[Metrics]):\n    m.log_metric('auc', 0.9)\n    m.log_metric('n', 3)",
        outputs={"m": "system.Metrics"},
    ),
    Case(
        "roc curve",
        "def f(m: Output[ClassificationMetrics]):\n"
        "    m.log_roc_curve([0.0, 1.0], [0.5, 1.0], [0.9, 0.1])\n    m.log_roc_data_point(0.1, 0.2, 0.3)",
        outputs={"m": "system.ClassificationMetrics"},
    ),
    Case(
        "confusion matrix",
        "def f(m: Output[ClassificationMetrics]):\n    m.log_confusion_matrix(['a', 'b'], [[1, 2], [3, 4]])",
        outputs={"m": "system.ClassificationMetrics"},
    ),
    Case(
        "confusion matrix by pieces",
        "def f(m: Output[ClassificationMetrics]):\n    m.set_confusion_matrix_categories(['a', 'b'])\n"
        "    m.log_confusion_matrix_row('a', [1, 2])\n    m.log_confusion_matrix_cell('b', 'a', 9)",
        outputs={"m": "system.ClassificationMetrics"},
    ),
    Case(
        "confusion matrix of wrong size",
        "def f(m: Output[ClassificationMetrics]):\n    m.log_confusion_matrix(['a', 'b'], [[1, 2]])",
        outputs={"m": "system.ClassificationMetrics"},
        fails=True,
    ),
    Case(
        "roc curve of unequal lengths",
        "def f(m: Output[ClassificationMetrics]):\n    m.log_roc_curve([0.0], [0.5, 1.0], [0.9])",
        outputs={"m": "system.ClassificationMetrics"},
        fails=True,
    ),
    Case(
        "unknown category",
        "def f(m: Output[ClassificationMetrics]):\n    m.set_confusion_matrix_categories(['a'])\n"
        "    m.log_confusion_matrix_row('z', [1])",
        outputs={"m": "system.ClassificationMetrics"},
        fails=True,
    ),
    Case(
        "sliced metrics",
        "def f(m: Output[SlicedClassificationMetrics]):\n"
        "    m.load_confusion_matrix('s', ['a'], [[1]])\n    m.log_roc_reading('s', 0.1, 0.2, 0.3)",
        outputs={"m": "system.SlicedClassificationMetrics"},
        differs="kfp's class fails in every method: it never makes the table of slices it adds to",
    ),
    Case("html", "def f(h: Output[HTML]):\n    open(h.path, 'w').write('<p>')", outputs={"h": "system.HTML"}),
    Case(
        "markdown",
        "def f(h: Output[Markdown]):\n    open(h.path, 'w').write('#')",
        outputs={"h": "system.Markdown"},
    ),
    Case(
        "artifact returned",
        "def f() -> Dataset:\n    d = Dataset(uri=dsl.get_uri(), metadata={'k': 1})\n    return d",
        outputs={"Output": D},
    ),
    Case("text for artifact returned", "def f() -> Dataset:\n    return 'content'", outputs={"Output": D}),
    Case(
        "artifacts returned",
        "def f() -> NamedTuple('O', [('d', Dataset), ('m', Model), ('n', int)]):\n"
        "    return (Dataset(name='x', uri=dsl.get_uri('d')), Model(uri='gs://b/m'), 3)",
        outputs={"d": D, "m": M},
    ),
    Case(
        "custom path",
        "def f(o: Output[Dataset]):\n    o.custom_path = '/tmp/elsewhere'\n"
        "    assert o.path == '/tmp/elsewhere'",
        outputs={"o": D},
    ),
    Case("set path", "def f(o: Output[Dataset]):\n    o.set_path('/tmp/elsewhere')", outputs={"o": D}),
    Case("assigned path", "def f(o: Output[Dataset]):\n    o.path = '/gcs/bucket/x'", outputs={"o": D}),
    Case(
        "remote uris",
        "def f() -> list:\n    uris = ['gs://a/b', 's3://a/b', 'minio://a/b', 'oci://a/b:c', '/x', 'hdfs://y']\n"
        "    return [dsl.Artifact(uri=u).path for u in uris] + [dsl.Model(uri=u).path for u in uris]",
    ),
    Case(
        "uris of paths",
        "def f() -> list:\n    found = []\n"
        "    for p in ['/gcs/a', '/s3/a/b', '/minio/a', '/oci/a_b/models', '/x']:\n"
        "        a = dsl.Artifact()\n        a.path = p\n        found.append(a.uri)\n    return found",
    ),
    Case(
        "workspace path",
        "def f() -> str:\n    return dsl.Dataset(uri='s3://a/b', metadata={'_kfp_workspace': True}).path",
    ),
    Case(
        "final status",
        "def f(s: PipelineTaskFinalStatus) -> list:\n    return [s.state, s.pipeline_job_resource_name,"
        " s.pipeline_task_name, s.error_code, s.error_message]",
        {
            "s": {
                "state": "FAILED",
                "pipelineJobResourceName": "r",
                "pipelineTaskName": "t",
                "error": {"code": 9, "message": "m"},
            }
        },
    ),
    Case(
        "final status of success",
        "def f(s: PipelineTaskFinalStatus, x: str) -> str:\n    return f'{s.state} {s.error_code} {x}'",
        {"s": {"state": "SUCCEEDED", "pipelineJobResourceName": "r", "pipelineTaskName": "t"}, "x": "1"},
    ),
    Case(
        "task config",
        "def f(c: dsl.TaskConfig) -> list:\n    return [c.node_selector, c.resources, c.env, c.affinity]",
        {"c": {"nodeSelector": {"a": "b"}, "resources": {"limits": {"cpu": "1"}}}},
    ),
    Case("task config absent", "def f(c: dsl.TaskConfig) -> str:\n    return repr(c.env)"),
    Case(
        "embedded input",
        "__KFP_EMBEDDED_ASSET_DIR = '/tmp'\ndef f(e: dsl.EmbeddedInput[Dataset]) -> str:\n    return e.path",
    ),
    Case(
        "literal",
        "def f(a: Literal['x', 'y']) -> str:\n    return a",
        {"a": "x"},
        differs="kfp's executor does not bind parameters annotated with Literal",
    ),
    Case(
        "none first",
        "def f(a: None | int) -> str:\n    return repr(a)",
        {"a": 1},
        differs="kfp's executor does not bind parameters annotated with None first",
    ),
    Case(
        "placeholders",
        "def f() -> list:\n    return [v for k, v in sorted(globals().items()) if 'PLACEHOLDER' in k]",
    ),
    Case("helpers", "def g(x):\n    return x + 1\n\ndef f(a: int) -> int:\n    return g(a)", {"a": 1}),
    Case("exit", "def f() -> int:\n    import sys\n    sys.exit(0)"),
    Case("exit with a code", "def f() -> int:\n    import sys\n    sys.exit(3)", fails=True),
]
