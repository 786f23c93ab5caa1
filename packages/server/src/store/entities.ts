/** What the server keeps besides runs' records: experiments, pipelines, versions, schedules, and the label of each run. */
import { createHash } from "node:crypto";
import { canonicalJson, type JsonObject, SealflowError } from "@sealflow/core";
import { type Database, openDatabase, type Row, type Value } from "./database.js";
import { type ListQuery, type ListResult, listSql } from "./list.js";
import { ArtifactUses, usesSchema } from "./uses.js";

/** Kinds of entities. */
export type Kind = "experiment" | "pipeline" | "version" | "run" | "schedule";

/** One stored entity. Columns are what lists filter and sort by; `body` holds the rest. */
export interface Entity {
  readonly kind: Kind;
  readonly id: string;
  /** The experiment of a run or schedule, the pipeline of a version; else empty. */
  readonly parent: string;
  readonly namespace: string;
  /** Unique among its kind, namespace and parent for experiments, pipelines and versions. */
  readonly name: string;
  readonly displayName: string;
  readonly state: string;
  readonly storageState: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  readonly endedAt: number | null;
  /** The schedule that started a run; else empty. */
  readonly origin: string;
  /** Digest of the pipeline document; else null. */
  readonly document: string | null;
  readonly body: JsonObject;
}

/** Changes of an entity. */
export type EntityChange = Partial<Omit<Entity, "kind" | "id">>;

/** A store of entities and the documents that they speak of. */
export interface EntityStore {
  /** Which tasks made and used which artifacts. */
  readonly uses: ArtifactUses;
  /** False when its name is taken. */
  insert(entity: Entity): boolean;
  get(kind: Kind, id: string): Entity | undefined;
  find(kind: Kind, at: { name: string; namespace?: string; parent?: string }): Entity | undefined;
  /** Undefined when there is none. */
  change(kind: Kind, id: string, change: EntityChange): Entity | undefined;
  /** True when there was one. Documents that nothing speaks of any more go with it. */
  remove(kind: Kind, id: string): boolean;
  list(kind: Kind, query: ListQuery): ListResult<Entity>;
  /** All of a kind that fit, oldest first. For the server's own use: not paged. */
  all(kind: Kind, where?: { parent?: string; origin?: string; state?: readonly string[] }): Entity[];
  ids(kind: Kind): Set<string>;
  /** Keeps a document once and returns its digest. */
  keepDocument(document: JsonObject): string;
  document(digest: string): JsonObject | undefined;
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Version of the tables; a later one is refused. */
const FORMAT = 3;

/** Statements of each version, from the one before it. */
const schema: readonly (readonly string[])[] = [
  [
    `CREATE TABLE entity (
    kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, namespace TEXT NOT NULL,
    name TEXT NOT NULL, display_name TEXT NOT NULL, state TEXT NOT NULL, storage_state TEXT NOT NULL,
    created_at INTEGER NOT NULL, ended_at INTEGER, origin TEXT NOT NULL, document TEXT, body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID`,
    `CREATE UNIQUE INDEX entity_name ON entity (kind, namespace, parent, name)
    WHERE kind IN ('experiment', 'pipeline', 'version')`,
    "CREATE INDEX entity_created ON entity (kind, created_at, id)",
    "CREATE INDEX entity_parent ON entity (kind, parent, created_at)",
    "CREATE INDEX entity_state ON entity (kind, state)",
    "CREATE INDEX entity_document ON entity (document)",
    "CREATE TABLE document (digest TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT",
  ],
  usesSchema,
  ["CREATE INDEX entity_display ON entity (kind, display_name, id)"],
];

/**
 * Opens the entities in a database file.
 *
 * @throws SealflowError `SERVER_STORE_BUSY`, `SERVER_STORE_UNREADABLE`, `SERVER_STORE_FORMAT`
 */
export function openEntities(file: string): EntityStore {
  const database = openDatabase(file);
  const version = Number(database.all("PRAGMA user_version")[0]?.user_version ?? 0);
  if (version > FORMAT) {
    database.close();
    throw new SealflowError({
      code: "SERVER_STORE_FORMAT",
      message: `store: expected format version ${FORMAT} or earlier, got ${version}`,
      where: { file },
      hint: "A later version of Sealflow wrote this store: use that version, or another directory.",
    });
  }
  if (version < FORMAT) {
    database.transaction(() => {
      for (const statement of schema.slice(version).flat()) database.run(statement);
      database.run(`PRAGMA user_version = ${FORMAT}`);
    });
  }
  return new SqlEntities(database);
}

const columns = [
  ...["kind", "id", "parent", "namespace", "name", "display_name", "state", "storage_state"],
  ...["created_at", "ended_at", "origin", "document", "body"],
];

class SqlEntities implements EntityStore {
  readonly uses: ArtifactUses;
  private readonly database: Database;

  constructor(database: Database) {
    this.database = database;
    this.uses = new ArtifactUses(database);
  }

