import json

import daal4py
import numpy as np
import pytest
import xgboost as xgb
from loan_default import onedal, preprocessing, training, ubjson
from loan_default.evaluation import evaluate, roc_curve
from loan_default.quality import read_loans
from loan_default.schema import LABEL, DataError
from loan_default.scoring import check, read_applicants, score
from loan_default.splitting import augment, split
from loan_default.storage import read_features, read_frame, write_features, write_frame
from loan_default.synthetic import make_loans
from sklearn import metrics
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, PowerTransformer

LOANS = make_loans(4_000, 3)
TRAIN, TEST = split(LOANS, seed=0)
FITTED = preprocessing.fit(TRAIN)
FEATURES = FITTED.transform(TRAIN)
LABELS = TRAIN[LABEL].to_numpy()
BOOSTER = training.train(FEATURES, LABELS, FITTED.features, training.Settings(n_estimators=40))
SCORED = BOOSTER.inplace_predict(FITTED.transform(TEST))


def test_the_split_is_that_of_scikit_learn_in_file_order():
    train, test = train_test_split(LOANS, test_size=0.25, stratify=LOANS[LABEL], random_state=0)
    assert TRAIN.equals(train.reset_index(drop=True))
    assert TEST.equals(test.reset_index(drop=True))


def test_augmentation_keeps_the_originals_and_perturbs_copies_within_their_ranges():
    grown = augment(TRAIN, rows=10_000, seed=5)
    assert len(grown) == 10_000
    assert grown.head(len(TRAIN)).equals(TRAIN)
    copies = grown.iloc[len(TRAIN) :].reset_index(drop=True)
    originals = TRAIN.take(np.arange(len(copies)) % len(TRAIN)).reset_index(drop=True)
    assert (copies[LABEL] == originals[LABEL]).all()
    assert not (copies["person_emp_length"] < 0).any()
    assert set(copies["person_age"] - originals["person_age"]) == {-1, 0}
    moved = (copies["loan_grade"].astype(str) != originals["loan_grade"].astype(str)).mean()
    assert 0.05 < moved < 0.12
    assert grown.equals(augment(TRAIN, rows=10_000, seed=5))
    with pytest.raises(DataError, match="at least the 3000"):
        augment(TRAIN, rows=100, seed=0)


def test_preprocessing_gives_what_scikit_learn_gives():
    columns = [
        ("impute", SimpleImputer(strategy="median"), list(preprocessing.IMPUTED)),
        ("power", PowerTransformer(), list(preprocessing.POWERED)),
        ("category", OneHotEncoder(sparse_output=False), list(preprocessing.CATEGORIES)),
    ]
    reference = ColumnTransformer(columns).fit(TRAIN)
    found = FITTED.transform(TEST)
    assert found.shape[1] == 26
    assert np.allclose(found, reference.transform(TEST), atol=1e-5)


def test_the_preprocessor_survives_its_file(tmp_path):
    FITTED.save(tmp_path / "p")
    assert preprocessing.load(tmp_path / "p") == FITTED
    (tmp_path / "p").write_text("[]")
    with pytest.raises(DataError, match="format"):
        preprocessing.load(tmp_path / "p")


def test_tables_survive_their_files(tmp_path):
    write_frame(TRAIN, tmp_path / "a")
    assert read_frame(tmp_path / "a").equals(TRAIN)
    write_features(FEATURES, LABELS, FITTED.features, tmp_path / "b")
    matrix, labels, names = read_features(tmp_path / "b")
    assert np.array_equal(matrix, FEATURES)
    assert np.array_equal(labels, LABELS)
    assert names == FITTED.features


def test_early_stopping_judges_no_copy_and_no_test_row():
    settings = training.Settings(early_stopping_rounds=5, learning_rate=0.3)
    labels = np.tile(LABELS, 2)
    fitting, judging = training._judging_rows(labels, settings, len(LABELS))
    assert not set(fitting % len(LABELS)) & set(judging)
    booster = training.train(
        np.tile(FEATURES, (2, 1)), labels, FITTED.features, settings, source_rows=len(LABELS)
    )
    assert 0 < booster.num_boosted_rounds() < 500


