/** What the pods of a Job print, in one file. */
import { appendFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeClient } from "../kube/client.js";
import type { KubeObject } from "../kube/objects.js";
import { hasStarted, taskContainer, terminationOf } from "./pod-state.js";

/** For how long the end of the output is waited for, in milliseconds. */
const END_MS = 3000;

/** Where pods are. */
export interface LogPlace {
  readonly client: KubeClient;
  readonly namespace: string;
}

/** Follows one pod after the other. */
export class JobLog {
  private readonly place: LogPlace;
  private readonly file: string;
  private current: PodLog | undefined;

  /** @param file What was in it is replaced as soon as there is output. */
  constructor(place: LogPlace, file: string) {
    this.place = place;
    this.file = file;
  }

  /** Called again and again while the attempt goes on: a stream that broke off is taken up where it was. */
  follow(pod: KubeObject): void {
    const { name = "", uid = "" } = pod.metadata;
    if (!hasStarted(pod)) return;
    const current = this.current?.uid === uid ? this.current : this.next(name, uid);
    this.current = current;
    current.read(terminationOf(pod) !== undefined);
  }

  private next(name: string, uid: string): PodLog {
    const before = this.current;
    if (before === undefined) writeFileSync(this.file, "");
    else appendFileSync(this.file, `sealflow: pod ${before.name} was lost; ${name} takes its place\n`);
    before?.stop();
    return new PodLog({ ...this.place, name, uid, file: this.file });
  }

  /** Waits for the rest of the output, but not for long. */
  async end(): Promise<void> {
    await Promise.race([this.current?.reading, sleep(END_MS, undefined, { ref: false })]);
  }

  stop(): void {
    this.current?.stop();
  }
}

interface Source extends LogPlace {
  readonly name: string;
  readonly uid: string;
  readonly file: string;
}

/** The kubelet's time in front of a line: the second, what is finer, the zone. */
const stamped = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d) /;

/** The output of one pod. Streams break off, and the API goes on from a second on: what of it is known is passed over. */
class PodLog {
  readonly name: string;
  readonly uid: string;
  reading: Promise<void> | undefined;
  private readonly source: Source;
  private readonly stopping = new AbortController();
  /** Of the last line that was kept, and how many lines have the same. */
  private second = "";
  private known = 0;
  private complete = false;

  constructor(source: Source) {
    this.source = source;
    this.name = source.name;
    this.uid = source.uid;
  }

  /**
   * Reads on, unless that is under way or nothing comes any more.
   *
   * @param over The container has ended: what is read now is all.
   */
  read(over: boolean): void {
    if (this.reading !== undefined || this.complete || this.stopping.signal.aborted) return;
    this.reading = this.copy()
      .then(
        () => {
          this.complete = over;
        },
        () => {},
      )
      .finally(() => {
        this.reading = undefined;
      });
  }

  stop(): void {
    this.stopping.abort();
  }

  private async copy(): Promise<void> {
    const { client, namespace, name } = this.source;
    const { signal } = this.stopping;
    const since = this.second === "" ? {} : { sinceTime: this.second };
    const options = { container: taskContainer, follow: true, timestamps: true, signal, ...since };
    const fresh = newLines(this.second, this.known);
    let rest = "";
    for await (const chunk of client.logs({ namespace, name }, options)) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      this.keep(lines.filter(fresh).map((line) => `${line}\n`));
    }
    if (rest !== "" && fresh(rest)) this.keep([rest]);
  }

  private keep(lines: readonly string[]): void {
    for (const line of lines) {
      const second = secondOf(line);
      this.known = second === this.second ? this.known + 1 : 1;
      this.second = second ?? this.second;
    }
    if (lines.length > 0)
      appendFileSync(this.source.file, lines.map((line) => line.replace(stamped, "")).join(""));
  }
}

function secondOf(line: string): string | undefined {
  const [, second, zone] = stamped.exec(line) ?? [];
  return second === undefined ? undefined : `${second}${zone}`;
}

/** Says of line after line whether it was not among the known ones of a second, which come first. */
function newLines(second: string, known: number): (line: string) => boolean {
  let left = known;
  return (line) => {
    if (left === 0 || secondOf(line) !== second) return true;
    left -= 1;
    return false;
  };
}
