/** Asks for the server's token where it needs one. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { messageOf, openSession } from "../api/client.js";
import { useTitle } from "./shell.js";

/** Stands in place of everything until the token was given. It is kept nowhere: a session takes its place. */
export function TokenGate(): JSX.Element {
  const problem = useSignal("");
  useTitle("Sign in");
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form =
      event.currentTarget instanceof HTMLFormElement ? new FormData(event.currentTarget) : undefined;
    try {
      await openSession(String(form?.get("token") ?? "").trim());
      location.reload();
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  return (
    <main style={{ maxWidth: "460px", paddingTop: "14vh" }}>
      <form class="card pad stack" onSubmit={(event) => void submit(event)}>
        <h1>This server asks for its token</h1>
        <p class="soft">
          <code>sealflow serve</code> printed it when it was made. <code>--new-token</code> makes a new one.
        </p>
        <label class="stack" style={{ gap: "6px" }}>
          Token
          <input
            class="input mono"
            name="token"
            type="password"
            autocomplete="off"
            required
            aria-invalid={problem.value !== ""}
          />
        </label>
        {problem.value === "" ? undefined : (
          <p role="alert" style={{ color: "var(--bad)" }}>
            {problem.value}
          </p>
        )}
        <button type="submit" class="button primary">
          Continue
        </button>
      </form>
    </main>
  );
}
