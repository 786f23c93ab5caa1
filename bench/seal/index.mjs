import { randomFillSync } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureTestPython } from "../../tools/install.mjs";
import { root } from "../../tools/run.mjs";
import { command, interleaved, median, pairedRatio } from "../lib/measure.mjs";

export const name = "seal";
export const describe =
  "Sealing and opening a file, in both languages, against a plain copy with the library's AES-GCM.";

const languages = {
  "Node.js": () => [process.execPath, fileURLToPath(new URL("sides.mjs", import.meta.url))],
  Python: (python) => [python, fileURLToPath(new URL("sides.py", import.meta.url))],
};
const sides = ["peer-seal", "seal", "peer-open", "open"];

/** Seconds inside processes of their own, from file to file with the disk's sync. */
export async function run(bench) {
  const megabytes = bench.quick ? 256 : 1024;
  const python = ensureTestPython();
  const plain = join(bench.scratch, "plain");
  writeRandom(plain, megabytes);
  const result = { samples: {}, tables: [], goals: [], notes: [] };
  for (const [language, programOf] of Object.entries(languages)) {
    const [program, script] = programOf(python);
    const peaks = {};
    const side = (each) => async () => {
      const sealed = join(bench.scratch, "sealed");
      const source = each.endsWith("open") && each !== "peer-open" ? sealed : plain;
      const target = each === "seal" ? sealed : join(bench.scratch, "target");
      // Both write a new file: overwriting one that the disk's cache holds would be cheaper for the side that may.
      rmSync(target, { force: true });
      const env = { ...process.env, PYTHONPATH: join(root, "python/src") };
      const { stdout } = await command(program, [script, each, source, target], { env });
      const { seconds, peakBytes } = JSON.parse(stdout);
      peaks[each] = Math.max(peaks[each] ?? 0, peakBytes);
      return seconds;
    };
    await side("seal")();
    await side("bare")();
    const timed = Object.fromEntries(sides.map((each) => [each, side(each)]));
    const samples = await interleaved(timed, {
      rounds: bench.rounds(9, 5),
      onRound: (round) => bench.progress(`${language}, round ${round}`),
    });
    result.samples[language] = samples;
    const rows = sides.map((each) => [
      each,
      median(samples[each]),
      megabytes / median(samples[each]),
      peaks[each] / 2 ** 20,
    ]);
    rows.push(["runtime and libraries alone", "", "", peaks.bare / 2 ** 20]);
    result.tables.push({
      title: `${language}, ${megabytes} MiB`,
      columns: ["", "median, s", "MiB/s", "peak RSS, MiB"],
      rows,
    });
    for (const each of ["seal", "open"]) {
      result.goals.push({
        goal: `${language}: ${each} ≤ 1.25 × the time of the plain copy with AES-GCM (≥ 0.8 × its speed)`,
        value: pairedRatio(samples[each], samples[`peer-${each}`]),
        limit: 1.25,
        unit: "×",
      });
      result.goals.push({
        goal: `${language}: ${each} in 64 MiB, the runtime included`,
        value: peaks[each] / 2 ** 20,
        limit: 64,
        unit: "MiB",
      });
    }
    result.notes.push(
      `${language}: peak memory of the whole process, runtime and libraries included, the largest of all rounds.`,
    );
  }
  return result;
}

function writeRandom(path, megabytes) {
  const file = openSync(path, "w");
  const piece = randomFillSync(Buffer.alloc(2 ** 20));
  for (let i = 0; i < megabytes; i++) {
    piece.writeUInt32LE(i, 0);
    writeSync(file, piece);
  }
  closeSync(file);
}
