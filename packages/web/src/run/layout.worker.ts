/** Lays graphs out beside the page, which stays responsive meanwhile. */
import { layOut, type Shape } from "./layout.js";

/** What this program uses of its surroundings, which are not those of a page. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<{ readonly id: number; readonly shape: Shape }>) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as WorkerScope;
scope.onmessage = ({ data }) => {
  scope.postMessage({ id: data.id, drawing: layOut(data.shape) });
};
