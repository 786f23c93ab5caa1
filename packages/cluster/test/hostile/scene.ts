/** The paths of the attacked pipeline, and those that there never are. */
import type { Scene } from "./attacks.js";

export { contentOf } from "./control-plane.js";

/** The exit handler's body. */
export const within = "exit-handler-1";

/** A scene with all of them. */
export function openScene(parts: Omit<Scene, "paths">): Scene {
  const trains = [0, 1, 2].flatMap((outer) =>
    [0, 1, 2].map((inner) => `${within}/for-loop-2[${outer}]/for-loop-4[${inner}]/train`),
  );
  const branches = ["condition-6/describe", "condition-7/describe-2"].map(
    (each) => `${within}/condition-branches-5/${each}`,
  );
  const others = ["prepare", "flaky", "publish"].map((each) => `${within}/${each}`);
  return { ...parts, paths: [...trains, ...branches, ...others, "cleanup"] };
}
