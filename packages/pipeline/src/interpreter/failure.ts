import { type ErrorBody, isSealflowError, SealflowError } from "@sealflow/core";

/** Why a task can't be run, as the interpreter reports it. */
export function failure(
  code: `INTERPRETER_${string}`,
  message: string,
  data?: Readonly<Record<string, unknown>>,
): SealflowError {
  return new SealflowError({ code, message, ...(data === undefined ? {} : { data }) });
}

/** The result of a step that may fail for reasons in the run's data. Mistakes in the program itself pass through. */
export function attempt<T>(step: () => T): { readonly value: T } | { readonly error: ErrorBody } {
  try {
    return { value: step() };
  } catch (error) {
    if (isSealflowError(error)) return { error: error.toJSON() };
    throw error;
  }
}
