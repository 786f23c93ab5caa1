"""Tables between the steps, as Parquet files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from loan_default.schema import DataError

Pathish = str | Path


def write_frame(frame: pd.DataFrame, path: Pathish) -> None:
    """Writes loans; categories stay dictionaries."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    names = [column.name for column in table.schema if pa.types.is_dictionary(column.type)]
    pq.write_table(table, path, compression="lz4", use_dictionary=names, write_statistics=False)


def read_frame(path: Pathish) -> pd.DataFrame:
    """Reads what `write_frame` wrote."""
    return pq.ParquetFile(path).read().to_pandas(split_blocks=True, self_destruct=True)


def write_features(matrix: np.ndarray, labels: np.ndarray, names: list[str], path: Pathish) -> None:
    """Writes features and labels; columns that hold only 0 and 1 take a bit a row."""
    columns: dict[str, np.ndarray] = {}
    for index, name in enumerate(names):
        values = matrix[:, index]
        columns[name] = values.astype(bool) if "=" in name else values
    table = pa.table({**columns, "label": labels.astype(np.uint8)})
    pq.write_table(table, path, compression="none", use_dictionary=False, write_statistics=False)


def read_features(path: Pathish) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Features as a column-major float32 matrix, labels, and the features' names."""
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    if not names or names[-1] != "label":
        raise DataError(f"{path}: expected features and a last column 'label', got {', '.join(names)}")
    matrix = np.empty((file.metadata.num_rows, len(names) - 1), dtype=np.float32, order="F")
    labels = np.empty(file.metadata.num_rows, dtype=np.uint8)
    start = 0
    # By row group, so that the file's columns and the matrix are never both whole in memory.
    for group in range(file.num_row_groups):
        table = file.read_row_group(group)
        end = start + table.num_rows
        for index in range(len(names) - 1):
            matrix[start:end, index] = table.column(index).to_numpy()
        labels[start:end] = table.column(len(names) - 1).to_numpy()
        start = end
    return matrix, labels, names[:-1]


def write_columns(columns: dict[str, np.ndarray], path: Pathish) -> None:
    """Writes plain columns of equal length."""
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False, write_statistics=False)


def read_columns(path: Pathish) -> dict[str, np.ndarray]:
    """Reads what `write_columns` wrote."""
    table = pq.ParquetFile(path).read()
    return {name: table.column(name).to_numpy() for name in table.column_names}