  insert(entity: Entity): boolean {
    const marks = columns.map(() => "?").join(", ");
    return this.write(`INSERT OR IGNORE INTO entity (${columns.join(", ")}) VALUES (${marks})`, entity);
  }

  get(kind: Kind, id: string): Entity | undefined {
    return this.one("SELECT * FROM entity WHERE kind = ? AND id = ?", [kind, id]);
  }

  find(kind: Kind, at: { name: string; namespace?: string; parent?: string }): Entity | undefined {
    const { name, namespace = "", parent = "" } = at;
    const where = "kind = ? AND namespace = ? AND parent = ? AND name = ?";
    return this.one(`SELECT * FROM entity WHERE ${where}`, [kind, namespace, parent, name]);
  }

  change(kind: Kind, id: string, change: EntityChange): Entity | undefined {
    const entity = this.get(kind, id);
    if (entity === undefined) return undefined;
    const changed = { ...entity, ...change };
    const sets = columns.map((column) => `${column} = ?`).join(", ");
    const where = "kind = ? AND id = ?";
    this.database.run(`UPDATE entity SET ${sets} WHERE ${where}`, [...valuesOf(changed), kind, id]);
    return changed;
  }

  remove(kind: Kind, id: string): boolean {
    const entity = this.get(kind, id);
    if (entity === undefined) return false;
    this.database.run("DELETE FROM entity WHERE kind = ? AND id = ?", [kind, id]);
    if (kind === "run") this.uses.remove(id);
    if (entity.document === null) return true;
    const unused = "digest = ? AND NOT EXISTS (SELECT 1 FROM entity WHERE document = digest)";
    this.database.run(`DELETE FROM document WHERE ${unused}`, [entity.document]);
    return true;
  }

  list(kind: Kind, query: ListQuery): ListResult<Entity> {
    const { count, page, next } = listSql(kind, query);
    const total = Number(this.database.all(count.sql, count.values)[0]?.n ?? 0);
    const rows = this.database.all(page.sql, page.values);
    const items = rows.slice(0, query.size).map(toEntity);
    const token = rows.length > query.size ? next(rows[query.size - 1]) : undefined;
    return { items, total, ...(token === undefined ? {} : { next: token }) };
  }

  all(kind: Kind, where: { parent?: string; origin?: string; state?: readonly string[] } = {}): Entity[] {
    const states = where.state ?? [];
    const conditions = ["kind = ?"];
    const values: Value[] = [kind];
    for (const column of ["parent", "origin"] as const) {
      const value = where[column];
      if (value === undefined) continue;
      conditions.push(`${column} = ?`);
      values.push(value);
    }
    if (where.state !== undefined) conditions.push(`state IN (${states.map(() => "?").join(", ")})`);
    const sql = `SELECT * FROM entity WHERE ${conditions.join(" AND ")} ORDER BY created_at, id`;
    return this.database.all(sql, [...values, ...states]).map(toEntity);
  }

  ids(kind: Kind): Set<string> {
    const rows = this.database.all("SELECT id FROM entity WHERE kind = ?", [kind]);
    return new Set(rows.map(({ id }) => String(id)));
  }

  keepDocument(document: JsonObject): string {
    const content = canonicalJson(document);
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    this.database.run("INSERT OR IGNORE INTO document VALUES (?, ?)", [digest, content]);
    return digest;
  }

  document(digest: string): JsonObject | undefined {
    const row = this.database.all("SELECT content FROM document WHERE digest = ?", [digest])[0];
    return row === undefined ? undefined : (JSON.parse(String(row.content)) as JsonObject);
  }

  transaction<T>(work: () => T): T {
    return this.database.transaction(work);
  }

  close(): void {
    this.database.close();
  }

  private one(sql: string, values: readonly Value[]): Entity | undefined {
    const row = this.database.all(sql, values)[0];
    return row === undefined ? undefined : toEntity(row);
  }

  private write(sql: string, entity: Entity): boolean {
    return this.database.run(sql, valuesOf(entity)) === 1;
  }
}

function valuesOf(entity: Entity): Value[] {
  const { kind, id, parent, namespace, name, displayName, state, storageState } = entity;
  const { createdAt, endedAt, origin, document, body } = entity;
  const texts = [kind, id, parent, namespace, name, displayName, state, storageState];
  return [...texts, createdAt, endedAt, origin, document, JSON.stringify(body)];
}

/** The border where rows become typed: only this file writes them. */
function toEntity(row: Row): Entity {
  return {
    kind: String(row.kind) as Kind,
    id: String(row.id),
    parent: String(row.parent),
    namespace: String(row.namespace),
    name: String(row.name),
    displayName: String(row.display_name),
    state: String(row.state),
    storageState: String(row.storage_state),
    createdAt: Number(row.created_at),
    endedAt: row.ended_at === null ? null : Number(row.ended_at),
    origin: String(row.origin),
    document: row.document === null ? null : String(row.document),
    body: JSON.parse(String(row.body)) as JsonObject,
  };
}