def test_a_converted_model_survives_its_file_and_predicts_as_xgboost(tmp_path):
    model = onedal.convert(BOOSTER)
    model.save(tmp_path / "m")
    assert onedal.load(tmp_path / "m")._model.__getstate__() == model._model.__getstate__()
    found = onedal.load(tmp_path / "m").probabilities(FITTED.transform(TEST))
    assert onedal.difference(found, SCORED) <= 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        training.Settings(n_estimators=40),
        training.Settings(n_estimators=3, max_depth=1),
        training.Settings(n_estimators=2, min_child_weight=1e9),
        training.Settings(early_stopping_rounds=5, learning_rate=0.3),
    ],
    ids=["deep", "stumps", "leaves", "stopped early"],
)
def test_a_converted_model_is_to_the_byte_that_of_daal4pys_own_converter(settings):
    booster = training.train(FEATURES, LABELS, FITTED.features, settings)
    expected = daal4py.mb.convert_model(booster)
    found = onedal.convert(booster)
    assert found._model.__getstate__() == expected.daal_model_.__getstate__()
    assert found.features == expected.n_features_in_


def test_missing_values_go_the_same_way_in_a_converted_model():
    gaps = np.where(np.random.default_rng(1).random(FEATURES.shape) < 0.2, np.nan, FEATURES)
    booster = training.train(gaps, LABELS, FITTED.features, training.Settings(n_estimators=40))
    found = onedal.convert(booster).probabilities(gaps)
    assert onedal.difference(found, booster.inplace_predict(gaps)) <= 1e-6


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"objective": "reg:squarederror"}, "got reg:squarederror of gbtree"),
        ({"objective": "binary:logistic", "booster": "dart"}, "got binary:logistic of dart"),
    ],
)
def test_a_model_of_another_kind_is_not_converted(parameters, reason):
    booster = xgb.train(parameters, xgb.DMatrix(FEATURES, LABELS), 2)
    with pytest.raises(DataError, match=reason):
        onedal.convert(booster)


def test_a_split_by_categories_is_not_converted():
    data = xgb.DMatrix(
        np.arange(100.0)[:, None] % 5, np.arange(100) % 5 == 3, feature_types=["c"], enable_categorical=True
    )
    booster = xgb.train({"objective": "binary:logistic", "max_cat_to_onehot": 1}, data, 2)
    with pytest.raises(DataError, match="categories"):
        onedal.convert(booster)


def test_ubjson_reads_what_xgboost_writes_as_json():
    def plain(value):
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, list | np.ndarray):
            return [plain(each) for each in value]
        return (
            float(np.float32(value)) if isinstance(value, float | np.floating | int | np.integer) else value
        )

    raw = BOOSTER.save_raw("ubj")
    assert plain(ubjson.read(raw)) == plain(json.loads(BOOSTER.save_raw("json")))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"?", b"[$", b"[$d#i\x04\0\0", b"Si\x05ab", b"[#i\xff", b"[" * 100_000, b"TT", b"{i\x01aT"],
)
def test_damaged_ubjson_is_refused(content):
    with pytest.raises(DataError, match="UBJSON"):
        ubjson.read(content)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:-1], "bytes"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "sha256"),
        (lambda data: data.replace(b'"onedal": "', b'"onedal": "9'), "onedal: expected"),
        (lambda data: b"\x80\x04.", "header"),
    ],
)
def test_a_damaged_oneDAL_file_is_refused_before_oneDAL_reads_it(tmp_path, damage, reason):
    onedal.convert(BOOSTER).save(tmp_path / "m")
    (tmp_path / "m").write_bytes(damage((tmp_path / "m").read_bytes()))
    with pytest.raises(DataError, match=reason):
        onedal.load(tmp_path / "m")


def test_figures_are_those_of_scikit_learn():
    labels = TEST[LABEL].to_numpy()
    found = evaluate(labels, SCORED)
    predicted = SCORED >= 0.5
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, SCORED), abs=1e-9)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.log_loss == pytest.approx(metrics.log_loss(labels, SCORED.astype(float)), abs=1e-6)
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(labels, predicted).tolist()))
    wanted = metrics.classification_report(labels, predicted, output_dict=True)["1"]
    assert found.report()["Default"]["precision"] == pytest.approx(wanted["precision"])
    assert found.report()["Default"]["f1"] == pytest.approx(wanted["f1-score"])
    json.dumps(found.roc, allow_nan=False)
    assert len(found.roc[0]) <= 200
    assert np.trapezoid(found.roc[1], found.roc[0]) == pytest.approx(found.auc, abs=1e-4)
    false, true, _ = metrics.roc_curve(labels, SCORED, drop_intermediate=False)
    ours = roc_curve(labels, SCORED)
    assert np.allclose(ours[0], false)
    assert np.allclose(ours[1], true)


def test_one_class_only_is_refused():
    with pytest.raises(DataError, match="one class"):
        evaluate(np.zeros(5, dtype=np.uint8), np.zeros(5, dtype=np.float32))


