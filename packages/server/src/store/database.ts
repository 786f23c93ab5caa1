/** SQLite, behind the few verbs that the server needs. Nothing else knows which library it is. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { SealflowError } from "@sealflow/core";
import Libsql from "libsql";

/** What a column holds. */
export type Value = string | number | null;

/** One row, by column. */
export type Row = Readonly<Record<string, Value>>;

/** A database that this process alone has open. Every call returns when its work is durable. */
export interface Database {
  run(sql: string, values?: readonly Value[]): number;
  all(sql: string, values?: readonly Value[]): Row[];
  /** All or nothing. One within another is part of it. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Statements kept prepared; lists make new ones by their filters. */
const KEPT_STATEMENTS = 200;

/**
 * Opens (or makes) the database in a file, write-ahead logged. The lock that SQLite takes ends with the process.
 *
 * @throws SealflowError `SERVER_STORE_BUSY` when another server has it open, `SERVER_STORE_UNREADABLE`
 */
export function openDatabase(file: string): Database {
  mkdirSync(dirname(file), { recursive: true });
  const handle = opened(file);
  const statements = new Map<string, Libsql.Statement>();
  const prepared = (sql: string): Libsql.Statement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    if (statements.size >= KEPT_STATEMENTS) statements.clear();
    const statement = handle.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    run: (sql, values = []) => prepared(sql).run(...values).changes,
    // The border where the library's rows become typed.
    all: (sql, values = []) => prepared(sql).all(...values) as Row[],
    transaction: (work) => {
      if (handle.inTransaction) return work();
      handle.exec("BEGIN");
      try {
        const result = work();
        handle.exec("COMMIT");
        return result;
      } catch (error) {
        handle.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => {
      statements.clear();
      // The library closes the file when its statements are collected; the lock is given back now.
      handle.pragma("journal_mode = DELETE");
      handle.pragma("locking_mode = NORMAL");
      handle.prepare("SELECT count(*) FROM sqlite_master").get();
      handle.close();
    },
  };
}

function opened(file: string): Libsql.Database {
  try {
    const handle = new Libsql(file, { timeout: 200 });
    handle.pragma("locking_mode = EXCLUSIVE");
    handle.pragma("journal_mode = WAL");
    handle.pragma("synchronous = FULL");
    // Takes the lock now, not at the first write.
    handle.exec("BEGIN EXCLUSIVE; COMMIT");
    return handle;
  } catch (cause) {
    throw refused(file, cause);
  }
}

function refused(file: string, cause: unknown): SealflowError {
  const busy = cause instanceof Error && "code" in cause && cause.code === "SQLITE_BUSY";
  return new SealflowError({
    code: busy ? "SERVER_STORE_BUSY" : "SERVER_STORE_UNREADABLE",
    message: busy
      ? "store: expected to be its only server, got another one that has it open"
      : `store: expected a database, got ${cause instanceof Error ? cause.message : String(cause)}`,
    where: { file },
    hint: busy
      ? "Use the server that is running, or give this one another store with --store."
      : "The file was changed by something else than Sealflow; restore it or move it away.",
    cause,
  });
}
