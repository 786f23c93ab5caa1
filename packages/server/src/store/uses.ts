/** Which task of which run made or used an artifact: an index over what the runs' records tell, by content. */
import type { Database, Row } from "./database.js";

/** One artifact on one side of one task. */
export interface ArtifactUse {
  /** Digest of the content; the URI of an artifact that has none. */
  readonly key: string;
  readonly run: string;
  readonly side: "made" | "used";
  readonly task: string;
  /** Name of the task's input or output. */
  readonly name: string;
  /** Place in it, where it is a list. */
  readonly position: number;
  /** How the task came to it. */
  readonly how: "run" | "cache" | "importer";
}

/** Statements that make the tables. */
export const usesSchema: readonly string[] = [
  `CREATE TABLE artifact_use (
    key TEXT NOT NULL, run TEXT NOT NULL, side TEXT NOT NULL, task TEXT NOT NULL, name TEXT NOT NULL,
    position INTEGER NOT NULL, how TEXT NOT NULL,
    PRIMARY KEY (key, run, side, task, name, position)
  ) STRICT, WITHOUT ROWID`,
  "CREATE INDEX artifact_use_run ON artifact_use (run)",
  "CREATE TABLE artifact_indexed (run TEXT PRIMARY KEY, ended_at INTEGER NOT NULL) STRICT",
];

/** The index. */
export class ArtifactUses {
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
  }

  /** Runs that are not indexed as they ended: those that go on, that ended since, or ended again. */
  stale(): string[] {
    const indexed = "SELECT 1 FROM artifact_indexed AS i WHERE i.run = id AND i.ended_at = entity.ended_at";
    const rows = this.database.all(
      `SELECT id FROM entity WHERE kind = 'run' AND NOT EXISTS (${indexed}) ORDER BY created_at, id`,
    );
    return rows.map(({ id }) => String(id));
  }

  /** Takes over what a run made and used, in place of what was known of it. */
  index(run: string, endedAt: number, uses: readonly ArtifactUse[]): void {
    this.database.transaction(() => {
      this.remove(run);
      this.database.run("INSERT INTO artifact_indexed VALUES (?, ?)", [run, endedAt]);
      for (const { key, side, task, name, position, how } of uses) {
        const values = [key, run, side, task, name, position, how];
        this.database.run("INSERT OR IGNORE INTO artifact_use VALUES (?, ?, ?, ?, ?, ?, ?)", values);
      }
    });
  }

  /** Forgets a run. */
  remove(run: string): void {
    this.database.run("DELETE FROM artifact_use WHERE run = ?", [run]);
    this.database.run("DELETE FROM artifact_indexed WHERE run = ?", [run]);
  }

  /** Who made and used an artifact, as far as it was indexed. */
  of(key: string): ArtifactUse[] {
    const sql = "SELECT * FROM artifact_use WHERE key = ? ORDER BY run, side, task, name, position";
    return this.database.all(sql, [key]).map(toUse);
  }
}

/** The border where rows become typed: only this file writes them. */
function toUse({ key, run, side, task, name, position, how }: Row): ArtifactUse {
  return {
    ...{ key: String(key), run: String(run), side: String(side) as ArtifactUse["side"], task: String(task) },
    ...{ name: String(name), position: Number(position), how: String(how) as ArtifactUse["how"] },
  };
}