def test_scoring_uses_the_same_preprocessing_and_names_what_it_refuses(tmp_path):
    path = tmp_path / "new.csv"
    TEST.head(5).to_csv(path, index=False)
    rows = read_applicants(path)
    rows[1]["loan_grade"] = "Z"
    rows[3]["person_age"] = "-4"
    rows[3]["hobby"] = "chess"
    result = score(rows, FITTED, BOOSTER)
    assert [row["row"] for row in result["scored"]] == [1, 3, 5]
    assert [row["probability"] for row in result["scored"]] == pytest.approx(
        [float(SCORED[index]) for index in (0, 2, 4)], abs=1e-6
    )
    assert [row["row"] for row in result["refused"]] == [2, 4]
    assert "expected one of A, B" in result["refused"][0]["reasons"][0]
    assert len(result["refused"][1]["reasons"]) == 2


def test_scoring_reads_json_and_imputes_what_may_be_missing(tmp_path):
    row = json.loads(TEST.head(1).to_json(orient="records"))[0] | {"loan_int_rate": None}
    path = tmp_path / "new.json"
    path.write_text(json.dumps([row, 3, {}]))
    result = score(read_applicants(path), FITTED, BOOSTER)
    assert [scored["row"] for scored in result["scored"]] == [1]
    assert [refused["row"] for refused in result["refused"]] == [2, 3]


APPLICANT = json.loads(LOANS[LOANS["person_age"].between(30, 60)].head(1).to_json(orient="records"))[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"person_age": 17}, "person_age: expected 18 to 100, got 17"),
        ({"person_age": 144}, "person_age: expected 18 to 100, got 144"),
        ({"person_emp_length": 123}, "person_emp_length: expected 0 to 80"),
        ({"person_age": 30, "person_emp_length": 25}, "work since the age of 10"),
        ({"person_income": 0}, "person_income: expected at least 1, got 0"),
        ({"person_income": 10**400}, "person_income: expected a number"),
        ({"person_income": "50_000"}, "expected a number, got '50_000'"),
        ({"person_income": True}, "expected a number, got True"),
        ({"person_income": None}, "expected a value, got nothing"),
        ({"loan_amnt": 99.5}, "expected a whole number, got 99.5"),
        ({"loan_percent_income": 1.5}, "expected 0 to 1, got 1.5"),
        ({"loan_int_rate": float("nan")}, "loan_int_rate: expected a number"),
        ({"loan_grade": "a"}, "loan_grade: expected one of A, B"),
        ({"loan_grade": ["A"]}, "loan_grade: expected one of A, B"),
        ({"hobby": "chess"}, "hobby: no such column"),
    ],
)
def test_an_applicant_who_cannot_be_is_refused_with_the_reason(change, reason):
    fitting, _, refused = check([APPLICANT | change])
    assert fitting == []
    assert reason in "; ".join(refused[0].reasons)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b" \n", "an empty file"),
        (b"[]", "expected rows, got none"),
        (b"person_age,person_income\n", "expected rows, got none"),
        (b"[{]", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b'[{"person_age": 1, "person_age": 2}]', "repeated person_age"),
        (b"person_age,person_age\n1,2\n", "repeated person_age"),
        (b'person_age\n"1\n', "expected CSV"),
        (b"\xff\xfe", "expected UTF-8"),
    ],
)
def test_a_file_without_applicants_is_refused(tmp_path, content, reason):
    (tmp_path / "applicants").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_applicants(tmp_path / "applicants")


def test_a_line_break_inside_of_quotes_ends_no_row(tmp_path):
    (tmp_path / "a.csv").write_text('person_age,note\n30,"a\nb\u2028c"\n31,d\n', encoding="utf-8")
    assert [row["note"] for row in read_applicants(tmp_path / "a.csv")] == ["a\nb\u2028c", "d"]


def test_a_model_of_other_features_is_refused():
    other = xgb.train({}, xgb.DMatrix(FEATURES[:, :3], LABELS), 1)
    with pytest.raises(DataError, match="preprocessor's features"):
        score([], FITTED, other)


def test_a_model_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "m").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(DataError, match="UBJSON"):
        training.load(tmp_path / "m")


def test_real_data_give_the_pinned_figures(real_data):
    train, test = split(read_loans(real_data), seed=0)
    assert (len(train), len(test)) == (24_435, 8_146)
    fitted = preprocessing.fit(train)
    booster = training.train(
        fitted.transform(train), train[LABEL].to_numpy(), fitted.features, training.Settings()
    )
    matrix = fitted.transform(test)
    probabilities = onedal.convert(booster).probabilities(matrix)
    assert onedal.difference(probabilities, booster.inplace_predict(matrix)) <= 1e-5
    found = evaluate(test[LABEL].to_numpy(), probabilities)
    assert found.auc == pytest.approx(0.9466, abs=0.002)
    assert found.accuracy == pytest.approx(0.935, abs=0.004)
